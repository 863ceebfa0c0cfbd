"""torchaudio without its compiled part: what braindecode takes from it is written in Python.

The compiled part is built for one kind of torch (with CUDA), and importing the package fails beside another kind.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

_EXTENSION = "torchaudio._extension"


def import_torchaudio() -> None:
    """Import torchaudio, without its compiled part where that does not fit the installed torch (functions of it then say so).

    Raises ImportError where the package is not installed.
    """
    if "torchaudio" in sys.modules:
        return
    try:
        importlib.import_module("torchaudio")
    except OSError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
            del sys.modules[name]
        sys.modules[_EXTENSION] = _without_compiled_part()
        importlib.import_module("torchaudio")


def _without_compiled_part() -> ModuleType:
    """What the package asks of its compiled part, answered by "not available"."""
    extension = ModuleType(_EXTENSION)

    def fail_if_no_align(function):
        def refuse(*arguments, **named):
            raise RuntimeError(f"{function.__name__} wants torchaudio's compiled part, which does not fit this torch.")

        return refuse

    extension._IS_TORCHAUDIO_EXT_AVAILABLE = False  # type: ignore[attr-defined]
    extension.fail_if_no_align = fail_if_no_align  # type: ignore[attr-defined]
    return extension
