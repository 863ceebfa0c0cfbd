"""A span of an EDF or BDF file by its header's own arithmetic, in memory and time that grow with the span.

MNE-Python reads the whole file to find EDF+ annotations each time it opens one, and brings slow channels up to the highest
rate piece by piece, so that their values depend on where a piece begins. It opened and checked the file once, when the file
was described; what is loaded later needs no annotations, and slow channels go through a fixed short filter.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mindleaf.reading.edf_header import EdfHeader, read_edf_header
from mindleaf.reading.formats import OpenSignal
from mindleaf.reading.units import asked_unit, is_other_quantity, volts_per_unit

_TRIGGERS = ("status", "trigger")
#: Samples of a slow channel on each side of a span that the filter needs (scipy's resample_poly takes ten).
_MARGIN_SAMPLES = 12


def open_spans(path: Path, unit: str | None) -> OpenSignal | None:
    """The file without events and issues; None where only MNE can tell its values (units not on the list, names used twice)."""
    header = read_edf_header(path)
    labels = [header.labels[row].lower() for row in header.signals]
    triggers = {labels.index(name) for name in _TRIGGERS if name in labels}
    rows = [row for position, row in enumerate(header.signals) if position not in triggers]
    factors = [_microvolts_per_unit(header.units[row], unit) for row in rows]
    if not rows or len(set(labels)) < len(labels) or None in factors:
        return None
    n_per_record = int(header.samples[header.signals].max())
    records = header.records_in_file if header.n_records < 0 else min(header.n_records, header.records_in_file)
    low, high = header.physical[rows].T
    bottom, top = header.digital[rows].T
    gain = ((high - low) / (top - bottom) * factors)[:, None]
    shift = (low * factors)[:, None] - bottom[:, None] * gain

    def read(start: int, stop: int) -> NDArray[np.float64]:
        first, last = start // n_per_record, -(-stop // n_per_record)
        values = np.empty((len(rows), (last - first) * n_per_record))
        for position, row in enumerate(rows):
            values[position] = _at_full_rate(header, row, first, last, records, n_per_record)
        return values[:, start - first * n_per_record : stop - first * n_per_record] * gain + shift

    names = [header.labels[row] for row in rows]
    return OpenSignal(names, ["eeg"] * len(names), header.sfreq, records * n_per_record, read)


def _microvolts_per_unit(unit: str, asked: str | None) -> float | None:
    """As when the file was described: the unit, the asked one for voltages; other quantities are scaled as if they were volts."""
    if is_other_quantity(unit):
        return 1e6
    volts = asked_unit(asked) if asked is not None else volts_per_unit(unit)
    return None if volts is None else 1e6 * volts


def _at_full_rate(header: EdfHeader, row: int, first: int, last: int, records: int, n_per_record: int) -> NDArray[np.float64]:
    """Stored numbers of one row in records first to last, brought up to ``n_per_record`` samples per record."""
    own = int(header.samples[row])
    if own == n_per_record:
        return _stored(header, row, first, last).astype(np.float64)
    from scipy.signal import resample_poly

    margin = -(-_MARGIN_SAMPLES // own)
    before, after = max(first - margin, 0), min(last + margin, records)
    stored = _stored(header, row, before, after).astype(np.float64)
    values = resample_poly(stored, n_per_record, own, padtype="edge")
    return values[(first - before) * n_per_record : (last - before) * n_per_record]


def _stored(header: EdfHeader, row: int, first: int, last: int) -> NDArray[np.integer]:
    """Stored numbers of one row in records first to last, one after the other."""
    shape = (last - first, header.record_bytes)
    records = np.memmap(header.path, np.uint8, "r", header.header_bytes + first * header.record_bytes, shape)
    begin = int(header.samples[:row].sum()) * header.sample_bytes
    part = np.ascontiguousarray(records[:, begin : begin + int(header.samples[row]) * header.sample_bytes])
    if header.sample_bytes == 2:
        return part.view("<i2").ravel()
    wide = np.zeros((part.size // 3, 4), np.uint8)
    wide[:, 1:] = part.reshape(-1, 3)
    return wide.view("<i4")[:, 0] >> 8
