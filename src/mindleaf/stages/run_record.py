"""What a RUN tells of its training: its settings, its log, how it ended, what it has seen."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mindleaf.config import by_path, wishes_by_path
from mindleaf.errors import BadInput
from mindleaf.models.folder import CONFIG, HASHES, load_model
from mindleaf.stages.pretrain import TOKENIZER
from mindleaf.stages.run_folder import EXPOSURE, identity_of, read_plan, was_begun
from mindleaf.store.exposure import Exposure
from mindleaf.store.files import read_json
from mindleaf.systems.mindmix import curve_line
from mindleaf.systems.neural import n_parameters
from mindleaf.training.log import read_log

#: Share of the steps over which a training loss is the mean: that of one batch says little.
_LAST = 0.1
#: Folders below the one that is given in which a RUN may lie.
_DEPTHS = ("*", "*/*")
#: What the training loop sets before the name of a measure on validation windows.
VALIDATION, START = "validation_", "start_validation_"
Line = Mapping[str, Any]
#: From the verb of a RUN and its settings to the recipe, and how many settings are other than its own.
RecipeOf = Callable[[str, Mapping[str, Any]], tuple[str, int]]


@dataclass(frozen=True)
class RunRecord:
    """One RUN.

    settings    by path, as they were asked, with what it learned from
    trainings   the lines of each training, one for each fold; the phases of one follow each other in its steps
    finished    whether the verb came to its end     identity   hash of its file of hashes, by which a later RUN names it; "" where none
    n_parameters   None where the model cannot be loaded, with the reason in ``notes``
    """

    name: str
    verb: str
    recipe: str
    settings: Mapping[str, Any]
    trainings: tuple[tuple[Line, ...], ...]
    finished: bool
    seen: Exposure
    n_parameters: int | None = None
    identity: str = ""
    notes: tuple[str, ...] = ()

    def setting(self, name: str) -> Any:
        """A setting of the training by its last name ("steps", "seed"); None where nobody has said it."""
        found = [value for path, value in self.settings.items() if path == name or path.endswith(f"training.{name}")]
        return found[-1] if found else None

    @property
    def n_steps(self) -> list[int]:
        return [int(lines[-1]["step"]) + 1 for lines in self.trainings]

    @property
    def data(self) -> str:
        """Names of the data sets it has seen, and hours; before it has finished, the stores by their content."""
        names = sorted({name.partition("/")[0] for name in self.seen.subjects})
        hours = sum(span.stop - span.start for span in self.seen.spans) / 3600
        if names:
            return f"{', '.join(names)} ({hours:.2f} h)"
        return ", ".join(f"store {sha[:8]}" for sha in self.settings.get("stores", ())) or "–"

    @property
    def devices(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(str(line["device"]) for lines in self.trainings for line in lines if "device" in line))

    @property
    def seconds(self) -> float:
        """Of all steps; NaN where the log does not tell them."""
        told = [value for lines in self.trainings for _, value in points_of(lines, "seconds")]
        return sum(told) if told else math.nan

    @property
    def skipped(self) -> tuple[int, int]:
        """Batches that gave no finite loss, and the windows in them."""
        found = [line["skipped_windows"] for lines in self.trainings for line in lines if _is_skipped(line)]
        return len(found), sum(map(len, found))

    @property
    def skipped_steps(self) -> list[int]:
        return [line["step"] for lines in self.trainings for line in lines if _is_skipped(line)]

    def losses(self) -> dict[str, float]:
        """training (mean of the last tenth of the steps), validation (last), best (lowest validation): means over the folds."""
        told = [_losses(lines) for lines in self.trainings]
        return {name: float(np.mean([one[name] for one in told])) for name in ("training", "validation", "best")}

    @property
    def best_step(self) -> int | None:
        """Where the one training there is had its lowest validated loss."""
        points = validated_points(self.trainings[0], "loss") if len(self.trainings) == 1 else []
        return int(min(points, key=lambda point: point[1])[0]) if points else None

    @property
    def ended(self) -> str:
        """How the trainings ended, in words."""
        counts, n = Counter(self._end(lines) for lines in self.trainings), len(self.trainings)
        how = (
            next(iter(counts)) if len(counts) == 1 else "; ".join(f"{count} of {n} folds {end}" for end, count in counts.items())
        )
        return how if self.finished or not self.has_folds else f"unfinished: {n} folds so far, {how}"

    @property
    def has_folds(self) -> bool:
        return self.verb == "finetune"

    def _end(self, lines: Sequence[Line]) -> str:
        steps, planned = int(lines[-1]["step"]) + 1, None if self.setting("epochs") else self.setting("steps")
        short = isinstance(planned, int) and steps < planned
        place = f"step {steps} of {planned}" if isinstance(planned, int) else f"step {steps}"
        # A training that was resumed after its limit has such a line in the middle.
        if lines[-1].get("cut_short") or (short and any(line.get("cut_short") for line in lines)):
            return f"stopped by its time limit at {place}"
        if self.finished or self.has_folds:
            return f"stopped without gain at {place}" if short else "all steps"
        why = "batches without a finite loss" if _is_skipped(lines[-1]) else "broken off, or still running"
        return f"unfinished: {why}, {place}"


def _is_skipped(line: Line) -> bool:
    return isinstance(line.get("skipped_windows"), list)


def points_of(lines: Sequence[Line], name: str) -> list[tuple[float, float]]:
    """(step, value) wherever a line has a finite number of this name; those of a validation stand at the end of their step."""
    shift = 1 if name.startswith(VALIDATION) else 0
    return [
        (line["step"] + shift, float(line[name]))
        for line in lines
        if isinstance(line.get(name), int | float) and math.isfinite(line[name])
    ]


def validated_points(lines: Sequence[Line], measure: str) -> list[tuple[float, float]]:
    """(step, value) of a measure on validation windows, before the first step too where it was taken there."""
    return [*points_of(lines, f"{START}{measure}"), *points_of(lines, f"{VALIDATION}{measure}")]


def _losses(lines: Sequence[Line]) -> dict[str, float]:
    training = [value for _, value in points_of(lines, "loss")]
    validated = [value for _, value in validated_points(lines, "loss")]
    last = training[-max(1, round(_LAST * len(training))) :]
    return {
        "training": float(np.mean(last)) if last else math.nan,
        "validation": validated[-1] if validated else math.nan,
        "best": min(validated, default=math.nan),
    }


def read_records(paths: Sequence[Path], recipe_of: RecipeOf) -> tuple[list[RunRecord], list[str]]:
    """The RUNs at ``paths``, each a RUN or a folder that holds some, and sentences on those that have no step to show.

    Raises BadInput for a path that is neither, a RUN of its own without a step, and where no RUN with a step is left.
    """
    named = [Path(path).resolve() for path in paths]
    runs = list(dict.fromkeys(run for path in named for run in _runs_at(path)))
    records, without = [], {}
    for run, name in zip(runs, _names(runs), strict=True):
        try:
            records.append(_record(run, name, recipe_of))
        except _NoStep as error:
            without[name] = error
            if run in named:
                raise
    if not records:
        raise next(iter(without.values()))
    return records, [f"{name} is left out: no step of it has been logged." for name in without]


class _NoStep(BadInput):
    """A RUN whose log holds nothing."""


def _runs_at(path: Path) -> list[Path]:
    if was_begun(path):
        return [path]
    found = sorted(run for depth in _DEPTHS for run in path.glob(depth) if was_begun(run))
    if not found:
        raise BadInput(
            f"{path}: wanted a RUN (a folder that pretrain, align or finetune has written) or a folder with RUNs, found none; give one "
            "that holds stage.json."
        )
    return found


def _names(runs: Sequence[Path]) -> list[str]:
    """As few of the last parts of each path as tell them all apart."""
    for n in range(1, max((len(run.parts) for run in runs), default=1) + 1):
        names = ["/".join(run.parts[-n:]) for run in runs]
        if len(set(names)) == len(names):
            break
    return names


def _record(run: Path, name: str, recipe_of: RecipeOf) -> RunRecord:
    stage, inputs = read_plan(run)
    verb, folds = str(inputs.get("verb") or "unknown"), _folds(run)
    trainings = [lines for lines in (_fold_curves(folds) if verb == "finetune" else [_phases(run)]) if lines]
    if not trainings:
        raise _NoStep(f"{run}: wanted a log of training, found no step in it; wait for the first, or train it again.")
    own, wishes = wishes_by_path(inputs.get("settings", ())), wishes_by_path(stage.pop("settings", ()))
    learned = {key: inputs[key] for key in ("stores", "start", "exclude", "split") if inputs.get(key)}
    recipe, n_other = recipe_of(verb, own if verb == "finetune" else by_path(stage))
    n_parameters, notes = _size(folds[0] if folds else run, name)
    return RunRecord(
        name=name, verb=verb, recipe=f"{recipe}{f', {n_other} changed' if n_other else ''}" if recipe else "–",
        settings={**by_path(stage), **own, **wishes, **learned}, trainings=tuple(trainings), seen=_seen([run, *folds]),
        finished=(run / CONFIG).is_file() or (run / "folds.json").is_file(), n_parameters=n_parameters, identity=identity_of(run),
        notes=notes,
    )  # fmt: skip


def _folds(run: Path) -> list[Path]:
    """The folds whose model is complete."""
    return sorted(path.parent for path in run.glob(f"folds/*/{HASHES}"))


def _fold_curves(folds: Sequence[Path]) -> list[tuple[Line, ...]]:
    return [_checked(read_json(fold / "findings.json").get("curve", []), fold) for fold in folds]


def _phases(run: Path) -> tuple[Line, ...]:
    """The lines of a RUN's log, after those of a phase that came before."""
    try:
        before, lines = (_checked(read_log(folder), folder) for folder in (run / TOKENIZER, run))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{run}: wanted log.jsonl as text, it cannot be read ({error}); copy the folder again.") from error
    return (*before, *({**line, "step": line["step"] + len(before)} for line in lines))


