"""Does a network add anything to a linear decoder? Listeners nobody trained on, stories nobody trained on, truth known.

    python docs/results/synthetic-proof/proof.py RUNS            everything that is missing below RUNS, then the report
    python docs/results/synthetic-proof/proof.py RUNS --only linear/mindmix/ nonlinear/cca
    python docs/results/synthetic-proof/proof.py RUNS --report   the report alone, from what is there

One process, one thread. Predictions are kept below RUNS, so a stopped run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from oracle import oracle_scores
from report import write_report

from mindleaf.encoders.envelope import EnvelopeFrontend
from mindleaf.encoders.onsets import OnsetFrontend
from mindleaf.evaluation.predict import Cell, PreparedRows, run_system
from mindleaf.fold import Fold, spans
from mindleaf.protocols import CrossSubjectAndStimulus
from mindleaf.protocols.grouping import stimuli_of
from mindleaf.stages.prepare import prepare
from mindleaf.store.examples import Examples
from mindleaf.store.store import Store
from mindleaf.systems.cca import CCAConfig, CCASystem
from mindleaf.systems.registry import build_system
from mindleaf.systems.system import System
from mindleaf.systems.trf import TRFConfig, TRFSystem
from mindleaf.tasks import Attention

WINDOWS_S = (2.0, 5.0, 10.0)
SEED = 0
#: What the generator calls loudness; the linear decoders get it too.
POWER = 0.3
#: Training subjects and stories (a minute each, beside the two that validate) of the learning curve, below all 12 x 10.
AMOUNTS = ((3, 3), (6, 6), (9, 8))
#: Seeds of the data with a planted leak: each is a data set of its own, 8 listeners x 12 trials of 20 s.
LEAK_SEEDS = tuple(range(16))
#: The network of this proof: the time-resolved form without the transformer; what it hears of the sound is left to it.
MINDMIX = (
    "form=towers", "audio=mel_loudness", "warm_start_windows=1600", "training.steps=240", "training.batch_size=48", "training.validate_every=40",
    "training.device=cpu",
)  # fmt: skip
#: The paper's pooled form; a step of it takes three times as long, so this is the same time of one core.
PAPER = ("form=paper", "training.steps=80", "training.batch_size=48", "training.validate_every=40", "training.device=cpu")
#: Without the closed-form start.
COLD = (*MINDMIX, "warm_start=false")
#: EEG tokens and audio tokens attend to each other; the same processor time again.
TOKENS = (
    "model.alignment=tokens",
    "training.steps=120",
    "training.batch_size=48",
    "training.validate_every=40",
    "training.device=cpu",
)
CURRICULUM = "curriculum=[10,5]"

Build = Callable[[], System]


def _trf(envelope: EnvelopeFrontend) -> System:
    return TRFSystem(TRFConfig(envelope=envelope))


def _cca(envelope: EnvelopeFrontend) -> System:
    return CCASystem(CCAConfig(envelope=envelope))


POOLED: dict[str, Build] = {
    "trf": partial(_trf, EnvelopeFrontend(power=POWER)),
    "trf_bands": partial(_trf, EnvelopeFrontend(power=POWER, n_bands=4, pooled=False)),
    "trf_onsets": partial(_trf, OnsetFrontend(power=POWER)),
    "cca": partial(_cca, EnvelopeFrontend(power=POWER)),
    "cca_bands": partial(_cca, EnvelopeFrontend(power=POWER, n_bands=4, pooled=False)),
    "mindmix": partial(build_system, "mindmix", MINDMIX, "candidates"),
    "mindmix_paper": partial(build_system, "mindmix", PAPER, "candidates"),
    "mindmix_cold": partial(build_system, "mindmix", COLD, "candidates"),
    "mindmix_cold_curriculum": partial(build_system, "mindmix", (*COLD, CURRICULUM), "candidates"),
    "mindmix_paper_curriculum": partial(build_system, "mindmix", (*PAPER, CURRICULUM), "candidates"),
    "mindmix_tokens": partial(build_system, "mindmix", TOKENS, "candidates"),
    "mindmix_tokens_curriculum": partial(build_system, "mindmix", (*TOKENS, CURRICULUM), "candidates"),
}
CASES = ("linear", "nonlinear")
N_FOLDS = 2


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("runs", type=Path)
    options.add_argument("--only", nargs="*", default=[""], help="beginnings of names, for example linear/mindmix, in this order")
    options.add_argument("--report", action="store_true")
    asked = options.parse_args()
    if not asked.report:
        jobs = _jobs(asked.runs)
        for name in [name for beginning in asked.only for name in jobs if name.startswith(beginning)]:
            if not (path := asked.runs / "predictions" / f"{name}.parquet").exists():
                _predict(name, jobs[name], path)
    write_report(asked.runs / "predictions", Path(__file__).parent)


def _predict(name: str, job: Callable[[], pd.DataFrame], path: Path) -> None:
    began = time.process_time()
    table = job()
    path.parent.mkdir(parents=True, exist_ok=True)
    table.assign(seconds=time.process_time() - began).to_parquet(path)
    print(f"{name}: {table[table['window_s'] == 2.0]['correct'].mean():.3f} at 2 s", flush=True)


def _jobs(runs: Path) -> dict[str, Callable[[], pd.DataFrame]]:
    """What is to be predicted: CASE/SYSTEM/FOLD, and curve/SYSTEM-SUBJECTSxSTORIES/FOLD for the learning curve."""
    jobs: dict[str, Callable[[], pd.DataFrame]] = {}
    for fold in range(N_FOLDS):
        for case in CASES:
            for name in POOLED:
                jobs[f"{case}/{name}/{fold}"] = partial(_pooled, runs, case, name, fold)
            jobs[f"{case}/mindmix_calibrated/{fold}"] = partial(_calibrated, runs, case, fold)
            jobs[f"{case}/trf_subject/{fold}"] = partial(_per_subject, runs, case, fold)
            jobs[f"{case}/oracle/{fold}"] = partial(_oracle, runs, case, fold)
        for seed in LEAK_SEEDS:
            for name in ("trf", "mindmix"):
                jobs[f"planted_leak/{name}/{seed}-{fold}"] = partial(_leak, runs, name, seed, fold)
            jobs[f"planted_fresh/mindmix/{seed}-{fold}"] = partial(_fresh, runs, seed, fold)
        for subjects, stories in AMOUNTS:
            for name in ("trf", "mindmix"):
                job = partial(_pooled, runs, "nonlinear", name, fold, (subjects, stories))
                jobs[f"curve/{name}-{subjects}x{stories}/{fold}"] = job
    return jobs


def _opened(runs: Path, case: str) -> tuple[Store, list[Fold]]:
    """A case's store and folds, both made where they are missing; a number behind the preset is the seed of the data."""
    path, (preset, _, seed) = runs / "store" / case, case.partition("-")
    if not (path / "manifest.json").exists():
        settings = (f"synthetic.preset={preset}",)
        prepare("synthetic", runs / "data" / case, path, ("mindmix", "envelope"), settings, int(seed or SEED), quiet=True)
    store = Store(path)
    return store, CrossSubjectAndStimulus(n_folds=N_FOLDS).folds(store.index, SEED)


