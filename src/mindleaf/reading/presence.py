"""Is the file really there? Wrong paths, empty files and git-annex or LFS pointers get a sentence of their own."""

from __future__ import annotations

from pathlib import Path

from mindleaf.errors import ReadError

_POINTER_BYTES = 1024


def present_file(path: Path, wanted: str) -> Path:
    """``path`` if a real, non-empty file stands there; ReadError (``wanted`` says what was looked for) otherwise."""
    path = Path(path)
    if path.is_symlink() and not path.exists():
        target = path.readlink().as_posix()
        if "annex/objects" in target:
            raise ReadError(
                f"{path}: is a git-annex pointer without its content; fetch it with `git annex get` or `datalad get`."
            )
        raise ReadError(f"{path}: is a link to a file that does not exist; wanted {wanted}; mend the link or copy the file.")
    if not path.exists():
        raise ReadError(f"{path}: wanted {wanted}, there is no such file; check the path.")
    if path.is_dir():
        raise ReadError(f"{path}: wanted {wanted}, this is a folder; give the file itself.")
    try:
        with path.open("rb") as file:
            start = file.read(_POINTER_BYTES)
    except OSError as error:
        raise ReadError(f"{path}: wanted {wanted}, it cannot be opened ({error.strerror}); check its permissions.") from error
    if not start:
        raise ReadError(f"{path}: wanted {wanted}, the file is empty; get it again from its source.")
    if start.startswith(b"version https://git-lfs"):
        raise ReadError(f"{path}: is a git-LFS pointer without its content; fetch it with `git lfs pull`.")
    if len(start) < _POINTER_BYTES and b"annex/objects" in start:
        raise ReadError(f"{path}: is a git-annex pointer without its content; fetch it with `git annex get` or `datalad get`.")
    return path
