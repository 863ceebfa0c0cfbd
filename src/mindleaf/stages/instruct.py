"""align with language: windows of several tasks, each in words -> one model that answers instructions (LEAF, stage 2)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import model_validator

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.fold import Fold
from mindleaf.stages.devices import on_all_devices
from mindleaf.stages.progress import bar
from mindleaf.stages.question import EvaluateConfig, cutting
from mindleaf.stages.run_folder import begin_run, card, inputs_of, read_start, write_exposure
from mindleaf.stages.selecting import excluded, folds_by_store, part_of
from mindleaf.store.examples import Examples
from mindleaf.store.exposure import exposure
from mindleaf.store.store import Store
from mindleaf.systems.leaf import LeafReader
from mindleaf.systems.leaf_form import LeafSettings
from mindleaf.tasks import build_task


class InstructStage(Config):
    """task: what is asked of every store, or one task for each in the order of the stores ("classify", "classify:emotion").

    window_s  seconds of a window; None: each data set's own analysis interval
    """

    reader: LeafSettings = LeafSettings()
    task: tuple[str, ...] = ("classify",)
    window_s: float | None = None

    @model_validator(mode="after")
    def _listens(self) -> Self:
        if self.reader.head != "qformer":
            raise ValueError(
                f"head={self.reader.head} hears no words: align with reader.head=qformer and choose the head in finetune"
            )
        return self


@on_all_devices
def instruct(
    config: InstructStage, stores: list[Path], out: Path, start: Path | None = None, exclude: tuple[str, ...] = (),
    splits: Sequence[Path] = (), resume: bool = False, quiet: bool = False,
) -> Path:  # fmt: skip
    """One model for the tasks of all stores; returns the RUN folder.

    Of a store that one of ``splits`` was made with, the training part is trained on and the validation part chooses the best
    state; of a store without one all is trained on.
    """
    opened = [Store(path) for path in stores]
    rows = zip(opened, _one_each(config.task, opened), folds_by_store(splits, opened), strict=True)
    asked = [_asked(store, config, task, fold, exclude) for store, task, fold in rows]
    reader = LeafReader(config.reader.model_copy(update={"start": str(start or "")}))
    seen = read_start(start)
    begin_run(out, config, resume, inputs_of(opened, start, exclude, splits))
    with bar("align", config.reader.training.steps, quiet) as advance:

        def on_step(step: int, line: dict) -> None:
            advance(f"loss {line['total']:.3f}  right {line['accuracy']:.0%}")

        train, watched = ([part[which] for part in asked if len(part[which])] for which in (0, 1))
        lines = reader.learn(train, watched, config.reader.training.seed, out, resume, on_step)
    for part in (*train, *watched):  # what chose the best state has been seen too
        seen |= exposure(part.store, part.rows)
    write_exposure(out, seen)
    last = lines[-1] if lines else {}
    figures: dict[str, object] = {name: round(last[name], 4) for name in ("total", "accuracy") if name in last}
    reader.save(out, card("LEAF, EEG aligned with language, stage 2", config, seen, figures))
    return out


def _one_each(tasks: Sequence[str], stores: Sequence[Store]) -> Sequence[str]:
    """The task of each store, where one is given for all or one for each."""
    if len(tasks) not in (1, len(stores)):
        raise BadInput(f"wanted one task or one for each of the {len(stores)} stores, got {len(tasks)}; give as many.")
    return tasks if len(tasks) == len(stores) else tuple(tasks) * len(stores)


def _asked(
    store: Store, config: InstructStage, task_name: str, fold: Fold | None, exclude: tuple[str, ...]
) -> tuple[Examples, Examples]:
    """The windows of one store that are learned from, and those that choose."""
    window = None if config.window_s is None else f"{config.window_s:g}"
    cut, windows_s = cutting(EvaluateConfig.of(task_name, None, window, "side", 0, "quick", ()), store)
    task = build_task(task_name)
    rows = task.prepare(cut(store, windows_s[0]))
    parts = [excluded(part_of(rows, fold, "train"), exclude), part_of(rows, fold, "validation")]
    if not len(parts[0]):
        raise BadInput(f"{store.path}: no window is left to align on; check --exclude and --split.")
    train, watched = (Examples(store, part, classes=task.classes(rows)) for part in parts)
    return train, watched
