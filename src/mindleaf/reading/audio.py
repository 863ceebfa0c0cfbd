"""Audio files (WAV, FLAC, OGG), read in the guarded child process as mono float32."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import BadInput, ReadError
from mindleaf.reading.child import GIGABYTE, guarded
from mindleaf.reading.flac_header import refuse_damaged_flac
from mindleaf.reading.presence import present_file
from mindleaf.reading.wav_header import refuse_damaged_wav

#: Suffixes that are read as audio.
SUFFIXES = (".wav", ".flac", ".ogg")


@dataclass(frozen=True)
class AudioFile:
    """What the header of an audio file says. ``n_samples`` per channel at ``sample_rate`` Hz."""

    path: Path
    sample_rate: float
    n_samples: int
    n_channels: int

    @property
    def duration(self) -> float:
        return self.n_samples / self.sample_rate


def open_audio(path: Path | str) -> AudioFile:
    """Read the header. Raises ReadError for a missing, empty, truncated or unreadable file."""
    path = present_file(Path(path), "an audio file")
    if path.suffix.lower() not in SUFFIXES:
        raise ReadError(
            f"{path}: {path.suffix or 'a file without suffix'} is not an audio file; readable are {', '.join(SUFFIXES)}."
        )
    found = guarded(describe_audio, path)
    return AudioFile(path, found["sample_rate"], found["n_samples"], found["n_channels"])


def read_audio(path: Path | str, channel: int | None = None) -> tuple[NDArray[np.float32], float]:
    """Samples (n_samples,) in [-1, 1] and their rate in Hz: one channel (counted from 0), or the mean of all.

    Raises ReadError for a file that cannot be read, BadInput for a channel it does not have.
    """
    audio = open_audio(path)
    if channel is not None and not 0 <= channel < audio.n_channels:
        raise BadInput(f"{path}: wanted audio channel {channel + 1}, the file has {audio.n_channels}.")
    size = audio.path.stat().st_size
    decoded = 4 * audio.n_samples * (2 * audio.n_channels + 2)
    samples = guarded(load_audio, audio.path, channel, timeout_s=30.0 + size / 5e6, memory_bytes=4 * size + decoded + GIGABYTE)
    return samples, audio.sample_rate


def load_samples(path: Path, channel: int | None = None) -> NDArray[np.float32]:
    """The samples alone; ``functools.partial`` of it serves as ``Stimulus.load``."""
    return read_audio(path, channel)[0]


def describe_audio(path: str) -> dict[str, Any]:
    """In the child: the header, held against the file's size."""
    import soundfile

    found = soundfile.info(path)
    with open(path, "rb") as file:
        start = file.read(12)
    promised = int.from_bytes(start[4:8], "little")
    # Recorders that stream leave the size open (0 or all ones).
    if start[:4] == b"RIFF" and 0 < promised < 0xFFFFFFFF and promised + 8 > os.path.getsize(path) + 1:
        raise ReadError(
            f"{path}: is cut short, its header promises {promised + 8} bytes and {os.path.getsize(path)} are there; get it again."
        )
    refuse_damaged_wav(Path(path), int(found.samplerate), int(found.channels), int(found.frames))
    if found.frames < 1:
        raise ReadError(f"{path}: wanted audio, the file holds no sample.")
    return {"sample_rate": float(found.samplerate), "n_samples": int(found.frames), "n_channels": int(found.channels)}


def load_audio(path: str, channel: int | None) -> NDArray[np.float32]:
    """In the child: decode; integers become [-1, 1)."""
    import soundfile

    if path.lower().endswith(".flac"):
        whole, _ = soundfile.read(path, dtype="int32", always_2d=True)
        refuse_damaged_flac(Path(path), whole)
        samples = whole.astype(np.float32) / np.float32(2.0**31)
    else:
        samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    if len(samples) != soundfile.info(path).frames:
        raise ReadError(
            f"{path}: its header promises {soundfile.info(path).frames} samples, {len(samples)} could be decoded; get it again."
        )
    mono = samples.mean(axis=1) if channel is None else samples[:, channel]
    if not np.isfinite(mono).all():
        raise ReadError(f"{path}: holds samples that are no numbers; export it again.")
    return np.ascontiguousarray(mono, dtype=np.float32)