def _pooled(runs: Path, case: str, name: str, number: int, amount: tuple[int, int] | None = None) -> pd.DataFrame:
    """One decoder for all training subjects, tested on strangers who hear something new."""
    store, folds = _opened(runs, case)
    fold = _less(folds[number], store, *amount) if amount else folds[number]
    run = run_system(name, POOLED[name], store, None, Attention(), [fold], WINDOWS_S, SEED, 2.0)
    if name == "mindmix" and not amount:
        fitted: Any = run.cells[0].system
        fitted.save(_model(runs, case, number), f"MindMix of the synthetic proof, {case}, fold {number}")
    return run.predictions()


def _model(runs: Path, case: str, number: int) -> Path:
    return runs / "models" / case / str(number)


def _leak(runs: Path, name: str, seed: int, number: int) -> pd.DataFrame:
    """One decoder on one data set with a planted leak; listeners of other data sets are other listeners."""
    table = _pooled(runs, f"planted_leak-{seed}", name, number)
    return table.assign(subject=f"{seed}-" + table["subject"])


def _fresh(runs: Path, seed: int, number: int) -> pd.DataFrame:
    """The model of one leaky data set on all recordings of the next one: 8 listeners, 12 trials, none ever seen."""
    other = LEAK_SEEDS[(LEAK_SEEDS.index(seed) + 1) % len(LEAK_SEEDS)]
    (store, folds), task, system = _opened(runs, f"planted_leak-{other}"), Attention(), POOLED["mindmix"]()
    fitted: Any = system
    fitted.load(_model(runs, f"planted_leak-{seed}", number))
    rows, tables = PreparedRows(store, None, task, SEED), []
    for window_s in WINDOWS_S:
        test = Examples(store, rows.table(store, window_s))
        tables.append(
            Cell("mindmix", system, task, folds[number], window_s, test, test, test, system.predict(test)).predictions()
        )
    table = pd.concat(tables, ignore_index=True)
    return table.assign(subject=f"{other}-" + table["subject"])


