"""From prepared stores to the models that ship with the package: pretrain, round to float16, write the card.

    python docs/results/shipped/make.py train STORES RUNS [NAME ...]    STORES holds one store for each of DATA; one core; continues
                                                                        where it stopped
    python docs/results/shipped/make.py pack  STORES RUNS [NAME ...]    RUNS/NAME -> src/mindleaf/shipped/NAME; prints what rounding did
    python docs/results/shipped/make.py card  STORES RUNS [NAME ...]    the card anew, when results.json beside this file has changed

The command that ``train`` stands for is printed, and works by itself. Seed 2 is the first that keeps subjects 03 and 07 of
kalunga2016, who share a recording, on one side of the split; no other seed was tried.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import torch

from mindleaf.datasets import DATASETS
from mindleaf.models.embedding import tokens_mean
from mindleaf.models.folder import CARD, HASHES, LoadedModel, load_model, save_model
from mindleaf.recipes.choice import filled
from mindleaf.stages.answers import eeg_side, pipeline_of
from mindleaf.stages.pretrain import pretrain
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples
from mindleaf.store.exposure import Exposure
from mindleaf.store.store import Store
from mindleaf.training.log import read_log

HERE = Path(__file__).parent
SHIPPED = HERE.parents[2] / "src" / "mindleaf" / "shipped"
DATA = ("eegmat", "kalunga2016", "eegmmidb", "synthetic_workload", "synthetic_ssvep", "synthetic_imagery")
SEED = 2
_BOTH = ("training.mixed=true", "held_out_share=0.6")
#: Name -> recipe and settings.
MODELS: dict[str, tuple[str, tuple[str, ...]]] = {
    "mindleaf-base": (
        "mindmix-small",
        (
            *_BOTH, "schedule=two_phase", "tokenizer_share=0.4", "objective.bins=[1,40]", "training.batch_size=24",
            "training.steps=1200", "training.optimiser.lr=0.0015", "training.validate_every=240", "training.checkpoint_every=60",
        ),
    ),
    "mindleaf-leaf": (
        "leaf-small",
        (
            *_BOTH, "window_s=4", "training.batch_size=24", "training.steps=1200", "training.optimiser.lr=0.001",
            "training.validate_every=240", "training.checkpoint_every=60",
        ),
    ),
}  # fmt: skip
TITLES = {
    "mindleaf-base": "a MindMix EEG encoder of the small size, pretrained (stage 1: codes and spectra)",
    "mindleaf-leaf": "a LEAF tower of the small size, pretrained (stage 1: spectral-temporal reconstruction)",
}
#: Files of a RUN that ship as they are: what it has seen, and how long its windows were.
_AS_THEY_ARE = ("exposure.json", "stage.json")
_COMPARED = 128

LICENCE = """\
The weights are under BSD-3-Clause, as the package is. Whoever passes them on, or what was made of them, keeps the following notice,
which the terms of the data ask for:

