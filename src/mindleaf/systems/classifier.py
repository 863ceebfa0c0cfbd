"""ClassifierSystem: a scikit-learn classifier on numbers computed from each window by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.store.examples import Examples
from mindleaf.systems.spans import joined
from mindleaf.systems.system import Asks

_BATCH = 512


class ClassifierSystem(ABC):
    """Base of the linear floor for labels: fitted on training and validation windows, scores are class probabilities.

    A subclass says how a window becomes features and which estimator learns from them. Everything learned (scaling,
    spatial filters, channels left out because they are flat) is learned by the estimator, inside the fold.
    """

    name: ClassVar[str]
    asks: Asks = "labels"
    score_kind = "probabilities"
    any_length = True
    config_class: ClassVar[type[Config]]

    def __init__(self, config: Config | None = None) -> None:
        self.config: Any = config or self.config_class()
        self.estimator: Any = None
        self.channel_names: tuple[str, ...] = ()
        self.n_classes = 0

    def adapt(self, examples: Examples) -> None:  # noqa: B027 - for most systems nothing depends on the data
        """Settle what the facts of the data decide, before features are computed."""

    @abstractmethod
    def features(self, examples: Examples) -> NDArray[np.floating]:
        """One array a window, first axis windows."""

    @abstractmethod
    def unfitted(self, seed: int) -> BaseEstimator:
        """A new estimator with ``predict_proba``."""

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """Numbers the fitted estimator keeps; 0 before ``fit``."""

    def keep(self, features: NDArray[np.floating]) -> None:  # noqa: B027 - most systems keep nothing
        """Keep of the training features what ``findings`` needs."""

    def fit(self, train: Examples, validation: Examples, seed: int) -> None:
        """Raises BadInput where fewer than two classes are among the training windows."""
        examples = joined(train, validation)
        examples = examples.take(np.flatnonzero(examples.labels >= 0))
        found = np.unique(examples.labels)
        if len(found) < 2:
            raise BadInput(
                f"{self.name} wanted at least two classes to learn from, got {len(found)}; check the task and the fold."
            )
        self.adapt(examples)
        self.channel_names = examples.channel_names
        self.n_classes = max(len(examples.classes), int(found.max()) + 1)
        features = self._in_batches(examples)
        self.estimator = self.unfitted(seed).fit(features, examples.labels)
        self.keep(features)

    def predict(self, examples: Examples) -> NDArray[np.float64]:
        """Class probabilities (n, class); 0 for a class that was not among the training windows."""
        if self.estimator is None:
            raise BadInput(f"{self.name}: wanted a fitted classifier, got an unfitted one; call fit first.")
        scores = np.zeros((len(examples), self.n_classes))
        if len(examples):
            scores[:, self.estimator.classes_] = self.estimator.predict_proba(self._in_batches(examples))
        return scores

    def findings(self) -> dict[str, Any]:
        return {}

    def _in_batches(self, examples: Examples) -> NDArray[np.floating]:
        parts = (examples.take(np.arange(k, min(k + _BATCH, len(examples)))) for k in range(0, len(examples), _BATCH))
        return np.concatenate([self.features(part) for part in parts])
