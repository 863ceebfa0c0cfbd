"""Event lists kept beside a recording, as MNE writes them (``-eve.fif``)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import ReadError
from mindleaf.reading.child import guarded
from mindleaf.reading.presence import present_file


def read_events(path: Path | str) -> NDArray[np.int64]:
    """(n_events, 2): sample counted from the start of acquisition, and code. Raises ReadError for a damaged file."""
    return guarded(load_events, present_file(Path(path), "an event file"))


def load_events(path: str) -> NDArray[np.int64]:
    """In the child."""
    import mne

    events = np.atleast_2d(np.asarray(mne.read_events(path, verbose="ERROR"), np.int64))
    if events.shape[1] != 3:
        raise ReadError(f"{path}: wanted rows of sample, previous code, code; got {events.shape[1]} columns.")
    return events[:, [0, 2]]
