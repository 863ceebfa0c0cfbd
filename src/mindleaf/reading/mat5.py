"""The second look at MATLAB files of versions 5 to 7: every element parsed by plain arithmetic, apart from scipy's reader.

An element is a type, a length and data padded to 8 bytes; a matrix is an element made of elements (flags, dimensions, name,
content); a compressed element holds one matrix and ends with zlib's checksum. Only content that is small is kept.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from mindleaf.errors import ReadError

#: Type of an element's data -> numpy's name of it.
_TYPES = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
    16: "u1",
    17: "u2",
    18: "u4",
}
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE, _HANDLE, _OPAQUE = 1, 2, 3, 4, 5, 16, 17
_NUMERIC = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
#: Numbers up to this many are kept.
_KEPT = 100_000
_DEEPEST = 40
_ADVICE = "the file is damaged; get it again from its source."


@dataclass
class Matrix:
    """One matrix. ``content`` is an array, a text, a list of matrices (cells) or of dicts (structs); None where it was not kept."""

    name: str
    kind: int
    shape: tuple[int, ...]
    content: Any = None
    fields: tuple[str, ...] = field(default=())

    def plain(self) -> Any:
        """Arrays as they are, text as str, cells as lists, a struct as a dict, more structs as a list of dicts."""
        if self.kind == _CELL:
            return [item.plain() for item in self.content]
        if self.kind == _STRUCT:
            items = [{name: value.plain() for name, value in item.items()} for item in self.content]
            return items[0] if len(items) == 1 else items
        return self.content


def read_mat5(path: Path) -> dict[str, Matrix]:
    """All variables by name. Raises ReadError where lengths, types, dimensions or checksums do not hold."""
    with path.open("rb") as file:
        start = file.read(128)
    order = {b"IM": "<", b"MI": ">"}.get(start[126:])
    if order is None or struct.unpack_from(f"{order}H", start, 124)[0] != 0x0100:
        raise ReadError(f"{path}: does not begin as a MATLAB file of version 5; {_ADVICE}")
    walk = _Walk(path, order)
    found: dict[str, Matrix] = {}
    place, view = 128, np.memmap(path, np.uint8, "r").data
    try:
        while place < len(view):
            kind, data, place = walk.element(view, place)
            if kind == _COMPRESSED:
                kind, data, end = walk.element(memoryview(walk.inflated(data)), 0)
                if end != walk.inflated_bytes:
                    raise ReadError(f"{path}: a compressed variable holds more than one matrix; {_ADVICE}")
            if kind != _MATRIX:
                raise ReadError(f"{path}: wanted a variable, found an element of type {kind}; {_ADVICE}")
            matrix = walk.matrix(data, 0)
            if matrix.name in found:
                raise ReadError(f"{path}: holds two variables of one name; {_ADVICE}")
            found[matrix.name] = matrix
    except (struct.error, IndexError, UnicodeDecodeError, zlib.error, OverflowError, ValueError) as error:
        raise ReadError(f"{path}: an element near byte {place} cannot be one ({type(error).__name__}); {_ADVICE}") from None
    return found


class _Walk:
    def __init__(self, path: Path, order: str) -> None:
        self.path, self.order, self.inflated_bytes = path, order, 0

    def element(self, data: memoryview, place: int) -> tuple[int, memoryview, int]:
        """Type and data of the element at ``place``, and where the next one begins."""
        (first,) = struct.unpack_from(f"{self.order}I", data, place)
        if first >> 16:  # up to four bytes of data stand in the tag itself
            kind, n_bytes, start, end = first & 0xFFFF, first >> 16, place + 4, place + 8
            if n_bytes > 4:
                raise ReadError(f"{self.path}: an element of {n_bytes} bytes stands where four fit; {_ADVICE}")
        else:
            (n_bytes,) = struct.unpack_from(f"{self.order}I", data, place + 4)
            kind, start = first, place + 8
            end = start + n_bytes
            end += 0 if kind == _COMPRESSED else -end % 8 if place % 8 == 0 else -n_bytes % 8
        if start + n_bytes > len(data):
            raise ReadError(f"{self.path}: ends inside one of its variables; {_ADVICE}")
        return kind, data[start : start + n_bytes], min(end, len(data))

    def inflated(self, data: memoryview) -> bytes:
        """zlib compares its checksum at the end, which a reader that stops early never sees."""
        engine = zlib.decompressobj()
        whole = engine.decompress(data)
        if not engine.eof or engine.unused_data:
            raise ReadError(f"{self.path}: a compressed variable ends too early or too late; {_ADVICE}")
        self.inflated_bytes = len(whole)
        return whole

    def numbers(self, data: memoryview, place: int, wanted: int | None = None) -> tuple[np.ndarray, int]:
        """The numbers of the element at ``place``; ReadError where there are others than ``wanted``."""
        kind, inner, place = self.element(data, place)
        if kind not in _TYPES or len(inner) % np.dtype(_TYPES[kind]).itemsize:
            raise ReadError(f"{self.path}: {len(inner)} bytes of type {kind} are no numbers; {_ADVICE}")
        values = np.frombuffer(inner, self.order + _TYPES[kind])
        if wanted is not None and len(values) != wanted:
            raise ReadError(f"{self.path}: wanted {wanted} numbers by the dimensions, found {len(values)}; {_ADVICE}")
        return values, place

    def matrix(self, data: memoryview, depth: int) -> Matrix:
        if len(data) == 0:
            return Matrix("", 6, (0, 0), np.empty((0, 0)))
        if depth > _DEEPEST:
            raise ReadError(f"{self.path}: its cells and structs lie in each other without end; {_ADVICE}")
        flags, place = self.numbers(data, 0, 2)
        kind, marks = int(flags[0]) & 0xFF, int(flags[0]) >> 8 & 0xFF
        if kind == _OPAQUE:
            return Matrix("", kind, ())
        sizes, place = self.numbers(data, place)
        name_bytes, place = self.numbers(data, place)
        shape = tuple(int(size) for size in sizes)
        if len(shape) < 2 or min(shape) < 0:
            raise ReadError(f"{self.path}: a variable has the dimensions {shape}; {_ADVICE}")
        matrix = Matrix(name_bytes.tobytes().decode("ascii"), kind, shape)
        if kind in (_CELL, _STRUCT, _OBJECT):
            place = self._parts(data, place, matrix, depth)
        elif kind in _NUMERIC or kind == _CHAR:
            place = self._values(data, place, matrix, bool(marks & 8))
        elif kind == _SPARSE:
            for _ in range(4 if marks & 8 else 3):
                _, place = self.numbers(data, place)
        elif kind == _HANDLE:
            return matrix
        else:
            raise ReadError(f"{self.path}: a variable is of class {kind}, which there is not; {_ADVICE}")
        if place != len(data):
            raise ReadError(f"{self.path}: {len(data) - place} bytes are left over in variable {matrix.name[:16]!r}; {_ADVICE}")
        return matrix

    def _values(self, data: memoryview, place: int, matrix: Matrix, is_complex: bool) -> int:
        count = prod(matrix.shape)
        values, place = self.numbers(data, place, None if matrix.kind == _CHAR else count)
        if is_complex:
            _, place = self.numbers(data, place, count)
        if matrix.kind == _CHAR:
            text = values.tobytes().decode("utf-8", "replace") if values.itemsize == 1 else "".join(map(chr, values.tolist()))
            if len(text) != count:
                raise ReadError(
                    f"{self.path}: wanted a text of {count} characters by the dimensions, found {len(text)}; {_ADVICE}"
                )
            matrix.content = text if matrix.shape[0] <= 1 else np.array(list(text)).reshape(matrix.shape, order="F")
            if matrix.shape[0] > 1:
                matrix.content = ["".join(line) for line in matrix.content.reshape(matrix.shape[0], -1)]
        elif count <= _KEPT:
            matrix.content = values.astype(_NUMERIC[matrix.kind]).reshape(matrix.shape, order="F")
        return place

    def _parts(self, data: memoryview, place: int, matrix: Matrix, depth: int) -> int:
        count = prod(matrix.shape)
        if matrix.kind == _OBJECT:
            _, place = self.numbers(data, place)
        if matrix.kind != _CELL:
            (width,), place = self.numbers(data, place, 1)
            letters, place = self.numbers(data, place)
            if width < 1 or len(letters) % width:
                raise ReadError(f"{self.path}: the field names of a struct cannot be told apart; {_ADVICE}")
            rows = letters.reshape(-1, width)
            matrix.fields = tuple(row.tobytes().split(b"\0")[0].decode("ascii") for row in rows)
            if len(set(matrix.fields)) < len(matrix.fields) or not all(name and name.isprintable() for name in matrix.fields):
                raise ReadError(f"{self.path}: the field names of a struct are no names or come twice; {_ADVICE}")
        parts = []
        for _ in range(count * (len(matrix.fields) if matrix.kind != _CELL else 1)):
            kind, inner, place = self.element(data, place)
            if kind != _MATRIX:
                raise ReadError(f"{self.path}: wanted a cell or field, found an element of type {kind}; {_ADVICE}")
            parts.append(self.matrix(inner, depth + 1))
        n = len(matrix.fields)
        matrix.content = parts if matrix.kind == _CELL else [
            dict(zip(matrix.fields, parts[first : first + n], strict=True)) for first in range(0, count * n, n or 1)
        ]  # fmt: skip
        return place
