"""One stimulus into the store: written once per content, known again by where it comes from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import BadInput, ReadError
from mindleaf.recording import Stimulus
from mindleaf.store.files import CannotWrite, array_sha256, read_json, safe_name, write_array, write_json
from mindleaf.store.integrity import is_whole, samples_sha256
from mindleaf.store.origin import origin

#: Audio is kept at this rate (MindMix, appendix A.2), mono.
AUDIO_RATE = 16_000


#: Stimuli that this process has met, by run, place and origin: most subjects hear the same ones.
_met: dict[str, dict[tuple[str, str], dict]] = {}


def stimulus_entry(stimulus: Stimulus, out: Path, token: str) -> dict:
    """What the manifest will say of the stimulus; its samples are read and written where ``out`` does not hold them.

    Two stimuli of one id and different content get two files and two entries: the caller sees both and refuses them.
    ``token`` names the run: within it, a stimulus of one origin is looked at once per process.
    """
    origin_of = _origin(stimulus)
    if not origin_of:
        return _written(stimulus, out)
    for old in set(_met) - {token}:
        _met.pop(old, None)
    met, key = _met.setdefault(token, {}), (str(out), origin_of)
    if key not in met:
        note = out / "stimuli" / f"{safe_name(stimulus.id)}.{origin_of[:12]}.json"
        entry = _whole_entry(note, out)
        if entry is None:
            entry = _written(stimulus, out)
            write_json(note, entry)
        met[key] = entry
    return met[key]


def _written(stimulus: Stimulus, out: Path) -> dict:
    samples, rate = _kept(stimulus)
    file = f"stimuli/{safe_name(stimulus.id)}-{array_sha256(samples)[:12]}.npy"
    return {
        "id": stimulus.id, "kind": stimulus.kind, "sample_rate": rate, "auditory_type": stimulus.auditory_type,
        "n_samples": len(samples), "file": file, "sha256": write_array(out / file, samples),
    }  # fmt: skip


def _whole_entry(note: Path, out: Path) -> dict | None:
    entry = read_json(note)
    file = str(entry.get("file", ""))
    return entry if file and is_whole(out / file, entry["sha256"], samples_sha256) else None


def _origin(stimulus: Stimulus) -> str:
    """A hash of how the samples are made and of the files they come from; "" where that cannot be said."""
    made = origin(stimulus.load)
    text = repr((stimulus.id, stimulus.kind, float(stimulus.sample_rate), stimulus.auditory_type, AUDIO_RATE, made))
    return hashlib.sha256(text.encode()).hexdigest() if made else ""


def _kept(stimulus: Stimulus) -> tuple[NDArray[np.float32], float]:
    """The samples as they are stored, and their rate."""
    try:
        samples = np.asarray(stimulus.load(), np.float32)
    except CannotWrite:
        raise
    except OSError as error:
        raise ReadError(
            f"stimulus {stimulus.id}: reading its file failed ({error.strerror or type(error).__name__}); get the file again."
        ) from error
    if samples.ndim != 1 or not len(samples):
        raise BadInput(f"stimulus {stimulus.id}: wanted mono samples, got shape {samples.shape}; mix or choose a channel first.")
    rate = float(stimulus.sample_rate)
    if stimulus.kind == "audio" and rate != AUDIO_RATE:
        samples, rate = _resampled_audio(samples, rate), float(AUDIO_RATE)
    if stimulus.kind == "audio":
        # Per stimulus, not per window as in the paper: a window's gain is a constant in log-mel, which centring removes.
        samples = (samples / (np.abs(samples).max() or 1.0)).astype(np.float32)
    return np.ascontiguousarray(samples), rate


def _resampled_audio(samples: NDArray[np.float32], rate: float) -> NDArray[np.float32]:
    import soxr

    return soxr.resample(samples, rate, AUDIO_RATE).astype(np.float32)
