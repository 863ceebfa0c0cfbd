"""evaluate, audit: systems and RUNs on a store -> results.json, predictions.parquet, report.html."""

from __future__ import annotations

import copy
import math
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Literal, Self

import pandas as pd
from rich.table import Table

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.evaluation.audit import audit
from mindleaf.evaluation.predict import PreparedRows, SystemRun, run_system
from mindleaf.evaluation.result import Result
from mindleaf.fold import Fold
from mindleaf.protocols import PROTOCOLS, able_protocols, read_folds, read_split_facts, write_folds
from mindleaf.stages.progress import bar, console
from mindleaf.stages.run_folder import is_run, read_exposure
from mindleaf.store.exposure import Exposure
from mindleaf.store.store import Store
from mindleaf.systems import SYSTEMS
from mindleaf.systems.registry import build_system, floor_for
from mindleaf.systems.system import System
from mindleaf.tasks import Task, build_task

#: Refits of the full audit may not take longer than this in all, per system (seconds).
_REFIT_BUDGET_S = 1200.0
#: An analysis interval up to this length is one window; a longer one is cut into windows of the second length (seconds).
_LONGEST_INTERVAL_S, _WINDOW_S = 10.0, 2.0


class EvaluateConfig(Config):
    """What is asked, of which windows, under which split.

    windows_s   lengths in seconds; empty: the data set's analysis interval where that is 10 s or less, else 2 s
    start_s, stop_s   part of each trial that windows are cut from; None: the data set's analysis interval, else all of it
    hop_s       from one window to the next; None: end to end
    settings    "protocol.x=y" and "SYSTEM.x=y" wishes, applied where the protocol and the systems are built
    """

    task: str
    protocol: str | None = None
    windows_s: tuple[float, ...] = ()
    start_s: float | None = None
    stop_s: float | None = None
    hop_s: float | None = None
    target: Literal["side", "talker"] = "side"
    train_window_s: float | None = None
    seed: int = 0
    depth: Literal["quick", "full"] = "quick"
    floor: bool = True
    notes: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    device: str = "auto"

    @classmethod
    def of(
        cls, task: str, protocol: str | None, window: str | None, target: str, seed: int, depth: str, settings: Sequence[str],
        device: str = "auto", floor: bool = True,
    ) -> Self:  # fmt: skip
        """From the command line's words; raises BadInput naming the word that does not fit."""
        owners = {"protocol", "system", *SYSTEMS}
        theirs = tuple(s for s in settings if s.partition(".")[0] in owners)
        values = {
            "task": task, "protocol": protocol, "windows_s": _lengths(window), "target": target, "seed": seed, "depth": depth,
            "floor": floor, "device": device, "settings": theirs,
        }  # fmt: skip
        return cls.checked(values, "the command line").with_settings([s for s in settings if s not in theirs])

    def settings_of(self, owner: str) -> list[str]:
        own = [s.partition(".")[2] for s in self.settings if s.partition(".")[0] == owner]
        return [f"training.device={self.device}", *own] if owner == "mindmix" else own


def _lengths(window: str | None) -> tuple[float, ...]:
    try:
        lengths = tuple(sorted(float(part) for part in window.split(","))) if window else ()
    except ValueError:
        lengths = (math.nan,)
    if not all(0 < length < math.inf for length in lengths):
        raise BadInput(f"--window wants lengths in seconds such as 2,5,10, got {window!r}.")
    return lengths


@dataclass(frozen=True)
class Contestant:
    """One row-to-be: how it is built, or where its fitted models lie, and what it had seen before."""

    name: str
    build: Callable[[], System]
    fitted: Callable[[Fold], System] | None = None
    weights: str = "none"
    exposure: Exposure | None = None
    floor: bool = False


def evaluate(
    config: EvaluateConfig, store_path: Path, models: Sequence[str], out: Path, *, test_store: Path | None = None,
    split: Path | None = None, quiet: bool = False,
) -> Result:  # fmt: skip
    """Fit and score every model in every fold beside the linear floor, audit them, write the three files into ``out``."""
    store = Store(store_path)
    other = Store(test_store) if test_store else None
    task = build_task(config.task, target=config.target)
    contestants = [_contestant(name, config, task, store) for name in models]
    folds, protocol = _folds(config, store, split, models, task)
    named = [c.name for c in contestants]
    if len(set(named)) < len(named):
        raise BadInput(
            f"--model: {max(named, key=named.count)} comes twice; rename one RUN's folder or evaluate them one at a time."
        )
    if config.floor:
        present = {c.name for c in contestants}
        contestants += [_floor(name, config, task) for name in floor_for(config.task) if name not in present]
    cut, windows_s = cutting(config, store)
    prepared = PreparedRows(store, other, task, config.seed, cut)
    runs = [_run(c, store, other, task, folds, windows_s, config, prepared, quiet) for c in contestants]
    audits = _audited(runs, contestants, folds, store, other, task, config, quiet)
    result = Result(
        runs, folds, store.dataset, task.title, protocol, task.asks, config.seed, _commit(), audits, config.depth,
        notes=(*config.notes, *_store_notes(store)), provenance=_provenance(store),
    )  # fmt: skip
    result.write(out)
    write_folds(out / "folds.json", folds, protocol=protocol, seed=config.seed, store=store.content_sha256)
    tell(result, out, quiet)
    return result


