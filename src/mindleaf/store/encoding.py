"""Signals on disk: float32 as they are, or int16 with an offset and a scale per stretch of 512 samples and channel.

A float32 signal is one ``.npy`` file, (time, channel). An int16 signal is an ``.npy`` file of codes and, beside it,
``NAME.scale.npy``, (stretch, channel, 2): microvolts = offset + scale x code. The stretches lie at fixed places of the
recording, so the files do not depend on the blocks in which the signal arrived.
"""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import BadInput, ReadError
from mindleaf.store.files import replacing

Encoding = Literal["float32", "int16"]
#: What lies in the file of values.
KINDS: dict[Encoding, str] = {"float32": "<f4", "int16": "<i2"}

#: Samples that share an offset and a scale: short, so that an artefact costs resolution only nearby; 0.8 % more bytes.
STRETCH = 512
#: The code of a sample that is not a number; all others lie in -HIGHEST .. HIGHEST.
MISSING = -32768
HIGHEST = 32767
#: Rows that are read at once where a whole signal is walked through.
_WALK = 65_536


def scale_path(path: Path) -> Path:
    """Where the offsets and scales of the int16 signal in ``path`` lie: NAME.npy -> NAME.scale.npy."""
    return path.with_name(f"{path.name.removesuffix('.npy')}.scale.npy")


class SignalWriter:
    """Appends blocks of one recording to ``path`` and never holds more than a block.

    Everything goes to sibling names and is renamed by ``close``: give the final path, and wrap it in nothing. Left by an
    exception (or by ``close`` before ``n_times`` samples have come) it removes what it wrote; what stood there stays.

        with SignalWriter(path, n_channels, n_times, "int16") as writer:
            for block in blocks:
                writer.append(block)
            sha256 = writer.close()
    """

    def __init__(self, path: Path, n_channels: int, n_times: int, dtype: Encoding) -> None:
        if dtype not in ("float32", "int16"):
            raise BadInput(f"a signal is kept as 'float32' or 'int16', got {dtype!r}; choose one of them.")
        self.path, self.n_channels, self.n_times, self.dtype = Path(path), n_channels, n_times, dtype
        self._written = 0
        self._rest = np.zeros((0, n_channels), np.float32)
        self._open = ExitStack()
        self._sha256 = ""
        # The values are entered first and thus renamed last: they never stand beside scales that are still missing.
        self._values = self._file(self.path, KINDS[dtype], (n_times, n_channels))
        if dtype == "int16":
            n_stretches = math.ceil(n_times / STRETCH)
            self._scales = self._file(scale_path(self.path), "<f4", (n_stretches, n_channels, 2))

    def _file(self, path: Path, dtype: str, shape: tuple[int, ...]) -> ArrayFile:
        temporary = self._open.enter_context(replacing(path))
        return ArrayFile(self._open.enter_context(temporary.open("wb")), dtype, shape)

    def append(self, block: NDArray[np.floating]) -> None:
        """Take the next samples, (time, channel) microvolts; raises BadInput where they do not fit the announced shape."""
        if block.ndim != 2 or block.shape[1] != self.n_channels or self._written + len(block) > self.n_times:
            raise BadInput(
                f"{self.path}: wanted {self.n_times - self._written} more samples of {self.n_channels} channels at most, got "
                f"a block of shape {block.shape}; announce the recording's true length and channels."
            )
        self._written += len(block)
        if self.dtype == "float32":
            self._values.write(block)
            return
        joined = np.concatenate([self._rest, block]) if len(self._rest) else np.asarray(block)
        whole = len(joined) if self._written == self.n_times else len(joined) // STRETCH * STRETCH
        self._encode(joined[:whole])
        self._rest = joined[whole:].copy()

    def _encode(self, block: NDArray[np.floating]) -> None:
        for first in range(0, len(block), STRETCH):
            codes, affine = encoded(block[first : first + STRETCH].T)
            self._values.write(codes.T)
            self._scales.write(affine[None])

    def close(self) -> str:
        """Put the files in place and return the sha256 of everything stored: dtype, shape, values, then scales."""
        if self._sha256:
            return self._sha256
        if self._written != self.n_times:
            self._open.__exit__(BadInput, BadInput("incomplete"), None)
            raise BadInput(
                f"{self.path}: wanted {self.n_times} samples, got {self._written}; the recording ends before its header "
                "says so, copy the file again."
            )
        digest = self._values.digest
        if self.dtype == "int16":
            digest.update(self._scales.digest.digest())
        self._open.close()
        self._sha256 = digest.hexdigest()
        return self._sha256

    def __enter__(self) -> SignalWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        elif not self._sha256:
            self._open.__exit__(kind, error, trace)