> Contains information from the EEG During Mental Arithmetic Tasks database (eegmat, PhysioNet) and the EEG Motor Movement/Imagery
> Dataset (eegmmidb, PhysioNet), which are made available under the Open Data Commons Attribution License v1.0
> (https://opendatacommons.org/licenses/by/1-0/).

The terms were read by people who are no lawyers."""

LIMITS = """\
- Pretrained on little: under three hours of EEG, most of it generated. Both architectures were made for hundreds of hours or more.
- Small sizes of their architecture, not the papers'.
- Weights are rounded to float16 in the file and computed with in float32.
- Not fit for anything about anybody's health. Healthy adults and generated signals are all it has seen."""


def train(name: str, stores: Path, runs: Path) -> None:
    recipe, settings = MODELS[name]
    words = " ".join([*(f"--store {stores / data}" for data in DATA), *(f"--set '{one}'" for one in settings)])
    print(f"mindleaf pretrain {recipe} {words} --seed {SEED} --device cpu --out {runs / name} --resume", flush=True)
    config = filled("pretraining", recipe, SEED, "cpu").with_settings(settings)
    pretrain(config, [stores / data for data in DATA], runs / name, resume=True)


def unseen(store: Store, seen: Exposure) -> list[str]:
    """The subjects of a store that a model has not seen."""
    return sorted(subject for subject in set(store.index["subject"]) if f"{store.dataset}/{subject}" not in seen.subjects)


def pack(name: str, stores: Path, runs: Path) -> None:
    """Write the folder that ships, in float16, and keep beside this file what the card tells of the training."""
    run, out = runs / name, SHIPPED / name
    loaded = load_model(run)
    save_model(out, loaded.model, loaded.config, loaded.facts, "", half=True)
    for file in _AS_THEY_ARE:
        shutil.copyfile(run / file, out / file)
    facts = {
        "command": [MODELS[name][0], *MODELS[name][1], f"--seed {SEED}"],
        "rounding": rounding(
            loaded, load_model(out), [Store(stores / data) for data in DATA], Exposure.read(run / "exposure.json")
        ),
        "held_out": {data: unseen(Store(stores / data), Exposure.read(run / "exposure.json")) for data in DATA},
        "curves": {
            phase: lines for phase, folder in (("tokenizer", run / "tokenizer"), ("last phase", run)) if (lines := curve(folder))
        },
        "measured": (run / "table.md").read_text().partition("## ")[2],
        "stage_card": loaded.card.partition("## Seen in training")[2],
    }
    (HERE / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(name, json.dumps(facts["rounding"]), f"{sum(f.stat().st_size for f in out.iterdir()) / 1e6:.2f} MB")
    card(name)


@torch.inference_mode()
def rounding(before: LoadedModel, after: LoadedModel, stores: list[Store], seen: Exposure) -> dict[str, float]:
    """What float16 did to the embeddings of windows of subjects that were held out: worst cosine, largest difference in
    units of the embeddings' spread, and of codes the share that stayed."""
    cosines, differences, spreads, same = [], [], [], []
    sides = [eeg_side(one) for one in (before, after)]
    for store in stores:
        rows = store.windows(2.0)
        rows = rows[rows["subject"].isin(unseen(store, seen))].reset_index(drop=True)
        if rows.empty:
            continue
        part = Examples(
            store, rows.iloc[np.linspace(0, len(rows) - 1, min(len(rows), _COMPARED)).astype(int)].reset_index(drop=True)
        )
        batch = BatchReader([part], pipeline_of(before)).read(np.arange(len(part)))
        one, other = (tokens_mean(side, batch) for side in sides)
        cosines.append(torch.nn.functional.cosine_similarity(one, other).min())
        differences.append((one - other).abs().max())
        spreads.append(one.std(dim=0).mean())
        if hasattr(sides[0], "code"):
            codes = []
            for side in sides:
                patches = side.cut(batch)
                present = batch.channel_mask.unsqueeze(-1).expand(patches.shape[:3])
                codes.append(side.code(side.patching(patches), present).ids[present])
            same.append((codes[0] == codes[1]).float().mean())
    found = {
        "worst_cosine": min(cosines),
        "largest_difference_over_spread": max(d / s for d, s in zip(differences, spreads, strict=True)),
    }
    return {name: round(float(value), 6) for name, value in (found | ({"same_codes": min(same)} if same else {})).items()}


def curve(folder: Path) -> list[dict[str, float]]:
    """The lines of a log that measured held-out subjects."""
    return [
        {key: round(value, 4) for key, value in line.items() if key in ("step", "total") or key.startswith("validation_")}
        for line in read_log(folder)
        if any(key.startswith("validation_") for key in line)
    ]


def card(name: str) -> None:
    """Write card.md from what ``pack`` and ``evaluate.py`` left beside this file, and its hash."""
    facts, out = json.loads((HERE / f"{name}.json").read_text()), SHIPPED / name
    lines = [
        f"# {name}: {TITLES[name]}", "", "Research software, not a medical device.", "", "## Licence and data", "", LICENCE, "",
        *(f"- {data}: {_terms(data)}" for data in DATA), "",
        "## Held out", "", "Drawn by the seed before training (60 % of each set's subjects, rounded down), never trained on, nothing was "
        "chosen by them; evaluate on these:", "",
        *(f"- {data}: {', '.join(subjects) or 'nobody'}" for data, subjects in facts["held_out"].items()), "",
        "## How it was made", "", f"`{' '.join(facts['command'])}` (docs/results/shipped/make.py). One seed; the state after the last step.", "",
        "## Curves", "", *(line for phase, rows in facts["curves"].items() for line in _table(phase, rows)),
        f"## {facts['measured'].strip()}", "",
        "## Evaluation", "", evaluation(name), "", "## Rounded to float16", "",
        *(f"- {key.replace('_', ' ')}: {value}" for key, value in facts["rounding"].items()), "",
        "## Limits", "", LIMITS, "", f"## Seen in training{facts['stage_card']}",
    ]  # fmt: skip
    (out / CARD).write_text("\n".join(lines))
    hashes = json.loads((out / HASHES).read_text())
    hashes[CARD] = hashlib.sha256((out / CARD).read_bytes()).hexdigest()
    (out / HASHES).write_text(json.dumps(hashes, indent=2) + "\n")
    load_model(out)


def evaluation(name: str) -> str:
    results = HERE / "results.json"
    rows = [row for row in json.loads(results.read_text())["rows"] if row["model"] == name] if results.is_file() else []
    if not rows:
        return "Not evaluated yet."
    lines = [
        f"- {row['dataset']}, {row['way']}: {row['pretrained']:.3f}, from scratch {row['scratch']:.3f}, difference "
        f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}] over {row['subjects']} subjects, {row['seeds']} seed(s), chance "
        f"{row['chance']:.2f}; linear floor {', '.join(f'{k} {v:.3f}' for k, v in row['floor'].items())}"
        for row in rows
    ]
    return "\n".join(["Balanced accuracy on the subjects held out, subjects kept apart (docs/results/shipped).", "", *lines])


def _terms(data: str) -> str:
    if data.startswith("synthetic"):
        return "made by this package; no terms"
    facts = DATASETS[data].facts
    return f"{facts.licence}. {facts.citation}"


def _table(phase: str, rows: list[dict[str, float]]) -> list[str]:
    keys = list(rows[0]) if rows else []
    cells = [[f"{row.get(key, float('nan')):g}" for key in keys] for row in rows]
    head = [key.removeprefix("validation_") if key != "total" else "training loss" for key in keys]
    return [f"{phase}, held-out subjects:", "", *(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(keys), *cells)), ""]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=("train", "pack", "card"))
    parser.add_argument("stores", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("names", nargs="*", default=list(MODELS))
    words = parser.parse_args()
    for name in words.names:
        card(name) if words.step == "card" else {"train": train, "pack": pack}[words.step](name, words.stores, words.runs)


if __name__ == "__main__":
    main()
