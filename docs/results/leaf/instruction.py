"""One model told in words what to do, on several data sets at once, beside one model for each, EEGNet and the linear floor.

    python docs/results/leaf/instruction.py STORES RUNS [--steps 600] [--only eegmat ...]

STORES holds prepared stores by data set. Subjects are dealt into folds (whole trials where there is one subject, which is then no test
of strangers); the joint model of fold k trains on fold k of every data set and is asked about the test part of each. Results are kept below RUNS
fold by fold, so a stopped run goes on. Ends with results.json and the table of README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mindleaf.evaluation.predict import run_system
from mindleaf.evaluation.prepared_rows import PreparedRows
from mindleaf.evaluation.statistics import comparisons, window_metrics
from mindleaf.fold import Fold
from mindleaf.protocols import PROTOCOLS
from mindleaf.stages.instruction_conditions import CONDITIONS
from mindleaf.stages.question import EvaluateConfig, cutting
from mindleaf.store.store import Store
from mindleaf.systems.leaf import LeafReader
from mindleaf.systems.registry import build_system
from mindleaf.tasks import build_task

SETS = ("eegmat", "kalunga2016", "eegmmidb", "synthetic_workload", "synthetic_ssvep", "synthetic_imagery")
N_FOLDS, SEED = 3, 0
#: Windows of each data set in a step of the joint model; a model of one data set has 32.
OF_EACH = 8
LEAF = ("training.device=cpu", "training.patience=6", "training.validate_every=50")
EEGNET = ("model.encoder=eegnet", "model.power_filters=0", "training.device=cpu")
_BEGIN, _END = "<!-- table: made by instruction.py -->", "<!-- end of table -->"
#: Systems of the table, and what they are called there.
COLUMNS = {
    "joint, level 0 nothing": "joint, level 0", "joint, level 1 task": "level 1", "joint, level 2 task and labels": "level 2",
    "joint, wrong task": "joint, wrong task", "alone, level 0 nothing": "alone, level 0", "alone, level 1 task": "level 1",
    "alone, level 2 task and labels": "level 2", "alone, wrong task": "alone, wrong task", "eegnet": "EEGNet",
    "bandpower lr": "band power + LR", "ts lr": "tangent space + LR",
}  # fmt: skip


class Question:
    """A data set's windows, labels and folds."""

    def __init__(self, store: Store) -> None:
        self.store, self.task = store, build_task("classify")
        self.protocol = "cross_subject" if store.index["subject"].nunique() >= N_FOLDS else "between_trial"
        self.folds = PROTOCOLS[self.protocol](n_folds=N_FOLDS).folds(store.index, SEED)
        cut, windows_s = cutting(EvaluateConfig(task="classify"), store)
        self.windows_s = windows_s[:1]
        self.rows = PreparedRows(store, None, self.task, SEED, cut)

    def part(self, fold: Fold, part: Any) -> Any:
        return self.rows.examples(fold, part, self.windows_s[0], "labels")

    def predictions(self, name: str, fold: Fold, build: Callable[[], Any], fitted: Any = None) -> pd.DataFrame:
        run = run_system(
            name, build, self.store, None, self.task, [fold], self.windows_s, SEED, fitted=fitted, prepared=self.rows
        )
        if run.status not in ("ok", "incomplete"):
            raise SystemExit(f"{self.store.dataset}: {name}: {run.status}: {run.why}")
        return run.predictions()


def joint(questions: dict[str, Question], k: int, steps: int) -> LeafReader:
    """One model for fold ``k`` of all data sets."""
    reader: Any = build_system("leaf", [*LEAF, f"training.steps={steps}", f"training.batch_size={OF_EACH * len(questions)}"])
    parts = [q.part(q.folds[k], "train") for q in questions.values()]
    watched = [part for q in questions.values() if len(part := q.part(q.folds[k], "validation"))]
    reader.learn(parts, watched, SEED)
    return reader


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("stores", type=Path)
    words.add_argument("runs", type=Path)
    words.add_argument("--steps", type=int, default=600, help="of the joint model; a model of one data set gets a third")
    words.add_argument("--only", nargs="*", default=list(SETS))
    asked = words.parse_args()
    questions = {name: Question(Store(asked.stores / name)) for name in asked.only}
    for k in range(N_FOLDS):
        shared: list[LeafReader] = []

        def together(k: int = k, shared: list[LeafReader] = shared) -> LeafReader:
            shared.extend([] if shared else [joint(questions, k, asked.steps)])
            return shared[0]

        for name, question in questions.items():
            for system, predict in _systems(question, k, asked.steps, together).items():
                kept = asked.runs / name / f"{system.replace(' ', '_').replace(':', '')}-{k}.parquet"
                if not kept.exists():
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    predict().to_parquet(kept)
                    print(name, system, k, flush=True)
    _write(asked.runs, questions)


