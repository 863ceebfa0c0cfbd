"""The second look at EDF, EDF+ and BDF files: their header read by plain arithmetic, apart from the reader proper.

Kemp et al. 1992 and 2003 (EDF, EDF+), BioSemi (BDF): 256 bytes, then 256 bytes per signal, then records of integers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import ReadError

_FIELDS = (
    ("label", 16), ("transducer", 80), ("unit", 8), ("physical minimum", 8), ("physical maximum", 8),
    ("digital minimum", 8), ("digital maximum", 8), ("prefilter", 80), ("samples per record", 8), ("reserved", 32),
)  # fmt: skip
_ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
_ADVICE = "the header is damaged; get the file again from its source."


@dataclass(frozen=True)
class EdfHeader:
    """What the header says of each signal, in file order. ``reserved`` is "EDF+C", "EDF+D", "24BIT" ... or empty."""

    path: Path
    file_bytes: int
    sample_bytes: int
    header_bytes: int
    reserved: str
    n_records: int
    record_s: float
    labels: tuple[str, ...]
    units: tuple[str, ...]
    physical: NDArray[np.float64]
    digital: NDArray[np.float64]
    samples: NDArray[np.int64]

    @property
    def record_bytes(self) -> int:
        return int(self.samples.sum()) * self.sample_bytes

    @property
    def records_in_file(self) -> int:
        return (self.file_bytes - self.header_bytes) // self.record_bytes

    @cached_property
    def signals(self) -> list[int]:
        """Rows that hold a signal, not annotations."""
        return [row for row, label in enumerate(self.labels) if label not in _ANNOTATIONS]

    @property
    def annotations(self) -> list[int]:
        return [row for row, label in enumerate(self.labels) if label in _ANNOTATIONS]

    @property
    def sfreq(self) -> float:
        """The highest rate among the signals; the reader brings the others up to it."""
        return float(self.samples[self.signals].max() / self.record_s)

    def record(self, number: int) -> list[NDArray[np.uint8]]:
        """The bytes of one record, cut by signal."""
        with self.path.open("rb") as file:
            file.seek(self.header_bytes + number * self.record_bytes)
            data = np.frombuffer(file.read(self.record_bytes), np.uint8)
        return np.split(data, np.cumsum(self.samples * self.sample_bytes)[:-1])

    def physical_values(self, number: int) -> list[NDArray[np.float64]]:
        """The values of every signal in one record, in the units their header names."""
        values = []
        for data, (low, high), (bottom, top) in zip(self.record(number), self.physical, self.digital, strict=True):
            if self.sample_bytes == 2:
                digital = data.view("<i2").astype(np.float64)
            else:
                wide = np.zeros((len(data) // 3, 4), np.uint8)
                wide[:, 1:] = data.reshape(-1, 3)
                digital = (wide.view("<i4")[:, 0] >> 8).astype(np.float64)
            values.append((digital - bottom) * (high - low) / (top - bottom) + low)
        return values


def read_edf_header(path: Path) -> EdfHeader:
    """Parse the header. Raises ReadError naming the field that cannot be read or contradicts another."""
    file_bytes = path.stat().st_size
    with path.open("rb") as file:
        fixed = file.read(256)
        n_signals = _number(path, "number of signals", fixed[252:256], whole=True) if len(fixed) == 256 else 0
        variable = file.read(256 * min(int(n_signals), 10_000)) if n_signals > 0 else b""
    if len(fixed) < 256 or len(variable) < 256 * n_signals:
        raise ReadError(f"{path}: the file ends inside its header after {file_bytes} bytes; get it again from its source.")
    if n_signals < 1:
        raise ReadError(f"{path}: wanted at least one signal, the header says {n_signals:g}; {_ADVICE}")
    if not (fixed[:8].strip() == b"0" or fixed[:1] == b"\xff"):
        raise ReadError(f"{path}: does not begin as an EDF or BDF file; {_ADVICE}")
    columns = _columns(variable, int(n_signals))
    number = {
        name: [_number(path, f"{name} of signal {row + 1}", text) for row, text in enumerate(columns[name])]
        for name, _ in _FIELDS[3:7]
    }
    header = EdfHeader(
        path=path,
        file_bytes=file_bytes,
        sample_bytes=3 if fixed[:1] == b"\xff" else 2,
        header_bytes=int(_number(path, "header size", fixed[184:192], whole=True)),
        reserved=fixed[192:236].decode("latin-1").strip(),
        n_records=int(_number(path, "number of records", fixed[236:244], whole=True)),
        record_s=_number(path, "record duration", fixed[244:252]),
        labels=tuple(text.decode("latin-1").strip() for text in columns["label"]),
        units=tuple(text.decode("latin-1").strip() for text in columns["unit"]),
        physical=np.array([number["physical minimum"], number["physical maximum"]]).T,
        digital=np.array([number["digital minimum"], number["digital maximum"]]).T,
        samples=np.array(
            [
                _number(path, f"samples of signal {row + 1}", text, whole=True)
                for row, text in enumerate(columns["samples per record"])
            ],
            np.int64,
        ),
    )
    _refuse_contradictions(header)
    return header


def _columns(variable: bytes, n_signals: int) -> dict[str, list[bytes]]:
    columns, start = {}, 0
    for name, width in _FIELDS:
        columns[name] = [variable[start + row * width : start + (row + 1) * width] for row in range(n_signals)]
        start += width * n_signals
    return columns


def _number(path: Path, field: str, text: bytes, whole: bool = False) -> float:
    try:
        value = float(text.decode("ascii").strip().replace(",", "."))
        if not np.isfinite(value) or (whole and value != int(value)):
            raise ValueError
    except ValueError:
        raise ReadError(f"{path}: the header's {field} is not a number; {_ADVICE}") from None
    return value


def _refuse_contradictions(header: EdfHeader) -> None:
    path = header.path
    if header.header_bytes != 256 * (len(header.labels) + 1):
        raise ReadError(
            f"{path}: the header says it is {header.header_bytes} bytes long, {len(header.labels)} signals need "
            f"{256 * (len(header.labels) + 1)}; {_ADVICE}"
        )
    if not header.signals:
        raise ReadError(f"{path}: holds annotations only, no signal; give the file with the signal.")
    if header.record_s <= 0:
        raise ReadError(f"{path}: wanted records longer than 0 s, the header says {header.record_s:g} s; {_ADVICE}")
    for row in header.signals:
        if not header.labels[row]:
            raise ReadError(f"{path}: signal {row + 1} is a channel without a name; name it in the file's header.")
        if header.samples[row] < 1:
            raise ReadError(f"{path}: channel {header.labels[row]} has {header.samples[row]} samples per record; {_ADVICE}")
        limit = 2.0 ** (8 * header.sample_bytes - 1)
        bottom, top = header.digital[row]
        if not -limit <= bottom < top <= limit - 1:
            raise ReadError(f"{path}: channel {header.labels[row]} has the digital range {bottom:g} to {top:g}; {_ADVICE}")
        if header.physical[row, 0] == header.physical[row, 1]:
            raise ReadError(f"{path}: channel {header.labels[row]} has an empty physical range; {_ADVICE}")
    if header.samples.min() < 0 or header.records_in_file < 1:
        raise ReadError(f"{path}: holds no complete record of data; get the file again from its source.")


def odd_channels(header: EdfHeader) -> dict[str, list[str]]:
    """Channels whose rate, unit or calibration differs from that of most channels; {"rate": [...], "scale": [...]}."""
    rows = header.signals
    rate, _ = Counter(int(header.samples[row]) for row in rows).most_common(1)[0]
    keys = {row: (header.units[row], tuple(header.physical[row]), tuple(header.digital[row])) for row in rows}
    scale, share = Counter(keys.values()).most_common(1)[0]
    return {
        "rate": [header.labels[row] for row in rows if header.samples[row] != rate],
        # Where every channel has its own calibration there is no norm to differ from.
        "scale": [header.labels[row] for row in rows if keys[row] != scale] if 2 * share > len(rows) > 2 else [],
    }
