"""The errors a person sees: each message says what was wanted, what came, and what to do."""

from __future__ import annotations


class BadInput(ValueError):
    """A user's mistake: wrong path, wrong name, data that cannot serve the request. The command line exits with 2."""


class ReadError(BadInput):
    """A file that cannot be read; names the file, what is wrong with it, and what to do."""
