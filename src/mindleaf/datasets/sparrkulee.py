"""SparrKULee: Dutch stories and podcasts, 85 listeners (Accou et al. 2024), BDF in BIDS, sounds as NPZ.

Sound and EEG run on two clocks. Both hold the same train of pulses: as an own file beside the sound and in the status channel
of the BDF. A line through the pulses says which second of the sound an EEG sample belongs to.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.dataset import (
    Dataset,
    DatasetFacts,
    Hours,
    Source,
    identifier,
    matching_files,
    numbered,
    placed,
    relative_names,
)
from mindleaf.errors import BadInput, ReadError
from mindleaf.reading.child import GIGABYTE, guarded
from mindleaf.reading.presence import present_file
from mindleaf.reading.signals import open_signal
from mindleaf.recording import Candidate, Recording, Stimulus, Trial

#: Within a minute the two clocks part by a few milliseconds at most; every trial starts in step again.
TRIAL_S, SHORTEST_S = 60.0, 5.0
#: How much faster one clock may run, and how far a pulse may lie from the line, before the two trains are not the same.
_LARGEST_DRIFT, _LARGEST_MISS_S = 1e-3, 0.01
_NAME = re.compile(r"sub-(\w+?)_ses-(\w+?)_task-listeningActive(?:_run-(\w+?))?_eeg\.bdf")
_CONTROL = "artefact"


def sources(root: Path) -> Iterator[Source]:
    """One source a presentation. The published .bdf.gz files have to be unpacked; a control without listening stays out."""
    packed = list(root.glob("sub-*/ses-*/eeg/*_task-listeningActive*_eeg.bdf.gz"))
    if packed and not list(root.glob("sub-*/ses-*/eeg/*_task-listeningActive*_eeg.bdf")):
        raise BadInput(f"sparrkulee: {root} holds {len(packed)} packed recordings; unpack them first, with gunzip -r sub-*.")
    found = [path for path in matching_files(root, "sparrkulee", "sub-*/ses-*/eeg/*_task-listeningActive*_eeg.bdf")]
    for path in sorted((path for path in found if _NAME.fullmatch(path.name)), key=numbered):
        subject, session, run = _NAME.fullmatch(path.name).groups(default="")  # type: ignore[union-attr]
        yield Source(relative_names(root, path)[0], partial(_open, root, path, subject, session, run))


def _open(root: Path, path: Path, subject: str, session: str, run: str) -> list[Recording]:
    event = _event(path)
    sound = _beside_stimuli(root, event["stim_file"], path)
    name = re.sub(r"_video$", "", sound.name.split(".")[0])
    if _CONTROL in name:
        return []
    file = open_signal(path).pick_types("eeg")
    scalp = file.pick([channel for channel in file.channel_names if not re.fullmatch(r"EXG\d|[AM][12]", channel)])
    pulses = guarded(read_pulses, path, timeout_s=120.0, memory_bytes=2 * GIGABYTE) / file.sfreq
    played = _npz(_beside_stimuli(root, event["trigger_file"], path), "pulses")
    try:
        start, rate = clock_line(pulses, played["pulses"] / played["sfreq"])
    except ReadError as error:
        raise ReadError(f"{path}: {error}") from error
    heard = _npz(sound, "length")
    seconds = min(heard["length"] / heard["sfreq"], (file.duration - start) / rate)
    stimulus = Stimulus(name, heard["sfreq"], partial(load_sound, sound), auditory_type="speech")
    trials = []
    for number, offset in enumerate(np.arange(0.0, seconds, TRIAL_S), start=1):
        lasts = min(TRIAL_S, seconds - offset)
        onset = round((start + rate * offset) * file.sfreq) / file.sfreq
        if onset >= 0 and (lasts >= SHORTEST_S or number == 1):
            trials.append(Trial(str(number), onset, lasts, candidates=(Candidate(name, offset=float(offset)),), attended=1))
    return [
        Recording(
            dataset="sparrkulee",
            subject=subject,
            session=session,
            id=identifier(("sub", subject), ("ses", session), ("run", run)),
            run=run,
            sfreq=scalp.sfreq,
            montage=placed(scalp, "biosemi64"),
            n_times=scalp.n_times,
            load=scalp.load,
            events=scalp.events,
            stimuli=(stimulus,),
            trials=tuple(trials),
            issues=scalp.issues,
            source_files=relative_names(root, path, sound),
        )
    ]


def _event(path: Path) -> dict[str, str]:
    """The one row that names the sound and its train of pulses."""
    table = present_file(path.with_name(path.name.replace("_eeg.bdf", "_events.tsv")), "the table of events")
    with table.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row.get("stim_file") not in (None, "", "n/a")]
    if len(rows) != 1 or not rows[0].get("trigger_file"):
        raise ReadError(f"{table}: wanted one row with stim_file and trigger_file, found {len(rows)}; get it again.")
    return rows[0]


def _beside_stimuli(root: Path, name: str, path: Path) -> Path:
    """The .npz or .npz.gz file that a table names, in stimuli or stimuli/eeg, packed or not."""
    plain = Path(name.strip().removeprefix("stimuli/").removesuffix(".gz"))
    if plain.is_absolute() or ".." in plain.parts:
        raise ReadError(f"{path}: its events name {name!r}, wanted a file below stimuli; get the table again.")
    for folder in (root / "stimuli", root / "stimuli" / "eeg"):
        for candidate in (folder / plain, folder / f"{plain}.gz"):
            if candidate.exists():
                return candidate
    raise ReadError(f"{root / 'stimuli' / plain}: wanted the file that the events of {path.name} name; fetch the folder stimuli.")


def clock_line(pulses: NDArray[np.float64], played: NDArray[np.float64]) -> tuple[float, float]:
    """(second of the EEG at which the sound starts, EEG seconds per second of sound), from the times of the same pulses.

    One pulse may be missing or too many at either end. Raises ReadError where the trains differ by more.
    """
    n = min(len(pulses), len(played))
    if n < 2 or abs(len(pulses) - len(played)) > 1:
        raise ReadError(f"{len(pulses)} pulses in the EEG and {len(played)} beside the sound; the files do not belong together.")
    best = None
    for i in range(len(pulses) - n + 1):
        for j in range(len(played) - n + 1):
            heard = played[j : j + n]
            rate, start = np.polyfit(heard, pulses[i : i + n], 1)
            miss = float(np.abs(start + rate * heard - pulses[i : i + n]).max())
            if best is None or miss + abs(rate - 1.0) < best[0] + abs(best[2] - 1.0):
                best = (miss, float(start), float(rate))
    assert best is not None
    miss, start, rate = best
    if miss > _LARGEST_MISS_S or abs(rate - 1.0) > _LARGEST_DRIFT:
        raise ReadError(f"its pulses lie up to {miss:.3f} s beside those of the sound; the files do not belong together.")
    return start, rate


def starts_of(active: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Samples at which ``active`` becomes true."""
    return np.flatnonzero(active & ~np.concatenate([[False], active[:-1]]))


