"""MATLAB .mat files, version 5 (scipy) and 7.3 (HDF5), read in the guarded child process.

Only data comes out: numeric arrays in MATLAB's shape, text as str, cells as lists, structs as dicts (a struct array is
a list of dicts). Objects, functions and tables are left out as None.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mindleaf.errors import ReadError
from mindleaf.reading.child import GIGABYTE, guarded
from mindleaf.reading.mat5 import read_mat5
from mindleaf.reading.mat73 import is_matlab, matlab_class, refuse_damaged, refuse_holes
from mindleaf.reading.presence import present_file


def read_mat(path: Path | str, variables: Sequence[str] = ()) -> dict[str, Any]:
    """The named variables (all where none is named). Raises ReadError for a damaged file or a variable that is not there."""
    path = present_file(Path(path), "a .mat file")
    size = path.stat().st_size
    # Arrays in a .mat file are compressed, by up to ten times for EEG stored as double.
    return guarded(load_mat, path, list(variables), timeout_s=10.0 + size / 5e6, memory_bytes=20 * size + GIGABYTE)


def load_mat(path: str, variables: list[str]) -> dict[str, Any]:
    """In the child: read by whichever of the two versions the file is."""
    with open(path, "rb") as file:
        start = file.read(1024)
    hdf5 = b"MATLAB 7.3" in start[:128] or start.startswith(b"\x89HDF") or start[512:516] == b"\x89HDF"
    found = _load_hdf5(path, variables) if hdf5 else _load_v5(path, variables)
    missing = [name for name in variables if name not in found]
    if missing:
        raise ReadError(
            f"{path}: wanted the variable {missing[0]!r}, the file holds {', '.join(found) or 'none of those asked for'}."
        )
    return found


def _load_v5(path: str, variables: list[str]) -> dict[str, Any]:
    import scipy.io

    told = read_mat5(Path(path))
    values = scipy.io.loadmat(path, variable_names=variables or None)
    found = {name: _plain(value) for name, value in values.items() if not name.startswith("__")}
    for name, value in found.items():
        if name not in told or (isinstance(value, np.ndarray) and value.shape != told[name].shape):
            raise ReadError(f"{path}: its variables have other names or dimensions than the reader found; the file is damaged.")
    return found


def _plain(value: Any) -> Any:
    """scipy's structs and cells as dicts and lists."""
    if not isinstance(value, np.ndarray):
        return value if isinstance(value, (str, int, float)) else None
    if value.dtype.names:
        items = [{name: _plain(item[name]) for name in value.dtype.names} for item in value.ravel()]
        return items[0] if len(items) == 1 else items
    if value.dtype.kind == "O":
        return [_plain(item) for item in value.ravel(order="F")]
    if value.dtype.kind in "US":
        lines = [str(line) for line in value.ravel()]
        return lines if len(lines) > 1 else "".join(lines)
    return value if value.dtype.kind in "biufc" else None


def _load_hdf5(path: str, variables: list[str]) -> dict[str, Any]:
    import h5py

    with h5py.File(path, "r") as file:
        names = [name for name in file if not name.startswith("#") and (not variables or name in variables)]
        return {name: from_hdf5(file, file[name]) for name in names}


def from_hdf5(file: Any, node: Any) -> Any:
    """A variable of an open HDF5 file in MATLAB's shape. Raises ReadError where its parts contradict each other."""
    return _from_hdf5(file, node, is_matlab(file.filename), depth=0)


def _from_hdf5(file: Any, node: Any, strict: bool, depth: int) -> Any:
    import h5py

    if depth > 20:
        raise ReadError(f"{file.filename}: its structs refer to each other without end; the file is damaged.")
    refuse_damaged(node, strict)
    if isinstance(node, h5py.Group):
        return {name: _from_hdf5(file, node[name], strict, depth + 1) for name in node}
    kind = matlab_class(node)
    if node.dtype == h5py.ref_dtype:
        cells = [_from_hdf5(file, file[reference], strict, depth + 1) for reference in np.ravel(node[()])]
        return cells
    if "MATLAB_empty" in node.attrs:
        return "" if kind == "char" else np.empty((0, 0))
    if node.dtype.kind not in "biufc":
        return None
    stored = np.asarray(node[()])
    if node.dtype.kind in "biuf":
        refuse_holes(node, stored)
    values = stored.T  # HDF5 holds MATLAB's arrays transposed
    if kind == "char":
        return "".join(chr(code) for code in values.ravel())
    return values.astype(bool) if kind == "logical" else values
