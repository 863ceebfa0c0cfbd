"""Collections published as cut-out epochs: how epochs become one signal, and trials in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mindleaf.recording import Trial

#: For the notes of every data set that is read this way.
JOINED = (
    "The files hold cut-out epochs. A recording is a session's epochs laid end to end, each without its own mean: what "
    "lies beside a joint in the signal did not lie there in time, and filters reach over joints."
)


def laid_end_to_end(epochs: NDArray) -> NDArray[np.float32]:
    """(epoch, channel, time) -> (channel, epoch * time), each epoch's channels without their mean.

    Amplifier offsets differ from epoch to epoch by more than the EEG; as steps at every joint they would ring in filters.
    """
    values = np.asarray(epochs, np.float64)
    values = values - values.mean(axis=2, keepdims=True)
    return np.ascontiguousarray(values.transpose(1, 0, 2).reshape(values.shape[1], -1), np.float32)


def epoch_trials(labels: Sequence[str], n_samples: int, sfreq: float, onset_s: float, duration_s: float) -> tuple[Trial, ...]:
    """One trial an epoch of ``n_samples``, ``onset_s`` after its first sample; epochs without a label ("") give none."""
    return tuple(
        Trial(f"{number + 1:03d}", number * n_samples / sfreq + onset_s, duration_s, labels={"label": label})
        for number, label in enumerate(labels)
        if label
    )
