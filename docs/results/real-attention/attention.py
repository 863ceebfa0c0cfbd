"""Who is listened to, on the two real recordings at hand: MindMix with and without alignment, beside the linear decoders.

    python docs/results/real-attention/attention.py STORES RUNS OUT [--audit full]

STORES holds the prepared stores cocktail, two_speaker_minute and synthetic. RUNs and predictions go below RUNS, where a
stopped run goes on; results.json and report.html of each set go below OUT. One process; one setting for everything, SETTINGS.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mindleaf.errors import BadInput
from mindleaf.evaluation.audit import audit
from mindleaf.evaluation.predict import SystemRun, run_system
from mindleaf.evaluation.prepared_rows import PreparedRows
from mindleaf.evaluation.result import Result
from mindleaf.fold import Fold
from mindleaf.protocols import PROTOCOLS, write_folds
from mindleaf.stages.align import AlignStage, align
from mindleaf.stages.question import EvaluateConfig, cutting
from mindleaf.stages.run_folder import read_exposure
from mindleaf.store.exposure import Exposure, exposure
from mindleaf.store.store import Store
from mindleaf.systems.registry import build_system
from mindleaf.systems.system import System
from mindleaf.tasks import build_task

#: The form and the batch of the synthetic proof; with so little data fewer steps and a look at the validation part more often.
#: Cut from 120 to 60 to 40 steps for want of processor time, after one seed from scratch had been seen.
SETTINGS = (
    "form=towers", "training.steps=40", "training.batch_size=48", "training.validate_every=5", "training.device=cpu",
)  # fmt: skip
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Question:
    """A data set, how it is split, and the windows that its test parts hold."""

    dataset: str
    protocol: str
    n_folds: int
    windows_s: tuple[float, ...]


QUESTIONS = (
    Question("cocktail", "between_trial", 4, (2.0, 5.0, 10.0, 60.0)),
    Question("two_speaker_minute", "blocked", 6, (2.0, 5.0, 10.0)),
)
NOTES = (
    "The form and batch are those of the synthetic proof. The number of steps was cut from 120 to 60 to 40 for want of processor time, after one seed from scratch had been seen; no setting was kept for its score.",
    "Three seeds of each form of MindMix. One part in each fold chooses the state of MindMix; the linear decoders train on it too.",
)


class Case:
    """One question with its stores and folds, and everything that is fitted to it."""

    def __init__(self, question: Question, stores: Path, runs: Path) -> None:
        self.question, self.runs = question, runs / question.dataset
        self.store, self.synthetic = Store(stores / question.dataset), Store(stores / "synthetic")
        self.folds = PROTOCOLS[question.protocol]().with_settings([f"n_folds={question.n_folds}"]).folds(self.store.index, 0)
        cut, _ = cutting(EvaluateConfig(task="attention"), self.store)
        self.rows = PreparedRows(self.store, None, build_task("attention"), 0, cut)

    def run(
        self, name: str, seed: int, build: Any, *, floor: bool = False, weights: str = "none", fitted: Any = None
    ) -> SystemRun:
        found = run_system(
            name, build, self.store, None, self.rows.task, self.folds, self.question.windows_s, seed, 2.0,
            weights=weights, floor=floor, fitted=fitted, prepared=self.rows,
        )  # fmt: skip
        shown = found.predictions().groupby("window_s")["correct"].mean().round(3).to_dict()
        print(f"{self.question.dataset}: {name}: {shown} in {found.seconds:.0f} s", flush=True)
        return found

    def fitted(self, form: str, seed: int, fold: Fold) -> System:
        """The fold's MindMix, from its RUN where there is one."""
        run = self.runs / f"{form}-{seed}" / fold.name
        if not (run / "sha256.json").exists():
            FORMS[form](self, seed, fold, run)
        system: Any = build_system("mindmix", SETTINGS, "candidates")
        system.load(run)
        return system

    def from_scratch(self, seed: int, fold: Fold, run: Path) -> None:
        """The closed-form start, then training, both on the fold's training part."""
        system: Any = build_system("mindmix", SETTINGS, "candidates")
        train, validation = (self.rows.examples(fold, part, 2.0, "candidates") for part in ("train", "validation"))
        system.fit(train, validation, seed)
        system.save(run, f"MindMix from scratch, {self.question.dataset}, fold {fold.name}, seed {seed}\n")

    def aligned(self, seed: int, fold: Fold, run: Path) -> None:
        """The synthetic set and the fold's training part together; the fold's validation part chooses the state."""
        split = self.runs / f"split-{fold.name}.json"
        split.parent.mkdir(parents=True, exist_ok=True)
        write_folds(split, [fold], store=self.store.content_sha256)
        wishes = [*(f"listener.{wish}" for wish in SETTINGS), f"listener.training.seed={seed}", "hop_s=null"]
        stores = [self.synthetic.path, self.store.path]
        align(AlignStage().with_settings(wishes), stores, run, splits=[split], resume=True, quiet=True)

    def refuse_contaminated(self, seed: int) -> None:
        """BadInput where an aligned RUN has seen its own fold's test part."""
        for fold in self.folds:
            run, test = self.runs / f"aligned-{seed}" / fold.name, self.rows.examples(fold, "test", 2.0, "candidates")
            if why := read_exposure(run).contaminates(self.store, test.rows, fold.group):
                raise BadInput(f"{run} is not clean for fold {fold.name} ({why}); remove it and run again.")

    def systems(self) -> list[SystemRun]:
        runs = [self.run(name, 0, partial(build_system, name, (), "candidates"), floor=True) for name in ("trf", "cca")]
        plain = partial(build_system, "mindmix", SETTINGS, "candidates")
        before = self._synthetic_exposure()
        for form in FORMS:
            for seed in SEEDS:
                fitted = partial(self.fitted, form, seed)
                runs.append(self.run(f"mindmix, {form}, seed {seed}", seed, plain, weights=form, fitted=fitted))
                if form == "aligned":
                    self.refuse_contaminated(seed)
                    # What all folds share; of the set itself each has seen its own training and validation part.
                    runs[-1].exposure = before
        return runs

    def _synthetic_exposure(self) -> Exposure:
        return exposure(self.synthetic, self.synthetic.windows(2.0))


