"""Common spatial patterns and linear discriminant analysis, both fitted inside the fold.

H. Ramoser et al., "Optimal spatial filtering of single trial EEG during imagined hand movement", IEEE TRE 8 (2000),
441-446; more than two classes: M. Grosse-Wentrup and M. Buss, IEEE TBME 55 (2008), 1991-2000.
"""

from __future__ import annotations

from typing import Any, ClassVar

import mne
import numpy as np
from mne.decoding import CSP
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline

from mindleaf.config import Config
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.store.examples import Examples
from mindleaf.systems.classifier import ClassifierSystem


class CSPConfig(Config):
    """Settings: band and rate of the signals, number of spatial filters."""

    pipeline: Pipeline = Pipeline(name="csp", band=(7.0, 30.0), sfreq=128.0)
    n_components: int = 4


class LogVarianceCSP(TransformerMixin, BaseEstimator):
    """CSP of mne on the channels that move in the training windows; features are log variances."""

    def __init__(self, n_components: int = 4) -> None:
        self.n_components = n_components

    def fit(self, signals: NDArray[np.float64], labels: NDArray[np.integer]) -> LogVarianceCSP:
        """signals: (n, channel, time)."""
        self.used_ = np.flatnonzero(signals.std(axis=(0, 2)) > 1e-6)
        with mne.use_log_level("ERROR"):
            self.csp_ = CSP(n_components=min(self.n_components, len(self.used_)), reg=None, log=True, norm_trace=False)
            self.csp_.fit(signals[:, self.used_], labels)
        return self

    def transform(self, signals: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, channel, time) -> (n, component); a silent window gets the logarithm of a tiny variance, not of zero."""
        sources = self.csp_.filters_[: self.csp_.n_components] @ signals[:, self.used_]
        return np.log(np.maximum((sources**2).mean(axis=-1), 1e-12))


class CSPSystem(ClassifierSystem):
    """Spatial filters whose output variance differs most between classes, then LDA on the log variances."""

    name = "csp_lda"
    config_class: ClassVar[type[Config]] = CSPConfig
    config: CSPConfig

    def features(self, examples: Examples) -> NDArray[np.float64]:
        """The filtered signals themselves, (n, channel, time)."""
        return examples.eeg(self.config.pipeline).astype(np.float64)

    def unfitted(self, seed: int) -> BaseEstimator:
        return make_pipeline(LogVarianceCSP(self.config.n_components), LinearDiscriminantAnalysis())

    @property
    def n_parameters(self) -> int:
        if self.estimator is None:
            return 0
        filters, lda = self.estimator[0], self.estimator[1]
        return filters.csp_.n_components * len(filters.used_) + lda.coef_.size + lda.intercept_.size

    def findings(self) -> dict[str, Any]:
        """The pattern of the first spatial filter."""
        if self.estimator is None:
            return {}
        values = np.zeros(len(self.channel_names))
        values[self.estimator[0].used_] = self.estimator[0].csp_.patterns_[0]
        return {"topography": {"channel_names": self.channel_names, "values": values, "title": "first CSP pattern"}}
