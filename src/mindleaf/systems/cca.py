"""Canonical correlation between lagged EEG and the lagged envelope.

A. de Cheveigne et al., "Decoding the auditory brain with canonical component analysis", NeuroImage 172 (2018), 206-216.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.store.examples import Examples
from mindleaf.systems.lagged_ridge import Gram, apply_lagged, total
from mindleaf.systems.spans import joined
from mindleaf.systems.system import Asks
from mindleaf.systems.trf import TRFConfig, correlations, scaled, training_grams

_BATCH = 256


class CCAConfig(TRFConfig):
    """As the backward TRF, and on the side of the sound:

    envelope_lags_s   how far back the envelope's own filter reaches, seconds
    n_components      pairs of components whose correlations make the score
    """

    lags_s: tuple[float, float] = (0.0, 0.25)
    envelope_lags_s: float = 0.25
    n_components: int = 4

    @property
    def n_envelope_lags(self) -> int:
        return int(np.floor(self.envelope_lags_s * self.pipeline.sfreq + 1e-9)) + 1


class CCASystem:
    """Scores candidate streams by the correlations of canonical pairs, each weighted by what it reached on left-out trials.

    The EEG side is ridge-regularised; penalty and weights of the pairs come from leaving groups of training trials out.
    """

    name = "cca"
    asks: Asks = "candidates"
    any_length = True
    config_class: ClassVar[type[Config]] = CCAConfig

    def __init__(self, config: CCAConfig | None = None) -> None:
        self.config = config or CCAConfig()
        self.eeg_filters: NDArray[np.float64] | None = None
        self.envelope_filters: NDArray[np.float64] = np.ones((0, 0))
        self.pair_weights: NDArray[np.float64] = np.ones(0)
        self.deviation: NDArray[np.float64] = np.ones(0)
        self.penalty = float("nan")

    @property
    def n_parameters(self) -> int:
        return 0 if self.eeg_filters is None else self.eeg_filters.size + self.envelope_filters.size + self.pair_weights.size

    def fit(self, train: Examples, validation: Examples, seed: int) -> None:
        """Raises BadInput where no training window names its answer. ``seed`` changes nothing: nothing is drawn."""
        config = self.config
        groups, self.deviation = training_grams(
            joined(train, validation), config, lambda audio: delayed(audio, config.n_envelope_lags)
        )
        everything = total(groups)
        held_out = np.zeros((len(config.penalties), config.n_components))
        for group in groups:
            rest = everything - group
            for row, penalty in enumerate(config.penalties):
                filters = canonical_pairs(rest, penalty, config.n_components)
                held_out[row] += pair_correlations(group, *filters) / len(groups)
        best = int(np.argmax((np.maximum(held_out, 0.0) ** 2).sum(axis=1)))
        self.penalty, self.pair_weights = config.penalties[best], np.maximum(held_out[best], 0.0)
        self.eeg_filters, self.envelope_filters = canonical_pairs(everything, self.penalty, config.n_components)

    def predict(self, examples: Examples) -> NDArray[np.float64]:
        """Weighted sum of the pairs' correlations within the window: (n, candidate)."""
        if self.eeg_filters is None:
            raise BadInput("cca: wanted fitted filters, got none; call fit first.")
        scores = np.zeros((len(examples), examples.n_candidates))
        for start in range(0, len(examples), _BATCH):
            part = examples.take(np.arange(start, min(start + _BATCH, len(examples))))
            scores[start : start + len(part)] = self._scores(part)
        return scores

    def _scores(self, part: Examples) -> NDArray[np.float64]:
        config = self.config
        assert self.eeg_filters is not None
        eeg = scaled(part.eeg(config.pipeline, config.context_s), config.scaling, self.deviation)
        n_frames = round(part.window_s * config.pipeline.sfreq)
        eeg_side = apply_lagged(eeg.transpose(0, 2, 1), self.eeg_filters, *config.lags)[:, :n_frames].transpose(0, 2, 1)
        audio = delayed(part.audio(config.envelope).transpose(0, 1, 3, 2).astype(np.float64), config.n_envelope_lags)
        sound_side = (audio @ self.envelope_filters).transpose(0, 1, 3, 2)
        return sum(
            weight * correlations(eeg_side[:, k : k + 1], sound_side[:, :, k : k + 1])
            for k, weight in enumerate(self.pair_weights)
        )  # type: ignore[return-value]

    def findings(self) -> dict[str, Any]:
        return {} if self.eeg_filters is None else {"components": {"held_out_r": self.pair_weights, "penalty": self.penalty}}


def delayed(audio: NDArray, n_lags: int) -> NDArray[np.float64]:
    """Each feature now and 1, 2, ... frames before, zeros before the start.

    (..., time, feature) -> (..., time, n_lags * feature).
    """
    out = np.zeros((*audio.shape[:-1], n_lags, audio.shape[-1]))
    for lag in range(min(n_lags, audio.shape[-2])):
        out[..., lag:, lag, :] = audio[..., : audio.shape[-2] - lag, :]
    return out.reshape(*audio.shape[:-1], -1)


def canonical_pairs(gram: Gram, penalty: float, n_components: int) -> tuple[NDArray, NDArray]:
    """Filters of the EEG side (size, component; first row: bias) and of the sound side (output, component).

    Regressing the outputs on EEG turns CCA into an eigenproblem as small as the number of envelope lags.
    """
    regression = gram.solve(penalty)
    n = gram.n_samples
    _, cross, sound = gram.covariances(regression)
    ridge = 1e-6 * np.trace(sound) / len(sound) + 1e-12
    # max b' Cyx Cxx^-1 Cxy b subject to b' Cyy b = 1
    _, vectors = scipy.linalg.eigh((cross + cross.T) / 2, sound + ridge * np.eye(len(sound)))
    envelope_filters = vectors[:, ::-1][:, :n_components]
    eeg_filters = regression @ envelope_filters
    eeg_filters[0] -= gram.xx[0] @ eeg_filters / n
    return eeg_filters, envelope_filters


def pair_correlations(gram: Gram, eeg_filters: NDArray, envelope_filters: NDArray) -> NDArray[np.float64]:
    """Pearson's r of each pair over the samples of a Gram: (component,)."""
    fitted, cross, sound = gram.covariances(eeg_filters)
    covariance = np.einsum("ko,ok->k", cross, envelope_filters)
    scale = np.sqrt(np.maximum(np.diag(fitted) * np.einsum("ok,op,pk->k", envelope_filters, sound, envelope_filters), 0.0))
    return np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 1e-12)
