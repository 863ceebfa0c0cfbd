"""live with a page beside it: sessions one after another, as whoever looks on stops and starts them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mindleaf.live.console import Console
from mindleaf.stages.live import Asked, followed, open_session, refuse_full

#: Where a recording goes that a page asks for, each in a folder named by the time.
RECORDINGS = Path("runs/live")
_OPEN = "whoever has this address can watch and steer, and nothing on its way is encrypted: use it in a network you trust"


@dataclass(frozen=True)
class Place:
    """Where the page is; ``announce`` is called with its address once it is up, and with a warning where others can reach it."""

    host: str = "127.0.0.1"
    port: int = 8765
    announce: Callable[[str], None] = print


def live_with_page(
    asked: Asked, place: Place, record: Path | None = None, seconds: float = 0.0, send: str = "",
    say: Callable[[str], None] = print,
) -> dict[str, object]:  # fmt: skip
    """As ``stages.live.live``, but where a session ends the page starts another: only Ctrl-C or the seconds end it.

    The figures of the last session. record: folder of the first. Raises BadInput where the page cannot be opened.
    """
    from mindleaf.live.server import Server

    refuse_full(record)
    console = Console(lambda: open_session(asked), RECORDINGS, can_attend=asked.source == "synthetic")
    found: dict[str, object] = {}
    with Server(console, place.host, place.port) as server:
        place.announce(f"the page is at {server.url}")
        if server.open_to_others:
            place.announce(_OPEN)
        try:
            for session in console.sessions():
                found, interrupted = followed(session, record, seconds, send, say)
                if interrupted or seconds:
                    break
                record = None
                say("the session has ended; the page starts another one, Ctrl-C ends")
        except KeyboardInterrupt:
            say("stopping")
    return found
