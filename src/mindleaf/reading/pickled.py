"""Data sets that were published as Python pickles: numbers, text and numeric arrays, and nothing else, out of such a file.

A pickle is a program. Here it may build dicts, lists, text, numbers and numeric numpy arrays; it never gets hold of a real
function or class. The few names that numpy's arrays need stand for the small stand-ins below, which check what they are
given and note it down; arrays are made from those notes afterwards. All of it runs in the guarded child process.
"""

from __future__ import annotations

import math
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np

from mindleaf.errors import ReadError
from mindleaf.reading.child import guarded
from mindleaf.reading.presence import present_file

_ENCODINGS = ("latin1", "utf-8", "ASCII")
_NUMERIC = re.compile(r"(?:[biu][1248]|f[248]|c(?:8|16)|\?)")
_BYTE_ORDERS = "<>|="
_MOST_DIMENSIONS = 8
_DEEPEST = 32
_MOST_ITEMS = 1_000_000
_LARGEST_WHOLE_NUMBER = 1 << 63
_ADVICE = "get the file again from its source, or leave it out."


def read_pickled(path: Path | str, encoding: str = "latin1") -> Any:
    """What the pickle holds: dicts with text as keys, lists, text, numbers, None and numeric arrays; tuples become lists.

    ``encoding`` is that of text written by Python 2 ("latin1", "utf-8", "ASCII"). Raises ReadError for a file that names
    any function or class besides those of numeric arrays (the message names it), for arrays of objects, and for damage.
    """
    return guarded(load_pickled, present_file(Path(path), "a pickle"), encoding)


def load_pickled(path: str, encoding: str = "latin1") -> Any:
    """In the child: the same as ``read_pickled``."""
    if encoding not in _ENCODINGS:
        raise ReadError(f"{path}: wanted the encoding {', '.join(_ENCODINGS)}, got {encoding!r}.")
    with open(path, "rb") as file:
        try:
            return _Plain().of(_Restricted(file, encoding=encoding).load())
        except _RefusedError as error:
            raise ReadError(f"{path}: {error}; nothing in it was run; {_ADVICE}") from None
        except MemoryError:
            raise
        except Exception as error:  # a damaged pickle fails in whatever way its bytes lead to
            raise ReadError(f"{path}: is no readable pickle ({type(error).__name__}); {_ADVICE}") from None


class _RefusedError(Exception):
    """The pickle wants something that plain data does not need."""


class _Restricted(pickle.Unpickler):
    """Looks names up in a table of stand-ins; whatever is not in it is refused by name."""

    def find_class(self, module: str, name: str) -> Any:
        stand_in = _STAND_INS.get((module, name))
        if stand_in is None:
            raise _RefusedError(
                f"the pickle names {_printable(module)}.{_printable(name)}, wanted numeric arrays and plain values"
            )
        return stand_in

    def persistent_load(self, pid: Any) -> Any:
        raise _RefusedError("the pickle refers to an object outside of it (a persistent id), wanted plain values")


def _printable(name: str) -> str:
    return re.sub(r"[^\w.<>-]", "?", name, flags=re.ASCII)[:60]


class _Sealed:
    """Nothing can be set on it: a pickle's BUILD finds this ``__setstate__`` first."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        raise _RefusedError("the pickle changes a function or class, wanted plain values")


class _NameOnly(_Sealed):
    """Stands for ``numpy.ndarray``, which array pickles name but do not call."""

    __slots__ = ()


class _MakesDtype(_Sealed):
    """Stands for ``numpy.dtype``."""

    __slots__ = ()

    def __call__(self, *arguments: Any) -> _Dtype:
        return _Dtype(*arguments)


class _Dtype:
    """``numpy.dtype(code, align, copy)`` and the state behind it, numeric kinds only."""

    __slots__ = ("code", "order")

    def __init__(self, *arguments: Any) -> None:
        code = arguments[0] if arguments else None
        if not isinstance(code, str) or not _NUMERIC.fullmatch(code):
            shown = _printable(code) if isinstance(code, str) else type(code).__name__
            raise _RefusedError(f"the pickle holds an array of type {shown!r}, wanted numbers")
        if any(type(argument) not in (bool, int) for argument in arguments[1:]) or len(arguments) > 3:
            raise _RefusedError("the pickle describes an array's type in an unknown way")
        self.code, self.order = code, "="

    def __setstate__(self, state: Any) -> None:
        """(version, byte order, sub-array, names, fields, size, alignment, flags [, metadata])."""
        known = isinstance(state, tuple) and len(state) in (8, 9) and isinstance(state[1], str)
        if not known or len(state[1]) != 1 or state[1] not in _BYTE_ORDERS or any(part is not None for part in state[2:5]):
            raise _RefusedError("the pickle holds an array of records, wanted numbers")
        self.order = state[1]

    def numpy(self) -> np.dtype:
        return np.dtype(self.code).newbyteorder(self.order)  # type: ignore[arg-type]


class _Array:
    """An array that waits for its state."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state: tuple[Any, Any, bool, Any] | None = None

    def __setstate__(self, state: Any) -> None:
        """(version, shape, dtype, column order, bytes)."""
        if not isinstance(state, tuple) or len(state) != 5:
            raise _RefusedError("the pickle holds an array in an unknown form")
        self.state = state[1], state[2], bool(state[3]), state[4]

    def numpy(self) -> np.ndarray:
        if self.state is None:
            raise _RefusedError("the pickle holds an array without values")
        return _array(*self.state)


