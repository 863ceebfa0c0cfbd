"""Progress bars with rate and time left; a line now and then where there is no terminal (a log file, a cluster); silent where ``quiet``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

Advance = Callable[..., None]

#: Between two lines of a log.
_LINE_S = 30.0


def console(quiet: bool = False) -> Console:
    """Where people are told things: standard error, so that standard output stays for results."""
    return Console(file=sys.stderr, quiet=quiet, highlight=False)


class _Rate(ProgressColumn):
    """Units of work per second, or per minute where that is the larger number."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:.1f}/s" if speed >= 1 else f"{60 * speed:.1f}/min")


@contextmanager
def bar(title: str, total: int | None, quiet: bool = False) -> Iterator[Advance]:
    """A progress bar; call the result once per unit of work, with a short note if there is one."""
    columns = (
        TextColumn("{task.description:<22}"), BarColumn(bar_width=30), MofNCompleteColumn(),
        _Rate(), TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[note]}", markup=False),
    )  # fmt: skip
    if not quiet and not sys.stderr.isatty():
        yield _log_lines(title, total)
        return
    with Progress(*columns, console=console(quiet), disable=quiet) as progress:
        task = progress.add_task(title, total=total, note="")

        def advance(note: str = "", n: int = 1) -> None:
            progress.update(task, advance=n, note=note)

        yield advance


def _log_lines(title: str, total: int | None) -> Advance:
    """Tells how far the work is, at most every ``_LINE_S`` seconds: quick work says nothing."""
    began = told = time.monotonic()
    done = 0

    def advance(note: str = "", n: int = 1) -> None:
        nonlocal told, done
        done += n
        now = time.monotonic()
        if now - told < _LINE_S:
            return
        told = now
        rate = 60 * done / (now - began)
        left = f" of {total}, {(total - done) / rate:.0f} min left" if total and rate else ""
        print(f"{title}: {done}{left} ({rate:.1f}/min) {note}".rstrip(), file=sys.stderr, flush=True)

    return advance
