"""predict, embed: a RUN and a file, a folder or a store -> a table of answers, or embeddings, one row a window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from pydantic import Field

from mindleaf.errors import BadInput
from mindleaf.models.embedding import Embedding
from mindleaf.stages.answers import AnswerConfig, channels_read, eeg_side, pipeline_of
from mindleaf.stages.embedding_file import EmbeddingFile
from mindleaf.stages.inputs import stores_at
from mindleaf.stages.members import Member, Members, members_of
from mindleaf.stages.predictor import Predictor, placed, seen_levels, words
from mindleaf.stages.progress import bar, console
from mindleaf.stages.question import EvaluateConfig, cutting
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples
from mindleaf.store.files import replacing
from mindleaf.store.store import Store
from mindleaf.systems.neural import scored

#: Windows that are read, answered and written at a time.
_AT_ONCE = 512


class PredictConfig(AnswerConfig):
    """window_s, hop_s: seconds of a window and from one to the next; None: the length of the training, end to end.
    unit: of the files' numbers, in place of what they say. fold: the one model of a fine-tuned RUN that answers; None: all."""

    window_s: float | None = Field(default=None, gt=0)
    hop_s: float | None = Field(default=None, gt=0)
    unit: str = ""
    fold: int | None = None
    device: str = "auto"

    @property
    def chosen_device(self) -> str:
        return ("cuda" if torch.cuda.is_available() else "cpu") if self.device == "auto" else self.device


@dataclass
class Told:
    """What has been done, and what a person should know of it. channels: recording -> what became of its channels."""

    out: str
    windows: int = 0
    channels: dict[str, str] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    silent: int = 0
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "out": self.out,
            "windows": self.windows,
            "channels": self.channels,
            "seen": dict(self.seen),
            "notes": self.all_notes,
        }

    @property
    def all_notes(self) -> list[str]:
        """Sentences: what the models have seen of the input, which windows hold no EEG, and what came up on the way."""
        known = [
            f"{n} of {self.windows} windows: training has seen their {what}" for what, n in self.seen.items() if what in _SEEN
        ]
        found = [f"{'; '.join(known)}. What is said of them is no evidence for new people or recordings."] if known else []
        if self.seen["unknown"]:
            found.append(f"What training has seen of {self.seen['unknown']} windows cannot be told: the model does not say it.")
        if self.silent:
            found.append(f"{self.silent} of {self.windows} windows have no usable channel and get no answer.")
        return [*self.notes, *found]


_SEEN = ("subject", "sound", "signal")


def predict(config: PredictConfig, run: Path | Members, source: Path, out: Path, quiet: bool = False) -> Told:
    """Write ``out``, a CSV file with one row a window; it is there when it is whole, or not at all.

    Columns: recording, subject, session, run, trial, onset_s, window_s; p_CLASS for each class, or stimulus_k, side_k, talker_k and
    score_k for each candidate sound; predicted (the class, or the number of the sound; empty without a usable channel);
    models (how many were asked) and seen (what training has seen of the window at least: nothing, subject, sound, signal).
    """
    members = run if isinstance(run, Members) else members_of(run, config.fold)
    predictor, told = Predictor(members, config, config.chosen_device), Told(str(out))
    told.notes += marks_of(members)
    columns: list[str] = []
    with (
        writing(out) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
        bar("predict", None, quiet) as advance,
    ):
        for examples in parts_at(source, members, config, told, predictor):
            table = predictor.table(examples)
            if columns and list(table.columns) != columns:
                raise BadInput(f"{source}: recordings with other numbers of sounds came together; ask about one kind at a time.")
            table.to_csv(file, index=False, header=not columns, float_format="%.12g", lineterminator="\n")
            columns = list(table.columns)
            told.windows += len(table)
            told.seen.update(table["seen"])
            told.silent += int((table["predicted"].isna() | (table["predicted"] == "")).sum())
            advance(examples.rows["recording"].iloc[-1], n=len(table))
        _refuse_nothing(told, source)
    _tell(told, members, quiet)
    return told


