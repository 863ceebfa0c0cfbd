"""Broadcast: one message made a few times a second, handed to every page that looks on.

A page is slow when its network or its browser is; the others and the decoder must not notice. So a message is made once, each page
has a short queue that forgets its oldest message, and a page that takes nothing for a while is let go.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any

from mindleaf.live.console import Console
from mindleaf.live.view import View

PUSH_S = 0.1
#: Messages that wait for one page; seconds after which one that takes nothing is let go.
QUEUE, PATIENCE_S = 20, 10.0
#: What a page that comes later is told of the past: EEG and sound of this many messages, answers of this many.
_PAST, _ANSWERS = round(10 / PUSH_S), 600


class Page:
    """What waits for one page. ``lost``: messages that it was too slow for."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque(maxlen=QUEUE)
        self._ready = asyncio.Event()
        self.lost = 0

    def put(self, text: str) -> None:
        self.lost += len(self._waiting) == QUEUE
        self._waiting.append(text)
        self._ready.set()

    async def get(self) -> str:
        while not self._waiting:
            self._ready.clear()
            await self._ready.wait()
        return self._waiting.popleft()


class Broadcast:
    """``run`` makes messages; ``join`` gives a page its queue, filled with what it must know first. One event loop only."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pages: set[Page] = set()
        self._forget(console.view)

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self._push()
            # Late once is not late for ever: the next message is a whole step after this one at the earliest.
            due = max(due + PUSH_S, loop.time() + PUSH_S / 2)
            await asyncio.sleep(due - loop.time())

    def join(self) -> Page:
        page = Page()
        page.put(self.hello())
        self._pages.add(page)
        return page

    @property
    def n_pages(self) -> int:
        return len(self._pages)

    def leave(self, page: Page) -> None:
        self._pages.discard(page)

    def hello(self) -> str:
        """Facts, and what a page that was there from the start has seen."""
        told = {
            "type": "hello", "version": 1, "facts": self._view.facts(), "can_attend": self._console.can_attend,
            "can_record": self._console.can_record, "decisions": list(self._answers), "marks": list(self._marks),
            "past": list(self._past),
        }  # fmt: skip
        return _json(told)

    def _forget(self, view: View) -> None:
        self._view, self._number = view, 0
        self._past: deque[dict[str, Any]] = deque(maxlen=_PAST)
        self._answers: deque[dict[str, Any]] = deque(maxlen=_ANSWERS)
        self._marks: deque[dict[str, Any]] = deque(maxlen=_ANSWERS)

    def _push(self) -> None:
        if self._view is not self._console.view:
            self._forget(self._console.view)
            self._hand(self.hello())
        frame = self._view.frame()
        self._past.append({"eeg": frame["eeg"], "sound": frame["sound"]})
        self._answers.extend(frame["decisions"])
        self._marks.extend(frame["marks"])
        self._hand(_json({"type": "frame", "number": self._number, **frame}))
        self._number += 1

    def _hand(self, text: str) -> None:
        for page in self._pages:
            page.put(text)


def _json(told: dict[str, Any]) -> str:
    return json.dumps(told, separators=(",", ":"), allow_nan=False)
