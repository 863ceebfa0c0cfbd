"""The second look at MATLAB files of version 7.3: what HDF5 says of a variable held against what MATLAB wrote beside it.

HDF5 as MATLAB writes it has no checksum over names, dimensions and types, and returns zeros for data it does not find.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import ReadError

#: MATLAB's class -> numpy's names of the numbers it is stored as.
_STORED = {
    "double": ("<f8",), "single": ("<f4",), "char": ("<u2",), "logical": ("|u1",), "int8": ("|i1",), "uint8": ("|u1",), "int16": ("<i2",),
    "uint16": ("<u2",), "int32": ("<i4",), "uint32": ("<u4",), "int64": ("<i8",), "uint64": ("<u8",),
}  # fmt: skip
_OTHERS = frozenset({"cell", "struct", "function_handle", "table", "string", "canonical empty", "FileWrapper__", "struct_array"})
_ADVICE = "the file is damaged; get it again from its source."


def is_matlab(path: str) -> bool:
    """Whether MATLAB's own header stands in front of the HDF5 file."""
    with open(path, "rb") as file:
        return file.read(10) == b"MATLAB 7.3"


def matlab_class(node: Any) -> str:
    kind = node.attrs.get("MATLAB_class", b"")
    return kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)


def refuse_damaged(node: Any, strict: bool) -> None:
    """Raise ReadError where a group or dataset contradicts itself. ``strict``: MATLAB wrote it, so its marks must be there."""
    import h5py

    path, kind = node.file.filename, matlab_class(node)
    # Fields of an array of structs are tables of references, the only ones that MATLAB leaves without a class.
    plain = isinstance(node, h5py.Group) or node.dtype != h5py.ref_dtype
    if strict and plain and not kind:  # names are asked for late: HDF5 has to look for the name of what a reference leads to
        raise ReadError(f"{path}: variable {_short(node.name)} has no MATLAB class; {_ADVICE}")
    if isinstance(node, h5py.Group):
        told = node.attrs.get("MATLAB_fields")
        if told is not None:
            fields = {b"".join(np.atleast_1d(letters).tolist()).decode("ascii", "replace") for letters in told}
            if fields != set(node):
                raise ReadError(f"{path}: struct {_short(node.name)} has other fields than it lists; {_ADVICE}")
        return
    _refuse_shape(path, node)
    if kind and node.dtype != h5py.ref_dtype and "MATLAB_empty" not in node.attrs and "MATLAB_object_decode" not in node.attrs:
        _refuse_type(path, node, kind)


def _refuse_shape(path: str, node: Any) -> None:
    """As many bytes, or pieces, must be stored as the dimensions want: a hole would be read as zeros."""
    if node.shape is None:
        return
    if node.chunks:
        wanted = prod(ceil(size / piece) for size, piece in zip(node.shape, node.chunks, strict=True))
        stored = _good_pieces(node)
    else:
        wanted, stored = prod(node.shape) * node.id.get_type().get_size(), node.id.get_storage_size()
        place = node.id.get_offset()  # None where the values stand in the header itself
        if node.maxshape != node.shape or (place is not None and place + stored > node.file.id.get_filesize()):
            stored = -1
    if wanted != stored:
        raise ReadError(
            f"{path}: variable {_short(node.name)} of {node.shape} wants {wanted} pieces or bytes, {stored} are stored; {_ADVICE}"
        )


def _good_pieces(node: Any) -> int:
    """How many pieces of their own stand inside the file, where a piece begins in the array, and went through all filters."""
    places, bytes_of_places = set(), set()
    end = node.file.id.get_filesize()
    n_bytes = prod(node.chunks) * node.id.get_type().get_size()
    plain = node.id.get_create_plist().get_nfilters() == 0

    def count(piece: Any) -> None:
        fits = all(
            offset % step == 0 and offset < size
            for offset, step, size in zip(piece.chunk_offset, node.chunks, node.shape, strict=True)
        )
        whole = piece.filter_mask == 0 and (piece.size == n_bytes if plain else piece.size > 0)
        if fits and whole and piece.byte_offset + piece.size <= end:
            places.add(piece.chunk_offset)
            bytes_of_places.add(piece.byte_offset)

    node.id.chunk_iter(count)
    return min(len(places), len(bytes_of_places))


def refuse_holes(node: Any, values: NDArray, begin: Sequence[int] | None = None) -> None:
    """Raise ReadError where ``values``, read from ``begin`` on (the first element where None), are zeros only because a piece was not found.

    The index that lists the pieces can be right where the one that finds them is damaged; then HDF5 gives zeros.
    """
    if not node.chunks or values.size == 0:
        return
    begin = tuple(begin or (0,) * values.ndim)
    steps = [
        range(first // size * size, first + length, size)
        for first, length, size in zip(begin, values.shape, node.chunks, strict=True)
    ]
    for place in product(*steps):
        part = tuple(
            slice(max(0, at - first), at + size - first) for at, first, size in zip(place, begin, node.chunks, strict=True)
        )
        if not values[part].any() and not _is_found(node, place):
            raise ReadError(f"{node.file.filename}: a piece of variable {_short(node.name)} cannot be found; {_ADVICE}")


def _is_found(node: Any, place: tuple[int, ...]) -> bool:
    try:
        node.id.read_direct_chunk(place)
    except (RuntimeError, OSError, ValueError):
        return False
    return True


def _refuse_type(path: str, node: Any, kind: str) -> None:
    if kind in _OTHERS:
        if kind == "cell" or node.dtype.kind not in "biufc":
            raise ReadError(f"{path}: {_short(node.name)} is a {kind} by its class and {node.dtype} by its numbers; {_ADVICE}")
        return
    import h5py

    stored = node.dtype
    if stored.names:  # complex numbers are pairs
        if stored.names != ("real", "imag"):
            raise ReadError(f"{path}: {_short(node.name)} holds records that are no complex numbers; {_ADVICE}")
        return
    exact = node.id.get_type().equal(h5py.h5t.py_create(stored, logical=False))
    if kind not in _STORED or stored.str not in _STORED[kind] or not exact:
        raise ReadError(f"{path}: {_short(node.name)} is {kind[:12]!r} by its class and {stored} by its numbers; {_ADVICE}")


def _short(name: str) -> str:
    return repr(name.rpartition("/")[2][:24])
