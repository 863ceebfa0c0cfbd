"""runs: RUNs beside each other on one page - what each is, what differs between them, their curves over the same steps."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mindleaf.evaluation.sheets import Drawing, Page, Sheet
from mindleaf.interpret.curves import Curve, Panel, curves_figure
from mindleaf.stages.run_record import START, VALIDATION, Line, RecipeOf, RunRecord, points_of, read_records, validated_points

_COLUMNS = (
    "RUN", "stage", "recipe", "has seen", "seed", "parameters", "steps", "how it ended", "training loss", "validation loss", "lowest",
    "seconds", "device",
)  # fmt: skip
_NONE = "–"
#: Numbers of a line that are no measure of the training, or have a panel of their own.
_NO_MEASURE = {"step", "epoch", "seconds", "elapsed", "cut_short", "loss", "lr", "gradient_norm"}
_ORDER = ("pretrain", "align", "finetune")
_TABLE_NOTE = (
    "Training loss: mean of the last tenth of the steps. Validation loss: the last, and the lowest, whose state was kept. Of a fine-tuned RUN "
    "they are means over its folds. Seconds: of all steps, without validation. Losses of different stages are not of one kind."
)
_CAPTION = (
    "Line: training, with the range of the steps that a point stands for; dashed: validation; dotted: chance; ring: the lowest validation loss; cross "
    "at the foot: a skipped batch."
)


def runs_page(paths: Sequence[Path], recipe_of: RecipeOf) -> tuple[Page, dict[str, Any]]:
    """The page of the RUNs at ``paths`` (RUNs, or folders that hold some), and the same as plain values.

    Raises BadInput for a path without a RUN, and a RUN without a step.
    """
    records, left_out = read_records(paths, recipe_of)
    records.sort(key=lambda record: _ORDER.index(record.verb.split()[0]) if record.verb.split()[0] in _ORDER else len(_ORDER))
    by_verb: dict[str, list[RunRecord]] = {}
    for record in records:
        by_verb.setdefault(record.verb, []).append(record)
    names = {record.identity: record.name for record in records if record.identity}
    differing = {verb: differences(some, names) for verb, some in by_verb.items()}
    sheets = [Sheet("Runs", _COLUMNS, tuple(map(_row, records)), note=_TABLE_NOTE)]
    drawings: list[Drawing] = []
    for number, (verb, some) in enumerate(by_verb.items()):
        sheets.append(_differing(verb, some, differing[verb]))
        drawings += _drawings(verb, some, f"stage-{number}")
    title = f"{len(records)} runs beside each other" if len(records) > 1 else f"The run {records[0].name}"
    page = Page(title, sheets, (*_notes(records), *left_out), drawings)
    return page, {"runs": [_values(record) for record in records], "differences": differing, "left_out": left_out}


def differences(records: Sequence[RunRecord], names: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Setting -> RUN -> value, of settings in which the RUNs are not all alike; None where a RUN does not have it.

    names: of RUNs by their identity, for settings that name a RUN to start from.
    """
    paths = dict.fromkeys(path for record in records for path in record.settings)
    found = {path: {r.name: _told(path, r.settings.get(path), names) for r in records} for path in paths}
    return {path: values for path, values in found.items() if any(v != next(iter(values.values())) for v in values.values())}


def _told(path: str, value: Any, names: Mapping[str, str]) -> Any:
    """A value as it is shown: what lies behind a hash by its name where that is known, else by eight digits."""
    if path in ("stores", "start", "split"):
        return [names.get(sha, sha[:8]) for sha in (value.split() if isinstance(value, str) else value or ())] or None
    return value


def _row(record: RunRecord) -> tuple[str, ...]:
    losses, steps = record.losses(), record.n_steps
    at = f" (step {record.best_step})" if record.best_step is not None else ""
    low, high = min(steps), max(steps)
    each = f"{low}" if low == high else f"{low} … {high}"
    return (
        record.name, record.verb, record.recipe, record.data, _text(record.setting("seed")),
        f"{record.n_parameters:,}" if record.n_parameters is not None else _NONE,
        each if len(steps) == 1 else f"{len(steps)} folds of {each}", record.ended + _skipped(record),
        _number(losses["training"]), _number(losses["validation"]), _number(losses["best"]) + at,
        f"{record.seconds:.0f}" if math.isfinite(record.seconds) else _NONE,
        ", ".join(record.devices) or _NONE,
    )  # fmt: skip


def _skipped(record: RunRecord) -> str:
    batches, windows = record.skipped
    return f"; skipped {batches} batch{'es' * (batches != 1)} ({windows} windows)" if batches else ""


