"""Fetching from a real server on this machine: lists, continuing after a break, checksums, names that would leave the folder."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest

from mindleaf.datasets import download
from mindleaf.datasets.download import fetch, listing
from mindleaf.datasets.facts import Archive
from mindleaf.errors import BadInput

CONTENT = {
    "a.edf": np.random.default_rng(1).bytes(300_000),
    "sub-01/eeg/b.edf": np.random.default_rng(2).bytes(50_000),
    "notes.txt": b"notes",
}


class Server(ThreadingHTTPServer):
    """Serves CONTENT as the three archives do; ``cut`` breaks every answer off after so many bytes."""

    cut: int | None = None
    ranges: list[str]
    wrong_checksum = False
    escaping = False


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        address = urlparse(self.path)
        if address.path.endswith("SHA256SUMS.txt"):
            self._send("\n".join(f"{hashlib.sha256(body).hexdigest()} {name}" for name, body in CONTENT.items()).encode())
        elif address.path == "/zenodo/77":
            self._send(json.dumps({"files": [self._entry(name) for name in CONTENT]}).encode())
        elif address.path == "/openneuro" and "list-type" in address.query:
            self._send(self._page(parse_qs(address.query)))
        else:
            self._file(address.path)

    def _entry(self, name: str) -> dict:
        digest = "0" * 32 if self.server.wrong_checksum else hashlib.md5(CONTENT[name]).hexdigest()
        base = f"http://127.0.0.1:{self.server.server_port}/file/"
        key = "../out.edf" if self.server.escaping else name
        return {"key": key, "size": len(CONTENT[name]), "checksum": f"md5:{digest}", "links": {"self": base + name}}

    def _page(self, query: dict) -> bytes:
        names = list(CONTENT)
        first = int(query.get("continuation-token", ["0"])[0])
        name = names[first]
        tag = hashlib.md5(CONTENT[name]).hexdigest() if first else "abc-2"
        more = f"<NextContinuationToken>{first + 1}</NextContinuationToken>" if first + 1 < len(names) else ""
        return (
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Contents>'
            f"<Key>ds1/{name}</Key><ETag>&quot;{tag}&quot;</ETag><Size>{len(CONTENT[name])}</Size></Contents>{more}</ListBucketResult>"
        ).encode()

    def _file(self, path: str) -> None:
        name = next((name for name in CONTENT if path.endswith("/" + name)), None)
        if name is None:
            self.send_error(404)
            return
        body, wanted = CONTENT[name], self.headers.get("Range", "")
        self.server.ranges.append(wanted)
        first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if first >= len(body):
            self.send_error(416)
            return
        self._send(body[first:], 206 if first else 200, self.server.cut)

    def _send(self, body: bytes, status: int = 200, cut: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:cut])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    made.ranges = []
    threading.Thread(target=made.serve_forever, daemon=True).start()
    for host in download.HOSTS:
        monkeypatch.setitem(download.HOSTS, host, f"http://127.0.0.1:{made.server_port}/{host}")
    yield made
    made.shutdown()
    made.server_close()


ARCHIVES = [Archive("physionet", "set/1.0"), Archive("zenodo", "77"), Archive("openneuro", "ds1")]


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda archive: archive.host)
def test_all_files_come_once(server: Server, tmp_path: Path, archive: Archive):
    assert [fetch(file, tmp_path) for file in listing(archive)] == [True] * 3
    assert {name: (tmp_path / name).read_bytes() for name in CONTENT} == CONTENT
    assert [fetch(file, tmp_path) for file in listing(archive)] == [False] * 3


def test_patterns_choose_files(server: Server, tmp_path: Path):
    assert [file.name for file in listing(Archive("zenodo", "77", ("*.edf",)))] == ["a.edf", "sub-01/eeg/b.edf"]
    with pytest.raises(BadInput, match="none of its 3 files"):
        listing(Archive("zenodo", "77", ("*.bdf",)))


def test_a_broken_transfer_continues_where_it_stopped(server: Server, tmp_path: Path):
    file = listing(Archive("zenodo", "77", ("a.edf",)))[0]
    server.cut = 70_000
    with pytest.raises(BadInput, match="the same command continues"):
        fetch(file, tmp_path)
    part = tmp_path / "a.edf.part"
    kept = part.stat().st_size
    assert 0 < kept < len(CONTENT["a.edf"]) and not (tmp_path / "a.edf").exists()
    server.cut, server.ranges = None, []
    assert fetch(file, tmp_path)
    assert server.ranges == [f"bytes={kept}-"]
    assert (tmp_path / "a.edf").read_bytes() == CONTENT["a.edf"] and not part.exists()


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda archive: archive.host)
def test_what_came_is_kept_whether_or_not_the_list_names_sizes(server: Server, tmp_path: Path, archive: Archive):
    file = next(file for file in listing(archive) if file.name == "a.edf")
    server.cut = 70_000
    with pytest.raises(BadInput, match="the same command continues"):
        fetch(file, tmp_path)
    kept = (tmp_path / "a.edf.part").stat().st_size
    server.cut, server.ranges = None, []
    assert fetch(file, tmp_path) and server.ranges == [f"bytes={kept}-"]
    assert (tmp_path / "a.edf").read_bytes() == CONTENT["a.edf"]


def test_a_whole_part_of_unknown_size_gets_its_name(server: Server, tmp_path: Path):
    """The last try ended between the last byte and the new name: the host has nothing more to send (416)."""
    file = listing(Archive("physionet", "set/1.0", ("a.edf",)))[0]
    assert file.size is None
    (tmp_path / "a.edf.part").write_bytes(CONTENT["a.edf"])
    assert fetch(file, tmp_path)
    assert (tmp_path / "a.edf").read_bytes() == CONTENT["a.edf"]


def test_a_file_cut_short_by_others_is_fetched_again(server: Server, tmp_path: Path):
    (tmp_path / "a.edf").write_bytes(CONTENT["a.edf"][:1000])
    assert fetch(listing(Archive("physionet", "set/1.0", ("a.edf",)))[0], tmp_path)
    assert (tmp_path / "a.edf").read_bytes() == CONTENT["a.edf"]


def test_a_list_that_is_none_is_one_sentence(server: Server, monkeypatch: pytest.MonkeyPatch):
    for host in ("zenodo", "openneuro"):
        monkeypatch.setitem(download.HOSTS, host, f"http://127.0.0.1:{server.server_port}/file/notes.txt?list-type#")
    for archive in (Archive("zenodo", "x/notes.txt"), Archive("openneuro", "x")):
        with pytest.raises(BadInput, match="wanted a list of files, the answer is none"):
            listing(archive)


def test_a_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path):
    server.wrong_checksum = True
    with pytest.raises(BadInput, match="checksum is not the published one"):
        fetch(listing(Archive("zenodo", "77", ("a.edf",)))[0], tmp_path)
    assert not list(tmp_path.iterdir())


def test_no_file_leaves_the_folder(server: Server):
    server.escaping = True
    with pytest.raises(BadInput, match="outside the folder"):
        listing(Archive("zenodo", "77"))


def test_a_host_that_is_not_there_is_one_sentence(server: Server):
    server.shutdown()
    server.server_close()
    with pytest.raises(BadInput, match="check the network"):
        listing(Archive("zenodo", "77"))


def test_a_missing_file_is_one_sentence(server: Server, tmp_path: Path):
    with pytest.raises(BadInput, match="404"):
        fetch(download.RemoteFile("x", f"http://127.0.0.1:{server.server_port}/file/x"), tmp_path)