def _systems(question: Question, k: int, steps: int, together: Callable[[], LeafReader]) -> dict[str, Callable[[], pd.DataFrame]]:
    fold = question.folds[k]
    own: list[Any] = []

    def alone() -> Any:
        if not own:
            own.append(build_system("leaf", [*LEAF, f"training.steps={max(1, steps // 3)}"]))
            own[0].fit(question.part(fold, "train"), question.part(fold, "validation"), SEED)
        return own[0]

    def asked_of(model: Callable[[], Any], condition: str) -> Callable[[], pd.DataFrame]:
        def predict() -> pd.DataFrame:
            fitted = model().under(**CONDITIONS[condition])
            return question.predictions(condition, fold, lambda: fitted, fitted=lambda _: fitted)

        return predict

    plain = {"bandpower_lr": (), "ts_lr": (), "mindmix": EEGNET}
    systems: dict[str, Callable[[], pd.DataFrame]] = {f"joint, {name}": asked_of(together, name) for name in CONDITIONS}
    systems |= {f"alone, {name}": asked_of(alone, name) for name in CONDITIONS}
    for name, settings in plain.items():
        title = "eegnet" if settings else name
        systems[title] = lambda name=name, settings=settings, title=title: question.predictions(
            title, fold, lambda: build_system(name, settings, "labels")
        )
    return systems


def _write(runs: Path, questions: dict[str, Question]) -> None:
    found: dict[str, Any] = {}
    for name, question in questions.items():
        tables: dict[str, pd.DataFrame] = {}
        for path in sorted((runs / name).glob("*.parquet")):
            tables.setdefault(path.stem.rpartition("-")[0].replace("_", " ", 9), []).append(pd.read_parquet(path))  # type: ignore[attr-defined]
        tables = {system: pd.concat(parts, ignore_index=True) for system, parts in tables.items()}
        metrics = {system: window_metrics(table, "labels", SEED)[0] for system, table in tables.items()}
        pairs = [pair for pair in comparisons(tables, "labels", SEED) if pair["test"] == "paired t"]
        found[name] = {"protocol": question.protocol, "window_s": question.windows_s[0], "metrics": metrics, "comparisons": pairs}
    Path(__file__).with_name("results.json").write_text(json.dumps(found, separators=(",", ":"), default=float) + "\n")
    _write_table(found, questions)
    for name, entry in found.items():
        print(f"\n{name} ({entry['protocol']}, {entry['window_s']:g} s)")
        for system, metrics in entry["metrics"].items():
            told = metrics["balanced_accuracy"]
            low, high = (np.nan if end is None else end for end in told["ci95"])
            print(
                f"  {system:32} {told['mean']:.3f} [{low:.3f}, {high:.3f}] kappa {metrics['kappa']['mean']:.3f} chance {told['chance']:.2f}"
            )


def _write_table(found: dict[str, Any], questions: dict[str, Question]) -> None:
    """The table between the marks of README.md."""
    page = Path(__file__).with_name("README.md")
    before, _, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    lines = [["data (subjects, split)", "chance", *COLUMNS.values()], ["---"] * (2 + len(COLUMNS))]
    for name, entry in found.items():
        n_subjects, told = questions[name].store.index["subject"].nunique(), entry["metrics"]
        title = f"{name} ({n_subjects}, {entry['protocol']})"
        lines.append([title, f"{told['ts lr']['balanced_accuracy']['chance']:.2f}", *(_cell(told[system]) for system in COLUMNS)])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    page.write_text(f"{before}{_BEGIN}\n\n{table}\n\n{_END}{rest.partition(_END)[2]}", encoding="utf-8")


def _cell(metrics: dict[str, Any]) -> str:
    """Balanced accuracy with its interval, and kappa."""
    told = metrics["balanced_accuracy"]
    low, high = (np.nan if end is None else end for end in told["ci95"])
    return (
        f"{told['mean']:.3f} [{low:.3f}, {high:.3f}], κ {metrics['kappa']['mean']:.2f}".replace("0.", ".")
        .replace("κ .", "κ 0.")
        .replace("κ -.", "κ -0.")
    )


if __name__ == "__main__":
    main()
