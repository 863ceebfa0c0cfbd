"""Views on disk, and windows out of them, many in one call.

A view lies in stretches of 64 samples, (stretch, channel, sample): a window is a few runs of neighbouring bytes per
channel, already in the order in which it is wanted, and all of it lies within a hundred kilobytes. Lying by time
instead, every window would have to be turned when it is read, which takes longer than reading it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from einops import rearrange
from numpy.typing import NDArray

from mindleaf.errors import BadInput, ReadError
from mindleaf.store.encoding import (
    KINDS,
    ArrayFile,
    Encoding,
    SignalArray,
    decoded,
    encoded,
    opened,
    opened_scales,
    scale_path,
)
from mindleaf.store.files import replacing
from mindleaf.store.integrity import Checksum, check_once, checksum_path, view_checksum, written_checksum

#: Samples of a stretch. Shorter ones put a window's bytes closer together, longer ones make its runs longer.
SPAN = 64
#: Stretches that share an offset and a scale per channel: fewer would cost more than a hundredth of the bytes.
SHARED = 4


def write_view(path: Path, blocks: Iterable[NDArray[np.float32]], n_channels: int, n_times: int, dtype: Encoding) -> None:
    """Write the blocks of a view, (time, channel) microvolts, ``n_times`` in all; what stood at ``path`` stays until the end."""
    n_scaled = math.ceil(n_times / (SHARED * SPAN))
    with ExitStack() as stack:

        def file(path: Path, kind: str, shape: tuple[int, ...]) -> ArrayFile:
            return ArrayFile(stack.enter_context(stack.enter_context(replacing(path)).open("wb")), kind, shape, Checksum())

        # Entered first and thus renamed last: until it is there, the view is not taken for whole.
        checksum = stack.enter_context(replacing(checksum_path(path)))
        values = file(path, KINDS[dtype], (n_scaled * SHARED, n_channels, SPAN))
        scales = file(scale_path(path), "<f4", (n_scaled, n_channels, 2)) if dtype == "int16" else None
        written = 0
        for rows in _scaled_rows(blocks, n_channels, n_times):
            written += 1
            codes: NDArray = rows
            if scales is not None:
                codes, affine = encoded(rows)
                scales.write(affine)
            values.write(rearrange(codes, "channel (stretch sample) -> stretch channel sample", sample=SPAN))
        assert written == n_scaled, f"{path}: wanted {n_scaled} times {SHARED} stretches, got {written}"
        checksum.write_text("".join(part.digest.hexdigest() for part in (values, scales) if part) + "\n")


def _scaled_rows(blocks: Iterable[NDArray[np.float32]], n_channels: int, n_times: int) -> Iterator[NDArray[np.float32]]:
    """The blocks cut and turned to (channel, SHARED * SPAN); the last sample is repeated to the end of the last one."""
    length = SHARED * SPAN
    rows, n, seen = np.empty((n_channels, length), np.float32), 0, 0
    for block in blocks:
        taken = 0
        while taken < len(block):
            part = block[taken : taken + length - n]
            rows[:, n : n + len(part)] = part.T
            n, taken, seen = n + len(part), taken + len(part), seen + len(part)
            if n == length:
                yield rows
                n = 0
    assert seen == n_times, f"wanted {n_times} samples of the view, got {seen}"
    if n:
        rows[:, n:] = rows[:, n - 1 : n]
        yield rows


#: Two addresses, the numbers of samples and channels, and which channels are read.
Source = tuple[int, int, int, int, int]


class ViewSignal(SignalArray):
    """One recording under a pipeline, as ``write_view`` wrote it: (n_times, n_channels) microvolts."""

    def __init__(self, values: NDArray, scales: NDArray[np.float32] | None, n_times: int) -> None:
        # Plain arrays over the same memory: the compiled loops know one kind of array only.
        self.values = values.view(np.ndarray)
        self.scales = None if scales is None else scales.view(np.ndarray)
        self.n_times, self.n_channels = n_times, values.shape[1]
        self.dtype = "float32" if scales is None else "int16"

    def read(self, first: int, last: int, columns: Any = None) -> NDArray[np.float32]:
        columns = slice(None) if columns is None else columns
        last = min(last, self.n_times)
        start, stop = first // SPAN, -(-last // SPAN)
        values = self.values[start:stop, columns]
        if self.scales is None:
            whole = np.array(values, np.float32)
        else:
            affine = self.scales[np.arange(start, stop) // SHARED][:, columns, :, None]
            whole = decoded(values, affine[:, :, 0], affine[:, :, 1])
        rows = whole.transpose(0, 2, 1).reshape(-1, whole.shape[1])
        return rows[first - start * SPAN : last - start * SPAN]

    def source(self, kind: int) -> Source:
        """What ``windows_of`` has to know; good as long as the signal is open."""
        scales = 0 if self.scales is None else self.scales.ctypes.data
        return self.values.ctypes.data, scales, self.n_times, self.n_channels, kind


def windows_of(
    sources: NDArray[np.int64],
    columns: NDArray[np.int64],
    firsts: NDArray[np.int64],
    lasts: NDArray[np.int64],
    out: NDArray[np.float32],
    coded: bool,
) -> None:
    """Fill ``out``, (window, channel, time), with samples ``firsts`` to ``lasts`` of views; zeros behind them.

    sources: (window, 5), one row of ``ViewSignal.source`` per window, whose signal must stay open; columns: (kind, channel),
    the channels to read; coded: whether the views hold int16.
    """
    from mindleaf.store import codec

    # The compiled loop looks at memory where it is told to: nothing may lie before a recording's first sample.
    if len(firsts) and firsts.min() < 0:
        raise BadInput(
            f"wanted windows inside their recording, got one that begins at sample {firsts.min()}; cut the trials anew."
        )
    if coded:
        codec.decoded_windows(sources, columns, firsts, lasts, SPAN, SHARED, out)
    else:
        codec.windows(sources, columns, firsts, lasts, SPAN, out)


def open_view(path: Path, n_times: int) -> ViewSignal:
    """Open what ``write_view`` wrote for ``n_times`` samples; raises ReadError where it is missing, damaged or of another length.

    The first time that a process opens it, every byte is read and held against the checksum.
    """
    values = opened(path, 3, tuple(KINDS.values()))
    n_stretches, n_channels, length = values.shape
    n_scaled = math.ceil(n_times / (SHARED * SPAN))
    if n_stretches != n_scaled * SHARED or length != SPAN:
        raise ReadError(f"{path}: wanted {n_times} samples in stretches of {SPAN}, got shape {values.shape}; delete the file.")
    scales = opened_scales(path, values, (n_scaled, n_channels, 2))
    check_once(path, written_checksum(path), view_checksum)
    return ViewSignal(values, scales, n_times)


def places_of(wanted: Sequence[str], names: Sequence[str]) -> NDArray[np.int64] | str:
    """Where the wanted channels stand among ``names``; the first that is not among them, where there is one."""
    place = {name: k for k, name in enumerate(names)}
    missing = [name for name in wanted if name not in place]
    return missing[0] if missing else np.array([place[name] for name in wanted], np.int64)
