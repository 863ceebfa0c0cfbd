"""MAD-EEG as on Zenodo 4537751: madeeg_raw.hdf5 with two YAML files and stimuli/, madeeg_preprocessed.hdf5 with its YAML file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import soundfile
import yaml

from .expected import Expected, ExpectedTrial, audio, eeg

SFREQ, AUDIO_RATE, IMPULSE_S = 256.0, 44_100, 0.6
SCALP = ["F3", "F1", "Fz", "F2", "F4", "C3", "C1", "Cz", "C2", "C4", "CPz", "P3", "P1", "Pz", "P2", "P4", "POz", "O1", "Oz", "O2"]
#: The channel named ECG is typed misc (502), AUX1 is the heart (402), AUX3 the eyes (202).
OTHERS = {"ECG": 502, "AUX1": 402, "AUX2": 502, "AUX3": 202, "X": 502, "Y": 502, "Z": 502, "EPOC": 3, "HR": 502, "STI": 3}
DUO, TRIO = "classique_morceau1_duo_CoFl_theme1", "pop_mixtape_trio_BsDrVx_theme2"
#: One target only in the published files.
EXCLUDED = "pop_mixtape_trio_BsDrVx_theme1"
SOLO = "classique_morceau1_solo_Co_theme1_mono"
N_REPETITIONS, REPETITION_S = 4, 1.5
#: Sequence, target: both renderings of the duo, both targets.
SEQUENCES = (
    (f"{DUO}_stereo_lcr_Co", "Co"),
    (f"{DUO}_mono_Fl", "Fl"),
    (f"{TRIO}_stereo_lcr_Vx", "Vx"),
    (f"{EXCLUDED}_stereo_lcr_Bs", "Bs"),
    (SOLO, "Co"),
)


def write(root: Path) -> Expected:
    """Both releases of two listeners: the raw one is read, the isolated parts come from the preprocessed one."""
    write_preprocessed(root)
    return write_raw(root)


def write_raw(root: Path) -> Expected:
    """The raw release: repetitions with gaps between them, 80-bit numbers, volts."""
    (root / "stimuli").mkdir()
    for instrument in ("Co", "Fl"):
        for repetition in range(1, N_REPETITIONS + 1):
            sound = audio(REPETITION_S, AUDIO_RATE, [IMPULSE_S], seed=repetition + (7 if instrument == "Fl" else 0))
            name = SOLO.replace("_Co_", f"_{instrument}_")
            soundfile.write(root / "stimuli" / f"{name}_{repetition}.wav", sound, AUDIO_RATE, subtype="PCM_16")
    onsets = {key: [300 + 1601 * s + 397 * r for r in range(N_REPETITIONS)] for s, (key, _) in enumerate(SEQUENCES)}
    channels, kinds = [*SCALP, *OTHERS], [*[2] * len(SCALP), *OTHERS.values()]
    described, listed, expected = {}, {}, []
    with h5py.File(root / "madeeg_raw.hdf5", "w") as file:
        for subject in ("0001", "0007"):
            bumps = [onset / SFREQ + IMPULSE_S for several in onsets.values() for onset in several]
            signal = eeg(len(channels), 300 + 1601 * len(SEQUENCES) + 500, SFREQ, bumps, int(subject))
            file.create_dataset(subject, data=(signal * 1e-6).astype(np.longdouble))
            described[subject] = {"ch_names": channels, "chs": [{"kind": kind} for kind in kinds], "sfreq": SFREQ}
            listed[subject] = {
                key: {"n_ech": several, "wav_files": [f"{_played(key)}_{k}.wav" for k in range(1, N_REPETITIONS + 1)]}
                for key, several in onsets.items()
            }
            for key, target in SEQUENCES:
                if not key.startswith(EXCLUDED):
                    expected += [_expected(subject, key, target, r, onsets[key][r] / SFREQ) for r in range(N_REPETITIONS)]
    (root / "madeeg_raw.yaml").write_text(yaml.safe_dump(described))
    (root / "madeeg_sequences_raw.yaml").write_text(yaml.safe_dump(listed))
    return Expected(subjects=("0001", "0007"), n_recordings=2, n_channels=20, sfreq=SFREQ, trials=tuple(expected))


def write_preprocessed(root: Path) -> Expected:
    """The preprocessed release: only what was played in stereo, without solos; the third part of a duo is empty."""
    keys = [(key.replace("_lcr", ""), target) for key, target in SEQUENCES if "stereo" in key]
    length = N_REPETITIONS * REPETITION_S
    clicks = [r * REPETITION_S + IMPULSE_S for r in range(N_REPETITIONS)]
    listed: dict[str, Any] = {}
    expected = []
    with h5py.File(root / "madeeg_preprocessed.hdf5", "w") as file:
        for subject in ("0001", "0007"):
            listed[subject] = {}
            for key, target in keys:
                instruments = _instruments(key)
                parts = np.zeros((3, round(length * AUDIO_RATE)), np.float32)
                for row, name in enumerate(instruments):
                    parts[row] = audio(length, AUDIO_RATE, clicks, seed=sum(map(ord, key[:30] + name)))
                group = file.create_group(f"{subject}/{key}")
                signal = eeg(20, round(length * SFREQ), SFREQ, clicks, int(subject))
                group.create_dataset("response", data=(signal * 1e-6).astype(np.longdouble))
                group.create_dataset("soli", data=parts)
                group.create_dataset("stimulus", data=np.zeros((2, 10), np.float32))
                listed[subject][key] = {
                    "target": target, "instruments": instruments, "ensemble": key.split("_")[2], "spatial": "stereo",
                    "genre": key.split("_")[0], "song": key.split("_")[1], "theme": key.split("_")[4],
                    "eeg_info": {"sfreq": SFREQ, "ch_names": SCALP}, "wav_info": {"sfreq": AUDIO_RATE},
                }  # fmt: skip
                if not key.startswith(EXCLUDED):
                    names = tuple(f"{'_'.join(key.split('_')[:5])}-{name}" for name in instruments)
                    place = f"sub-{subject}_run-{key.replace('_', '-')}"
                    attended = 1 + instruments.index(target)
                    expected.append(ExpectedTrial(place, key, 0.0, length, {}, names, attended, IMPULSE_S))
    (root / "madeeg_preprocessed.yaml").write_text(yaml.safe_dump(listed))
    return Expected(subjects=("0001", "0007"), n_recordings=4, n_channels=20, sfreq=SFREQ, trials=tuple(expected))


def _expected(subject: str, key: str, target: str, repetition: int, onset_s: float) -> ExpectedTrial:
    mixture, instruments = "_".join(key.split("_")[:5]), _instruments(key)
    solo = (f"{key}_{repetition + 1}",)
    return ExpectedTrial(
        recording=f"sub-{subject}",
        trial=f"{key}_{repetition + 1}",
        onset_s=onset_s,
        duration_s=REPETITION_S,
        labels={"ensemble": key.split("_")[2], "spatial": "mono" if "_mono" in key else "stereo", "sequence": key},
        stimuli=solo if key == SOLO else tuple(f"{mixture}-{name}" for name in instruments),
        attended=1 + instruments.index(target),
        impulse_s=IMPULSE_S,
    )


def _instruments(key: str) -> list[str]:
    return re.findall("[A-Z][a-z]", key.split("_")[3])


def _played(key: str) -> str:
    """The sound of a mixture is named without its target."""
    return key if key == SOLO else key.rsplit("_", 1)[0]
