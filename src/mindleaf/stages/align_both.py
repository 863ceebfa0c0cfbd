"""align both: windows in which a sound was heard that is told in words -> EEG, sound and language in one space."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.fold import Fold, Part
from mindleaf.stages.devices import on_all_devices
from mindleaf.stages.progress import bar
from mindleaf.stages.question import EvaluateConfig, cutting
from mindleaf.stages.run_folder import begin_run, card, inputs_of, read_start, write_exposure
from mindleaf.stages.selecting import excluded, folds_by_store, part_of
from mindleaf.store.examples import Examples
from mindleaf.store.exposure import exposure
from mindleaf.store.store import Store
from mindleaf.systems.one_space import OneSpace, OneSpaceSettings
from mindleaf.tasks import build_task
from mindleaf.tasks.candidates import candidate_fields, candidate_numbers
from mindleaf.tasks.match_mismatch import attended_streams


class AlignBothStage(Config):
    """task: the label column that describes the sound ("classify", or "classify:COLUMN"), the same in every store.

    window_s  seconds of a window; None: each data set's own analysis interval
    """

    space: OneSpaceSettings = OneSpaceSettings()
    task: str = "classify"
    window_s: float | None = None


@on_all_devices
def align_both(
    config: AlignBothStage, stores: list[Path], out: Path, start: Path | None = None, exclude: tuple[str, ...] = (),
    splits: Sequence[Path] = (), resume: bool = False, quiet: bool = False,
) -> Path:  # fmt: skip
    """One model for all stores; returns the RUN folder.

    Of a store that one of ``splits`` was made with, the training part is trained on and the validation part chooses the best
    state; of a store without one all is trained on.
    """
    opened = [Store(path) for path in stores]
    folds = list(zip(opened, folds_by_store(splits, opened), strict=True))
    told = [(told_sounds(store, config.task, config.window_s, exclude), fold) for store, fold in folds]
    parts = [part_of_told(sounds, fold, "train") for sounds, fold in told]
    watched = [part_of_told(sounds, fold, "validation") for sounds, fold in told]
    for part in parts:
        if not len(part):
            raise BadInput(f"{part.store.path}: no window is left to align on; check --exclude and --split.")
    space = OneSpace(config.space.model_copy(update={"start": str(start or "")}))
    seen = read_start(start)
    begin_run(out, config, resume, inputs_of(opened, start, exclude, splits))
    with bar("align", config.space.training.steps, quiet) as advance:

        def on_step(step: int, line: dict) -> None:
            advance(
                f"loss {line['total']:.3f}  right in words: EEG {line['eeg_text_right']:.0%}, sound {line['sound_text_right']:.0%}"
            )

        watched = [part for part in watched if len(part)]
        lines = space.learn(parts, watched, config.space.training.seed, out, resume, on_step)
    for part in (*parts, *watched):  # what chose the best state has been seen too
        seen |= exposure(part.store, part.rows)
    write_exposure(out, seen)
    last = lines[-1] if lines else {}
    shown = ("total", "in_time", "chance_loss", "eeg_text_right", "sound_text_right")
    figures: dict[str, object] = {name: round(last[name], 4) for name in shown if name in last}
    space.save(out, card("EEG, sound and language in one space, stage 2", config, seen, figures))
    return out


def told_sounds(store: Store, task_name: str, window_s: float | None, exclude: tuple[str, ...] = ()) -> Examples:
    """The windows in which a sound was heard that a label describes, each with that sound alone."""
    task = build_task(task_name)
    if task.asks != "labels":
        raise BadInput(
            f"--set task={task_name}: wanted a task with labels, which describe the sound; say classify or classify:COLUMN."
        )
    cut, windows_s = cutting(EvaluateConfig(task=task_name, windows_s=() if window_s is None else (window_s,)), store)
    heard = attended_streams(cut(store, windows_s[0]))
    if heard.empty:
        raise BadInput(f"{store.path}: wanted windows in which a sound was heard, found none; one space wants EEG with sound.")
    rows = task.prepare(excluded(_alone(heard), exclude))
    return Examples(store, rows.assign(answer=0).reset_index(drop=True), classes=task.classes(rows))


def part_of_told(sounds: Examples, fold: Fold | None, part: Part) -> Examples:
    return sounds.with_rows(part_of(sounds.rows, fold, part))


def _alone(streams: pd.DataFrame) -> pd.DataFrame:
    """Each row with the attended stream as its only candidate."""
    everything = [f"{field}_{k}" for field in candidate_fields(streams) for k in candidate_numbers(streams)]
    plain = {name: f"{name}_1" for name in ("stimulus", "side", "talker", "audio_start")}
    return streams.drop(columns=everything).rename(columns=plain).assign(n_candidates=1, attended=1)