def _checked(lines: Sequence[Any], run: Path) -> tuple[Line, ...]:
    """Lines with the loss that validation measures too; BadInput for what no training has written."""
    for number, line in enumerate(lines, 1):
        if not isinstance(line, dict) or not isinstance(line.get("step"), int):
            raise BadInput(f"{run}: wanted a step in every line of its log, line {number} has none; copy the folder again.")
    return tuple(line if "loss" in line else {**line, **_loss_of(line)} for line in lines)


def _loss_of(line: Line) -> dict[str, Any]:
    try:
        found = curve_line(dict(line))
    except KeyError:  # no alignment with sound: what is descended is what is validated
        return {"loss": line.get("total")}
    return {"loss": found["loss"], "chance_loss": found["chance_loss"]}


def _size(folder: Path, name: str) -> tuple[int | None, tuple[str, ...]]:
    if not (folder / CONFIG).is_file():
        return None, ()
    try:
        return n_parameters(load_model(folder).model), ()
    except BadInput as error:
        return None, (f"Parameters cannot be counted. {error}".replace(str(folder), name),)


def _seen(folders: Sequence[Path]) -> Exposure:
    seen = Exposure()
    for path in (folder / EXPOSURE for folder in folders):
        if path.is_file():
            seen |= Exposure.read(path)
    return seen
