"""The errors a person sees: each message says what was wanted, what came, and what to do."""

from __future__ import annotations

import errno
import sys
import warnings
from pathlib import Path


class BadInput(ValueError):
    """A user's mistake: wrong path, wrong name, data that cannot serve the request. The command line exits with 2."""


class ReadError(BadInput):
    """A file that cannot be read; names the file, what is wrong with it, and what to do."""


#: What a machine refuses a person: no space, no rights, a file where a folder is wanted.
_REFUSED = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST,
}  # fmt: skip
#: numpy's words for a write cut short, which carry no number.
_CUT_SHORT = "requested and"


def refusal(error: OSError) -> str:
    """One sentence for what the machine refused to write and why; "" where it is another error."""
    if error.errno not in _REFUSED and _CUT_SHORT not in str(error):
        return ""
    place = f" {error.filename}" if error.filename else ""
    why = error.strerror or str(error)
    return f"wanted to write{place}, the machine refused ({why}); free some space or choose another --out."


def plain_warnings() -> None:
    """From now on this package's own warnings are told as a sentence, without the place in its code where they arose."""
    usual, package = warnings.showwarning, str(Path(__file__).parent)

    def show(message, category, filename, lineno, file=None, line=None):  # type: ignore[no-untyped-def]
        if issubclass(category, UserWarning) and filename.startswith(package):
            print(f"mindleaf: {message}", file=file or sys.stderr)
        else:
            usual(message, category, filename, lineno, file, line)

    warnings.showwarning = show
