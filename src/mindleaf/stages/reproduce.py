"""reproduce: a table of a paper, filled for the data sets at hand, with the published values beside ours."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mindleaf.errors import BadInput
from mindleaf.evaluation.sheets import Drawing, Page, Sheet
from mindleaf.interpret.published import Bars, comparison_figure
from mindleaf.protocols import PROTOCOLS
from mindleaf.stages.cells import Cell, Outcome, is_built, outcome_of
from mindleaf.stages.data_at_hand import DataAtHand
from mindleaf.stages.progress import bar
from mindleaf.stages.question import EvaluateConfig
from mindleaf.systems import SYSTEMS
from mindleaf.tasks import build_task

COLUMNS = ("system", "metric", "ours", "95 % interval", "over", "chance", "published", "how published", "status", "audit")
_NO_INTERVAL = "none: one trial"


@dataclass(frozen=True)
class Published:
    """A value as printed: mean and standard deviation (as text), and under which variant (window, share, pipeline)."""

    entrant: str
    dataset: str
    metric: str
    value: str
    sd: str = ""
    variant: str = ""

    def __str__(self) -> str:
        return f"{self.value} ± {self.sd}" if self.sd else self.value


@dataclass(frozen=True)
class Entrant:
    """A row: ``key`` as in the published values, a title, our system, its settings by task or kind of question.

    ``tasks``: those it takes part in, empty for all; in the others only what is printed of it is shown, with ``why_not``.
    ``told``: its published scores of candidates come from a rule that is told the answer.
    """

    key: str
    title: str
    system: str
    settings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()
    why_not: str = "not asked here"
    told: bool = False

    def settings_for(self, task: str, asks: str) -> tuple[str, ...]:
        return tuple(f"{self.system}.{setting}" for setting in self.settings.get(task, self.settings.get(asks, ())))

    def takes_part(self, task: str) -> bool:
        return not self.tasks or task in self.tasks


@dataclass(frozen=True)
class Block:
    """A question put to every entrant: data set, task, split, windows; ``metrics``: (published name, ours).

    published   whether the paper reports this very question, so that its values belong beside ours
    variant     of the published values ("native", "25"); ``unit``: of the variant (" s", " %")
    why_not     where it is not put to our systems: the reason, which stands beside the published values
    """

    dataset: str
    task: str
    protocol: str
    metrics: tuple[tuple[str, str], ...]
    windows_s: tuple[float, ...] = (2.0,)
    settings: tuple[str, ...] = ()
    test_dataset: str = ""
    published: bool = True
    variant: str = ""
    unit: str = ""
    why_not: str = ""

    @property
    def title(self) -> str:
        sets = f"{self.dataset} → {self.test_dataset}" if self.test_dataset else self.dataset
        return f"{sets}: {self.task}, {self.protocol}{f' ({self.variant}{self.unit})' if self.variant else ''}"

    @property
    def printed_dataset(self) -> str:
        return f"{self.dataset}>{self.test_dataset}" if self.test_dataset else self.dataset

    @property
    def mark(self) -> str:
        """The mark of its split ("LEAKY", "WITHIN-TRIAL" or empty), which holds for published values as well."""
        of = [setting.partition("=")[2] for setting in self.settings if setting.startswith("protocol.of=")]
        return PROTOCOLS[of[0] if of else self.protocol].mark


@dataclass(frozen=True)
class EvaluationTable:
    """A table (or bar figure) whose numbers come from evaluations."""

    title: str
    blocks: Sequence[Block]
    entrants: Sequence[Entrant]
    published: Sequence[Published]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Asked:
    """What a person asks of a reproduction: the data at hand, where to write, and ``settings`` ("mindmix.training.steps=50")."""

    at_hand: DataAtHand
    out: Path
    settings: tuple[str, ...] = ()
    seed: int = 0
    device: str = "auto"
    quiet: bool = False


def fill_evaluations(table: EvaluationTable, asked: Asked) -> Page:
    """Evaluate every cell whose data are at hand; a killed call goes on cell by cell."""
    owners = {"protocol", *(entrant.system for entrant in table.entrants)}
    refuse_settings([s for s in asked.settings if s.partition(".")[0] not in owners], owners)
    blocks = [block for block in table.blocks if not block.why_not and _here(block, asked.at_hand)]
    outcomes: dict[tuple[Block, str], Outcome] = {}
    cells = [(block, entrant) for block in blocks for entrant in table.entrants if entrant.takes_part(block.task)]
    with bar("reproduce", len(cells), asked.quiet) as advance:
        for block, entrant in cells:
            outcomes[block, entrant.key] = outcome_of(cell_of(block, entrant, asked), asked.out / "cells")
            advance(f"{block.title}: {entrant.title}")
    shown = [*blocks, *(block for block in table.blocks if block.published and block not in blocks)]
    sheets = [_sheet(table, block, outcomes) for block in shown]
    return Page(table.title, sheets, (*table.notes, *_absent(table, asked.at_hand)), _drawings(table, blocks, outcomes))


def refuse_settings(unused: Sequence[str], owners: Collection[str]) -> None:
    """Raise BadInput where a setting would reach nothing."""
    if unused:
        known = ", ".join(sorted({"synthetic", *owners}))
        raise BadInput(f"--set {unused[0]}: nothing here takes it; settings begin with one of: {known}.")


def _here(block: Block, at_hand: DataAtHand) -> bool:
    return block.dataset in at_hand and (not block.test_dataset or block.test_dataset in at_hand)


def cell_of(block: Block, entrant: Entrant, asked: Asked) -> Cell:
    asks = build_task(block.task).asks
    own = [s for s in asked.settings if s.partition(".")[0] in ("protocol", entrant.system)]
    config = EvaluateConfig(
        task=block.task, protocol=block.protocol, windows_s=block.windows_s, seed=asked.seed, device=asked.device, floor=False,
        settings=(*block.settings, *entrant.settings_for(block.task, _form(entrant.system, asks)), *own),
    )  # fmt: skip
    test = asked.at_hand.store(block.test_dataset).path if block.test_dataset else None
    return Cell(entrant.system, config, asked.at_hand.store(block.dataset).path, test)


def _form(system: str, asks: str) -> str:
    """The kind of question the system answers: an EEG-only system answers candidates by a label."""
    return asks if system not in SYSTEMS or asks in SYSTEMS[system].asks else SYSTEMS[system].asks[0]


def _sheet(table: EvaluationTable, block: Block, outcomes: Mapping[tuple[Block, str], Outcome]) -> Sheet:
    rows = [row for entrant in table.entrants for row in _rows(table, block, entrant, outcomes.get((block, entrant.key)))]
    return Sheet(block.title, COLUMNS, tuple(rows), block.mark)


def _rows(table: EvaluationTable, block: Block, entrant: Entrant, outcome: Outcome | None) -> Iterator[tuple[str, ...]]:
    for window_s in block.windows_s:
        for number, (printed, ours) in enumerate(block.metrics):
            value = _printed(table, block, entrant.key, printed, block.variant)
            flaws = _flaws(entrant, block) if value != "–" else "–"
            entry = outcome.at(window_s) if outcome else None
            metric = entry["metrics"].get(ours) if entry else None
            title = _titled(entrant, entry) + (f", {window_s:g} s" if outcome and len(block.windows_s) > 1 else "")
            if entry and metric:
                yield (title, printed, number_text(metric["mean"]), *_interval(metric, entry["n_windows"]), number_text(metric["chance"]),
                       value, flaws, _status(entry), verdict(entry["audit"]))  # fmt: skip
            elif value != "–":
                yield (title, printed, *["–"] * 4, value, flaws, _absence(entrant, block, outcome, window_s), "–")
            elif outcome and number == 0:  # once is enough where no metric has a value
                yield (title, "all", *["–"] * 6, _absence(entrant, block, outcome, window_s), "–")


def _status(entry: Mapping[str, Any]) -> str:
    """Cells of older calls do not say whether they are transductive."""
    return entry["status"] + (", transductive" if entry.get("transductive") else "")


def _flaws(entrant: Entrant, block: Block) -> str:
    """What is known to be wrong with a published value."""
    told = entrant.told and build_task(block.task).asks == "candidates"
    return ", ".join(word for word in (block.mark, "told the answer" if told else "") if word) or "no leak known"


def _absence(entrant: Entrant, block: Block, outcome: Outcome | None, window_s: float) -> str:
    """Why there is nothing of ours."""
    if outcome:
        told = next((entry for entry in outcome.entries if entry["window_s"] == window_s), None)
        status, why = (told["status"], told["why"]) if told else (outcome.status, outcome.why)
        return f"{status}: {why}".rstrip(": ")
    if not entrant.takes_part(block.task):
        return entrant.why_not
    if block.why_not:
        return f"not asked: {block.why_not}"
    return "data not at hand" if is_built(entrant.system) else "not built"


def _titled(entrant: Entrant, entry: Mapping[str, Any] | None) -> str:
    """With what its weights started from, where it is trained."""
    return entrant.title if entry is None or entry["weights"] == "none" else f"{entrant.title}, {entry['weights']}"


def _interval(metric: Mapping[str, Any], n_windows: int) -> tuple[str, str]:
    """The interval, and how many independent units it rests on."""
    low, high = metric["ci95"]
    n = metric["n_units"]
    known = low is not None and high is not None
    over = f"{n} {metric['unit']}{'s' * (n != 1)}, {n_windows} windows"
    return f"{number_text(low)} … {number_text(high)}" if known else _NO_INTERVAL, over


def _printed(table: EvaluationTable, block: Block, entrant: str, metric: str, variant: str) -> str:
    if not block.published:
        return "–"
    asked = (entrant, block.printed_dataset, metric, variant)
    found = [p for p in table.published if (p.entrant, p.dataset, p.metric, p.variant) == asked]
    return str(found[0]) if found else "–"


def number_text(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def verdict(audit: Sequence[Mapping[str, str]]) -> str:
    """Failed controls by name, else how many passed: a control that was skipped has not been passed."""
    by_status = {status: [row["control"] for row in audit if row["status"] == status] for status in ("fail", "pass", "skipped")}
    if by_status["fail"]:
        return f"FAILS {', '.join(by_status['fail'])}"
    return f"{len(by_status['pass'])} passed, {len(by_status['skipped'])} skipped" if audit else "none"


def _absent(table: EvaluationTable, at_hand: DataAtHand) -> list[str]:
    absent = dict.fromkeys(b.printed_dataset for b in table.blocks if b.published and not _here(b, at_hand))
    return [f"Not at hand, so only the published values stand there: {', '.join(absent)}."] if absent else []


def _drawings(table: EvaluationTable, blocks: Sequence[Block], outcomes: Mapping[tuple[Block, str], Outcome]) -> list[Drawing]:
    """One drawing per block that has a score: ours with intervals, the published values as hollow marks."""
    drawings = []
    for number, block in enumerate(blocks):
        printed, ours = block.metrics[0]
        bars = []
        for entrant in table.entrants:
            outcome = outcomes.get((block, entrant.key))
            entry = outcome.at(block.windows_s[0]) if outcome else None
            metric = entry["metrics"].get(ours) if entry else None
            value = _printed(table, block, entrant.key, printed, block.variant)
            if metric and metric["mean"] is not None:
                low, high = (math.nan if x is None else x for x in metric["ci95"])
                bars.append(Bars(_titled(entrant, entry), metric["mean"], low, high, float(value.split()[0]) if value != "–" else math.nan,
                                 "FAILS" in verdict(entry["audit"])))  # type: ignore[index]  # fmt: skip
                chance = metric["chance"]
        if bars:
            svg = comparison_figure(bars, chance, printed, f"block-{number}")
            hollow = " Hollow: as published." if any(math.isfinite(row.published) for row in bars) else ""
            bare = " No line: one trial gives no interval." if any(math.isnan(row.low) for row in bars) else ""
            caption = f"Points: ours with 95 % interval; crossed where the audit fails.{bare}{hollow}"
            drawings.append(Drawing(block.title, svg, caption))
    return drawings