#: How a fold's MindMix comes about.
FORMS: dict[str, Callable[[Case, int, Fold, Path], None]] = {"from scratch": Case.from_scratch, "aligned": Case.aligned}


def answer(case: Case, out: Path, depth: Any) -> None:
    runs, question = case.systems(), case.question
    builds: dict[str, Any] = {name: partial(build_system, name, (), "candidates") for name in ("trf", "cca")}
    builds["mindmix, from scratch, seed 0"] = partial(build_system, "mindmix", SETTINGS, "candidates")
    # The seeds differ in their draws alone: one of each form is audited.
    audited = [run for run in runs if "seed" not in run.name or "seed 0" in run.name]
    rows = audit(audited, case.folds, case.store, None, case.rows.task, 0, depth, builds, refit_budget_s=300.0)
    result = Result(
        runs, case.folds, question.dataset, case.rows.task.title, question.protocol, "candidates", 0, audits=rows,
        audit_depth=depth, notes=NOTES, provenance={"store sha256": case.store.content_sha256},
    )  # fmt: skip
    result.write(case.runs)
    target = out / question.dataset
    target.mkdir(parents=True, exist_ok=True)
    for name in ("results.json", "report.html"):
        shutil.copy(case.runs / name, target / name)


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--audit", choices=("quick", "full"), default="quick")
    parser.add_argument("--only", choices=[question.dataset for question in QUESTIONS])
    asked = parser.parse_args(words)
    for question in QUESTIONS:
        if asked.only in (None, question.dataset):
            answer(Case(question, asked.stores, asked.runs), asked.out, asked.audit)


if __name__ == "__main__":
    main()
