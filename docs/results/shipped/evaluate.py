"""Do the shipped models help on subjects they have not seen? Against random weights and the linear floor; one line per fold to a file.

    python docs/results/shipped/evaluate.py STORES [--seeds 3] [--steps 60] [--model NAME ...] [--data NAME ...]

STORES holds the stores eegmat and kalunga2016. Each held-out subject is the test part once, everybody else (seen in pretraining or
not, with labels for all systems alike) is trained on. probe: the frozen encoder's pooled tokens and a logistic regression; tune: encoder
and head trained for N steps, no state chosen. Both are ``docs/results/pretraining/proof.py``'s, as are their settings. Lines that are
in lines.jsonl already are not made again; results.json and the table in README.md are written at the end of each call.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from mindleaf.fold import Fold
from mindleaf.models.shipped import run_folder
from mindleaf.protocols import PROTOCOLS
from mindleaf.stages.run_folder import read_exposure
from mindleaf.store.examples import Examples
from mindleaf.store.store import Store
from mindleaf.systems.registry import build_system, floor_for

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "pretraining"))
from proof import WAYS, examples, recalls  # noqa: E402

DATA = ("eegmat", "kalunga2016")
#: Model -> its probe and its fine-tuning among the ways of proof.py.
MODELS = {"mindleaf-base": ("probe", "tune"), "mindleaf-leaf": ("leaf_probe", "leaf_tune")}
WORDS = {"probe": "frozen, linear probe", "tune": "fine-tuned"}
LINES, RESULTS, README = HERE / "lines.jsonl", HERE / "results.json", HERE / "README.md"
BEGIN, END = "<!-- table: written by evaluate.py -->", "<!-- end of table -->"


def clean_folds(store: Store, whole: Examples, model: str) -> list[Fold]:
    """Each subject that the model has not seen as the test part once."""
    seen = read_exposure(run_folder(model))
    folds = PROTOCOLS["leave_one_subject_out"]().with_settings(["val_fraction=0"]).folds(store.index, 0)
    return [fold for fold in folds if not seen.contaminates(store, whole.rows.iloc[fold.select(whole.rows, "test")], fold.group)]


def floor_says(name: str, whole: Examples, folds: list[Fold]) -> Iterator[tuple[Fold, np.ndarray]]:
    for fold in folds:
        system: Any = build_system(name, [], "labels")
        system.fit(whole.take(fold.select(whole.rows, "train")), whole.take([]), 0)
        yield fold, system.predict(whole.take(fold.select(whole.rows, "test"))).argmax(axis=1)


def pieces(model: str, seeds: int, steps: int) -> Iterator[tuple[dict[str, Any], Any]]:
    """What is to be scored: the key of its lines, and a function of windows and folds."""
    for name in floor_for("classify"):
        yield {"way": name, "seed": 0, "weights": "none"}, lambda whole, folds, name=name: floor_says(name, whole, folds)
    for way in MODELS[model]:
        for seed in range(seeds):
            for pretrained in (True, False):
                key = {"way": way.removeprefix("leaf_"), "seed": seed, "weights": model if pretrained else "from scratch"}
                words = (run_folder(model), seed, pretrained, steps)
                yield key, lambda whole, folds, way=way, words=words: WAYS[way](whole, folds, *words)


def score(store: Store, model: str, seeds: int, steps: int) -> None:
    whole = examples(store)
    folds = clean_folds(store, whole, model)
    for key, said_by in pieces(model, seeds, steps):
        key = {"model": model, "dataset": store.dataset, **key, "steps": steps if key["way"] == "tune" else 0}
        done = {line["fold"] for line in read() if all(line[name] == value for name, value in key.items())}
        todo = [fold for fold in folds if fold.name not in done]
        for fold, said in said_by(whole, todo) if todo else ():
            test = fold.select(whole.rows, "test")
            subjects = recalls(whole.rows["subject"].to_numpy()[test], whole.labels[test], said)
            line = {**key, "fold": fold.name, "subjects": subjects, "chance": 1 / len(whole.classes)}
            with LINES.open("a") as handle:
                handle.write(json.dumps(line) + "\n")
        print(*key.values(), flush=True)


def read() -> list[dict[str, Any]]:
    return [json.loads(line) for line in LINES.read_text().splitlines()] if LINES.exists() else []


def rows() -> list[dict[str, Any]]:
    """A row for each model, data set and way; a subject's score is the mean over seeds, intervals are over subjects (Student's t)."""
    table = pd.DataFrame(
        [
            {**{k: v for k, v in line.items() if k != "subjects"}, "subject": subject, "score": score}
            for line in read()
            for subject, score in line["subjects"].items()
        ]
    )
    found = []
    floors = set(floor_for("classify"))
    for (model, dataset), part in table.groupby(["model", "dataset"], sort=False) if len(table) else ():
        floor = part[part["way"].isin(floors)].groupby("way")["score"].mean().to_dict()
        for (way, steps), own in part[~part["way"].isin(floors)].groupby(["way", "steps"], sort=False):
            pairs = own.pivot_table(index=["subject", "seed"], columns="weights", values="score").dropna()
            if not {model, "from scratch"} <= set(pairs.columns) or pairs.empty:
                continue
            gain = pairs[model] - pairs["from scratch"]
            each = gain.groupby("subject").mean()
            half = stats.t.ppf(0.975, len(each) - 1) * each.std(ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.nan
            by_seed = gain.groupby("seed").mean()
            found.append({
                "model": model, "dataset": dataset, "way": WORDS[str(way)], "steps": int(steps), "seeds": len(by_seed), "subjects": len(each),
                "chance": float(own["chance"].iloc[0]), "scratch": pairs["from scratch"].mean(), "pretrained": pairs[model].mean(),
                "difference": each.mean(), "low": each.mean() - half, "high": each.mean() + half,
                "seeds_that_gain": int((by_seed > 0).sum()), "floor": floor,
            })  # fmt: skip
    return found


def write(found: list[dict[str, Any]]) -> None:
    RESULTS.write_text(json.dumps({"rows": found}, indent=1) + "\n")
    lines = [
        "| model | data (subjects, chance) | way | seeds | from scratch | pretrained | difference | 95 % interval | seeds that gain | linear floor |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in found:
        floor = ", ".join(f"`{name}` {value:.3f}" for name, value in row["floor"].items())
        lines.append(
            f"| `{row['model']}` | {row['dataset']} ({row['subjects']}, {row['chance']:.2f}) | {row['way']} | {row['seeds']} | {row['scratch']:.3f} "
            f"| {row['pretrained']:.3f} | {row['difference']:+.3f} | {row['low']:+.3f} … {row['high']:+.3f} | {row['seeds_that_gain']} of "
            f"{row['seeds']} | {floor} |"
        )
    before, _, rest = README.read_text().partition(BEGIN)
    README.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{rest.partition(END)[2]}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("stores", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--model", nargs="*", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--data", nargs="*", default=list(DATA), choices=list(DATA))
    words = parser.parse_args()
    for model in words.model:
        for data in words.data:
            score(Store(words.stores / data), model, words.seeds, words.steps)
            write(rows())


if __name__ == "__main__":
    main()
