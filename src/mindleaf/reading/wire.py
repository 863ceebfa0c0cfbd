"""What passes between the reader process and its parent: JSON and raw numeric arrays, never a pickle."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

_LENGTH = struct.Struct("<Q")
_NUMERIC_KINDS = "biufc"
_LONGEST_JSON_BYTES = 1 << 28


def send(stream: BinaryIO, value: Any) -> None:
    """Write ``value`` (None, bool, int, float, str, list, dict and numeric arrays, nested) to ``stream``."""
    arrays: list[np.ndarray] = []
    text = json.dumps(_without_arrays(value, arrays)).encode()
    stream.write(_LENGTH.pack(len(text)))
    stream.write(text)
    for array in arrays:
        stream.write(array.reshape(-1).view(np.uint8).data)


def receive(read_exactly: Callable[[memoryview], None], largest_bytes: int) -> Any:
    """Read one value. ``read_exactly`` fills a buffer or raises EOFError; arrays beyond ``largest_bytes`` are refused."""
    length = bytearray(_LENGTH.size)
    read_exactly(memoryview(length))
    (n_bytes,) = _LENGTH.unpack(length)
    if n_bytes > min(_LONGEST_JSON_BYTES, largest_bytes):
        raise EOFError(f"a header of {n_bytes} bytes")
    text = bytearray(n_bytes)
    read_exactly(memoryview(text))
    return _with_arrays(json.loads(bytes(text)), read_exactly, [largest_bytes])


def _without_arrays(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in _NUMERIC_KINDS:
            return _without_arrays(value.tolist(), arrays)
        array = np.ascontiguousarray(value)
        arrays.append(array)
        return {"": [array.dtype.str, list(value.shape)]}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {str(key): _without_arrays(item, arrays) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_arrays(item, arrays) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a {type(value).__name__} cannot leave the reader process")


def _with_arrays(value: Any, read_exactly: Callable[[memoryview], None], room: list[int]) -> Any:
    if isinstance(value, list):
        return [_with_arrays(item, read_exactly, room) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {""}:
        return {key: _with_arrays(item, read_exactly, room) for key, item in value.items()}
    dtype, shape = np.dtype(value[""][0]), tuple(value[""][1])
    if dtype.kind not in _NUMERIC_KINDS:
        raise EOFError(f"an array of {dtype}")
    n_bytes = math.prod(shape) * dtype.itemsize
    room[0] -= n_bytes
    if room[0] < 0:
        raise EOFError(f"an array of {n_bytes} bytes")
    array = np.empty(shape, dtype)
    if n_bytes:
        read_exactly(array.reshape(-1).view(np.uint8).data)
    return array
