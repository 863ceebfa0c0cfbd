"""explain, for one space: a description finds EEG and sound, they find descriptions, EEG finds its sound; noise in the EEG's place beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.evaluation.sheets import Page, Sheet
from mindleaf.fold import Fold
from mindleaf.metrics.searches import MEASURES, Search
from mindleaf.stages.align_both import AlignBothStage, part_of_told, told_sounds
from mindleaf.stages.progress import bar
from mindleaf.stages.run_folder import read_exposure, read_stage
from mindleaf.stages.selecting import one_fold
from mindleaf.store.examples import Examples
from mindleaf.store.store import Store
from mindleaf.systems.one_space import OneSpace, OneSpaceSettings
from mindleaf.tasks.wording import kind_of, sentence

#: What is asked, in the order of the table; those with EEG are asked of noise, too.
TEXT_EEG, EEG_TEXT, EEG_SOUND = "text -> EEG", "EEG -> text", "EEG -> sound"
TEXT_SOUND, SOUND_TEXT = "text -> sound", "sound -> text"
IN_TIME, SAME_WORDS = "EEG -> sound, frame by frame", "EEG -> sound of the same words, frame by frame"
_COLUMNS = ("question", "options", *(text for name in MEASURES for text in (name, "chance", "EEG replaced by noise")))
_NOTE = (
    "A right answer stands against those options that are wrong: windows, texts or sounds of another description; where it is said, other "
    "sounds of the same words. Options are those of one subject. Intervals (95 %) are over subjects; between text and sound, over sounds."
)


def space_page(store_path: Path, run: Path, split: Path | None = None, quiet: bool = False) -> Page:
    """What a RUN of one space finds in a store: in the test part of a split, or in all of it.

    Raises BadInput where no window is left.
    """
    store, settings = Store(store_path), read_stage(run, AlignBothStage)
    fold = one_fold(split, store) if split else None
    told = told_sounds(store, settings.task, settings.window_s)
    tested = part_of_told(told, fold, "test") if fold else told
    if not len(tested):
        raise BadInput(f"{store.path}: wanted windows to search, the test part has none; give a split with one.")
    model = OneSpace(OneSpaceSettings(texts=settings.space.texts))
    model.load(run)
    texts = _texts(tested, settings.space.texts)
    subjects = sorted(set(tested.rows["subject"]))
    with bar("explain", 2 * len(subjects), quiet) as advance:

        def asked(examples: Examples) -> dict[str, list[Search]]:
            found: dict[str, list[Search]] = {}
            for subject in subjects:
                own = examples.take(np.flatnonzero(examples.rows["subject"] == subject))
                for question, search in _searches(model, own, texts).items():
                    found.setdefault(question, []).append(search)
                advance(f"subject {subject}")
            return found

        heard, noise = asked(tested), asked(replace(tested, replace_eeg="noise"))
    found = {question: Search.joined(parts) for question, parts in heard.items()} | _heard(model, tested, texts)
    control = {question: Search.joined(parts) for question, parts in noise.items()}
    # Where every description has one sound only, nobody can ask for another sound of the same words.
    rows = [_row(question, search, control.get(question)) for question, search in found.items() if len(search.shares)]
    sheet = Sheet("Found", _COLUMNS, tuple(rows), fold.mark if fold else "", _NOTE)
    return Page(f"What {run.name} finds in words, on {store.dataset}", (sheet,), _notes(run, tested, texts, fold, model))


def _texts(told: Examples, own: Mapping[str, str]) -> tuple[str, ...]:
    """A sentence for each description, the user's own where there is one."""
    kind = kind_of(told.facts.get("paradigm") or "")
    return tuple(own.get(label) or sentence(kind, label) for label in told.classes)


def _searches(model: OneSpace, own: Examples, texts: Sequence[str]) -> dict[str, Search]:
    """What is asked of the windows of one subject."""
    placed, told, subject = model.place(own), model.describe(*texts), str(own.rows["subject"].iloc[0])
    described = own.labels[:, None] == np.arange(len(texts))
    alike, piece = own.labels[:, None] == own.labels, _same_piece(own)
    in_time, itself = model.in_time(own), np.eye(len(own), dtype=bool)
    return {
        TEXT_EEG: Search.of(told @ placed.eeg.T, described.T, ~described.T, subject),
        EEG_TEXT: Search.of(placed.eeg @ told.T, described, ~described, subject),
        EEG_SOUND: Search.of(placed.eeg @ placed.sound.T, itself, ~(alike | piece), subject),
        IN_TIME: Search.of(in_time, itself, ~(alike | piece), subject),
        SAME_WORDS: Search.of(in_time, itself, alike & ~piece, subject),
    }


def _heard(model: OneSpace, tested: Examples, texts: Sequence[str]) -> dict[str, Search]:
    """What is asked of the sounds, each once."""
    pieces = tested.rows.drop_duplicates(["stimulus_1", "audio_start_1"])
    once = tested.take(np.asarray(pieces.index))
    sound, told = model.place(once).sound, model.describe(*texts)
    described, name = once.labels[:, None] == np.arange(len(texts)), once.rows["stimulus_1"].to_numpy(str)
    return {
        TEXT_SOUND: Search.of(told @ sound.T, described.T, ~described.T, name),
        SOUND_TEXT: Search.of(sound @ told.T, described, ~described, name[:, None]),
    }


def _same_piece(own: Examples) -> NDArray[np.bool_]:
    """Windows that heard an overlapping stretch of one sound."""
    name, start = own.rows["stimulus_1"].to_numpy(str), own.rows["audio_start_1"].to_numpy(float)
    return (name[:, None] == name) & (np.abs(start[:, None] - start) < own.window_s - 1e-6)


def _row(question: str, search: Search, noise: Search | None = None) -> tuple[str, ...]:
    found, control = search.measured(), None if noise is None else noise.measured()
    n_options = search.n_options
    cells = [question, f"{n_options.min()}" if n_options.min() == n_options.max() else f"{n_options.min()} to {n_options.max()}"]
    for name, (mean, low, high, chance) in found.items():
        between = f" [{low:.3f}, {high:.3f}]" if np.isfinite(low + high) else ""
        cells += [f"{mean:.3f}{between}", f"{chance:.3f}", "" if control is None else f"{control[name][0]:.3f}"]
    return tuple(cells)


def _notes(run: Path, tested: Examples, texts: Sequence[str], fold: Fold | None, model: OneSpace) -> list[str]:
    seen = read_exposure(run).shared_with(tested.store, tested.rows)
    spoilt = seen.spoils(fold.group if fold else "subject")
    told = f"The RUN has seen {len(seen.subjects)} of the {tested.rows['subject'].nunique()} subjects."
    known = {text for task in model.facts.tasks for text in task.texts}
    new = [text for text in texts if text not in known]
    n_sounds = tested.rows["stimulus_1"].nunique()
    return [
        f"CONTAMINATED: {spoilt}" if spoilt else told,
        f"{len(seen.stimuli)} of the {n_sounds} sounds were heard in training; {len(tested)} windows, {len(texts)} descriptions.",
        *([f"Descriptions that training did not have: {' '.join(new)}"] if new else []),
    ]
