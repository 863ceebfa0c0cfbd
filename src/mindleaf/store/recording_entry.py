"""One recording into the store: what the manifest will say of it, and its signal, read and written in blocks."""

from __future__ import annotations

import hashlib
import inspect
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mindleaf.config import Config
from mindleaf.errors import BadInput, ReadError
from mindleaf.preprocessing.streaming import resampled_blocks
from mindleaf.recording import Recording
from mindleaf.store.encoding import STRETCH, Encoding, SignalWriter, scale_path
from mindleaf.store.files import CannotWrite, DiskFull, need_space, read_json, safe_name, unfinished_name, write_json
from mindleaf.store.integrity import is_whole, signal_sha256
from mindleaf.store.origin import origin
from mindleaf.store.table import trial_rows

#: Bytes of signal (float32) that are read at a time. Resampling holds a few copies of a block, in float64.
BLOCK_BYTES = 16 << 20
#: Changes when the same source must give another stored signal.
_RECIPE = 2


class StoreConfig(Config):
    """How recordings are kept.

    max_sfreq   rates above it are brought below by an integer factor (Hz)
    dtype       "float32": microvolts as they are; "int16": half the bytes, a scale per channel and stretch of 512 samples
    unit        what the numbers of the signal files are in, in place of what the files say (``prepare --unit``)
    on_damage   "stop": prepare all other sources, then end without a new manifest and name the damaged ones;
                "skip": leave them out and list them in the manifest (``left_out``)
    """

    max_sfreq: float = 512.0
    dtype: Encoding = "float32"
    unit: str = ""
    on_damage: Literal["stop", "skip"] = "stop"

    runtime_fields: ClassVar[frozenset[str]] = Config.runtime_fields | {"on_damage"}


