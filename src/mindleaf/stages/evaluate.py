"""evaluate, audit: systems and RUNs on a store -> results.json, predictions.parquet, report.html."""

from __future__ import annotations

import copy
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

from mindleaf.errors import BadInput
from mindleaf.evaluation.audit import audit
from mindleaf.evaluation.predict import PreparedRows, SystemRun, run_system
from mindleaf.evaluation.result import Result
from mindleaf.evaluation.verdict import AuditRow
from mindleaf.fold import Fold
from mindleaf.preprocessing.filtering import usable_band
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.protocols import write_folds
from mindleaf.stages.contestants import Contestant, contestant, floor, shared_folds
from mindleaf.stages.progress import bar
from mindleaf.stages.question import EvaluateConfig, cutting
from mindleaf.stages.summary import tell
from mindleaf.store.store import Store
from mindleaf.systems.system import System
from mindleaf.tasks import Task, build_task

#: Refits of the full audit may not take longer than this in all, per system (seconds).
_REFIT_BUDGET_S = 1200.0


def evaluate(
    config: EvaluateConfig, store_path: Path, models: Sequence[str], out: Path, *, test_store: Path | None = None,
    split: Path | None = None, quiet: bool = False,
) -> Result:  # fmt: skip
    """Fit and score every model in every fold beside the linear floor, audit them, write the three files into ``out``."""
    store = Store(store_path)
    if test_store:
        raise BadInput("--test-store wants the protocol cross_dataset, which is not there yet; evaluate within one store.")
    task = build_task(config.task, target=config.target)
    contestants = [contestant(name, config, task) for name in models]
    folds, protocol = shared_folds(config, store, split, models, task)
    named = [c.name for c in contestants]
    if len(set(named)) < len(named):
        raise BadInput(
            f"--model: {max(named, key=named.count)} comes twice; rename one RUN's folder or evaluate them one at a time."
        )
    if config.floor:
        contestants += floor(config, task, named)
    cut, windows_s = cutting(config, store)
    prepared = PreparedRows(store, None, task, config.seed, cut)
    runs = [_run(c, store, task, folds, windows_s, config, prepared, quiet) for c in contestants]
    audits = _audited(runs, contestants, folds, store, task, config, quiet)
    result = Result(
        runs, folds, store.dataset, task.title, protocol, task.asks, config.seed, _commit(), audits, config.depth,
        notes=(*config.notes, *_store_notes(store)), provenance=_provenance(store),
    )  # fmt: skip
    result.write(out)
    write_folds(out / "folds.json", folds, protocol=protocol, seed=config.seed, store=store.content_sha256)
    tell(result, out, quiet)
    return result


def evaluate_on(
    model: str | Path | System, store: Store, task: str, folds: Sequence[Fold], windows_s: Sequence[float] = (), seed: int = 0
) -> Result:
    """Fit and score one model on the given folds beside the linear floor, with the quick audit (``ml.evaluate``).

    model: a system's name, a RUN folder, or a system of one's own. The result is not written; see ``Result.write`` and
    ``Result.report``. Windows are cut as on the command line: from the data set's analysis interval where it has one.
    """
    question = build_task(task)
    config = EvaluateConfig(task=task, windows_s=tuple(windows_s), seed=seed)
    cut, lengths = cutting(config, store)
    if isinstance(model, str | Path):
        first = contestant(str(model), config, question)
    else:
        first = Contestant(model.name, partial(copy.deepcopy, model))
    contestants = [first, *floor(config, question, [first.name])]
    prepared = PreparedRows(store, None, question, seed, cut)
    runs = [_run(c, store, question, folds, lengths, config, prepared, quiet=True) for c in contestants]
    audits = _audited(runs, contestants, folds, store, question, config, quiet=True)
    protocol = ", ".join(sorted({fold.group for fold in folds}))
    return Result(runs, folds, store.dataset, question.title, protocol, question.asks, seed, _commit(), audits, config.depth,
                  notes=_store_notes(store), provenance=_provenance(store))  # fmt: skip


def _run(
    entrant: Contestant, store: Store, task: Task, folds: Sequence[Fold], windows_s: Sequence[float],
    config: EvaluateConfig, prepared: PreparedRows, quiet: bool,
) -> SystemRun:  # fmt: skip
    with bar(entrant.name, len(folds) * len(windows_s), quiet) as advance:
        run = run_system(
            entrant.name, entrant.build, store, None, task, folds, windows_s, config.seed, config.train_window_s,
            weights=entrant.weights, floor=entrant.floor, fitted=entrant.fitted, prepared=prepared,
            on_cell=lambda cell: advance(f"fold {cell.fold.name}, {cell.window_s:g} s"),
        )  # fmt: skip
    for why in _contaminations(entrant, run):
        run.status, run.why = "contaminated", why
    return run


def _contaminations(entrant: Contestant, run: SystemRun) -> Iterator[str]:
    if entrant.exposure is not None:
        for cell in run.cells:
            why = entrant.exposure.contaminates(cell.test.store, cell.test.rows, cell.fold.group)
            if why:
                yield why
                return


def _audited(
    runs: list[SystemRun], contestants: list[Contestant], folds: Sequence[Fold], store: Store, task: Task,
    config: EvaluateConfig, quiet: bool,
) -> Mapping[str, Sequence[AuditRow]]:  # fmt: skip
    builds = {c.name: c.build for c in contestants if c.fitted is None}
    with bar(f"audit ({config.depth})", None, quiet) as advance:
        return audit(
            runs, folds, store, None, task, config.seed, config.depth, builds, refit_budget_s=_REFIT_BUDGET_S,
            on_row=lambda name, row: advance(f"{name}: {row.control}"),
        )  # fmt: skip


def _store_notes(store: Store) -> list[str]:
    """What the report must say of the data: issues the readers noticed, bands that had to be lowered, facts nobody verified."""
    codes = Counter(issue["code"] for recording in store.recordings.values() for issue in recording.issues)
    notes = [f"A reader noticed {code} in {n} recording(s)." for code, n in codes.items()]
    assert MINDMIX.band is not None
    lowered = {usable_band(MINDMIX.band, r.sfreq)[1] for r in store.recordings.values()} - {MINDMIX.band[1]}
    notes += [f"Recorded too slowly for {MINDMIX.band[1]:g} Hz: MindMix's band ends at {edge:g} Hz." for edge in sorted(lowered)]
    unverified = store.facts.get("unverified") or []
    return notes + ([f"Not verified on the files: {'; '.join(unverified)}."] if unverified else [])


def _provenance(store: Store) -> dict[str, str]:
    packages = {name: version(name) for name in ("mindleaf", "torch", "numpy", "scipy", "mne", "scikit-learn")}
    return {"store sha256": store.content_sha256, "data licence": str(store.facts.get("licence", "unknown")), **packages}


def _commit() -> str:
    """The commit of the source tree the package runs from, "" where it is no checkout."""
    folder = Path(__file__).resolve().parent
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
