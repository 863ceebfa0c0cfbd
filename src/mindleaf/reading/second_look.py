"""Which second look stands behind which of MNE-Python's readers: what is parsed before it, and compared after it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mindleaf.errors import ReadError
from mindleaf.reading.brainvision_header import brainvision_notes, refuse_missing_parts
from mindleaf.reading.brainvision_markers import marker_notes
from mindleaf.reading.channel_list import rate_notes
from mindleaf.reading.edf_header import EdfHeader
from mindleaf.reading.eeglab_set import eeglab_notes, read_set, set_data_notes
from mindleaf.reading.fif_tags import FifTags, fif_notes, read_fif_tags
from mindleaf.reading.gdf_header import GdfHeader, gdf_notes

if TYPE_CHECKING:
    import mne


def before_reading(path: Path, reader: str) -> Any:
    """What the file says by our own parse, before a library is let near it; None where nothing is parsed. Raises ReadError."""
    if reader == "fif":
        return read_fif_tags(path)
    if reader == "eeglab":
        return read_set(path)
    if reader == "brainvision":
        refuse_missing_parts(path)
    return None


def compared(path: Path, reader: str, told: Any, raw: mne.io.BaseRaw, events: list[list[Any]]) -> list[dict[str, Any]]:
    """Issues from comparing ``told`` with what the reader returned. Raises ReadError where they contradict each other."""
    names, sfreq, n_times = raw.ch_names, float(raw.info["sfreq"]), raw.n_times
    notes = [] if isinstance(told, EdfHeader) and told.annotations else rate_notes(path, sfreq)
    if isinstance(told, GdfHeader):
        notes += gdf_notes(told, events)
    elif isinstance(told, FifTags):
        notes += fif_notes(told, names, sfreq, n_times, len(raw.annotations))
        _refuse_other_values(told, raw)
    elif reader == "brainvision":
        notes += brainvision_notes(path, names, sfreq, n_times) + marker_notes(path, len(raw.annotations), n_times)
    elif reader == "eeglab":
        notes += eeglab_notes(path, told, names, sfreq, n_times, events)
        data = Path(raw.filenames[0])
        notes += set_data_notes(path, told, data) if data.suffix.lower() == ".fdt" else []
    return notes


def _refuse_other_values(told: FifTags, raw: mne.io.BaseRaw) -> None:
    ours = told.first_buffer()
    theirs = raw.get_data(start=0, stop=ours.shape[1], verbose="ERROR")
    if told.skips == 0 and not np.allclose(ours, theirs, rtol=1e-6, atol=0, equal_nan=True):
        raise ReadError(
            f"{told.path}: has other values by the reader than by its tags' calibration; the file is damaged; get it again."
        )
