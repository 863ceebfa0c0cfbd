"""Console: the session that runs now, and what a person at a page may do with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from mindleaf.errors import BadInput
from mindleaf.live.session import Session
from mindleaf.live.view import View


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Start(_Command):
    do: Literal["start"]


class Stop(_Command):
    do: Literal["stop"]


class MarkNow(_Command):
    do: Literal["mark"]
    text: str = Field(min_length=1, max_length=200)


class Attend(_Command):
    """-1: to nobody."""

    do: Literal["attend"]
    candidate: int = Field(ge=-1, lt=1000)


class Record(_Command):
    do: Literal["record"]
    on: bool


Command = Annotated[Start | Stop | MarkNow | Attend | Record, Field(discriminator="do")]
_COMMAND: TypeAdapter[Start | Stop | MarkNow | Attend | Record] = TypeAdapter(Command)


class Console:
    """Opens sessions one after another with ``open_session``; the first at once, so that what cannot be opened is said at once.

    recordings   folder in which a recording asked for by a page gets a folder of its own, named by the time; None: none may be
    can_attend   whether the source has a listener who can be turned
    """

    def __init__(self, open_session: Callable[[], Session], recordings: Path | None = None, can_attend: bool = False) -> None:
        self._open, self._recordings, self.can_attend = open_session, recordings, can_attend
        self._lock, self._ended = threading.Lock(), False
        self._next: SimpleQueue[View] = SimpleQueue()
        self.view = View(open_session())

    @property
    def session(self) -> Session:
        return self.view.session

    @property
    def can_record(self) -> bool:
        return self._recordings is not None

    def sessions(self) -> Iterator[Session]:
        """The session at hand, then one more each time a page asks for it: whoever takes a session starts it and sees it end."""
        while True:
            yield self.session
            self._ended = True
            self.view = self._next.get()

    def obey(self, text: str) -> None:
        """Carry out a command that came as JSON. May take seconds; raises BadInput for what is none or cannot be done."""
        try:
            command = _COMMAND.validate_json(text)
        except ValidationError as error:
            wrong = error.errors()[0]
            raise BadInput(f"wanted start, stop, mark, attend or record, got something else: {wrong['msg']}.") from error
        match command:
            case Start():
                self._start()
            case Stop():
                self.session.stop()
            case MarkNow():
                self.session.mark(command.text)
            case Attend():
                if not self.can_attend:
                    raise BadInput(f"nobody listens to {self.session.snapshot.source} who could be turned.")
                if command.candidate >= (n := len(self.session.snapshot.candidates)):
                    raise BadInput(f"wanted a candidate from 0 to {n - 1}, or -1 for nobody, got {command.candidate}.")
                self.session.attend(command.candidate)
            case Record():
                self._record(command.on)

    def _start(self) -> None:
        """A new session where the last one has ended."""
        with self._lock:
            if not self._ended:
                raise BadInput("a session is running; stop it first.")
            view = View(self._open())
            self._ended = False
            self._next.put(view)

    def _record(self, on: bool) -> None:
        if self._recordings is None:
            raise BadInput("this session records nothing; start mindleaf live with a folder for recordings.")
        self.session.record(self._recordings / f"{datetime.now():%Y%m%d-%H%M%S}" if on else None)