def recording_entry(recording: Recording, out: Path, config: StoreConfig, root: Path | None) -> tuple[dict, bool]:
    """The recording's entry, and whether it lay in ``out`` already.

    A recording counts as unchanged when its description, the names, sizes and times of its source files (below ``root``;
    where it names none, what its ``load`` is made of) and the settings are those of the entry noted in ``out``, and the signal noted there is whole.
    Raises ReadError where the source is damaged, CannotWrite where the machine takes no more.
    """
    name = safe_name(recording.id)
    note = out / "signals" / f"{name}.json"
    source = _source_key(recording, config, root)
    known = _whole_entry(note, source, out)
    if known:
        return known, True
    factor = _factor(recording.sfreq, config.max_sfreq)
    sfreq = recording.sfreq / factor
    trials = trial_rows(recording)
    n_times = -(-recording.n_times // factor)
    file, sha256 = _written_signal(recording, sfreq, n_times, out, name, config.dtype)
    entry = {
        "id": recording.id, "subject": recording.subject, "session": recording.session, "run": recording.run,
        "sfreq": sfreq, "channel_names": list(recording.channel_names),
        "positions": json_positions(recording.montage.positions), "n_times": n_times, "dtype": config.dtype,
        "file": file, "sha256": sha256,
        "issues": [{"code": issue.code, "message": issue.message} for issue in recording.issues],
        "trials": trials, "source": source,
    }  # fmt: skip
    write_json(note, entry)
    return entry, False


def _whole_entry(note: Path, source: str, out: Path) -> dict | None:
    """What was noted of a recording, where it was made from this source and the signal it speaks of is whole."""
    entry = read_json(note)
    file = str(entry.get("file", ""))
    known = entry.get("source") == source and file and is_whole(out / file, entry["sha256"], signal_sha256)
    return entry if known else None


def _written_signal(recording: Recording, sfreq: float, n_times: int, out: Path, name: str, dtype: Encoding) -> tuple[str, str]:
    """Write the signal under a name that holds its content's hash: no other signal, older or newer, is ever overwritten."""
    n_channels = len(recording.channel_names)
    n_bytes = n_times * n_channels * (4 if dtype == "float32" else 2 + 8 / STRETCH)
    need_space(out, int(n_bytes))
    try:
        with signal_place(out, name) as (unfinished, put_in_place):
            with SignalWriter(unfinished, n_channels, n_times, dtype) as writer:
                for block in _blocks(recording, sfreq):
                    writer.append(block)
                sha256 = writer.close()
            return put_in_place(sha256), sha256
    except DiskFull as error:
        raise DiskFull(out / "signals" / name, int(n_bytes)) from error


@contextmanager
def signal_place(out: Path, name: str) -> Iterator[tuple[Path, Callable[[str], str]]]:
    """Where to write a signal, and what to call with its hash to give it its name ("signals/NAME-HASH.npy")."""
    plain = unfinished_name(out / "signals" / name)
    unfinished = plain.with_name(f"{plain.name}.npy")

    def put_in_place(sha256: str) -> str:
        final = unfinished.with_name(f"{name}-{sha256[:12]}.npy")
        if scale_path(unfinished).exists():
            os.replace(scale_path(unfinished), scale_path(final))
        os.replace(unfinished, final)
        return f"signals/{final.name}"

    try:
        yield unfinished, put_in_place
    finally:
        for path in (unfinished, scale_path(unfinished)):
            path.unlink(missing_ok=True)


def _blocks(recording: Recording, sfreq: float) -> Iterator[NDArray[np.float32]]:
    """The signal at the kept rate, (time, channel) microvolts."""
    read = _reading(recording)
    n_channels = len(recording.channel_names)
    block = max(1, BLOCK_BYTES // (4 * n_channels))
    return resampled_blocks(lambda first, last: read(first, last).T, n_channels, recording.n_times, recording.sfreq, sfreq, block)


def _reading(recording: Recording) -> Callable[[int, int], NDArray[np.floating]]:
    """read(first, last) -> (channel, time); a ``load`` that takes no span is called once, and its signal kept in memory."""
    if not _takes_span(recording.load):
        whole = _loaded(recording)
        return lambda first, last: whole[:, first:last]
    return lambda first, last: _loaded(recording, first, last)


def _takes_span(load: Callable[..., Any]) -> bool:
    """By the names of its arguments: a function of two arguments may mean something else by them."""
    return {"start", "stop"} <= set(inspect.signature(load).parameters)


def _loaded(recording: Recording, *span: int) -> NDArray[np.floating]:
    try:
        signal = np.asarray(recording.load(*span))
    except CannotWrite:
        raise
    except OSError as error:
        raise ReadError(
            f"recording {recording.id}: reading its file failed ({error.strerror or type(error).__name__}); check the disk, or "
            "get the file again."
        ) from error
    wanted = (len(recording.channel_names), span[1] - span[0] if span else recording.n_times)
    if signal.shape != wanted:
        raise ReadError(
            f"recording {recording.id}: wanted {wanted[0]} channels x {wanted[1]} samples, got {signal.shape}; the file and its "
            "header disagree, get the file again."
        )
    return signal


def _factor(sfreq: float, highest: float) -> int:
    """By how much the rate is divided so that it is not above ``highest`` (Hz)."""
    if not sfreq > 0 or not highest > 0:
        raise BadInput(f"wanted rates above 0 Hz, got a recording of {sfreq:g} Hz and max_sfreq={highest:g}; check both.")
    return max(1, math.ceil(sfreq / highest))


def json_positions(positions: NDArray) -> list:
    return [[round(float(x), 6) if math.isfinite(x) else None for x in row] for row in positions]


def _source_key(recording: Recording, config: StoreConfig, root: Path | None) -> str:
    files = []
    for name in recording.source_files:
        path = Path(root or ".") / name
        stat = path.stat() if path.exists() else None
        files.append((path.name, stat.st_size if stat else -1, stat.st_mtime_ns if stat else -1))
    events = [(e.onset, e.duration, e.label) for e in recording.events]
    text = repr((
        _RECIPE, recording.dataset, recording.subject, recording.session, recording.run, recording.id, recording.sfreq,
        recording.channel_names, json_positions(recording.montage.positions), recording.n_times, events, recording.trials,
        recording.issues, files or origin(recording.load), config.fingerprint(),
    ))  # fmt: skip
    return hashlib.sha256(text.encode()).hexdigest()