def read_pulses(path: str) -> NDArray[np.int64]:
    """In the child: samples at which the status channel leaves its usual value."""
    import mne

    raw = mne.io.read_raw_bdf(path, preload=False, verbose="ERROR")
    if "Status" not in raw.ch_names:
        raise ReadError(f"{path}: wanted the channel Status, found {', '.join(raw.ch_names[-4:])}; get the file again.")
    status = raw.get_data(picks=["Status"], verbose="ERROR").ravel().astype(np.int64) & 0xFFFF
    values, counts = np.unique(status, return_counts=True)
    return starts_of(status != values[counts.argmax()])


def _npz(path: Path, what: str) -> dict[str, Any]:
    return _npz_at(path, path.stat().st_mtime_ns, what)


@lru_cache(maxsize=256)
def _npz_at(path: Path, modified_ns: int, what: str) -> dict[str, Any]:
    """Rate with the length or the pulses of a sound: every listener hears the same files, so they are read once."""
    size = present_file(path, "a sound").stat().st_size
    return guarded(read_npz, path, what, timeout_s=60.0 + size / 2e6, memory_bytes=40 * size + GIGABYTE)


def load_sound(path: Path) -> NDArray[np.float32]:
    """The samples of a .npz or .npz.gz file, mono."""
    size = present_file(path, "a sound").stat().st_size
    return guarded(read_npz, path, "sound", timeout_s=60.0 + size / 2e6, memory_bytes=40 * size + GIGABYTE)["sound"]


