"""Views on disk, and windows out of them, many in one call.

A view lies in stretches of 256 samples, (stretch, channel, sample): a window is a few runs of neighbouring bytes per
channel, already in the order in which it is wanted, and all of it lies within a few hundred kilobytes. Lying by time
instead, every window would have to be turned when it is read, which takes longer than reading it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import ReadError
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
SPAN = 256


def write_view(path: Path, blocks: Iterable[NDArray[np.float32]], n_channels: int, n_times: int, dtype: Encoding) -> None:
    """Write the blocks of a view, (time, channel) microvolts, ``n_times`` in all; what stood at ``path`` stays until the end."""
    n_stretches = math.ceil(n_times / SPAN)
    with ExitStack() as stack:

        def file(path: Path, kind: str, shape: tuple[int, ...]) -> ArrayFile:
            return ArrayFile(stack.enter_context(stack.enter_context(replacing(path)).open("wb")), kind, shape, Checksum())

        # Entered first and thus renamed last: until it is there, the view is not taken for whole.
        checksum = stack.enter_context(replacing(checksum_path(path)))
        values = file(path, KINDS[dtype], (n_stretches, n_channels, SPAN))
        scales = file(scale_path(path), "<f4", (n_stretches, n_channels, 2)) if dtype == "int16" else None
        written = 0
        for rows in _stretches(blocks, n_channels, n_times):
            written += 1
            if scales is None:
                values.write(rows)
            else:
                codes, affine = encoded(rows)
                values.write(codes)
                scales.write(affine)
        assert written == n_stretches, f"{path}: wanted {n_stretches} stretches, got {written}"
        checksum.write_text("".join(part.digest.hexdigest() for part in (values, scales) if part) + "\n")


def _stretches(blocks: Iterable[NDArray[np.float32]], n_channels: int, n_times: int) -> Iterator[NDArray[np.float32]]:
    """The blocks cut and turned to (channel, SPAN); the last sample is repeated to the end of the last stretch."""
    rows, n, seen = np.empty((n_channels, SPAN), np.float32), 0, 0
    for block in blocks:
        taken = 0
        while taken < len(block):
            part = block[taken : taken + SPAN - n]
            rows[:, n : n + len(part)] = part.T
            n, taken, seen = n + len(part), taken + len(part), seen + len(part)
            if n == SPAN:
                yield rows
                n = 0
    assert seen == n_times, f"wanted {n_times} samples of the view, got {seen}"
    if n:
        rows[:, n:] = rows[:, n - 1 : n]
        yield rows


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
            affine = self.scales[start:stop, columns, :, None]
            whole = decoded(values, affine[:, :, 0], affine[:, :, 1])
        rows = whole.transpose(0, 2, 1).reshape(-1, whole.shape[1])
        return rows[first - start * SPAN : last - start * SPAN]

    def windows(self, firsts: NDArray, lasts: NDArray, places: NDArray, columns: NDArray, out: NDArray[np.float32]) -> None:
        """Write windows into ``out[places]``, (window, channel, time): samples ``firsts`` to ``lasts``, zeros behind them.

        columns: channels to read.
        """
        from mindleaf.store import codec

        lasts = np.minimum(lasts, self.n_times)
        if self.scales is None:
            codec.windows(self.values, firsts, lasts, places, columns, out)
        else:
            codec.decoded_windows(self.values, self.scales, firsts, lasts, places, columns, out)


def open_view(path: Path, n_times: int) -> ViewSignal:
    """Open what ``write_view`` wrote for ``n_times`` samples; raises ReadError where it is missing, damaged or of another length.

    The first time that a process opens it, every byte is read and held against the checksum.
    """
    values = opened(path, 3, tuple(KINDS.values()))
    n_stretches, n_channels, length = values.shape
    if n_stretches != math.ceil(n_times / SPAN) or length != SPAN:
        raise ReadError(f"{path}: wanted {n_times} samples in stretches of {SPAN}, got shape {values.shape}; delete the file.")
    scales = opened_scales(path, values, (n_stretches, n_channels, 2))
    check_once(path, written_checksum(path), view_checksum)
    return ViewSignal(values, scales, n_times)


def places_of(wanted: Sequence[str], names: Sequence[str]) -> NDArray[np.int64] | str:
    """Where the wanted channels stand among ``names``; the first that is not among them, where there is one."""
    place = {name: k for k, name in enumerate(names)}
    missing = [name for name in wanted if name not in place]
    return missing[0] if missing else np.array([place[name] for name in wanted], np.int64)
