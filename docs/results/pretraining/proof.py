"""Does pretraining help? The same encoder with and without it, on subjects it has never seen; one line per fold to a file.

    python docs/results/pretraining/proof.py probe|tune|tune_power|leaf_probe|leaf_tune STORE OUT.jsonl RUN [RUN ...] [--steps N]

Each RUN was pretrained with another seed on other data sets than STORE's; its twin has the same size and the seed's random
weights. probe: the frozen encoder's pooled tokens, standardised, logistic regression. tune: encoder and linear head trained
for N steps; tune_power with the band-power path beside them; leaf_probe and leaf_tune: the same of LEAF's tower, with the
published head (a perceptron on all tokens) for tuning. Subjects are kept apart, as many folds as can be (at most 7).
Lines that are already in the file are not made again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mindleaf.encoders.mindmix import masked_mean
from mindleaf.models.classifier import ClassifierConfig
from mindleaf.models.folder import load_model
from mindleaf.models.language import LanguageConfig
from mindleaf.preprocessing.pipeline import LEAF, MINDMIX, Pipeline
from mindleaf.protocols import PROTOCOLS
from mindleaf.stages.question import EvaluateConfig, cutting
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples
from mindleaf.store.store import Store
from mindleaf.systems.leaf_classifier import LeafClassifier
from mindleaf.systems.leaf_form import LeafSettings
from mindleaf.systems.mindmix_classifier import MindMixClassifier, ReaderConfig
from mindleaf.tasks import build_task
from mindleaf.training.loop import TrainingConfig
from mindleaf.training.optimiser import OptimiserConfig


def examples(store: Store) -> Examples:
    task = build_task("classify")
    cut, lengths = cutting(EvaluateConfig(task="classify"), store)
    rows = task.prepare(cut(store, lengths[0]), 0).reset_index(drop=True)
    return Examples(store, rows, task.classes(rows))


def recalls(subjects: np.ndarray, right: np.ndarray, said: np.ndarray) -> dict[str, float]:
    """Balanced accuracy of each subject."""
    out = {}
    for subject in np.unique(subjects):
        own = subjects == subject
        out[str(subject)] = float(np.mean([(said[own & (right == k)] == k).mean() for k in np.unique(right[own])]))
    return out


def pooled(encoder: torch.nn.Module, part: Examples, pipeline: Pipeline) -> np.ndarray:
    reader = BatchReader([part], pipeline)
    encoder.eval()
    with torch.inference_mode():
        parts = [
            masked_mean(*encoder(reader.read(np.arange(k, min(k + 128, len(part)))))).numpy() for k in range(0, len(part), 128)
        ]
    return np.concatenate(parts)


def probe(whole, folds, run: Path, seed: int, pretrained: bool, steps: int, pipeline: Pipeline = MINDMIX):
    loaded = load_model(run)
    torch.manual_seed(seed)
    encoder = loaded.model.encoder if pretrained else loaded.config.encoder.build(loaded.facts.n_electrodes)
    features, labels = pooled(encoder, whole, pipeline), whole.labels
    for fold in folds:
        train, test = (fold.select(whole.rows, part) for part in ("train", "test"))
        classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000))
        yield fold, classifier.fit(features[train], labels[train]).predict(features[test])


def tune(whole, folds, run: Path, seed: int, pretrained: bool, steps: int, power: int = 0):
    model = ClassifierConfig(encoder=load_model(run).config.encoder, power_filters=power, dropout=0.1)
    plain = {"start": str(run) if pretrained else "", "training": equal_training(steps)}
    yield from tuned(lambda: MindMixClassifier(ReaderConfig(model=model, **plain)), whole, folds, seed)


def leaf_tune(whole, folds, run: Path, seed: int, pretrained: bool, steps: int):
    model = LanguageConfig(encoder=load_model(run).config.encoder)
    plain = {"start": str(run) if pretrained else "", "training": equal_training(steps)}
    yield from tuned(lambda: LeafClassifier(LeafSettings(head="mlp", model=model, **plain)), whole, folds, seed)


def equal_training(steps: int) -> TrainingConfig:
    return TrainingConfig(steps=steps, batch_size=32, patience=0, device="cpu", optimiser=OptimiserConfig(lr=1e-3))


def tuned(build, whole, folds, seed: int):
    for fold in folds:
        system = build()
        part = {name: whole.take(fold.select(whole.rows, name)) for name in ("train", "test")}
        # No validation part: equal steps for both, and no choice between states.
        system.fit(part["train"], whole.take([]), seed)
        yield fold, system.predict(part["test"]).argmax(axis=1)


WAYS = {"probe": probe, "tune": tune, "tune_power": lambda *words: tune(*words, power=64)}
WAYS |= {"leaf_probe": lambda *words: probe(*words, pipeline=LEAF), "leaf_tune": leaf_tune}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("store", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--steps", type=int, default=60)
    words = parser.parse_args()
    store = Store(words.store)
    whole = examples(store)
    folds = PROTOCOLS["cross_subject"]().with_settings(["n_folds=7", "val_fraction=0"]).folds(store.index, 0)
    known = [json.loads(line) for line in words.out.read_text().splitlines()] if words.out.exists() else []
    for seed, run in enumerate(words.runs):
        for pretrained in (True, False):
            key = {"way": words.way, "dataset": store.dataset, "run": run.name, "seed": seed, "pretrained": pretrained}
            done = {line["fold"] for line in known if all(line[name] == value for name, value in key.items())}
            todo = [fold for fold in folds if fold.name not in done]
            for fold, said in WAYS[words.way](whole, todo, run, seed, pretrained, words.steps):
                test = fold.select(whole.rows, "test")
                scores = recalls(whole.rows["subject"].to_numpy()[test], whole.labels[test], said)
                with words.out.open("a") as handle:
                    handle.write(json.dumps({**key, "fold": fold.name, "subjects": scores}) + "\n")
        print(words.way, store.dataset, run.name, flush=True)


if __name__ == "__main__":
    main()
