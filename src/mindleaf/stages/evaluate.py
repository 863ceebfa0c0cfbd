"""evaluate, audit: systems and RUNs on a store -> results.json, predictions.parquet, report.html."""

from __future__ import annotations

import copy
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

from mindleaf.errors import BadInput
from mindleaf.evaluation.audit import audit
from mindleaf.evaluation.overlap import shared_sounds
from mindleaf.evaluation.predict import SystemRun, run_system
from mindleaf.evaluation.prepared_rows import PreparedRows
from mindleaf.evaluation.result import Result
from mindleaf.evaluation.verdict import AuditRow
from mindleaf.fold import Fold
from mindleaf.preprocessing.filtering import usable_band
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.protocols import write_folds
from mindleaf.stages.contestants import Contestant, entrants, floor, refuse_unused, shared_folds
from mindleaf.stages.progress import bar
from mindleaf.stages.question import EvaluateConfig, cutting
from mindleaf.stages.summary import tell
from mindleaf.stages.two_stores import comparison_notes
from mindleaf.store.store import Store
from mindleaf.systems.system import System
from mindleaf.tasks import Task, build_task

#: Refits of the full audit may not take longer than this in all, per system (seconds).
_REFIT_BUDGET_S = 1200.0


def evaluate(
    config: EvaluateConfig, store_path: Path, models: Sequence[str], out: Path, *, test_store: Path | None = None,
    split: Path | None = None, quiet: bool = False,
) -> Result:  # fmt: skip
    """Fit and score every model in every fold beside the linear floor, audit them, and write the three files into ``out``.

    ``test_store``: another store, from which the test windows come and to which nothing is fitted.
    """
    store = Store(store_path)
    tested = Store(test_store) if test_store else None
    task = build_task(config.task, target=config.target)
    folds, protocol = shared_folds(config, store, split, models, task, tested)
    contestants = [entrant for name in models for entrant in entrants(name, config.per_fit(len(folds)), task)]
    named = [c.name for c in contestants]
    if len(set(named)) < len(named):
        raise BadInput(
            f"--model: {max(named, key=named.count)} comes twice; rename one RUN's folder or evaluate them one at a time."
        )
    if config.floor:
        contestants += floor(config, task, named)
    refuse_unused(config, contestants)
    result = _result(contestants, store, tested, task, folds, protocol, config, quiet)
    result.write(out)
    of_test_store = {"test_store": tested.content_sha256} if tested else {}
    write_folds(out / "folds.json", folds, protocol=protocol, seed=config.seed, store=store.content_sha256, **of_test_store)
    tell(result, out, quiet)
    return result


def evaluate_on(
    model: str | Path | System, store: Store, task: str, folds: Sequence[Fold], windows_s: Sequence[float] = (), seed: int = 0,
    test_store: Store | None = None,
) -> Result:  # fmt: skip
    """Fit and score one model on the given folds beside the linear floor, with the quick audit (``ml.evaluate``).

    model: a system's name, a RUN folder, or a system of one's own. The result is not written; see ``Result.write`` and
    ``Result.report``. Windows are cut as on the command line: from the data set's analysis interval where it has one.
    test_store: where the test windows of the folds come from, where that is another store.
    """
    question = build_task(task)
    config = EvaluateConfig(task=task, windows_s=tuple(windows_s), seed=seed)
    if isinstance(model, str | Path):
        own = entrants(str(model), config, question)
    else:
        own = [Contestant(model.name, partial(copy.deepcopy, model))]
    contestants = [*own, *floor(config, question, [entrant.name for entrant in own])]
    protocol = ", ".join(sorted({fold.group for fold in folds}))
    return _result(contestants, store, test_store, question, folds, protocol, config, quiet=True)


