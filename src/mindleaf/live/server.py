"""Server: the page of a live session, on this machine's own address unless a person says otherwise.

``GET /`` and the files beside it are the page; ``/live`` is a WebSocket. It sends JSON texts: first a ``hello`` (see
``live.broadcast``), then about ten ``frame``s a second (see ``live.view``); a page sends commands (see ``live.console``), and one
that could not be carried out is answered with ``{"type": "refused", "reason": ...}``.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

from mindleaf.errors import BadInput
from mindleaf.live.broadcast import PATIENCE_S, Broadcast, Page
from mindleaf.live.console import Console
from mindleaf.live.guard import LOOPBACK, Guard

try:
    import uvicorn
    from fastapi import FastAPI, WebSocket, WebSocketDisconnect
    from fastapi.staticfiles import StaticFiles
except ImportError as error:
    raise BadInput(
        "the page wants fastapi and uvicorn, which are not installed: pip install 'mindleaf[live]', or add --no-page."
    ) from error

PAGE = Path(__file__).parent / "page"
#: A command is short.
_LONGEST_COMMAND = 4096
_MOST_PAGES = 200


def app(broadcast: Broadcast, console: Console, broken: Callable[[BaseException | None], None]) -> FastAPI:
    """The routes; nothing in them asks who asks, see ``live.guard``. ``broken`` is called where no message can be made any more."""

    def ended(task: asyncio.Task[None]) -> None:
        # A page that stands still must not look like a listener who does.
        if not task.cancelled():
            broken(task.exception())

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        pushing = asyncio.create_task(broadcast.run())
        pushing.add_done_callback(ended)
        yield
        pushing.cancel()
        with suppress(asyncio.CancelledError):
            await pushing

    routes = FastAPI(lifespan=running, openapi_url=None, docs_url=None, redoc_url=None)

    @routes.websocket("/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        page = broadcast.join()
        tasks = [asyncio.create_task(work) for work in (_told(socket, page), _obeyed(socket, page, console))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            broadcast.leave(page)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    routes.mount("/", StaticFiles(directory=PAGE, html=True))
    return routes


async def _told(socket: WebSocket, page: Page) -> None:
    """Ends when the page is gone or takes nothing any more."""
    with suppress(WebSocketDisconnect, TimeoutError, RuntimeError):
        while True:
            text = await page.get()
            # Not wait_for, which on Python 3.11 can swallow a cancellation.
            async with asyncio.timeout(PATIENCE_S):
                await socket.send_text(text)


async def _obeyed(socket: WebSocket, page: Page, console: Console) -> None:
    with suppress(WebSocketDisconnect):
        while True:
            text = await socket.receive_text()
            try:
                # Opening and closing a session take a moment, in which other pages go on.
                await asyncio.to_thread(console.obey, text)
            except BadInput as error:
                page.put(json.dumps({"type": "refused", "reason": str(error)}))


class Server:
    """``with Server(console) as server:`` the page is up at ``server.url``, in a thread of its own.

    port: 0 takes a free one. On a host that is not this machine's own a token is made up, which stands in ``url``.
    Raises BadInput where the port is taken or the host is not ours.
    """

    def __init__(self, console: Console, host: str = "127.0.0.1", port: int = 8765) -> None:
        self._socket = _bound(host, port)
        address = self._socket.getsockname()
        self.open_to_others = not ip_address(address[0]).is_loopback
        self.token = secrets.token_urlsafe(24) if self.open_to_others else ""
        name = f"[{host}]" if ":" in host else host
        shown = _own_address() if ip_address(address[0]).is_unspecified else name
        self.url = f"http://{shown}:{address[1]}/" + (f"?token={self.token}" if self.token else "")
        names = LOOPBACK | {name.lower(), *([socket.gethostname().lower()] if self.open_to_others else [])}
        self.broadcast = Broadcast(console)
        self.guard = Guard(
            app(self.broadcast, console, self._broken), frozenset(names), self.token, any_address=self.open_to_others
        )
        self._uvicorn = uvicorn.Server(uvicorn.Config(self.guard, **_SETTINGS))
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._uvicorn.run, args=([self._socket],), name="page", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._uvicorn.should_exit = True
        self._thread.join()
        self._socket.close()
        if self._error is not None:
            raise self._error

    def _broken(self, error: BaseException | None) -> None:
        """Close the page: what made its messages has failed, which ``with`` raises at its end."""
        self._error, self._uvicorn.should_exit = error, True


_SETTINGS: dict[str, Any] = {
    "log_level": "error", "access_log": False, "server_header": False, "proxy_headers": False, "ws": "websockets-sansio",
    "ws_max_size": _LONGEST_COMMAND, "ws_per_message_deflate": False, "ws_ping_interval": 10.0, "ws_ping_timeout": 10.0,
    "limit_concurrency": _MOST_PAGES, "timeout_graceful_shutdown": 1, "lifespan": "on",
}  # fmt: skip


def _bound(host: str, port: int) -> socket.socket:
    """A listening socket. What one page has not read yet may not fill much memory."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, kind)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        why = error.strerror or str(error)
        raise BadInput(
            f"the page could not be opened at {host}:{port} ({why}); give another --port (0 takes a free one) or --host."
        ) from error
    return listening


def _own_address() -> str:
    """The address under which other machines reach this one, as far as it can be told without asking them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        # Nothing is sent: connecting a datagram socket only chooses the address that packets would leave from.
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return "127.0.0.1"
