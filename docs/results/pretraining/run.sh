#!/usr/bin/env bash
# Makes the results of this folder anew: S holds the stores eegmat, kalunga2016, eegmmidb and synthetic (default preset) as
# `mindleaf prepare` writes them, R is where RUNs go. One core. Each step continues where it stopped.
set -euo pipefail
S=${S:?the folder with the four stores}
R=${R:-runs/pretraining}
M=${MINDLEAF:-.venv/bin/mindleaf}
PY=${PYTHON:-.venv/bin/python}
HERE=$(dirname "$0")

# Held-out subjects, 1024 codes, two phases.
$M pretrain mindmix-small --store "$S/eegmat" --store "$S/kalunga2016" --store "$S/eegmmidb" --store "$S/synthetic" \
  --set schedule=two_phase --set tokenizer_share=0.35 --set training.steps=260 --set training.batch_size=32 \
  --set training.optimiser.lr=0.0015 --set training.validate_every=60 --set training.checkpoint_every=60 \
  --set held_out_share=0.25 --out "$R/small-two-phase" --resume

# With and without pretraining, on data sets that the encoder has not seen.
few=(--set training.steps=150 --set training.batch_size=32 --set training.validate_every=150 --set training.checkpoint_every=75 --set held_out_share=0)
for seed in 0 1 2; do
  $M pretrain mindmix-tiny --store "$S/kalunga2016" --store "$S/eegmmidb" --store "$S/synthetic" "${few[@]}" --seed $seed --out "$R/for-eegmat-$seed" --resume
  $M pretrain mindmix-tiny --store "$S/eegmat" --store "$S/eegmmidb" --store "$S/synthetic" "${few[@]}" --seed $seed --out "$R/for-kalunga-$seed" --resume
done
$PY "$HERE/proof.py" probe "$S/eegmat" "$HERE/proof.jsonl" "$R"/for-eegmat-{0,1,2}
$PY "$HERE/proof.py" probe "$S/kalunga2016" "$HERE/proof.jsonl" "$R"/for-kalunga-{0,1,2}
$PY "$HERE/proof.py" tune "$S/kalunga2016" "$HERE/proof.jsonl" "$R"/for-kalunga-{0,1,2} --steps 60
$PY "$HERE/proof.py" tune "$S/eegmat" "$HERE/proof.jsonl" "$R"/for-eegmat-{0,1,2} --steps 60
$PY "$HERE/table.py" "$HERE/proof.jsonl"

# Why the amplitude is no better than the mean spectrum.
$PY "$HERE/amplitude.py" "$S" "$HERE/amplitude.jsonl" codes reader tokenizer
