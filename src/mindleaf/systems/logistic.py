"""LogisticSystem: numbers of a window, standardised, and class-balanced logistic regression."""

from __future__ import annotations

from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mindleaf.systems.classifier import ClassifierSystem


class LogisticSystem(ClassifierSystem):
    """A subclass says which numbers (n, feature) a window becomes; its config has ``c``, the inverse strength of the L2 penalty."""

    def unfitted(self, seed: int) -> BaseEstimator:
        regression = LogisticRegression(C=self.config.c, class_weight="balanced", max_iter=2000, random_state=seed)
        return make_pipeline(StandardScaler(), regression)

    @property
    def n_parameters(self) -> int:
        if self.estimator is None:
            return 0
        scaler, regression = self.estimator[0], self.estimator[1]
        return scaler.mean_.size + scaler.scale_.size + regression.coef_.size + regression.intercept_.size