def _calibrated(runs: Path, case: str, number: int) -> pd.DataFrame:
    """The fold's MindMix, which gets to know each test subject from what the subject's own TRF learns from."""

    store, folds = _opened(runs, case)
    rows = PreparedRows(store, None, Attention(), SEED)

    @cache
    def knowing(subject: str) -> System:
        system: Any = POOLED["mindmix"]()
        system.load(_model(runs, case, number))
        system.calibrate(rows.examples(alone[subject], "train", 2.0, "candidates"), seed=SEED)
        return system

    alone = {fold.groups_test[0]: fold for fold in _alone(folds[number], store)}
    tables = []
    for fold in alone.values():
        run = run_system(
            "mindmix_calibrated", POOLED["mindmix"], store, None, Attention(), [fold], WINDOWS_S, SEED,
            fitted=lambda one: knowing(one.groups_test[0]),
        )  # fmt: skip
        tables.append(run.predictions())
    return pd.concat(tables, ignore_index=True)


def _less(fold: Fold, store: Store, n_subjects: int, n_stories: int) -> Fold:
    """The fold with fewer training subjects, and fewer of their training stories; the test part stays."""
    table, watched = (part.merge(store.index, how="left") for part in (fold.train, fold.validation))
    sounds = pd.Series([min(names) for names in stimuli_of(table)])
    names = sorted(table["subject"].unique())[:n_subjects]
    kept = table["subject"].isin(names) & sounds.isin(sorted(sounds.unique())[:n_stories])
    own = watched["subject"].isin(names)
    return replace(fold, train=spans(table, np.flatnonzero(kept)), validation=spans(watched, np.flatnonzero(own)))


def _per_subject(runs: Path, case: str, number: int) -> pd.DataFrame:
    """A decoder for each test subject."""
    store, folds = _opened(runs, case)
    alone = _alone(folds[number], store)
    runs_of = [run_system("trf_subject", POOLED["trf"], store, None, Attention(), [one], WINDOWS_S, SEED, 2.0) for one in alone]
    return pd.concat([run.predictions() for run in runs_of], ignore_index=True)


def _alone(fold: Fold, store: Store) -> Iterator[Fold]:
    """A fold for each test subject: tested on the same windows, trained on what that subject heard of the training stories."""
    index, heard = store.index, _sounds(fold.test, store)
    tested = pd.Series([bool(names & heard) for names in stimuli_of(index)])
    for subject in fold.groups_test:
        own = index["subject"] == subject
        train, test = (spans(index, np.flatnonzero(own & part)) for part in (~tested, tested))
        yield Fold(fold.name, train, train.iloc[:0], test, group="stimulus", groups_test=(subject,))


def _sounds(part: pd.DataFrame, store: Store) -> frozenset[str]:
    return frozenset().union(*stimuli_of(part.merge(store.index, how="left")))


def _oracle(runs: Path, case: str, number: int) -> pd.DataFrame:
    store, folds = _opened(runs, case)
    task, fold = Attention(), folds[number]
    rows = PreparedRows(store, None, task, SEED)
    tests = {window_s: rows.examples(fold, "test", window_s, "candidates") for window_s in WINDOWS_S}
    scores = oracle_scores(runs / "data" / case, {window_s: test.rows for window_s, test in tests.items()})
    cells = [Cell("oracle", TRFSystem(), task, fold, w, test, test, test, scores[w]) for w, test in tests.items()]
    return pd.concat([cell.predictions() for cell in cells], ignore_index=True)


if __name__ == "__main__":
    main()