class ArrayFile:
    """An .npy file that is written front to back.

    digest: what is kept of the values on their way; else the one that ``array_sha256`` would give of the whole array.
    """

    def __init__(self, handle: BinaryIO, dtype: str, shape: tuple[int, ...], digest: Any = None) -> None:
        self._handle, self._dtype = handle, np.dtype(dtype)
        np.lib.format.write_array_header_1_0(handle, {"descr": dtype, "fortran_order": False, "shape": shape})
        self.digest = digest or hashlib.sha256(f"{dtype}{shape}".encode())

    def write(self, block: NDArray) -> None:
        values = np.ascontiguousarray(block, self._dtype).data
        self._handle.write(values)
        self.digest.update(values)


def encoded(rows: NDArray[np.floating]) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Codes (channel, time) and offsets and scales (channel, 2) of one stretch of microvolts, (channel, time)."""
    from mindleaf.store import codec

    rows = np.ascontiguousarray(rows, np.float32)
    codes, affine = np.empty(rows.shape, np.int16), np.empty((len(rows), 2), np.float32)
    codec.encode(rows, codes, affine)
    return codes, affine


class SignalArray(ABC):
    """A signal on disk that reads like a two-dimensional float32 array, (time, channel).

    ``signal[first:last, columns]`` and ``np.asarray(signal)`` decode what they ask for.
    """

    ndim = 2
    n_times: int
    n_channels: int
    #: How the values are kept; what is read is float32.
    dtype: Encoding

    @property
    def shape(self) -> tuple[int, int]:
        return self.n_times, self.n_channels

    def __len__(self) -> int:
        return self.n_times

    @abstractmethod
    def read(self, first: int, last: int, columns: Any = None) -> NDArray[np.float32]:
        """Samples ``first`` to ``last`` of the chosen columns (all where None): a new array, (time, channel)."""

    def __getitem__(self, key: Any) -> NDArray[np.float32]:
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        if not isinstance(rows, slice) or (rows.step or 1) < 1 or not isinstance(columns, slice | list | np.ndarray):
            return np.asarray(self)[key]
        first, last, step = rows.indices(self.n_times)
        return self.read(first, max(first, last), columns)[::step]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        return self.read(0, self.n_times).astype(dtype or np.float32, copy=False)


class StoredSignal(SignalArray):
    """One signal of a store, (n_times, n_channels) microvolts, as SignalWriter wrote it."""

    def __init__(self, path: Path, values: NDArray, scales: NDArray[np.float32] | None) -> None:
        self.path, self.values, self.scales = path, values, scales
        self.n_times, self.n_channels = values.shape
        self.dtype = "float32" if scales is None else "int16"

    def read(self, first: int, last: int, columns: Any = None) -> NDArray[np.float32]:
        columns = slice(None) if columns is None else columns
        values = self.values[first:last, columns]
        if self.scales is None:
            return np.array(values, np.float32)
        stretch = np.arange(first, first + len(values)) // STRETCH
        affine = np.asarray(self.scales[first // STRETCH : -(-last // STRETCH), columns])[stretch - first // STRETCH]
        return decoded(values, affine[..., 0], affine[..., 1])

    def sha256(self) -> str:
        """The sha256 of everything stored, computed anew from the files; equals what ``SignalWriter.close`` returned."""
        digest = _walked_sha256(self.values)
        if self.scales is not None:
            digest.update(_walked_sha256(self.scales).digest())
        return digest.hexdigest()


def decoded(codes: NDArray[np.int16], offset: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """Microvolts of codes; NaN where a sample is missing."""
    return np.where(codes == MISSING, np.float32(np.nan), offset + scale * codes.astype(np.float32))


def _walked_sha256(array: NDArray) -> Any:
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    for first in range(0, len(array), _WALK):
        digest.update(np.ascontiguousarray(array[first : first + _WALK]).data)
    return digest


def open_signal_array(path: Path) -> StoredSignal:
    """Open what SignalWriter wrote; raises ReadError naming the file where a part is missing, damaged or of another kind."""
    path = Path(path)
    values = opened(path, 2, tuple(KINDS.values()))
    return StoredSignal(path, values, opened_scales(path, values, (math.ceil(len(values) / STRETCH), values.shape[1], 2)))


def opened_scales(path: Path, values: NDArray, shape: tuple[int, ...]) -> NDArray[np.float32] | None:
    """The offsets and scales that belong to the codes in ``path``, of this shape; None where the values are float32."""
    if values.dtype == np.dtype(KINDS["float32"]):
        return None
    scales = opened(scale_path(path), 3, ("<f4",))
    if scales.shape != shape:
        raise ReadError(f"{scale_path(path)}: wanted scales of shape {shape}, got {scales.shape}; prepare the store again.")
    return scales


def opened(path: Path, ndim: int, kinds: tuple[str, ...]) -> NDArray:
    """An .npy file as a memory map; raises ReadError where it is not of the wanted kind."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ReadError(
            f"{path}: this part of the store is missing or damaged ({type(error).__name__}); prepare the store again."
        ) from error
    if array.ndim != ndim or array.dtype.str not in kinds:
        raise ReadError(
            f"{path}: wanted a signal of {' or '.join(kinds)}, got {array.dtype.str} of shape {array.shape}; "
            "prepare the store again."
        )
    return array
