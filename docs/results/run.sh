#!/usr/bin/env bash
# Makes every result of this folder anew: DATA is the folder with the real recordings, RUNS where stores and runs go.
# Two cores, about half an hour. Each step continues where it stopped.
set -euo pipefail
DATA=${DATA:?the folder with eegmat, kalunga2016, cocktail, two_speaker_minute and eegmmidb_s001}
RUNS=${RUNS:-runs/results}
OUT=${OUT:-docs/results}
M=${MINDLEAF:-.venv/bin/mindleaf}
only() { [ -z "${STEP:-}" ] || [ "$STEP" = "$1" ]; }
keep() { mkdir -p "$OUT/$1"; cp "$RUNS/$1/report.html" "$RUNS/$1/results.json" "$OUT/$1/"; }

for set in eegmat kalunga2016 cocktail two_speaker_minute; do
  $M prepare "$set" --root "$DATA/$set" --out "$RUNS/store/$set" --quiet
done
$M prepare eegmmidb --root "$DATA/eegmmidb_s001" --out "$RUNS/store/eegmmidb" --quiet
$M prepare synthetic --root "$RUNS/planted" --out "$RUNS/store/planted" --set synthetic.preset=planted_leak --quiet
S="$RUNS/store"

if only floor; then   # the reference numbers of plain methods
  $M evaluate --store "$S/cocktail" --model trf --model cca --task attention --protocol between_trial --window 2,5,10,20,60 \
    --set protocol.n_folds=4 --set protocol.val_fraction=0 --out "$RUNS/floor-cocktail"
  $M evaluate --store "$S/two_speaker_minute" --model trf --task attention --protocol blocked --window 2,5 \
    --set protocol.n_folds=6 --set protocol.val_fraction=0 --out "$RUNS/floor-two_speaker_minute"
  for split in cross_subject "random_windows --set protocol.scope=pooled" "random_windows --set protocol.scope=subject"; do
    name=floor-eegmat-$(echo "$split" | sed 's/ --set protocol.scope=/-/; s/_/-/g')
    # shellcheck disable=SC2086
    $M evaluate --store "$S/eegmat" --model bandpower_lr --no-floor --task classify --protocol $split \
      --set protocol.val_fraction=0 --out "$RUNS/$name"; keep "$name"
  done
  $M evaluate --store "$S/kalunga2016" --model mdm --model ts_lr --no-floor --task classify --protocol within_subject --out "$RUNS/floor-kalunga2016"
  $M evaluate --store "$S/eegmmidb" --model csp_lda --no-floor --task classify --protocol within_subject --out "$RUNS/floor-eegmmidb"
  for name in cocktail two_speaker_minute kalunga2016 eegmmidb; do keep "floor-$name"; done
fi

if only proof; then   # planted leaks and the paper's own loss, caught
  for split in "random_windows --set protocol.scope=subject" between_trial; do
    name=proof-${split%% *}
    # shellcheck disable=SC2086
    $M evaluate --store "$S/planted" --model bandpower_lr --no-floor --task attention --protocol $split --window 2 --out "$RUNS/$name"
    keep "$name"
  done
  for form in "paper_paired 300 64" "tiny 100 32"; do
    read -r name steps batch <<<"$form"
    $M evaluate --store "$S/planted" --model mindmix --no-floor --task attention --protocol between_trial --window 2 \
      --set protocol.only=[0] --set mindmix.form="$name" --set mindmix.training.steps="$steps" --set mindmix.training.patience=0 \
      --set mindmix.training.batch_size="$batch" --set mindmix.training.optimiser.lr=0.001 --out "$RUNS/proof-$name"
    keep "proof-$name"
  done
fi

if only eegmat; then   # pretrained on other people's EEG, fine-tuned inside each fold, beside the floor
  $M pretrain mindmix-small --store "$S/kalunga2016" --store "$S/eegmmidb" --set training.steps=200 --set training.batch_size=32 \
    --out "$RUNS/pretrain-for-eegmat" --resume
  $M finetune mindmix-small --store "$S/eegmat" --start "$RUNS/pretrain-for-eegmat" --task classify --protocol cross_subject \
    --out "$RUNS/finetune-eegmat" --resume
  $M evaluate --store "$S/eegmat" --model "$RUNS/finetune-eegmat" --model mindmix --task classify --out "$RUNS/eegmat"
  keep eegmat
fi

if only kalunga2016; then
  $M pretrain mindmix-small --store "$S/eegmat" --store "$S/eegmmidb" --set training.steps=200 --set training.batch_size=32 \
    --out "$RUNS/pretrain-for-kalunga2016" --resume
  $M finetune mindmix-small --store "$S/kalunga2016" --start "$RUNS/pretrain-for-kalunga2016" --task classify --protocol cross_subject \
    --out "$RUNS/finetune-kalunga2016" --resume
  $M evaluate --store "$S/kalunga2016" --model "$RUNS/finetune-kalunga2016" --model mindmix --task classify --out "$RUNS/kalunga2016"
  keep kalunga2016
fi

if only auditory; then   # aligned inside each fold, from the other auditory set, beside the backward TRF
  for pair in "cocktail two_speaker_minute" "two_speaker_minute cocktail"; do
    read -r test other <<<"$pair"
    $M align mindmix-tiny --store "$S/$other" --set listener.training.steps=40 --set listener.training.optimiser.lr=0.0003 \
      --set listener.audio=envelope --out "$RUNS/align-for-$test" --resume
  done
  $M evaluate --store "$S/cocktail" --model mindmix --model "$RUNS/align-for-cocktail" --task attention --protocol between_trial \
    --window 2,5,10,60 --set protocol.n_folds=4 --set protocol.val_fraction=0 --set mindmix.audio=envelope \
    --set mindmix.training.steps=20 --set mindmix.training.optimiser.lr=0.0003 --out "$RUNS/cocktail"
  $M evaluate --store "$S/two_speaker_minute" --model mindmix --model "$RUNS/align-for-two_speaker_minute" --task attention \
    --protocol blocked --window 2,5 --set protocol.n_folds=6 --set protocol.val_fraction=0 --set mindmix.audio=envelope \
    --set mindmix.training.steps=20 --set mindmix.training.optimiser.lr=0.0003 --out "$RUNS/two_speaker_minute"
  keep cocktail; keep two_speaker_minute
fi