def _notes(records: Sequence[RunRecord]) -> list[str]:
    """What a reader must not overlook."""
    odd = [f"{r.name}: {r.ended}{_skipped(r)}." for r in records if r.ended != "all steps" or r.skipped[0]]
    return [*odd, *(note for record in records for note in record.notes)]


def _differing(verb: str, records: Sequence[RunRecord], found: Mapping[str, Mapping[str, Any]]) -> Sheet:
    """What differs between the RUNs of one stage, below their curves."""
    if not found:
        alike = "Their settings, and what they learned from, are the same."
        return Sheet(verb, (), (), note=alike if len(records) > 1 else "No other RUN of this stage.")
    rows = tuple((path, *map(_text, values.values())) for path, values in found.items())
    return Sheet(verb, ("setting that differs", *(record.name for record in records)), rows)


def _drawings(verb: str, records: Sequence[RunRecord], name: str) -> list[Drawing]:
    """Loss; learning rate and gradient norm; everything else that was measured. Panels share their steps."""
    names = [record.name for record in records]
    parts = {
        "loss": ([_panel("loss", records)], 1),
        "rate": ([_panel("lr", records, "learning rate"), _panel("gradient_norm", records, log=True)], 2),
        "measures": ([_panel(measure, records) for measure in _measures(records)], 3),
    }
    drawn = []
    for part, (panels, columns) in parts.items():
        if panels := [panel for panel in panels if panel.curves]:
            svg = curves_figure(names, panels, f"{name}-{part}", columns)
            drawn.append(Drawing(verb, svg, _CAPTION if part == "loss" else "", broad=True))
    return drawn


def _panel(measure: str, records: Sequence[RunRecord], title: str = "", log: bool = False) -> Panel:
    """The curves of one measure, one for each training of each RUN."""
    is_loss = measure == "loss"
    curves = [_curve(number, lines, measure) for number, record in enumerate(records) for lines in record.trainings]
    skipped = {number: record.skipped_steps for number, record in enumerate(records) if record.skipped_steps and is_loss}
    return Panel(title or measure.replace("_", " "), [c for c in curves if c.training or c.validation], skipped, log)


def _curve(number: int, lines: Sequence[Line], measure: str) -> Curve:
    chance = next((name for name in lines[0] if _measure_of_chance(name) == measure), "")
    validation = validated_points(lines, measure)
    return Curve(number, points_of(lines, measure), validation, points_of(lines, chance), kept=measure == "loss")


def _measures(records: Sequence[RunRecord]) -> list[str]:
    """Names of what was measured beside the loss, in the order of the log; what is the loss by another name is left out."""
    lines = [line for record in records for some in record.trainings for line in some]
    names = dict.fromkeys(name.removeprefix(VALIDATION) for line in lines for name in line if _is_measure(name, line[name]))
    told = {name: [(line[name], line.get("loss")) for line in lines if _is_measure(name, line.get(name))] for name in names}
    alike = {name for name, pairs in told.items() if pairs and all(one == other or one != one for one, other in pairs)}
    return [name for name in names if name not in alike]


def _is_measure(name: str, value: Any) -> bool:
    plain = name.removeprefix(VALIDATION)
    whole = isinstance(value, int | float) and not isinstance(value, bool)
    return whole and plain not in _NO_MEASURE and not name.startswith(START) and not _measure_of_chance(plain)


def _measure_of_chance(name: str) -> str:
    """Whose chance level stands under this name in the log; "" where it is no chance level."""
    if "chance_" in name:
        return name.replace("chance_", "", 1)
    return f"{name.removesuffix('_chance')}_accuracy" if name.endswith("_chance") else ""


def _values(record: RunRecord) -> dict[str, Any]:
    """A RUN as plain values; None for what is not known."""
    batches, windows = record.skipped
    return {
        "name": record.name, "stage": record.verb, "recipe": record.recipe, "seen": record.data, "seed": record.setting("seed"),
        "parameters": record.n_parameters, "steps": record.n_steps, "planned_steps": record.setting("steps"),
        "losses": {name: value if math.isfinite(value) else None for name, value in record.losses().items()},
        "best_step": record.best_step, "seconds": record.seconds if math.isfinite(record.seconds) else None,
        "devices": list(record.devices), "ended": record.ended, "skipped_batches": batches, "skipped_windows": windows,
    }  # fmt: skip


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else _NONE


def _text(value: Any) -> str:
    """A setting for people."""
    if value is None or value == "":
        return _NONE
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value) or _NONE
    return value if isinstance(value, str) else json.dumps(value)