class _MakesArray(_Sealed):
    """Stands for ``numpy.core.multiarray._reconstruct(numpy.ndarray, shape, code)``: an empty array, filled later."""

    __slots__ = ()

    def __call__(self, *arguments: Any) -> _Array:
        if len(arguments) != 3 or not isinstance(arguments[0], _NameOnly):
            raise _RefusedError("the pickle makes an array of an unknown class, wanted numpy.ndarray")
        return _Array()


class _MakesArrayFromBuffer(_Sealed):
    """Stands for ``numpy.core.numeric._frombuffer(bytes, dtype, shape, order)`` of pickles since protocol 5."""

    __slots__ = ()

    def __call__(self, *arguments: Any) -> _Array:
        if len(arguments) != 4 or arguments[3] not in ("C", "F"):
            raise _RefusedError("the pickle holds an array in an unknown form")
        values, dtype, shape, order = arguments
        array = _Array()
        array.state = shape, dtype, order == "F", values
        return array


class _MakesNumber(_Sealed):
    """Stands for ``numpy.core.multiarray.scalar(dtype, bytes)``."""

    __slots__ = ()

    def __call__(self, *arguments: Any) -> Any:
        if len(arguments) != 2:
            raise _RefusedError("the pickle holds a number in an unknown form")
        return _array((), arguments[0], False, arguments[1]).item()


class _MakesBytes(_Sealed):
    """Stands for ``_codecs.encode(text, "latin1")``, which is how Python 3 writes bytes for Python 2."""

    __slots__ = ()

    def __call__(self, *arguments: Any) -> bytes:
        if len(arguments) != 2 or type(arguments[0]) is not str or arguments[1] not in ("latin1", "latin-1"):
            raise _RefusedError("the pickle encodes something other than latin-1 text")
        return arguments[0].encode("latin-1")


_ARRAY, _NUMBER, _BUFFER = _MakesArray(), _MakesNumber(), _MakesArrayFromBuffer()
#: numpy 1 and 2 name the same functions differently.
_STAND_INS: dict[tuple[str, str], _Sealed] = {
    ("numpy", "ndarray"): _NameOnly(),
    ("numpy", "dtype"): _MakesDtype(),
    ("_codecs", "encode"): _MakesBytes(),
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _ARRAY for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _NUMBER for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _BUFFER for core in ("core", "_core")},
}


def _array(shape: Any, dtype: Any, columns_first: bool, values: Any) -> np.ndarray:
    if not isinstance(dtype, _Dtype):
        raise _RefusedError("the pickle holds an array without a type")
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (-1,)
    if len(sizes) > _MOST_DIMENSIONS or any(type(size) is not int or size < 0 for size in sizes):
        raise _RefusedError("the pickle holds an array of impossible shape")
    if isinstance(values, str):  # Python 2 wrote bytes and text alike
        values = values.encode("latin-1")
    kind = dtype.numpy()
    if not isinstance(values, (bytes, bytearray)) or len(values) != math.prod(sizes) * kind.itemsize:
        raise _RefusedError("the pickle holds an array whose values do not fill its shape")
    return np.frombuffer(values, kind).reshape(sizes, order="F" if columns_first else "C")


class _Plain:
    """Plain values out of what was unpickled; too many or too deep (a list may hold itself) are refused."""

    def __init__(self) -> None:
        self.n_items = 0

    def of(self, value: Any, depth: int = 0) -> Any:
        self.n_items += 1
        if depth > _DEEPEST or self.n_items > _MOST_ITEMS:
            raise _RefusedError(f"the pickle nests deeper than {_DEEPEST} levels or holds over {_MOST_ITEMS} values")
        if isinstance(value, dict):
            return {self._key(key): self.of(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.of(item, depth + 1) for item in value]
        if isinstance(value, _Array):
            return value.numpy()
        if isinstance(value, int) and abs(value) >= _LARGEST_WHOLE_NUMBER:
            raise _RefusedError("the pickle holds a whole number of more than 64 bits")
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (bytes, bytearray)):
            return bytes(value).decode("latin-1")
        raise _RefusedError(f"the pickle holds a {type(value).__name__.strip('_')}, wanted plain values")

    def _key(self, key: Any) -> str:
        text = key.decode("latin-1") if isinstance(key, bytes) else str(key) if isinstance(key, (str, int)) else ""
        if not text:
            raise _RefusedError("the pickle holds a dict with a key that is neither text nor a whole number")
        return text
