"""Guard: who may ask. One piece of middleware in front of every route, method and socket.

Three questions. Host: is the page asked for under a name that is ours (a foreign name that points here is an attack by DNS
rebinding)? Origin: does the request come from our own page (any site a browser shows may send requests here)? Token: does whoever
asks know the secret, where the page is open to other machines? Behind the guard nothing needs to ask again.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "mindleaf"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?")
#: A question that changes nothing; browsers send no Origin with it when a page is opened.
_HARMLESS = {"GET", "HEAD"}


class Guard:
    """``hosts``: names under which the page may be asked for; ``any_address``: or any IP address, which cannot be rebound.

    token: "" where none is wanted. It may come as a cookie, as ``Authorization: Bearer`` or in the address; an address with
    the right one is answered with a cookie and the address without it, so that it stands in no history and no log.
    """

    def __init__(self, app: App, hosts: frozenset[str] = LOOPBACK, token: str = "", any_address: bool = False) -> None:
        self.app, self._hosts, self._token, self._any_address = app, hosts, token, any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
        elif refused := self.refusal(scope):
            await _answer(scope, send, *refused)
        elif scope["type"] == "http" and self._token and "token" in _query(scope):
            cookie = f"{COOKIE}={self._token}; HttpOnly; SameSite=Strict; Path=/"
            # A path of two slashes would name another machine.
            await _answer(scope, send, 303, "", {"location": "/" + scope["path"].lstrip("/\\"), "set-cookie": cookie})
        else:
            await self.app(scope, receive, _sealed(send))

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and sentence; None where the request may pass."""
        host, origin = _header(scope, b"host"), _header(scope, b"origin")
        if not self._ours(host):
            return 421, "This page answers under its own address only; use the one that mindleaf live printed."
        changes = scope["type"] == "websocket" or scope["method"] not in _HARMLESS
        if origin != f"http://{host}" and (origin or changes):
            return 403, "Requests from other pages are refused."
        if self._token and not any(hmac.compare_digest(given.encode(), self._token.encode()) for given in _tokens(scope)):
            return 401, "This page wants a token; use the address that mindleaf live printed."
        return None

    def _ours(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        if not found:
            return False
        return found[1] in self._hosts or (self._any_address and _is_address(found[1]))


def _header(scope: Scope, name: bytes) -> str:
    """Nothing where it is missing; something that is no value where it came twice."""
    values = [value.decode("latin-1").lower() for key, value in scope["headers"] if key == name]
    return values[0] if len(values) == 1 else "" if not values else "\0"


def _query(scope: Scope) -> dict[str, list[str]]:
    return parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)


def _tokens(scope: Scope) -> list[str]:
    """Every place in which a token may come."""
    given = list(_query(scope).get("token", []))
    for key, value in scope["headers"]:
        text = value.decode("latin-1")
        if key == b"authorization" and text.startswith("Bearer "):
            given.append(text.removeprefix("Bearer "))
        elif key == b"cookie":
            try:
                given += [morsel.value for name, morsel in SimpleCookie(text).items() if name == COOKIE]
            except CookieError:
                given.append("")
    return given


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _sealed(send: Send) -> Send:
    """Every answer carries the headers, whatever made it."""

    async def sealed(message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = [(key.encode(), value.encode()) for key, value in HEADERS.items()]
            message["headers"] = [pair for pair in message.get("headers", []) if pair[0].decode().lower() not in HEADERS] + ours
        await send(message)

    return sealed


async def _answer(scope: Scope, send: Send, status: int, text: str, more: dict[str, str] | None = None) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": text})
        return
    body = text.encode()
    headers = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(body))} | (more or {})
    await _sealed(send)(
        {"type": "http.response.start", "status": status, "headers": [(k.encode(), v.encode()) for k, v in headers.items()]}
    )
    await send({"type": "http.response.body", "body": body if scope.get("method") != "HEAD" else b""})
