"""data template: recordings.tsv and trials.tsv written from what a folder holds, for a person to correct."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

from mindleaf.datasets.dataset import existing_root, numbered, slug
from mindleaf.errors import BadInput
from mindleaf.reading.audio import SUFFIXES as SOUND
from mindleaf.reading.audio import open_audio
from mindleaf.reading.signals import SUFFIXES as SIGNAL
from mindleaf.reading.signals import SignalFile, open_signal
from mindleaf.stages.progress import bar, console
from mindleaf.store.files import replacing

RECORDING_COLUMNS = ("recording", "file", "subject", "session", "run", "unit", "reference", "line_frequency", "montage")
TRIAL_COLUMNS = (
    "recording",
    "trial",
    "onset_s",
    "trigger",
    "duration_s",
    "label",
    "stimulus_file_1",
    "attended",
    "audio_offset_s",
)
#: Parts of one recording that stand in files of their own; the header file is opened.
_BESIDE = (".vmrk", ".eeg", ".fdt", ".json")
_ENTITY = {
    "subject": re.compile(
        r"(?:^|[_/ -])(?:sub|subj|subject|participant)(?:[-_ ](\w+?)|(\d+))(?=[_./ -]|$)|(?:^|[_/ -])[sp]_?(\d+)(?=[_./ -]|$)",
        re.IGNORECASE,
    ),
    "session": re.compile(r"(?:ses|session|sess)[-_ ]?(\d+)", re.IGNORECASE),
    "run": re.compile(r"(?:run|block|trial)[-_ ]?(\d+)", re.IGNORECASE),
}  # fmt: skip


def write_template(folder: Path, out: Path, quiet: bool = False) -> str:
    """Write both tables to ``out``; one sentence on what to correct. Files that stand there are never replaced.

    Each code in a recording's events becomes a trial that lasts to the next one; a recording without codes becomes one trial,
    with the sound of the same name as its stimulus. Subject, session and run are guessed from names. Raises
    BadInput where the folder holds no signal, or ``out`` holds tables already.
    """
    folder = existing_root(folder, "template")
    taken = [name for name in ("recordings.tsv", "trials.tsv") if (out / name).exists()]
    if taken:
        raise BadInput(f"{out}: wanted a folder without {taken[0]}, it is there already and was kept; give another --out.")
    paths = signal_files(folder)
    sounds = {path.stem: path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SOUND}
    recordings: list[dict[str, str]] = []
    trials: list[dict[str, str]] = []
    left: list[str] = []
    with bar("template", len(paths), quiet) as advance:
        for path in paths:
            try:
                file = open_signal(path)
            except BadInput as error:
                left.append(str(error))
            else:
                recordings.append(_recording(folder, out, path, {row["recording"] for row in recordings}))
                trials += _trials(recordings[-1]["recording"], file, out, sounds.get(path.stem))
            advance(path.name)
    if not recordings:
        why = f"the first of {len(left)} could not be read: {left[0]}" if left else f"looked for {', '.join(SIGNAL)}"
        raise BadInput(f"{folder}: wanted signal files, found none that can be read ({why.rstrip('.')}); check --from.")
    _write(out / "recordings.tsv", RECORDING_COLUMNS, recordings)
    _write(out / "trials.tsv", TRIAL_COLUMNS, trials)
    tell = console(quiet)
    for sentence in left:
        tell.print(f"  left out: {sentence}", markup=False)
    return (
        f"{out}: recordings.tsv with {len(recordings)} recordings of {len({r['subject'] for r in recordings})} subjects and trials.tsv "
        f"with {len(trials)} trials; correct subjects, labels and durations, then: mindleaf prepare manifest --root {out} --out STORE"
    )


def signal_files(folder: Path) -> list[Path]:
    """The signal files below a folder, run 2 before run 10; of those that belong together the one that is opened."""
    paths = [path for path in folder.rglob("*") if path.suffix.lower() in SIGNAL and path.is_file()]
    return sorted(
        (path for path in paths if path.suffix.lower() not in _BESIDE), key=lambda path: numbered(path.relative_to(folder))
    )


def _recording(folder: Path, out: Path, path: Path, taken: set[str]) -> dict[str, str]:
    inside = path.relative_to(folder).as_posix()
    guessed = {entity: guess(entity, inside) for entity in _ENTITY}
    name = slug(path.stem) if slug(path.stem) not in taken else slug(inside)
    subject = guessed["subject"] or (path.parent.name if path.parent != folder else path.stem)
    return {**guessed, "recording": name, "subject": slug(subject), "file": Path(os.path.relpath(path, out)).as_posix()}


def guess(entity: str, name: str) -> str:
    """Subject, session or run as a file's name tells it; empty where it tells nothing."""
    match = _ENTITY[entity].search(name)
    return next((group for group in match.groups() if group), "") if match else ""


def _trials(recording: str, file: SignalFile, out: Path, sound: Path | None) -> list[dict[str, str]]:
    marks = [event for event in sorted(file.events, key=lambda event: event.onset) if event.label != "annotation"]
    if not marks:
        # A sound of the recording's own name is taken to begin with it.
        seconds = min(file.duration, open_audio(sound).duration) if sound else file.duration
        heard = {"stimulus_file_1": Path(os.path.relpath(sound, out)).as_posix(), "attended": "1"} if sound else {}
        return [{"recording": recording, "trial": "1", "onset_s": "0", "duration_s": f"{seconds:.6f}", "label": "", **heard}]
    ends = [event.onset for event in marks[1:]] + [file.duration]
    rows = []
    for number, (event, end) in enumerate(zip(marks, ends, strict=True), start=1):
        duration = event.duration if event.duration > 0 else end - event.onset
        duration = min(duration, file.duration - event.onset)
        if duration > 0:
            rows.append({"recording": recording, "trial": f"{number:03d}", "onset_s": f"{event.onset:.6f}",
                         "duration_s": f"{duration:.6f}", "label": event.label})  # fmt: skip
    return rows


def _write(path: Path, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as out:
        table = csv.DictWriter(out, columns, restval="", delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
