#!/usr/bin/env bash
# Makes every page of this folder anew: run.sh DATA [RUNS [OUT]]. DATA is the folder with the real recordings, RUNS where stores
# and evaluated cells go. Continues where it stopped; one name or more in TABLES makes these alone. About an hour on an idle core.
set -euo pipefail
DATA=${1:?the folder with cocktail, two_speaker_minute, eegmat, kalunga2016 and eegmmidb_s001}
RUNS=${2:-runs/reproduce-mindmix}
OUT=${3:-docs/results/reproduce-mindmix}
M=${MINDLEAF:-.venv/bin/mindleaf}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

S="$RUNS/at_hand"
for set in cocktail two_speaker_minute eegmat kalunga2016; do $M prepare "$set" --root "$DATA/$set" --out "$S/$set" --quiet; done
$M prepare eegmmidb --root "$DATA/eegmmidb_s001" --out "$S/eegmmidb" --quiet
# Two listeners, twelve trials of 20 s each, 16 electrodes: as strong as the preset "easy", small enough for minutes.
$M prepare synthetic --root "$RUNS/synthetic" --out "$S/synthetic" --quiet --set synthetic.preset=easy --set synthetic.n_channels=16 \
  --set synthetic.n_subjects=2 --set synthetic.n_trials=12 --set synthetic.trial_s=20

FOLDS="--set protocol.n_folds=2 --set protocol.only=[0]"
SHORT="--set mindmix.training.steps=12 --set mindmix.training.batch_size=16"
EEG="--set mindmix_eeg.training.steps=12 --set mindmix_eeg.training.batch_size=16"
NETS="dbpnet darnet musicaad aadnet"          # of listening
MODELS="labram cbramod"; MORE="bendr biot eegpt"   # of EEG at large
rivals() { for system in "$@"; do echo -n " --set $system.training.steps=12"; done; }
settings() {
  # shellcheck disable=SC2086
  case "$1" in
    table2) echo "$FOLDS $SHORT $(rivals eegnet $NETS $MODELS $MORE)" ;;
    tableA5) echo "$FOLDS $SHORT $EEG $(rivals $NETS $MODELS)" ;;
    tableA6) echo "$FOLDS $SHORT" ;;
    table3) echo "$FOLDS $SHORT" ;;
    tableA9) echo "$FOLDS $SHORT $(rivals eegnet labram)" ;;
    tableA7) echo "$FOLDS $EEG $(rivals $MODELS $MORE)" ;;
    tableA8) echo "$SHORT $(rivals eegnet labram)" ;;
    tableA1) echo "$FOLDS $(rivals $MODELS $MORE)" ;;
    figure4) echo "$FOLDS $SHORT $EEG" ;;
    figure5) echo "--set mindmix.training.steps=30 --set mindmix.training.batch_size=16" ;;
  esac
}

mkdir -p "$RUNS/cells" "$RUNS/generated"
ln -sfn ../at_hand/synthetic "$RUNS/generated/synthetic"
for name in ${TABLES:-table1 table2 table3 tableA1 tableA2 tableA3 tableA4 tableA5 tableA6 tableA7 tableA8 tableA9 figure4 figure5}; do
  mkdir -p "$RUNS/$name" "$OUT/$name"
  ln -sfn ../cells "$RUNS/$name/cells"   # several tables ask the same question: it is answered once
  data="$S"
  if [ "$name" = table3 ]; then data="$RUNS/generated"; fi   # thirteen systems: on generated data alone, to spare time
  # shellcheck disable=SC2046
  $M reproduce "mindmix:$name" --data "$data" --out "$RUNS/$name" $(settings "$name")
  cp "$RUNS/$name/report.html" "$RUNS/$name/table.json" "$OUT/$name/"
done