def evaluate_on(
    model: str | Path | System, store: Store, task: str, folds: Sequence[Fold], windows_s: Sequence[float] = (2.0,), seed: int = 0
) -> Result:
    """Fit and score one model on the given folds beside the linear floor, with the quick audit (``ml.evaluate``).

    model: a system's name, a RUN folder, or a system of one's own. The result is not written; see ``Result.write`` and
    ``Result.report``.
    """
    question = build_task(task)
    config = EvaluateConfig(task=task, windows_s=tuple(windows_s), seed=seed)
    if isinstance(model, str | Path):
        contestant = _contestant(str(model), config, question, store)
    else:
        contestant = Contestant(model.name, partial(copy.deepcopy, model))
    contestants = [contestant, *(_floor(name, config, question) for name in floor_for(task) if name != contestant.name)]
    prepared = PreparedRows(store, None, question, seed)
    runs = [_run(c, store, None, question, folds, windows_s, config, prepared, quiet=True) for c in contestants]
    audits = _audited(runs, contestants, folds, store, None, question, config, quiet=True)
    protocol = ", ".join(sorted({fold.group for fold in folds}))
    return Result(runs, folds, store.dataset, question.title, protocol, question.asks, seed, _commit(), audits, config.depth,
                  notes=_store_notes(store), provenance=_provenance(store))  # fmt: skip


def folds_of(config: EvaluateConfig, store: Store) -> list[Fold]:
    """The folds that the named protocol cuts from the store's trials."""
    if config.protocol is None:
        raise BadInput(f"--protocol is needed; these can serve {store.dataset}: {', '.join(able_protocols(store.index))}.")
    if config.protocol not in PROTOCOLS:
        raise BadInput(f"protocol {config.protocol!r} is not known; there are: {', '.join(PROTOCOLS)}.")
    wishes = config.settings_of("protocol")
    kind = PROTOCOLS[config.protocol]
    if "window_s" in kind.model_fields and config.windows_s and not any(w.startswith("window_s=") for w in wishes):
        wishes.append(f"window_s={config.windows_s[0]}")
    start_s, stop_s = _interval(config, store)
    if "interval" in kind.model_fields and stop_s is not None and not any(w.startswith("interval=") for w in wishes):
        wishes.append(f"interval=[{start_s},{stop_s}]")
    return kind().with_settings(wishes).folds(store.index, config.seed)


def _folds(config: EvaluateConfig, store: Store, split: Path | None, models: Sequence[str], task: Task) -> tuple[list[Fold], str]:
    tuned = [Path(m) for m in models if is_run(m) and (Path(m) / "folds.json").exists()]
    if tuned:
        return _tuned_folds(config, store, split, tuned, task)
    if split:
        return read_folds(split), str(read_split_facts(split).get("protocol", "split file"))
    folds = folds_of(config, store)
    return folds, str(config.protocol)


def _tuned_folds(
    config: EvaluateConfig, store: Store, split: Path | None, runs: Sequence[Path], task: Task
) -> tuple[list[Fold], str]:
    """The folds that every fine-tuned RUN wrote; BadInput where one was made for another question, or they differ."""
    for run in runs:
        facts = read_split_facts(run / "folds.json")
        asked = {
            "protocol": config.protocol or facts["protocol"],
            "seed": config.seed,
            "store": store.content_sha256,
            "task": task.title,
        }
        other = [name for name, value in asked.items() if facts.get(name, value) != value] + ["split"] * (split is not None)
        if other:
            raise BadInput(
                f"{run} was fine-tuned for {facts.get('task', 'its task')} under protocol {facts['protocol']}, seed {facts['seed']}, and is "
                f"evaluated on exactly its own folds; another {' and '.join(other)} was asked for: drop it, or give the RUN it started from."
            )
    folds = read_folds(runs[0] / "folds.json")
    for run in runs[1:]:
        if [fold.to_json() for fold in read_folds(run / "folds.json")] != [fold.to_json() for fold in folds]:
            raise BadInput(f"{runs[0]} and {run} were fine-tuned on different folds; evaluate them one at a time.")
    return folds, read_split_facts(runs[0] / "folds.json")["protocol"]


def _contestant(name: str, config: EvaluateConfig, task: Task, store: Store) -> Contestant:
    if is_run(name):
        return _run_contestant(Path(name), config, task, store)
    if name not in SYSTEMS and ":" not in name:
        raise BadInput(f"--model {name}: neither a system ({', '.join(SYSTEMS)}), nor package.module:Class, nor a RUN folder.")
    owner = name if name in SYSTEMS else "system"
    return Contestant(
        name,
        partial(build_system, name, config.settings_of(owner), task.asks),
        weights="from scratch" if name == "mindmix" else "none",
    )


