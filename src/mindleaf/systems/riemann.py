"""Covariance matrices on their manifold: minimum distance to mean, and the tangent space.

A. Barachant et al., "Multiclass brain-computer interface classification by Riemannian geometry", IEEE TBME 59 (2012),
920-928. Steady-state responses: E. Kalunga et al., "Online SSVEP-based BCI using Riemannian geometry", Neurocomputing 191
(2016), 55-68: signals filtered around each stimulation frequency are stacked before the covariance is taken.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pyriemann.classification import MDM
from pyriemann.estimation import Covariances
from pyriemann.tangentspace import TangentSpace
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from mindleaf.config import Config
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.store.examples import Examples
from mindleaf.systems.classifier import ClassifierSystem


class RiemannConfig(Config):
    """Settings: the band for data without stimulation frequencies, half the width (Hz) of the filters where there are some.

    estimator   of the covariance, as pyriemann names it; "lwf" is Ledoit-Wolf shrinkage
    """

    pipeline: Pipeline = Pipeline(name="riemann", band=(7.0, 30.0), sfreq=128.0)
    half_width: float = 0.5
    bank_sfreq: float = 256.0
    estimator: str = "lwf"


class RiemannSystem(ClassifierSystem):
    """What both share: the filter bank and the covariances."""

    config_class: ClassVar[type[Config]] = RiemannConfig
    config: RiemannConfig
    bank: tuple[Pipeline, ...]

    def adapt(self, examples: Examples) -> None:
        """One filter for each stimulation frequency the data set states; without any, the pipeline of the config."""
        width, frequencies = self.config.half_width, examples.facts.get("ssvep_frequencies") or ()
        self.bank = tuple(
            Pipeline(name=f"ssvep-{f:g}", band=(f - width, f + width), sfreq=self.config.bank_sfreq) for f in frequencies
        ) or (self.config.pipeline,)

    def features(self, examples: Examples) -> NDArray[np.float64]:
        """(n, filter * channel, filter * channel) covariances."""
        signals = np.concatenate([examples.eeg(pipeline) for pipeline in self.bank], axis=1).astype(np.float64)
        return positive_covariances(signals, self.config.estimator)


class MDMSystem(RiemannSystem):
    """The class whose Riemannian mean of covariances is nearest."""

    name = "mdm"

    def unfitted(self, seed: int) -> BaseEstimator:
        return MDM()

    @property
    def n_parameters(self) -> int:
        return 0 if self.estimator is None else sum(_free(mean) for mean in np.asarray(self.estimator.covmeans_))


class TangentSpaceSystem(RiemannSystem):
    """Logistic regression in the tangent space at the mean covariance."""

    name = "ts_lr"

    def unfitted(self, seed: int) -> BaseEstimator:
        return make_pipeline(TangentSpace(), LogisticRegression(max_iter=2000, random_state=seed))

    @property
    def n_parameters(self) -> int:
        if self.estimator is None:
            return 0
        space, regression = self.estimator[0], self.estimator[1]
        return _free(space.reference_) + regression.coef_.size + regression.intercept_.size


def positive_covariances(signals: NDArray[np.float64], estimator: str) -> NDArray[np.float64]:
    """Covariances (n, channel, channel) of (n, channel, time) with a floor on the diagonal.

    A flat channel or a silent window has no place on the manifold of positive definite matrices; the floor (1e-9 of the
    mean variance, at least 1e-9 uV^2) gives it one without moving others.
    """
    covariances = Covariances(estimator).transform(signals)
    floor = 1e-9 * np.maximum(np.trace(covariances, axis1=1, axis2=2) / covariances.shape[1], 1.0)
    return covariances + floor[:, None, None] * np.eye(covariances.shape[1])


def _free(symmetric: NDArray) -> int:
    return len(symmetric) * (len(symmetric) + 1) // 2
