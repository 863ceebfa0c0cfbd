"""Files of the SEED collections: .mat with one variable a clip, Neuroscan .cnt of a session."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import scipy.io

from ...reading.neuroscan_writers import write_cnt
from .expected import eeg

CHANNELS = [
    "FP1", "FPZ", "FP2", "AF3", "AF4", "F7", "F5", "F3", "F1", "FZ", "F2", "F4", "F6", "F8", "FT7", "FC5", "FC3", "FC1",
    "FCZ", "FC2", "FC4", "FC6", "FT8", "T7", "C5", "C3", "C1", "CZ", "C2", "C4", "C6", "T8", "TP7", "CP5", "CP3", "CP1",
    "CPZ", "CP2", "CP4", "CP6", "TP8", "P7", "P5", "P3", "P1", "PZ", "P2", "P4", "P6", "P8", "PO7", "PO5", "PO3", "POZ",
    "PO4", "PO6", "PO8", "CB1", "O1", "OZ", "O2", "CB2",
]  # fmt: skip
MAT_RATE, CNT_RATE = 200.0, 1000


def write_clips(path: Path, initials: str, n_clips: int, impulse_s: float, seed: int) -> list[float]:
    """``initials``_eeg1 ... of 62 x samples; returns the clips' lengths in seconds, which differ."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lengths = [420 + 4 * k for k in range(n_clips)]
    clips = {f"{initials}_eeg{k + 1}": eeg(62, n, MAT_RATE, [impulse_s], seed + k) for k, n in enumerate(lengths)}
    scipy.io.savemat(path, clips, do_compression=True)
    return [n / MAT_RATE for n in lengths]


def write_session(
    path: Path, seconds: float, bumps_s: list[float], events: Sequence[tuple[int, int]], others: list[str], seed: int
) -> None:
    """66 or 67 channels at 1000 Hz; mastoids and eyes stand between the electrodes and carry something else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [*CHANNELS[:32], others[0], *CHANNELS[32:42], others[1], *CHANNELS[42:], *others[2:]]
    # 16 bits at the writer's step hold 164 microvolts.
    noise = 0.3 * eeg(8, round(seconds * CNT_RATE), CNT_RATE, bumps_s, seed)
    values = np.array([noise[k % 8] * (-1 if name in others else 1) for k, name in enumerate(names)])
    write_cnt(path, values, names, events)
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, 376, CNT_RATE)
    path.write_bytes(bytes(data))