def embed(config: PredictConfig, run: Path | Members, source: Path, out: Path, quiet: bool = False) -> Told:
    """Write ``out``, a NumPy .npz file without pickles; it is there when it is whole, or not at all.

    embedding (window, width), the mean of the EEG encoder's tokens, zeros where no channel is usable; onset_s, recording, subject,
    session, run, trial and seen, each (window,); window_s; channel_names with channel_recording, the channels read of each recording.
    """
    members = run if isinstance(run, Members) else members_of(run, config.fold)
    member, told = members.one(), Told(str(out))
    model = Embedding(eeg_side(member.loaded)).to(config.chosen_device)
    with writing(out) as temporary, EmbeddingFile(temporary) as file, bar("embed", None, quiet) as advance:
        for examples in parts_at(source, members, config, told):
            vectors = embedded_windows(member, model, examples)
            seen = words(seen_levels([member], examples, traced=True)[0])
            file.add(vectors, placed(examples).assign(seen=seen), examples.channel_names)
            told.windows += len(vectors)
            told.seen.update(seen)
            told.silent += int((~vectors.any(axis=1)).sum())
            advance(examples.rows["recording"].iloc[-1], n=len(vectors))
        _refuse_nothing(told, source)
    _tell(told, members, quiet)
    return told


def embedded_windows(member: Member, model: Embedding, examples: Examples) -> np.ndarray:
    """(window, width) float32, windows read as the member reads them."""
    return scored(model, BatchReader([examples], pipeline_of(member.loaded))).astype(np.float32)


def parts_at(
    source: Path, members: Members, config: PredictConfig, told: Told, predictor: Predictor | None = None
) -> Iterator[Examples]:
    """The windows of everything at ``source``, some at a time; files that are shorter than a window are left out and told."""
    for store in stores_at(source, config.unit):
        yield from parts_of(store, members, config, told, predictor)


def parts_of(
    store: Store, members: Members, config: PredictConfig, told: Told, predictor: Predictor | None = None
) -> Iterator[Examples]:
    """The windows of a store, some at a time: cut from its trials, or from whole recordings where it has none.

    ``told`` hears what becomes of the channels. Raises BadInput where the model knows none of them.
    """
    seconds = config.window_s or members.window_s
    try:
        windows = windows_of(store, seconds, config.hop_s)
    except BadInput as error:
        told.notes.append(f"{', '.join(store.recordings)}: left out, {error}")
        return
    rows = predictor.rows(windows) if predictor else windows
    whole = Examples(store, rows.reset_index(drop=True))
    for name in dict.fromkeys(rows["recording"]):
        montage = store.recordings[name].montage.select(whole.channel_names)
        told.channels[name] = str(channels_read(members.all[0].loaded, montage))
    told.notes += [f"{r.id}: {issue['message']}" for r in store.recordings.values() for issue in r.issues]
    for first in range(0, len(whole), _AT_ONCE):
        yield whole.take(np.arange(first, min(first + _AT_ONCE, len(whole))))


def windows_of(store: Store, seconds: float, hop_s: float | None) -> pd.DataFrame:
    """Windows of the trials, inside the data set's analysis interval; of whole recordings where there are no trials."""
    if len(store.index):
        return cutting(EvaluateConfig(task="classify", windows_s=(seconds,), hop_s=hop_s), store)[0](store, seconds)
    return store.recording_windows(seconds, hop_s)


def marks_of(members: Members) -> list[str]:
    """What is to be said of the split that a RUN was fine-tuned under."""
    marks = sorted({member.fold.mark for member in members.all if member.fold and member.fold.mark})
    return (
        [f"{members.name} was fine-tuned under a split that is {' and '.join(marks)}: its scores there were too good."]
        if marks
        else []
    )


def writing(out: Path):
    """A place beside ``out`` that becomes it when all is written; a folder is refused before any work."""
    if Path(out).is_dir():
        raise BadInput(f"--out {out}: wanted the name of a file, this is a folder; add a name to it.")
    return replacing(Path(out))


def _refuse_nothing(told: Told, source: Path) -> None:
    if not told.windows:
        raise BadInput(
            f"{source}: no window could be cut ({told.notes[-1] if told.notes else 'it holds no trial'}); give --window a shorter length."
        )


def _tell(told: Told, members: Members, quiet: bool) -> None:
    tell = console(quiet)
    of_all = (
        f", the mean of those that saw least of a window out of {len(members.all)} (one a fold)" if len(members.all) > 1 else ""
    )
    tell.print(f"{told.windows} windows{of_all} -> {told.out}", markup=False)
    for text, count in Counter(told.channels.values()).items():
        tell.print(f"  channels of {count} recording(s): {text}", markup=False)
    for note in dict.fromkeys(told.all_notes):
        tell.print(f"  {note}", markup=False)
