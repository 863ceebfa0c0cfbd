"""Whether the parts of a store are what they were when they were written."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mindleaf.errors import ReadError
from mindleaf.store.encoding import scale_path
from mindleaf.store.files import file_digest

if TYPE_CHECKING:
    from mindleaf.store.store import Store

#: Parts that this process has found whole: place, hash, size and time of change of its files. A file that changes is looked at again.
_whole: set[tuple[str, str, tuple[tuple[int, int], ...]]] = set()


def damaged_part(path: Path, why: str) -> ReadError:
    return ReadError(f"{path}: this part of the store is missing or damaged ({why}); prepare the store again.")


def check_once(path: Path, sha256: str, computed: Callable[[Path], str]) -> None:
    """Raise ReadError where the part is not whole; looked at once per process as long as the file stays as it is."""
    try:
        stats = [part.stat() for part in (path, scale_path(path)) if part == path or part.exists()]
    except OSError as error:
        raise damaged_part(path, type(error).__name__) from error
    key = (str(path), sha256, tuple((stat.st_size, stat.st_mtime_ns) for stat in stats))
    if key in _whole:
        return
    if not is_whole(path, sha256, computed):
        raise damaged_part(path, "its content is not what was written")
    _whole.add(key)


def content_sha256(recordings: Iterable[dict], stimuli: Iterable[dict], trials_sha256: str) -> str:
    """One hash of what the store holds: signals, their channels and rates, stimuli, trials. Entries in the order of ids."""
    content = hashlib.sha256()
    for entry in recordings:
        parts = (entry["id"], entry["sha256"], float(entry["sfreq"]), entry["channel_names"], entry["positions"])
        content.update(repr(parts).encode())
    for entry in stimuli:
        content.update(repr((entry["id"], entry["sha256"], float(entry["sample_rate"]), entry["kind"])).encode())
    content.update(trials_sha256.encode())
    return content.hexdigest()


def manifest_sha256(manifest: dict) -> str:
    """Hash of everything a manifest says but this hash."""
    said = {key: value for key, value in manifest.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def damaged_parts(store: Store, progress: Callable[[str], None] | None = None) -> list[str]:
    """Read every signal, stimulus, view and the table, compare hashes, and name what differs ("signals/...").

    Where the manifest differs from its own hash, "manifest.json" is named. A damaged view is made again when it is next read.
    """
    manifest = store.manifest
    found = []
    for entry in manifest["recordings"]:
        found += [] if is_whole(store.path / entry["file"], entry["sha256"], signal_sha256) else [entry["file"]]
        if progress:
            progress(entry["id"])
    for entry in manifest["stimuli"]:
        found += [] if is_whole(store.path / entry["file"], entry["sha256"], samples_sha256) else [entry["file"]]
    trials = manifest["trials"]
    found += [] if is_whole(store.path / trials["file"], trials["file_sha256"], bytes_sha256) else [trials["file"]]
    if manifest_sha256(manifest) != manifest.get("sha256"):
        found.append("manifest.json")
    # Views stand beside their scales: both are under one checksum.
    views = [path for path in sorted(store.path.glob("views/*/[!.]*.npy")) if not path.name.endswith(".scale.npy")]
    return found + [
        path.relative_to(store.path).as_posix() for path in views if not is_whole(path, written_checksum(path), view_checksum)
    ]


def signal_sha256(path: Path) -> str:
    """The hash of the signal in ``path``, as ``SignalWriter`` gave it: a signal of several gigabytes takes no memory.

    Raises OSError or ValueError where a part of it is missing or no array.
    """
    digest = file_digest(path)
    if scale_path(path).exists():
        digest.update(file_digest(scale_path(path)).digest())
    return digest.hexdigest()


def samples_sha256(path: Path) -> str:
    """The hash of the stimulus in ``path``."""
    return file_digest(path).hexdigest()


def bytes_sha256(path: Path) -> str:
    """The hash of a file of any kind."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def is_whole(path: Path, sha256: str, computed: Callable[[Path], str]) -> bool:
    """Whether the part in ``path`` can be read and has this hash."""
    try:
        return computed(path) == sha256
    except (OSError, ValueError):
        return False


class Checksum:
    """CRC-32, fed like a hash: four times as fast as SHA-256, and enough to see a flipped bit in what can be made again."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, values: Any) -> None:
        self._value = zlib.crc32(values, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


def checksum_path(path: Path) -> Path:
    """Where the checksums of the view in ``path`` lie: NAME.npy -> NAME.crc32."""
    return path.with_suffix(".crc32")


def view_checksum(path: Path) -> str:
    """The checksum of the view in ``path`` as it lies on disk; raises OSError where a part is missing."""
    return "".join(_checksum(part) for part in (path, scale_path(path)) if part == path or part.exists())


def _checksum(path: Path) -> str:
    checksum = Checksum()
    with path.open("rb") as handle:
        np.lib.format.read_magic(handle)
        np.lib.format.read_array_header_1_0(handle)
        while block := handle.read(1 << 20):
            checksum.update(block)
    return checksum.hexdigest()


def written_checksum(path: Path) -> str:
    """The checksum that ``write_view`` noted for the view in ``path``; empty where there is none."""
    try:
        return checksum_path(path).read_text().strip()
    except (OSError, ValueError):
        return ""
