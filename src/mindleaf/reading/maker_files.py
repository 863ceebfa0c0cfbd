"""Amplifier makers' own formats and what opens them: Neuroscan CNT and Curry, EGI simple binary and MFF.

They are read here and not by MNE-Python, whose readers need further packages (Curry, MFF), read the whole file on opening
(Curry, EGI) or place events and scale values differently from the formats' descriptions (CNT, EGI). The tests compare with it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mindleaf.reading.curry_header import open_curry
from mindleaf.reading.egi_header import open_simple_binary
from mindleaf.reading.egi_mff import open_mff
from mindleaf.reading.formats import OpenSignal
from mindleaf.reading.neuroscan_events import open_cnt

#: Suffix -> function (path, unit, look) that opens such a file.
OPENERS: dict[str, Callable[[Path, str | None, bool], OpenSignal]] = {
    ".cnt": open_cnt,
    ".cdt": open_curry,
    ".dat": open_curry,
    ".mff": open_mff,
    ".raw": open_simple_binary,
    ".egi": open_simple_binary,
}
