"""Arrays out of an HDF5 file, by name and by span, read in the guarded child process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import BadInput, ReadError
from mindleaf.reading.child import GIGABYTE, guarded
from mindleaf.reading.mat73 import refuse_damaged, refuse_holes
from mindleaf.reading.presence import present_file


def array_shapes(path: Path | str) -> dict[str, tuple[int, ...]]:
    """Names ("group/array") and shapes of all numeric arrays. Raises ReadError for a missing or damaged file."""
    path = present_file(Path(path), "an HDF5 file")
    return {name: tuple(shape) for name, shape in guarded(list_arrays, path).items()}


def read_array(
    path: Path | str, name: str, rows: Sequence[int] | None = None, start: int = 0, stop: int | None = None
) -> NDArray[np.float64]:
    """Rows (all where None) and samples start to stop of an array (row, sample): (n_rows, stop - start).

    Numbers of any width come as float64, also the 80-bit ones that numpy knows on some machines only. Raises ReadError for
    an array that is not there or has not two dimensions, BadInput for a row beyond it.
    """
    path = present_file(Path(path), "an HDF5 file")
    span = [None if rows is None else list(rows), start, stop]
    return guarded(load_array, path, name, *span, memory_bytes=8 * GIGABYTE, timeout_s=30.0 + path.stat().st_size / 5e6)


def list_arrays(path: str) -> dict[str, list[int]]:
    """In the child: names and shapes."""
    import h5py

    found: dict[str, list[int]] = {}

    def note(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            found[name] = list(node.shape or ())

    with _opened(path) as file:
        file.visititems(note)
    return found


def load_array(path: str, name: str, rows: list[int] | None, start: int, stop: int | None) -> NDArray[np.float64]:
    """In the child: the library converts to float64 while reading, and only what was asked for is read."""
    import h5py

    with _opened(path) as file:
        node = file.get(name)
        if not isinstance(node, h5py.Dataset) or node.ndim != 2:
            raise ReadError(f"{path}: wanted an array {name!r} of rows and samples, there is none; get the file again.")
        refuse_damaged(node, strict=False)
        n_rows, n_samples = node.shape
        rows = list(range(n_rows)) if rows is None else rows
        if rows and not 0 <= min(rows) <= max(rows) < n_rows:
            raise BadInput(f"{path}: wanted row {max(rows) + 1} of {name!r}, it has {n_rows}.")
        start, stop, _ = slice(start, stop).indices(n_samples)
        first, last = (min(rows), max(rows) + 1) if rows else (0, 0)
        values = np.empty((last - first, max(0, stop - start)), np.float64)
        if values.size:
            space = node.id.get_space()
            space.select_hyperslab((first, start), values.shape)
            node.id.read(h5py.h5s.create_simple(values.shape), space, values, h5py.h5t.NATIVE_DOUBLE)
            refuse_holes(node, values, (first, start))
        return np.ascontiguousarray(values[[row - first for row in rows]])


def _opened(path: str) -> Any:
    import h5py

    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise ReadError(f"{path}: cannot be opened as HDF5; it is damaged or cut short; get it again.") from error