def read_npz(path: str, what: str) -> dict[str, Any]:
    """In the child: ``sfreq`` with "length", "pulses" (samples) or "sound" of the entries audio and fs."""
    content = gzip.decompress(Path(path).read_bytes()) if path.endswith(".gz") else Path(path).read_bytes()
    with np.load(io.BytesIO(content), allow_pickle=False) as parts:
        if not {"audio", "fs"} <= set(parts):
            raise ReadError(f"{path}: wanted the entries audio and fs, found {', '.join(parts) or 'none'}; get the file again.")
        audio, sfreq = np.asarray(parts["audio"]), float(np.ravel(parts["fs"])[0])
    mono = audio if audio.ndim == 1 else audio.mean(axis=int(np.argmin(audio.shape)))
    if what == "pulses":
        return {"sfreq": sfreq, "pulses": starts_of(mono > 0.5)}
    if what == "length":
        return {"sfreq": sfreq, "length": len(mono)}
    full = float(np.iinfo(audio.dtype).max) if audio.dtype.kind == "i" else 1.0
    return {"sfreq": sfreq, "sound": (mono / full).astype(np.float32)}


DATASET = Dataset(
    facts=DatasetFacts(
        name="sparrkulee",
        title="SparrKULee: A Speech-Evoked Auditory Response Repository from KU Leuven",
        citation="Accou B, Bollens L, Gillis M, Verheijen W, Van hamme H, Francart T (2024). SparrKULee: A Speech-Evoked Auditory "
        "Response Repository from KU Leuven, Containing the EEG of 85 Participants. Data 9(8), 94.",
        licence="CC BY-NC 4.0",
        access="registration",
        n_subjects=85,
        n_recordings=None,
        n_channels=64,
        sfreq=1024.0,
        hours=168.0,
        reference="CMS of BioSemi, as recorded: reference before use",
        line_frequency=50.0,
        paradigm="listening to stories",
        files=("sub-*/ses-*/eeg/*_task-listeningActive_*_eeg.bdf", "*_events.tsv", "stimuli/eeg/*.npz.gz"),
        url="https://doi.org/10.48804/K3VSND",
        stimuli="audio books and podcasts of about 15 minutes, named by their file (audiobook_1_1); the train of pulses in the status "
        "channel and its copy in trigger_file say which second of the sound belongs to which sample",
        exclusions=(
            ("restingState", "no sound"),
            ("audiobook_1_artefact", "a control of the equipment, no listening to a new story"),
            ("EXG and mastoid channels", "not scalp EEG"),
        ),
        counted=(Hours("85 listeners of about 2 hours", 85, 168.0 * 3600.0 / 85),),
        access_steps=(
            "Ask for access at the KU Leuven repository RDR, doi 10.48804/K3VSND; some sounds need a signed agreement.",
            "Fetch sub-* and stimuli with all their folders.",
            "Unpack the recordings: gunzip -r sub-*. The sounds may stay packed.",
        ),
        notes=(
            "A trial is a minute of a recording, with its second of the sound as offset, so that the drift of the two clocks stays at a few "
            "milliseconds; minutes of one recording resemble each other, so split by stimulus or subject.",
            "Some presentations mix noise into the story; the sound kept here is the clean one.",
            "podcast_10 and podcast_10_video are one sound.",
        ),
        unverified=(
            "the files themselves: the layout is taken from the authors' pipeline and two other public readers",
            "the usual value of the status channel and the width of its pulses",
            "licence, hours and the steps to get access",
        ),
    ),
    sources=sources,
)
