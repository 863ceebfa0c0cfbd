"""DTU as on Zenodo 1199011: EEG/S1.mat with S1.csv (writetable) beside, AUDIO/*.wav; and DATA_preproc/S1_data_preproc.mat."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import soundfile

from .expected import Expected, ExpectedTrial, audio, eeg
from .kul import BIOSEMI64

SFREQ, AUDIO_RATE, IMPULSE_S = 512.0, 44_100, 1.3
#: A 64-channel BioSemi file with eight external electrodes and the trigger channel.
LABELS = [*BIOSEMI64, *(f"EXG{k}" for k in range(1, 9)), "Status"]
#: (attend_mf, attend_lr, acoustic_condition, n_speakers); the second trial has a single talker.
TRIALS = ((1, 1, 1, 2), (2, 2, 2, 1), (2, 1, 2, 2), (2, 2, 3, 2))
STARTS = (700, 2900, 5001, 8113)
LENGTH = 1600  # samples from start to end trigger


def write(root: Path) -> Expected:
    """Listeners 1 and 8: the second one's trials end with trigger 192, and a stray event stands between two trials."""
    (root / "EEG").mkdir()
    write_sounds(root)
    expected = []
    for subject in (1, 8):
        write_mat(root / "EEG" / f"S{subject}.mat", end=192 if subject == 8 else 191, seed=subject)
        write_csv(root / "EEG" / f"S{subject}.csv")
        for number, ((attended, _, room, n_speakers), start) in enumerate(zip(TRIALS, STARTS, strict=True), start=1):
            if n_speakers == 2:
                expected.append(
                    ExpectedTrial(
                        recording=f"sub-0{subject}",
                        trial=str(number),
                        onset_s=(start - 1) / SFREQ,
                        duration_s=LENGTH / SFREQ,
                        labels={"acoustic_condition": str(room)},
                        stimuli=(f"aske_story{number}_trial_{number}", f"marianne_story{number}_trial_{number}"),
                        attended=attended,
                        impulse_s=IMPULSE_S,
                    )
                )
    return Expected(subjects=("01", "08"), n_recordings=2, n_channels=64, sfreq=SFREQ, trials=tuple(expected))


def write_sounds(root: Path) -> None:
    """Four stories of each talker."""
    (root / "AUDIO").mkdir()
    for talker in ("aske", "marianne"):
        for number in range(1, 5):
            click = audio(LENGTH / SFREQ + 0.5, AUDIO_RATE, [IMPULSE_S], seed=number + (50 if talker == "aske" else 0))
            soundfile.write(root / "AUDIO" / f"{talker}_story{number}_trial_{number}.wav", click, AUDIO_RATE, subtype="PCM_16")


def write_mat(path: Path, end: int, seed: int, expinfo: Any = None) -> None:
    """One listener's raw file; savemat cannot write a table, so ``expinfo`` is left out or a struct."""
    n_times = STARTS[-1] + LENGTH + 600
    signal = eeg(len(LABELS), n_times, SFREQ, [(start - 1) / SFREQ + IMPULSE_S for start in STARTS], seed)
    samples, values = [], []
    for number, start in enumerate(STARTS, start=1):
        samples += [start, start + LENGTH] + ([start + LENGTH + 40] if number == 1 else [])
        values += [number, end] + ([7] if number == 1 else [])
    data = {
        "eeg": _cell([signal.T.astype(np.float32)]),
        "fsample": {"eeg": SFREQ},
        "dim": {"chan": {"eeg": _cell([_cell(LABELS)])}, "time": {}},
        "event": {"eeg": {"sample": np.array(samples, float)[:, None], "value": _cell([float(v) for v in values]).T}},
    }
    scipy.io.savemat(path, {"data": data, **({"expinfo": expinfo} if expinfo is not None else {})}, do_compression=True)


def write_csv(path: Path) -> None:
    """What writetable(expinfo, 'S1.csv') writes; a missing name is an empty cell."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(list(rows()[0]))
        writer.writerows(list(row.values()) for row in rows())


def rows() -> list[dict[str, Any]]:
    """The list of trials, single talker included."""
    return [
        {
            "attend_mf": attended, "attend_lr": side, "acoustic_condition": room, "n_speakers": n_speakers,
            "wavfile_male": f"aske_story{number}_trial_{number}.wav" if n_speakers == 2 else "",
            "wavfile_female": f"marianne_story{number}_trial_{number}.wav",
            "trigger": number,
        }
        for number, (attended, side, room, n_speakers) in enumerate(TRIALS, start=1)
    ]  # fmt: skip


def write_preprocessed(root: Path) -> Expected:
    """The authors' preprocessed release of two listeners who hear the same stories and attend to the opposite ones."""
    rate, n_times = 64.0, 320
    expected = []
    for subject in (1, 2):
        attended = [1, 2, 2] if subject == 1 else [2, 1, 1]
        signals = [eeg(66, n_times, rate, [IMPULSE_S], seed).T for seed in range(3)]
        men, women = ([_envelope(n_times, rate, seed + first) for seed in range(3)] for first in (0, 20))
        pairs = [(man, woman) if who == 1 else (woman, man) for man, woman, who in zip(men, women, attended, strict=True)]
        labels = _cell([*BIOSEMI64, "EXG1", "EXG2"])
        data = {
            "eeg": _cell(signals),
            "wavA": _cell([pair[0] for pair in pairs]),
            "wavB": _cell([pair[1] for pair in pairs]),
            "fsample": {"eeg": rate, "wavA": rate, "wavB": rate},
            "dim": {"chan": {"eeg": _cell([labels] * 3)}},
            "event": {"eeg": _cell([{"sample": 1.0, "value": _cell([float(who)])} for who in attended])},
        }
        scipy.io.savemat(root / f"S{subject}_data_preproc.mat", {"data": data}, do_compression=True)
        expected += [
            ExpectedTrial(f"sub-0{subject}_run-{k}", str(k), 0.0, n_times / rate, attended=who, impulse_s=IMPULSE_S)
            for k, who in enumerate(attended, start=1)
        ]
    return Expected(subjects=("01", "02"), n_recordings=6, n_channels=64, sfreq=rate, trials=tuple(expected))


def _envelope(n_times: int, rate: float, seed: int) -> np.ndarray:
    """(n_times, 1): a quiet noise that differs by seed and a loud moment; it dips below zero as after resampling."""
    noise = 0.05 * np.random.default_rng(seed).standard_normal(n_times)
    return (noise + np.exp(-0.5 * ((np.arange(n_times) / rate - IMPULSE_S) / 0.02) ** 2))[:, None]


def _cell(items: list[Any]) -> np.ndarray:
    cell = np.empty((1, len(items)), object)
    for column, item in enumerate(items):
        cell[0, column] = item
    return cell
