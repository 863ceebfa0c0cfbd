#!/usr/bin/env bash
# Makes the results of this folder anew. DATA: the folder with cocktail and two_speaker_minute. One core; every step goes on where it stopped.
set -euo pipefail
DATA=${DATA:?the folder with cocktail and two_speaker_minute}
RUNS=${RUNS:-runs/real-attention}
M=${MINDLEAF:-.venv/bin/mindleaf}
PY=${PYTHON:-.venv/bin/python}
HERE=$(dirname "$0")

for set in cocktail two_speaker_minute; do
  $M prepare "$set" --root "$DATA/$set" --out "$RUNS/store/$set" --quiet
done
# Four minutes, as much as cocktail holds; a seed that no other result uses.
$M prepare synthetic --root "$RUNS/synthetic" --out "$RUNS/store/synthetic" --seed 5 --quiet \
  --set synthetic.preset=easy --set synthetic.n_subjects=2 --set synthetic.n_trials=2
$PY "$HERE/attention.py" "$RUNS/store" "$RUNS" "$HERE" --audit "${AUDIT:-quick}"
$PY "$HERE/table.py"
