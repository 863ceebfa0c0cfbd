#!/usr/bin/env bash
# Tables on generated listeners with 150 steps instead of 12: run.sh [RUNS [OUT]]; TABLES chooses. Tables 2 and 3 take about half an hour each on an idle core.
set -euo pipefail
RUNS=${1:-runs/reproduce-mindmix-trained}
OUT=${2:-docs/results/reproduce-mindmix/trained}
M=${MINDLEAF:-.venv/bin/mindleaf}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
# Four listeners, twelve trials of 20 s each, 16 electrodes.
$M prepare synthetic --root "$RUNS/synthetic" --out "$RUNS/generated/synthetic" --quiet --set synthetic.preset=easy --set synthetic.n_channels=16 \
  --set synthetic.n_subjects=4 --set synthetic.n_trials=12 --set synthetic.trial_s=20
for name in ${TABLES:-tableA9 table3 table2}; do
  mkdir -p "$RUNS/$name" "$RUNS/cells" "$OUT/$name"
  ln -sfn ../cells "$RUNS/$name/cells"
  $M reproduce "mindmix:$name" --data "$RUNS/generated" --out "$RUNS/$name" --set protocol.n_folds=2 --set mindmix.training.steps=150 --set "protocol.only=[0]"
  cp "$RUNS/$name/report.html" "$RUNS/$name/table.json" "$OUT/$name/"
done
