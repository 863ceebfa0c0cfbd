#!/usr/bin/env bash
# Makes the pages of this folder anew: run.sh DATA [RUNS [OUT]]. DATA is the folder with the real recordings, RUNS where stores and
# evaluated cells go. One name or more in FIGURES makes these alone. About three quarters of an hour on an idle core.
set -euo pipefail
DATA=${1:?the folder with eegmat, kalunga2016 and eegmmidb_s001}
RUNS=${2:-runs/reproduce-leaf}
OUT=${3:-docs/results/reproduce-leaf}
M=${MINDLEAF:-.venv/bin/mindleaf}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

S="$RUNS/at_hand"
for set in eegmat kalunga2016; do $M prepare "$set" --root "$DATA/$set" --out "$S/$set" --quiet; done
$M prepare eegmmidb --root "$DATA/eegmmidb_s001" --out "$S/eegmmidb" --quiet
# Generated people: what they do, how strongly, and where on the head, is known.
for kind in workload ssvep imagery; do
  $M prepare "synthetic_$kind" --root "$RUNS/generated/$kind" --out "$S/synthetic_$kind" --quiet
done

mkdir -p "$RUNS/models"
STEPS="--set protocol.n_folds=3 --set leaf.training.steps=120"
for name in ${FIGURES:-figure2 figure3 figure4 figure5}; do
  mkdir -p "$OUT/$name" "$RUNS/$name"
  ln -sfn ../models "$RUNS/$name/models"   # figures 3, 4 and 5 ask the same models
  more=""
  if [ "$name" = figure2 ]; then more="--set mindmix.training.steps=120"; fi   # MindMix and EEGNet in the same loop
  # shellcheck disable=SC2086
  $M reproduce "leaf:$name" --data "$S" --out "$RUNS/$name" $STEPS $more
  cp "$RUNS/$name/report.html" "$RUNS/$name/table.json" "$OUT/$name/"
done
