"""benchmark: every system on every question of a suite, cell by cell, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import resource
import threading
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from mindleaf.config import Config
from mindleaf.errors import plain_warnings
from mindleaf.protocols import PROTOCOLS
from mindleaf.stages.cells import Cell, Outcome, is_finished, outcome_of
from mindleaf.stages.data_at_hand import DataAtHand
from mindleaf.stages.progress import bar
from mindleaf.stages.question import EvaluateConfig
from mindleaf.store.files import read_json, write_json
from mindleaf.systems import SYSTEMS

#: Folds of systems too large to be trained whole: a linear probe in each.
_FOLDS_OF_LARGE = 3
_COST, _ERROR = "cost.json", "error.txt"


@dataclass(frozen=True)
class Question:
    """What is asked of every system: a data set, a task and a split; ``test_dataset``: where the test windows come from."""

    dataset: str
    task: str
    protocol: str
    windows_s: tuple[float, ...] = ()
    settings: tuple[str, ...] = ()
    test_dataset: str = ""

    @property
    def title(self) -> str:
        sets = f"{self.dataset} → {self.test_dataset}" if self.test_dataset else self.dataset
        return f"{sets}: {self.task}, {self.protocol}"

    @property
    def mark(self) -> str:
        """The mark of its split: "LEAKY", "WITHIN-TRIAL" or empty."""
        of = [setting.partition("=")[2] for setting in self.settings if setting.startswith("protocol.of=")]
        return PROTOCOLS[of[0] if of else self.protocol].mark


@dataclass(frozen=True)
class Suite:
    """Questions and the systems that are asked them."""

    title: str
    questions: Sequence[Question]
    systems: Sequence[str]
    notes: tuple[str, ...] = ()


class BenchmarkConfig(Config):
    """budget_s: seconds of training of a cell, over all its folds (0: none) · seeds: how many · workers: cells at a time."""

    budget_s: float = 60.0
    seeds: int = 1
    workers: int = 1
    seed: int = 0
    device: str = "auto"
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What came out of a cell: its outcome, and what its own process used (None where it was answered without one)."""

    question: Question
    system: str
    seed: int
    outcome: Outcome
    peak_mb: float | None = None


def answers(suite: Suite, at_hand: DataAtHand, out: Path, config: BenchmarkConfig, quiet: bool = False) -> list[Answer]:
    """All answers of the suite, in its order. What an earlier call finished is read, what it was killed in begins again.

    A cell whose process dies is an answer, too ("failed", with the reason), and is asked again the next time.
    """
    asked = list(_cells(suite, at_hand, config))
    found: dict[tuple[Question, str, int], Answer] = {}
    with bar("benchmark", len(asked), quiet) as advance, ThreadPoolExecutor(config.workers) as pool:
        waiting = {pool.submit(_answered, cell, out): (question, system, seed) for question, system, seed, cell in asked}
        try:
            for done in as_completed(waiting):
                question, system, seed = waiting[done]
                outcome, peak = done.result()
                found[question, system, seed] = Answer(question, system, seed, outcome, peak)
                advance(f"{question.title}: {system}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise
    return [found[question, system, seed] for question, system, seed, _ in asked]


def _cells(suite: Suite, at_hand: DataAtHand, config: BenchmarkConfig) -> Iterator[tuple[Question, str, int, Cell]]:
    for question in suite.questions:
        store = at_hand.store(question.dataset).path
        test = at_hand.store(question.test_dataset).path if question.test_dataset else None
        for system in suite.systems:
            for seed in range(config.seed, config.seed + config.seeds):
                yield question, system, seed, Cell(system, _config(question, system, seed, config), store, test)


def _config(question: Question, system: str, seed: int, config: BenchmarkConfig) -> EvaluateConfig:
    own = tuple(s for s in config.settings if s.partition(".")[0] in ("protocol", system))
    trained = system in SYSTEMS and SYSTEMS[system].trained
    return EvaluateConfig(
        task=question.task, protocol=question.protocol, windows_s=question.windows_s, seed=seed, device=config.device, floor=False,
        limit_s=config.budget_s if trained else 0.0, settings=(*question.settings, *_of_large(question, system), *own),
    )  # fmt: skip


def _of_large(question: Question, system: str) -> tuple[str, ...]:
    """A system above five million parameters is probed, in three folds."""
    if system not in SYSTEMS or not SYSTEMS[system].large:
        return ()
    folds = (f"protocol.n_folds={_FOLDS_OF_LARGE}",) if "n_folds" in PROTOCOLS[question.protocol].model_fields else ()
    return (*folds, f'{system}.adapt="probe"')


def _answered(cell: Cell, out: Path) -> tuple[Outcome, float | None]:
    """The outcome of a cell from a process of its own, which may die without taking anything along."""
    folder = out / cell.name()
    if is_finished(cell, out):
        return outcome_of(cell, out), read_json(folder / _COST).get("peak_mb")
    (folder / _ERROR).unlink(missing_ok=True)
    # Forked from a server that has imported what all cells need: importing takes longer than many a cell.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mindleaf.stages.cells", "mindleaf.systems.neural"])
    here, there = context.Pipe()
    process = context.Process(target=_work, args=(cell, out, there), daemon=True)
    process.start()
    there.close()
    try:
        found = here.recv()
    except EOFError:
        found = None
    process.join()
    return found or (Outcome("failed", _why_failed(folder, process.exitcode or 0), "", ()), None)


def _work(cell: Cell, out: Path, there: Connection) -> None:
    """In the child: evaluate, note what it took, and send both home."""
    folder = out / cell.name()
    plain_warnings()
    threading.Thread(target=_end_with_caller, args=(there,), daemon=True).start()
    try:
        outcome = outcome_of(cell, out)
    except Exception:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _ERROR).write_text(traceback.format_exc())
        raise SystemExit(1) from None
    peak_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    if is_finished(cell, out):
        write_json(folder / _COST, {"peak_mb": peak_mb})
    there.send((outcome, peak_mb))


def _end_with_caller(there: Connection) -> None:
    """Nothing is ever sent this way, so what comes is the end of the caller, killed as it may be: two must never work on one cell."""
    try:
        there.recv()
    except (EOFError, OSError):
        os._exit(1)


def _why_failed(folder: Path, code: int) -> str:
    if (folder / _ERROR).is_file():
        return f"it stopped with {(folder / _ERROR).read_text().strip().splitlines()[-1]}; all of it is in {folder.name}/{_ERROR}"
    return f"its process was ended by signal {-code}" if code < 0 else f"its process ended with code {code}"
