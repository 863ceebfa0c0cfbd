"""Is the file really there? Wrong paths, empty files and git-annex or LFS pointers get a sentence of their own."""

from __future__ import annotations

from pathlib import Path

from mindleaf.errors import ReadError

_POINTER_BYTES = 1024
#: Recordings that are folders, and those whose samples stand in another file of the same name.
_FOLDERS = (".mff",)
_WITH_COMPANIONS = (".vhdr", ".set", ".cdt", ".dat")


def bytes_of(path: Path) -> int:
    """Size of a recording with all its parts: the files of a folder, or those of the same name; 0 where there is nothing."""
    if path.is_dir():
        return sum(part.stat().st_size for part in path.rglob("*") if part.is_file())
    if path.suffix.lower() in _WITH_COMPANIONS and path.parent.is_dir():
        parts = [part for part in path.parent.iterdir() if part.name.startswith(f"{path.stem}.") and part.is_file()]
        return sum(part.stat().st_size for part in parts)
    return path.stat().st_size if path.exists() else 0


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
    if path.is_dir() and path.suffix.lower() in _FOLDERS:
        if not any(path.iterdir()):
            raise ReadError(f"{path}: wanted {wanted}, the folder is empty; get it again from its source.")
        return path
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
    if path.suffix.lower() in _FOLDERS:
        raise ReadError(f"{path}: wanted a folder of that name, this is a file; unpack it, or get the folder again.")
    return path
