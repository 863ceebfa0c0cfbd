"""What the hub answers to those who fetch and those who upload a model, on loopback: a few endpoints, files in memory."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Hub(ThreadingHTTPServer):
    """repositories: name -> files by name; asked: every request, for tests to look at."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def commit(self, repository: str) -> str:
        files = self.repositories[repository]
        return hashlib.sha1(b"".join(name.encode() + content for name, content in sorted(files.items()))).hexdigest()


class Answers(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        """Requests are in ``Hub.asked``."""

    def _send(self, content: bytes = b"", status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _json(self, value: object, status: int = 200) -> None:
        self._send(json.dumps(value).encode(), status, Content_Type="application/json")

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].strip("/").split("/")
        self.server.asked.append(f"{self.command} {self.path}")
        repository = "/".join(path[2:4] if path[0] == "api" else path[:2])
        files = self.server.repositories.get(repository)
        if files is None:
            return self._send(b"{}", 404, X_Error_Code="RepoNotFound")
        commit = self.server.commit(repository)
        if path[0] == "api":
            return self._json({"id": repository, "sha": commit, "siblings": [{"rfilename": name} for name in files]})
        content = files.get("/".join(path[4:]))
        if content is None:
            return self._send(b"", 404, X_Error_Code="EntryNotFound")
        return self._send(content, ETag=f'"{hashlib.sha256(content).hexdigest()}"', X_Repo_Commit=commit)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(f"POST {self.path}")
        path = self.path.partition("?")[0].strip("/").split("/")
        if path[-1] == "create":
            asked = json.loads(body)
            repository = "/".join(filter(None, [asked.get("organization"), asked["name"]]))
            self.server.repositories.setdefault(repository, {})
            return self._json({"url": f"{self.server.url}/{repository}", "id": repository})
        repository = "/".join(path[2:4])
        if "preupload" in path:
            files = json.loads(body)["files"]
            return self._json({"files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]})
        if "commit" in path:
            lines = [json.loads(line) for line in body.splitlines() if line.strip()]
            written = {
                part["value"]["path"]: base64.b64decode(part["value"]["content"]) for part in lines if part["key"] == "file"
            }
            self.server.repositories[repository].update(written)
            commit = self.server.commit(repository)
            return self._json({"commitUrl": f"{self.server.url}/{repository}/commit/{commit}", "commitOid": commit})
        return self._json({"errors": [], "warnings": []})


@contextmanager
def hub() -> Iterator[Hub]:
    """The server, for as long as it is needed."""
    server = Hub()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
