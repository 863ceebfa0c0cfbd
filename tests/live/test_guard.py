"""Host, Origin and token are asked for on every route, every method and the socket; every answer carries its headers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs fastapi: pip install 'mindleaf[live]'")

from starlette.routing import Mount, WebSocketRoute

from mindleaf.live.broadcast import Broadcast
from mindleaf.live.console import Console
from mindleaf.live.guard import HEADERS, LOOPBACK, Guard
from mindleaf.live.server import PAGE, app
from tests.live.listener import Listener, session

TOKEN = "t0ken"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
OURS = {"host": "127.0.0.1:8765", "origin": "http://127.0.0.1:8765", "cookie": f"mindleaf={TOKEN}"}
#: What is changed of a request that may pass (None: left out), and the status it is refused with.
REFUSED: dict[str, tuple[dict[str, str | None], int]] = {
    "no host": ({"host": None}, 421),
    "a name that points here": ({"host": "evil.example:8765", "origin": "http://evil.example:8765"}, 421),
    "an address that is not ours": ({"host": "192.168.0.7:8765", "origin": "http://192.168.0.7:8765"}, 421),
    "a host that begins like ours": ({"host": "127.0.0.1.evil.example", "origin": "http://127.0.0.1.evil.example"}, 421),
    "a host with a user": ({"host": "evil@127.0.0.1:8765"}, 421),
    "another site": ({"origin": "http://evil.example"}, 403),
    "another port of this machine": ({"origin": "http://127.0.0.1:3000"}, 403),
    "another name of this machine": ({"origin": "http://localhost:8765"}, 403),
    "a page without a site": ({"origin": "null"}, 403),
    "another scheme": ({"origin": "https://127.0.0.1:8765"}, 403),
    "no token": ({"cookie": None}, 401),
    "a wrong token": ({"cookie": "mindleaf=guess"}, 401),
    "an empty token": ({"cookie": "mindleaf="}, 401),
    "half of the token": ({"cookie": f"mindleaf={TOKEN[:3]}"}, 401),
    "a token that is no ASCII": ({"cookie": "mindleaf=t\u00f6ken"}, 401),
    "a wrong bearer": ({"cookie": None, "authorization": "Bearer guess"}, 401),
}


@pytest.fixture(scope="module")
def routes() -> Any:
    console = Console(lambda: session(Listener()))
    return app(Broadcast(console), console, print)


def places(routes: Any) -> list[tuple[str, str]]:
    """(type, path) of all that is registered: each route, each file of the page, and a path that is not there."""
    found = [("http", "/not-there"), ("websocket", "/not-there")]
    for route in routes.routes:
        if isinstance(route, Mount):
            found += [("http", f"{route.path}/{path.name}") for path in PAGE.iterdir()] + [("http", f"{route.path}/")]
        else:
            found.append(("websocket" if isinstance(route, WebSocketRoute) else "http", route.path))
    return found


def answer(guard: Guard, kind: str, method: str, path: str, headers: dict[str, str], query: str = "") -> list[dict[str, Any]]:
    """What is sent back to one request; a socket that is accepted is closed by its page at once."""
    sent: list[dict[str, Any]] = []
    socket = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]
    coming = socket if kind == "websocket" else [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        return coming.pop(0) if coming else await asyncio.Future()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": kind, "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "scheme": "http",
        "headers": [(key.encode(), value.encode("latin-1")) for key, value in headers.items()], "http_version": "1.1",
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8765), "extensions": {}, "subprotocols": [], "state": {},
    }  # fmt: skip
    if kind == "http":
        scope["method"] = method
    asyncio.run(guard(scope, receive, send))
    return sent


def status(sent: list[dict[str, Any]]) -> int:
    """Of an answer; of a socket 101 where it was accepted, 403 where it was refused before."""
    return {"websocket.accept": 101, "websocket.close": 403}.get(sent[0]["type"]) or sent[0]["status"]


def test_every_route_and_method_asks(routes):
    guard, asked = Guard(routes, LOOPBACK, TOKEN), 0
    registered = places(routes)
    assert ("websocket", "/live") in registered and len([p for kind, p in registered if kind == "http"]) > 10
    for kind, path in registered:
        for method in METHODS if kind == "http" else ("GET",):
            for what, (changed, refused) in REFUSED.items():
                headers = {key: value for key, value in (OURS | changed).items() if value is not None}
                sent = answer(guard, kind, method, path, headers)
                wanted = refused if kind == "http" else 403
                assert status(sent) == wanted, (kind, method, path, what)
                asked += 1
    assert asked > 1000


@pytest.mark.parametrize("method", METHODS)
def test_what_changes_something_must_say_where_it_comes_from(routes, method):
    headers = {key: value for key, value in OURS.items() if key != "origin"}
    sent = answer(Guard(routes, LOOPBACK, TOKEN), "http", method, "/", headers)
    assert status(sent) == (200 if method in ("GET", "HEAD") else 403)


def test_a_socket_without_an_origin_is_refused(routes):
    headers = {key: value for key, value in OURS.items() if key != "origin"}
    assert status(answer(Guard(routes, LOOPBACK, TOKEN), "websocket", "", "/live", headers)) == 403
    assert status(answer(Guard(routes, LOOPBACK, TOKEN), "websocket", "", "/live", OURS)) == 101


@pytest.mark.parametrize("double", ["host", "origin"])
def test_a_header_that_comes_twice_is_refused(routes, double):
    seen: list[dict[str, Any]] = []
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    scope["headers"] = [(key.encode(), value.encode()) for key, value in [*OURS.items(), (double, OURS[double])]]

    async def send(message: dict[str, Any]) -> None:
        seen.append(message)

    asyncio.run(Guard(routes, LOOPBACK, TOKEN)(scope, None, send))  # type: ignore[arg-type]
    assert seen[0]["status"] in (403, 421)


def test_every_answer_carries_the_headers(routes):
    guard = Guard(routes, LOOPBACK, TOKEN)
    for kind, path in places(routes):
        for headers in (OURS, {"host": "evil.example"}):
            if kind == "http":
                sent = answer(guard, kind, "GET", path, headers)[0]
                told = {key.decode().lower(): value.decode() for key, value in sent["headers"]}
                assert HEADERS.items() <= told.items(), path
    policy = HEADERS["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy and "*" not in policy


def test_the_token_comes_in_the_address_once(routes):
    guard = Guard(routes, LOOPBACK, TOKEN)
    [start, _] = answer(guard, "http", "GET", "//evil.example", {"host": OURS["host"]}, f"token={TOKEN}")
    told = dict(start["headers"])
    assert start["status"] == 303 and told[b"location"] == b"/evil.example"
    assert told[b"set-cookie"] == f"mindleaf={TOKEN}; HttpOnly; SameSite=Strict; Path=/".encode()
    assert status(answer(guard, "http", "GET", "/", {"host": OURS["host"]}, "token=guess")) == 401
    assert status(answer(guard, "http", "GET", "/", {"host": OURS["host"], "authorization": f"Bearer {TOKEN}"})) == 200


def test_any_address_of_this_machine_may_be_used_where_it_is_open_but_no_foreign_name(routes):
    guard = Guard(routes, LOOPBACK, TOKEN, any_address=True)
    for host, wanted in {"192.168.0.7:8765": 200, "[fe80::1]:8765": 200, "localhost:9000": 200, "evil.example": 421}.items():
        assert status(answer(guard, "http", "GET", "/", OURS | {"host": host, "origin": f"http://{host}"})) == wanted
