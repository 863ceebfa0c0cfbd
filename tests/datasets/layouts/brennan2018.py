"""Brennan & Hale 2019: FieldTrip structs ``raw`` and ``proc`` as MATLAB 5 files, sounds by segment, the word table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io
import soundfile

from .expected import Expected, ExpectedTrial, audio, eeg

RATE, SOUND_RATE, SOUND_S, PERIOD, BUMP_S = 500, 44_100, 1.2, 701, 0.7
FIRST = {"S01": 1863, "S03": 3496}
NAMES = [str(number) for number in range(1, 62) if number != 29]
#: Seconds at which the words of a segment begin.
WORDS = (0.046, 0.562721, 0.784543)


def write(root: Path) -> Expected:
    """Two listeners of the paper and one it leaves out, whose file is never opened."""
    trials = []
    for subject in FIRST:
        write_listener(root, subject)
        for k in range(1, 13):
            onset = start_sample(subject, k) / RATE
            trials.append(ExpectedTrial(f"sub-{subject}", str(k), onset, SOUND_S, {}, (sound_name(k),), 1, BUMP_S))
    (root / "S02.mat").write_bytes(b"left out in the paper")
    for k in range(1, 13):
        (root / "audio").mkdir(exist_ok=True)
        soundfile.write(root / "audio" / f"{sound_name(k)}.wav", audio(SOUND_S, SOUND_RATE, [BUMP_S], k), SOUND_RATE)
    rows = [f"w,{k},{k},{tmin},{tmin + 0.2},{order}" for order, (k, tmin) in enumerate(_words(), start=1)]
    (root / "AliceChapterOne-EEG.csv").write_text("Word,Trigger,Segment,onset,offset,Order\n" + "\n".join(rows) + "\n")
    return Expected(tuple(FIRST), 2, 60, float(RATE), tuple(trials))


def sound_name(segment: int) -> str:
    return f"DownTheRabbitHoleFinal_SoundFile{segment}"


def start_sample(subject: str, segment: int) -> int:
    return FIRST[subject] + (segment - 1) * PERIOD


def _words() -> list[tuple[int, float]]:
    return [(k, tmin) for k in range(1, 13) for tmin in WORDS]


def write_listener(root: Path, subject: str, bad: tuple[str, ...] = (), copy_of_sound: str = "AUD") -> None:
    n_times = start_sample(subject, 12) + int((SOUND_S + 1) * RATE)
    bumps = [start_sample(subject, k) / RATE + BUMP_S for k in range(1, 13)]
    signal = np.round(eeg(len(NAMES), n_times, RATE, bumps, seed=FIRST[subject]), 1)
    other = np.zeros((2, n_times))
    other[0], other[1] = signal[0] * 3, np.sin(np.arange(n_times))
    names = [*NAMES, "VEOG", copy_of_sound]
    data = np.concatenate([signal, other])
    column = np.array(names, dtype=object)[:, None]
    times, trial = np.empty((1, 1), object), np.empty((1, 1), object)
    times[0, 0], trial[0, 0] = np.arange(n_times)[None] / RATE, data
    header = {"Fs": float(RATE), "nChans": float(len(names)), "label": column, "nSamples": float(n_times), "nTrials": 1.0}
    raw = {
        "hdr": header, "label": column, "time": times, "trial": trial, "fsample": float(RATE),
        "sampleinfo": np.array([[1.0, n_times]]), "cfg": {"dataset": "x.eeg"},
    }  # fmt: skip
    scipy.io.savemat(root / f"{subject}.mat", {"raw": raw}, do_compression=True)
    write_proc(root, subject, bad)


def write_proc(root: Path, subject: str, bad: tuple[str, ...] = ()) -> None:
    """Epochs begin 150 samples before the word, whose sample was rounded up."""
    rows = []
    for order, (k, tmin) in enumerate(_words(), start=1):
        word = np.ceil(start_sample(subject, k) + tmin * RATE - 1e-9)
        rows.append([word - 150, word + 500, -150, k, tmin, order])
    cells = np.array(bad, dtype=object)[None] if bad else np.empty((0, 0), object)
    proc = {
        "implicitref": "29", "refchannels": np.array(["25", "29"], dtype=object)[None], "subject": subject,
        "trl": np.array(rows), "varnames": np.array(["segment", "tmin", "Order"], dtype=object)[None],
        "tot_trials": float(len(rows)), "impedence": {"bads": cells, "note": "From tones data!"},
        "rejections": {"badchans": cells, "numtrialrej": 0.0},
    }  # fmt: skip
    (root / "proc").mkdir(exist_ok=True)
    scipy.io.savemat(root / "proc" / f"{subject}.mat", {"proc": proc})
