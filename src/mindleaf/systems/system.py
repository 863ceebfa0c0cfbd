"""DOOR 6: what a system is. Fitted inside a fold, it scores candidates or classes of windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.store.examples import Examples

Asks = Literal["candidates", "labels"]


@runtime_checkable
class System(Protocol):
    """Anything that can be fitted on the training part of a fold and then scores windows.

    asks           "candidates": scores the candidate streams of a window; "labels": scores its classes
    any_length     True when it scores windows of any length once fitted
    any_montage    (may be left out) True when it takes other channels at test time than in training
    n_parameters   numbers it has learned; 0 before ``fit``
    inputs         (may be left out) of a system that scores classes: "eeg", "both" or "audio"
    saw            (may be left out) names of data sets that its weights were pretrained on by others
    score_kind     (may be left out) "logits" or "probabilities", where scores are either: the report then tells their calibration
    not_applicable (may be left out) a method: why it cannot serve such windows or channels, in one sentence, else ""
    """

    name: str
    asks: Asks
    any_length: bool
    n_parameters: int

    def fit(self, train: Examples, validation: Examples, seed: int) -> None:
        """Learn from ``train``; ``validation`` serves selection and early stopping, or is training data as well."""

    def predict(self, examples: Examples) -> NDArray[np.floating]:
        """Scores (n, candidate) or (n, class), higher is better; each row depends on its own window alone."""

    def findings(self) -> dict[str, Any]:
        """What can be drawn of the fitted system: "trf", "topography", "curve"; an empty dict where there is nothing."""


@dataclass(frozen=True)
class SystemEntry:
    """A line of the table: a title for people, and the class ("module:Class", imported on use) for each kind of question.

    A system with both forms answers candidates with the one and labels with the other.
    """

    title: str
    candidates: str = ""
    labels: str = ""
    #: Trained by gradient descent: takes ``training.device``, and its weights start from scratch or a RUN.
    trained: bool = False
    #: More than five million numbers: a benchmark trains no more than a linear probe on it.
    large: bool = False

    @property
    def asks(self) -> tuple[Asks, ...]:
        """The kinds of question it has a form for."""
        return tuple(kind for kind in get_args(Asks) if getattr(self, kind))

    def load(self, asks: Asks | None = None) -> type:
        """The class for this kind of question, or the only one there is (an EEG-only system asked about candidates)."""
        source = (asks and getattr(self, asks)) or self.candidates or self.labels
        module, _, name = source.partition(":")
        return getattr(import_module(module), name)


def configured(kind: type, settings: Sequence[str]) -> System:
    """An unfitted system with ``path=value`` settings applied; a leading ``system.`` of a path is optional.

    A class without ``config_class`` is built without arguments and takes no settings (BadInput); one that has several forms
    offers ``of(config)``, which builds the one that the settings ask for.
    """
    settings = [setting.removeprefix("system.") for setting in settings]
    config_class = getattr(kind, "config_class", None)
    if config_class is None:
        if settings:
            raise BadInput(f"{kind.__name__} takes no settings, got {settings[0]!r}; give the class a config_class to have some.")
        return kind()
    return getattr(kind, "of", kind)(config_class().with_settings(settings))