def _run_contestant(run: Path, config: EvaluateConfig, task: Task, store: Store) -> Contestant:
    seen = read_exposure(run)
    name = f"mindmix ({run.name})"
    build = partial(build_system, "mindmix", config.settings_of("mindmix"), task.asks)
    if (run / "folds.json").exists():
        names = [fold.name for fold in read_folds(run / "folds.json")]

        def fitted(fold: Fold) -> System:
            system = build()
            system.load(run / "folds" / f"{names.index(fold.name):03d}")  # type: ignore[attr-defined]
            return system

        # Its own folds are clean by construction; what it started from is what must be checked.
        return Contestant(name, build, fitted, weights=run.name, exposure=seen)
    start = partial(build_system, "mindmix", [*config.settings_of("mindmix"), f'start="{run}"'], task.asks)
    return Contestant(name, start, weights=run.name, exposure=seen)


def _floor(name: str, config: EvaluateConfig, task: Task) -> Contestant:
    return Contestant(name, partial(build_system, name, config.settings_of(name), task.asks), floor=True)


def cutting(config: EvaluateConfig, store: Store) -> tuple[Callable[[Store, float], pd.DataFrame], list[float]]:
    """How windows are cut from a store, and the lengths to cut."""
    start_s, stop_s = _interval(config, store)
    length = (stop_s or math.inf) - start_s
    windows_s = list(config.windows_s) or [length if length <= _LONGEST_INTERVAL_S else _WINDOW_S]

    def cut(store: Store, window_s: float) -> pd.DataFrame:
        return store.windows(window_s, config.hop_s, start_s, stop_s=stop_s)

    return cut, windows_s


def _interval(config: EvaluateConfig, store: Store) -> tuple[float, float | None]:
    start_s, stop_s = store.facts.get("interval") or (0.0, None)
    return start_s if config.start_s is None else config.start_s, stop_s if config.stop_s is None else config.stop_s


def _run(
    contestant: Contestant, store: Store, other: Store | None, task: Task, folds: Sequence[Fold], windows_s: Sequence[float],
    config: EvaluateConfig, prepared: PreparedRows, quiet: bool,
) -> SystemRun:  # fmt: skip
    with bar(contestant.name, len(folds) * len(windows_s), quiet) as advance:
        run = run_system(
            contestant.name, contestant.build, store, other, task, folds, windows_s, config.seed, config.train_window_s,
            weights=contestant.weights, floor=contestant.floor, fitted=contestant.fitted, prepared=prepared,
            on_cell=lambda cell: advance(f"fold {cell.fold.name}, {cell.window_s:g} s"),
        )  # fmt: skip
    for why in _contaminations(contestant, run):
        run.status, run.why = "contaminated", why
    return run


def _contaminations(contestant: Contestant, run: SystemRun) -> Iterator[str]:
    if contestant.exposure is not None:
        for cell in run.cells:
            why = contestant.exposure.contaminates(cell.test.store, cell.test.rows, cell.fold.group)
            if why:
                yield why
                return


def _audited(
    runs: list[SystemRun], contestants: list[Contestant], folds: Sequence[Fold], store: Store, other: Store | None, task: Task,
    config: EvaluateConfig, quiet: bool,
):  # fmt: skip
    builds = {c.name: c.build for c in contestants if c.fitted is None}
    with bar(f"audit ({config.depth})", None, quiet) as advance:
        return audit(
            runs, folds, store, other, task, config.seed, config.depth, builds, refit_budget_s=_REFIT_BUDGET_S,
            on_row=lambda name, row: advance(f"{name}: {row.control}"),
        )  # fmt: skip


def tell(result: Result, out: Path, quiet: bool) -> None:
    """A short table for the terminal; everything else is in the report."""
    content = result.to_json()
    primary = "accuracy" if result.asks == "candidates" else "balanced_accuracy"
    mark = f" [bold red]{content['mark']}[/]" if content.get("mark") else ""
    table = Table(title=f"{result.dataset} · {result.task} · {result.protocol}{mark}", title_justify="left")
    for heading in ("system", "window", primary.replace("_", " "), "95 % interval", "chance", "status", "audit"):
        table.add_column(heading)
    for system in content["systems"]:
        rows = result.audits.get(system["name"], ())
        failed = sum(row.status == "fail" for row in rows)
        verdict = f"{failed} failed" if failed else f"{sum(row.status == 'pass' for row in rows)} passed"
        metric = system["metrics"].get(primary)
        numbers = (
            (_number(metric["mean"]), " … ".join(map(_number, metric["ci95"])), _number(metric["chance"]))
            if metric
            else ("–",) * 3
        )
        table.add_row(
            system["name"], f"{system['window_s']:g} s" if system["window_s"] else "–", *numbers, system["status"], verdict
        )
    terminal = console(quiet)
    terminal.print(table)
    for name, row in result.failures:
        terminal.print(f"  {name}: {row.control} FAILED. {row.why}", markup=False)
    terminal.print(f"report: {out / 'report.html'}", markup=False)


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _store_notes(store: Store) -> list[str]:
    counts: dict[str, int] = {}
    for recording in store.recordings.values():
        for issue in recording.issues:
            counts[issue["code"]] = counts.get(issue["code"], 0) + 1
    return [f"A reader noticed {code} in {n} recording(s)." for code, n in counts.items()]


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