def _result(
    contestants: Sequence[Contestant], store: Store, test_store: Store | None, task: Task, folds: Sequence[Fold], protocol: str,
    config: EvaluateConfig, quiet: bool,
) -> Result:  # fmt: skip
    """Every contestant run and audited on the same folds."""
    cut, windows_s = cutting(config, store)
    prepared = PreparedRows(store, test_store, task, config.seed, cut)
    runs = [(c, run) for c in contestants for run in _runs(c, prepared, folds, windows_s, config, quiet)]
    listed = [run for _, run in runs]
    builds = {run.name: c.build for c, run in runs if c.fitted is None}
    stores = [store] if test_store is None else [store, test_store]
    shared = known_sound_notes(task, folds, store, test_store)
    notes = [
        *config.notes,
        *shared,
        *comparison_notes(prepared, listed, windows_s),
        *(note for s in stores for note in _store_notes(s)),
    ]
    return Result(
        listed, folds, " -> ".join(s.dataset for s in stores), task.title, protocol, task.asks, config.seed, _commit(),
        _audited(listed, builds, folds, prepared, config, quiet), config.depth, notes=list(dict.fromkeys(notes)),
        provenance=_provenance(stores),
    )  # fmt: skip


def known_sound_notes(task: Task, folds: Sequence[Fold], store: Store, test_store: Store | None) -> list[str]:
    """For emotion: that sounds of the test occur in training, where they do."""
    known = shared_sounds(folds, store, test_store) if task.name == "emotion" else 0
    if not known:
        return []
    return [
        f"Up to {known} sound(s) of a test part are heard in training, too: whoever remembers a clip knows its label without EEG. The rows "
        "that hear show how much that is worth; split with leave_one_stimulus_out for a score that cannot rest on it."
    ]


def _runs(
    entrant: Contestant, prepared: PreparedRows, folds: Sequence[Fold], windows_s: Sequence[float], config: EvaluateConfig,
    quiet: bool,
) -> Iterator[SystemRun]:  # fmt: skip
    """One run, or one for each share of the training trials where the folds come in shares ("trf (25 %)")."""
    shares = sorted({fold.share for fold in folds})
    with bar(entrant.name, len(folds) * len(windows_s), quiet) as advance:
        for share in shares:
            run = run_system(
                entrant.name if len(shares) == 1 else f"{entrant.name} ({share:.0%})", entrant.build, prepared.store, None,
                prepared.task, [fold for fold in folds if fold.share == share], windows_s, config.seed, config.train_window_s,
                weights=entrant.weights, floor=entrant.floor, fitted=entrant.fitted, prepared=prepared,
                on_cell=lambda cell: advance(f"fold {cell.fold.name}, {cell.window_s:g} s"),
            )  # fmt: skip
            run.share, run.exposure = share, entrant.exposure
            for why in _contaminations(entrant, run):
                run.status, run.why = "contaminated", why
            yield run


def _contaminations(entrant: Contestant, run: SystemRun) -> Iterator[str]:
    for cell in run.cells[:1]:
        if cell.test.store.dataset in getattr(cell.system, "saw", ()):
            yield f"its weights were pretrained by others on {cell.test.store.dataset}, the data it is tested on"
    if entrant.exposure is not None:
        for cell in run.cells:
            why = entrant.exposure.contaminates(cell.test.store, cell.test.rows, cell.fold.group)
            if why:
                yield why
                return


def _audited(
    runs: list[SystemRun], builds: Mapping[str, Callable[[], System]], folds: Sequence[Fold], prepared: PreparedRows,
    config: EvaluateConfig, quiet: bool,
) -> Mapping[str, Sequence[AuditRow]]:  # fmt: skip
    with bar(f"audit ({config.depth})", None, quiet) as advance:
        return audit(
            runs, folds, prepared.store, prepared.test_store, prepared.task, config.seed, config.depth, builds,
            refit_budget_s=_REFIT_BUDGET_S, on_row=lambda name, row: advance(f"{name}: {row.control}"),
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


def _provenance(stores: Sequence[Store]) -> dict[str, str]:
    packages = {name: version(name) for name in ("mindleaf", "torch", "numpy", "scipy", "mne", "scikit-learn")}
    told = {}
    for prefix, store in zip(("", "test "), stores, strict=False):
        told[f"{prefix}store sha256"] = store.content_sha256
        told[f"{prefix}data licence"] = str(store.facts.get("licence", "unknown"))
    return told | packages


def _commit() -> str:
    """The commit of the source tree the package runs from, "" where it is no checkout."""
    folder = Path(__file__).resolve().parent
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
