"""Is this EEG? Flat and missing channels, and a robust amplitude gate, on excerpts of the signal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.reading.notes import note

#: Plausible spread of scalp EEG after 1-40 Hz, microvolts.
GATE_UV = (0.5, 500.0)
_WHOLE_VALUES = 1_000_000
_EXCERPTS = 6
_EXCERPT_S = 10.0


def excerpts(read: Callable[[int, int], NDArray], n_channels: int, n_times: int, sfreq: float) -> list[NDArray]:
    """The whole signal where it is small, else six stretches of ten seconds spread over it; each (channel, time)."""
    length = int(_EXCERPT_S * sfreq)
    if n_channels * n_times <= _WHOLE_VALUES or n_times <= _EXCERPTS * length:
        return [read(0, n_times)]
    starts = np.linspace(0, n_times - length, _EXCERPTS).astype(int)
    return [read(int(start), int(start) + length) for start in starts]


def signal_notes(pieces: list[NDArray], names: list[str], is_eeg: list[bool], sfreq: float) -> list[dict[str, Any]]:
    """Issues ``channel_nan``, ``samples_nan``, ``channel_flat`` and ``unit_implausible`` found in ``pieces`` (microvolts)."""
    missing = np.mean([(~np.isfinite(piece)).mean(axis=1) for piece in pieces], axis=0)
    with np.errstate(invalid="ignore"):
        flat = np.all([np.ptp(piece, axis=1) == 0 for piece in pieces], axis=0)
    groups = {
        "channel_nan": ("no usable sample in", missing == 1),
        "samples_nan": ("missing or infinite samples in", (missing > 0) & (missing < 1)),
        "channel_flat": ("one and the same value throughout in", flat & (missing == 0)),
    }
    notes = []
    for code, (what, where) in groups.items():
        found = [name for name, here in zip(names, where, strict=True) if here]
        if found:
            notes.append(note(code, f"{code}: {what} {', '.join(found)}", found))
    usable = np.array(is_eeg) & ~flat & (missing == 0)
    spread = band_spread([piece[usable] for piece in pieces], sfreq)
    if spread is not None and not GATE_UV[0] <= spread <= GATE_UV[1]:
        notes.append(
            note(
                "unit_implausible",
                f"unit_implausible: a typical spread of {spread:.3g} uV at 1-40 Hz, wanted {GATE_UV[0]:g} to {GATE_UV[1]:g}; "
                "nothing was rescaled; check the file's unit, or pass --unit",
            )
        )
    return notes


def unlike_notes(names: list[str], calibrations: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Issue ``scale_differs`` for channels whose unit or calibration is not the usual one; none where every channel has its own."""
    usual, share = Counter(calibrations).most_common(1)[0]
    odd = [name for name, calibration in zip(names, calibrations, strict=True) if calibration != usual]
    if not odd or (share == 1 and len(names) > 1):
        return []
    return [note("scale_differs", f"scale_differs: unit or calibration of {', '.join(odd)} is not that of most channels", odd)]


def band_spread(pieces: list[NDArray], sfreq: float) -> float | None:
    """Median over channels of the robust standard deviation (1.4826 MAD) at 1-40 Hz; None where there is too little to say."""
    from scipy.signal import butter, sosfiltfilt

    top = min(40.0, 0.45 * sfreq)
    pieces = [piece for piece in pieces if piece.shape[0] and piece.shape[1] >= 2 * sfreq]
    if not pieces or top <= 2.0:
        return None
    sections = butter(2, (1.0, top), "bandpass", fs=sfreq, output="sos")
    filtered = np.concatenate(
        [sosfiltfilt(sections, piece - np.median(piece, axis=1, keepdims=True), axis=1) for piece in pieces], axis=1
    )
    return float(1.4826 * np.median(np.median(np.abs(filtered - np.median(filtered, axis=1, keepdims=True)), axis=1)))
