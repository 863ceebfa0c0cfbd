"""Fetch the files of an open archive: listed with sizes and checksums, resumed where they broke off, checked before they count."""

from __future__ import annotations

import fnmatch
import hashlib
import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mindleaf.datasets.facts import Archive
from mindleaf.errors import BadInput

#: Where each host keeps its lists and files; tests put a server of their own here.
HOSTS = {
    "physionet": "https://physionet.org/files",
    "zenodo": "https://zenodo.org/api/records",
    "openneuro": "https://s3.amazonaws.com/openneuro.org",
}
_BLOCK = 1 << 20
_TIMEOUT_S = 60.0
_TRIES = 3
#: HTTP: the range that was asked for begins behind the end of the file.
_NOTHING_BEHIND = 416


@dataclass(frozen=True)
class RemoteFile:
    """A file of an archive: its place below the root, size in bytes (None unknown) and checksum ("md5:..." or "")."""

    name: str
    url: str
    size: int | None = None
    checksum: str = ""


def listing(archive: Archive) -> list[RemoteFile]:
    """The archive's files that its patterns name, in a fixed order. Raises BadInput where the host cannot be reached."""
    try:
        found = _LISTINGS[archive.host](archive.id)
    except (KeyError, TypeError, json.JSONDecodeError, ElementTree.ParseError) as error:
        raise BadInput(f"{archive.host} {archive.id}: wanted a list of files, the answer is none; try again later.") from error
    wanted = [f for f in found if not archive.files or any(fnmatch.fnmatch(f.name, pattern) for pattern in archive.files)]
    if not wanted:
        raise BadInput(f"{archive.host} {archive.id}: none of its {len(found)} files matches {', '.join(archive.files)}.")
    for file in wanted:
        if PurePosixPath(file.name).is_absolute() or ".." in PurePosixPath(file.name).parts:
            raise BadInput(f"{archive.host} {archive.id}: the list names {file.name!r}, outside the folder; nothing was fetched.")
    return sorted(wanted, key=lambda file: file.name)


def fetch(file: RemoteFile, root: Path, progress: Callable[[int], None] = lambda n: None) -> bool:
    """Bring one file below ``root``; False where it was there already. ``progress`` hears of every block's bytes.

    Bytes of an earlier try (``NAME.part``) are kept and continued. The file gets its name only when size and checksum are
    right; a wrong checksum removes it and raises BadInput.
    """
    target = root / file.name
    if target.exists() and _is_whole(file, target):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    for attempt in range(_TRIES):
        try:
            _continue(file, part, progress)
            break
        except (OSError, http.client.HTTPException) as error:
            if attempt == _TRIES - 1 or isinstance(error, urllib.error.HTTPError):
                raise BadInput(
                    f"{file.url}: fetching stopped ({error}); what has come is kept, the same command continues."
                ) from error
    _check(file, part)
    os.replace(part, target)
    return True


def _is_whole(file: RemoteFile, target: Path) -> bool:
    """By its size; where the list names none (PhysioNet), by its checksum."""
    if file.size is not None:
        return target.stat().st_size == file.size
    return _has_checksum(file, target)


def _continue(file: RemoteFile, part: Path, progress: Callable[[int], None]) -> None:
    have = part.stat().st_size if part.exists() else 0
    if file.size is not None and have >= file.size:
        return
    try:
        answer = _opened(file.url, {"Range": f"bytes={have}-"} if have else {})
    except urllib.error.HTTPError as error:
        if have and error.code == _NOTHING_BEHIND:
            return  # an earlier try brought the whole file and ended before it got its name
        raise
    with answer:
        # A host that does not continue sends the whole file from its start.
        first = have if have and answer.status == 206 else 0
        length = answer.headers.get("Content-Length")
        size = file.size if file.size is not None or length is None else first + int(length)
        _copy(answer, part, "ab" if first else "wb", progress)
    got = part.stat().st_size
    if size is not None and got < size:
        raise ConnectionError(f"{got} of {size} bytes came")


def _copy(answer: Any, part: Path, mode: str, progress: Callable[[int], None]) -> None:
    with part.open(mode) as out:
        while block := answer.read(_BLOCK):
            out.write(block)
            progress(len(block))
        out.flush()
        os.fsync(out.fileno())


def _check(file: RemoteFile, part: Path) -> None:
    if file.size is not None and part.stat().st_size != file.size:
        got = part.stat().st_size
        part.unlink()
        raise BadInput(f"{file.name}: wanted {file.size} bytes, got {got}; it was removed, run the same command again.")
    if not _has_checksum(file, part):
        part.unlink()
        kind = file.checksum.partition(":")[0]
        raise BadInput(f"{file.name}: its {kind} checksum is not the published one; it was removed, run the same command again.")


def _has_checksum(file: RemoteFile, path: Path) -> bool:
    """Whether the content has the published checksum; where none is published there is nothing to compare."""
    kind, _, wanted = file.checksum.partition(":")
    if not wanted:
        return True
    digest = hashlib.new(kind, usedforsecurity=False)
    with path.open("rb") as content:
        while block := content.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest() == wanted.lower()


def _opened(url: str, headers: dict[str, str] | None = None) -> Any:
    if not url.startswith(("https://", "http://")):
        raise BadInput(f"wanted an address that begins with https://, got {url!r}.")
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=_TIMEOUT_S)


def _text(url: str) -> str:
    try:
        with _opened(url) as answer:
            return answer.read().decode()
    except (OSError, UnicodeDecodeError, http.client.HTTPException) as error:
        raise BadInput(f"{url}: wanted the list of files, the host did not give it ({error}); check the network.") from error


def _physionet(id: str) -> list[RemoteFile]:
    base = f"{HOSTS['physionet']}/{id}"
    lines = (line.split(maxsplit=1) for line in _text(f"{base}/SHA256SUMS.txt").splitlines() if line.strip())
    return [RemoteFile(name, f"{base}/{urllib.parse.quote(name)}", None, f"sha256:{digest}") for digest, name in lines]


def _zenodo(id: str) -> list[RemoteFile]:
    files = json.loads(_text(f"{HOSTS['zenodo']}/{id}"))["files"]
    return [RemoteFile(file["key"], file["links"]["self"], file["size"], file["checksum"]) for file in files]


def _openneuro(id: str) -> list[RemoteFile]:
    return list(_bucket(id))


def _bucket(id: str) -> Iterator[RemoteFile]:
    """S3's list of a prefix, page by page. An ETag with a dash is no checksum: the file was uploaded in pieces."""
    token = ""
    while True:
        query = {"list-type": "2", "prefix": f"{id}/", **({"continuation-token": token} if token else {})}
        page = ElementTree.fromstring(_text(f"{HOSTS['openneuro']}?{urllib.parse.urlencode(query)}"))
        space = page.tag.partition("}")[0] + "}" if page.tag.startswith("{") else ""
        for entry in page.iter(f"{space}Contents"):
            key, tag = entry.findtext(f"{space}Key", ""), entry.findtext(f"{space}ETag", "").strip('"')
            size = int(entry.findtext(f"{space}Size", "0"))
            checksum = f"md5:{tag}" if tag and "-" not in tag else ""
            yield RemoteFile(key.removeprefix(f"{id}/"), f"{HOSTS['openneuro']}/{urllib.parse.quote(key)}", size, checksum)
        token = page.findtext(f"{space}NextContinuationToken", "")
        if not token:
            return


_LISTINGS: dict[str, Callable[[str], list[RemoteFile]]] = {
    "physionet": _physionet, "zenodo": _zenodo, "openneuro": _openneuro,
}  # fmt: skip
