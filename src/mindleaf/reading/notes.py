"""An issue on its way out of the reader process."""

from __future__ import annotations

from typing import Any


def note(code: str, message: str, channels: list[str] | None = None) -> dict[str, Any]:
    """JSON values that become an ``Issue``; it goes when all of its ``channels`` (none: the whole file) are left out."""
    return {"code": code, "message": message, "channels": channels or []}
