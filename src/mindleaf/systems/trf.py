"""Backward TRF: a linear decoder rebuilds the attended envelope from EEG; the candidate most like it is the answer.

M. J. Crosse et al., "The multivariate temporal response function (mTRF) toolbox", Front. Hum. Neurosci. 10 (2016), 604.
J. A. O'Sullivan et al., "Attentional selection in a cocktail party environment can be decoded from single-trial EEG",
Cereb. Cortex 25 (2015), 1697-1706.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from mindleaf.config import Config
from mindleaf.encoders.envelope import EnvelopeFrontend
from mindleaf.errors import BadInput
from mindleaf.preprocessing.filtering import z_score
from mindleaf.preprocessing.pipeline import ENVELOPE, Pipeline
from mindleaf.store.examples import Examples
from mindleaf.systems.lagged_ridge import Gram, apply_lagged, choose_penalty, lagged_gram, total
from mindleaf.systems.spans import answered_trials, joined, trial_signals
from mindleaf.systems.system import Asks

_BATCH = 256


class TRFConfig(Config):
    """Settings of the backward decoder.

    lags_s            EEG from this many to this many seconds after the sound
    penalties         ridge penalties to choose from, for EEG and envelope at unit deviation, summed over samples
    max_inner_folds   the penalty is chosen by leaving one training trial out, or, above this many trials, one of this
                      many groups of trials
    scaling           of the channels of a window to be scored: "training" divides by the typical deviation in the training
                      trials; "window" by the window's own (for caps whose gain changes)
    """

    pipeline: Pipeline = ENVELOPE
    envelope: EnvelopeFrontend = EnvelopeFrontend()
    lags_s: tuple[float, float] = (0.0, 0.4)
    penalties: tuple[float, ...] = (1e2, 1e3, 1e4, 1e5, 1e6, 1e7)
    max_inner_folds: int = 8
    scaling: Literal["training", "window"] = "training"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.pipeline.sfreq != self.envelope.frame_rate:
            raise ValueError(
                f"EEG at {self.pipeline.sfreq:g} Hz and envelope at {self.envelope.frame_rate:g} Hz; make them equal"
            )
        if not self.lags_s[0] <= self.lags_s[1]:
            raise ValueError(f"lags must rise, got {self.lags_s}")
        if not self.penalties or self.max_inner_folds < 2:
            raise ValueError("penalties must not be empty and max_inner_folds must be at least 2")
        return self

    @property
    def lags(self) -> tuple[int, int]:
        """First and last lag in samples, as in x(t - lag): EEG after the sound has negative lags."""
        late, early = (int(np.floor(s * self.pipeline.sfreq + 1e-9)) for s in self.lags_s[::-1])
        return -late, -early

    @property
    def context_s(self) -> float:
        return max(0, -self.lags[0]) / self.pipeline.sfreq


class TRFSystem:
    """Scores candidate streams by Pearson's r between their envelope and the one rebuilt from EEG.

    Training trials are z-scored one by one, so that subjects weigh alike and the decoder is independent of the subject;
    the penalty is chosen inside the training data, to which validation data is added.
    """

    name = "trf"
    asks: Asks = "candidates"
    any_length = True
    config_class: ClassVar[type[Config]] = TRFConfig

    def __init__(self, config: TRFConfig | None = None) -> None:
        self.config = config or TRFConfig()
        self.weights: NDArray[np.floating] | None = None
        self.deviation: NDArray[np.float64] = np.ones(0)
        self.penalty = float("nan")
        self._findings: dict[str, Any] = {}

    @property
    def n_parameters(self) -> int:
        return 0 if self.weights is None else self.weights.size

    def fit(self, train: Examples, validation: Examples, seed: int) -> None:
        """Raises BadInput where no training window names its answer. ``seed`` changes nothing: nothing is drawn."""
        examples = joined(train, validation)
        groups, self.deviation = training_grams(examples, self.config)
        self.penalty, r = choose_penalty(groups, self.config.penalties)
        gram = total(groups)
        self.weights = gram.solve(self.penalty)
        self._findings = self._drawable(gram, examples.channel_names) | {
            "penalty": {"values": list(self.config.penalties), "r": r, "chosen": self.penalty}
        }

    def predict(self, examples: Examples) -> NDArray[np.float64]:
        """Pearson's r with every candidate within the window: (n, candidate)."""
        if self.weights is None:
            raise BadInput("trf: wanted a fitted decoder, got one without weights; call fit first.")
        scores = np.zeros((len(examples), examples.n_candidates))
        for start in range(0, len(examples), _BATCH):
            part = examples.take(np.arange(start, min(start + _BATCH, len(examples))))
            rebuilt = self.reconstruct(part)
            scores[start : start + len(part)] = correlations(rebuilt, part.audio(self.config.envelope).astype(np.float64))
        return scores

    def reconstruct(self, examples: Examples) -> NDArray[np.float64]:
        """Envelope rebuilt from the EEG of each window: (n, feature, frame)."""
        assert self.weights is not None
        eeg = scaled(examples.eeg(self.config.pipeline, self.config.context_s), self.config.scaling, self.deviation)
        rebuilt = apply_lagged(eeg.transpose(0, 2, 1), self.weights, *self.config.lags)
        return rebuilt[:, : round(examples.window_s * self.config.pipeline.sfreq)].transpose(0, 2, 1)

    def findings(self) -> dict[str, Any]:
        """The decoder turned into the response it picks up: "trf" (channel, lag), and "topography" at its strongest lag."""
        return self._findings

    def _drawable(self, gram: Gram, channel_names: tuple[str, ...]) -> dict[str, Any]:
        assert self.weights is not None
        first, last = self.config.lags
        pattern = forward_pattern(gram, self.weights).mean(axis=1)
        # Lags run from the latest EEG to the earliest; people read time forwards.
        response = pattern[1:].reshape(last - first + 1, len(channel_names)).T[:, ::-1]
        strongest = int(np.argmax(response.std(axis=0)))
        lags_s = np.arange(-last, -first + 1) / self.config.pipeline.sfreq
        return {
            "trf": {"lags_s": lags_s, "weights": response, "channel_names": channel_names},
            "topography": {"channel_names": channel_names, "values": response[:, strongest], "lag_s": float(lags_s[strongest])},
        }


def forward_pattern(gram: Gram, weights: NDArray) -> NDArray[np.float64]:
    """Covariance of the inputs with the reconstruction over its variance: what drives the decoder, (size, output).

    S. Haufe et al., "On the interpretation of weight vectors of linear models in multivariate neuroimaging",
    NeuroImage 87 (2014), 96-110, equation 7.
    """
    n = gram.n_samples
    centred = gram.xx @ weights / n - np.outer(gram.xx[0] / n, gram.xx[0] @ weights / n)
    return centred @ np.linalg.pinv(gram.covariances(weights)[0])


def training_grams(
    examples: Examples, config: TRFConfig, expand: Callable[[NDArray], NDArray] = np.asarray
) -> tuple[list[Gram], NDArray[np.float64]]:
    """Grams of the groups of trials that are left out in turn, and the typical deviation of each channel.

    ``expand`` turns the envelope pieces of a trial, (time, feature), into outputs, (time, output).
    """
    grams: dict[int, Gram] = {}
    deviations = []
    n_trials = len(answered_trials(examples))
    if not n_trials:
        raise BadInput(
            "a decoder of attention wanted training windows with a known answer, got none; check the task and the fold."
        )
    n_groups = min(n_trials, config.max_inner_folds)
    for number, trial in enumerate(trial_signals(examples, config.pipeline, config.envelope)):
        trial, deviation = trial.z_scored()
        deviations.append(deviation)
        parts = trial.halved() if n_groups == 1 else (trial,)
        for half, part in enumerate(parts):
            pairs = [(eeg, expand(audio)) for eeg, audio in zip(part.eeg, part.audio, strict=True)]
            gram = lagged_gram(pairs, *config.lags)
            # Trials come sorted by recording: consecutive ones belong to one group, which keeps subjects together.
            group = number * n_groups // n_trials + half
            grams[group] = grams[group] + gram if group in grams else gram
    return list(grams.values()), np.median(deviations, axis=0)


def scaled(eeg: NDArray[np.float32], scaling: str, deviation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Channels of windows at about unit deviation, (n, channel, time); channels flat in training become zeros."""
    used = deviation > 1e-9
    if scaling == "window":
        return z_score(eeg).astype(np.float64) * used[:, None]
    return eeg.astype(np.float64) * np.divide(1.0, deviation, out=np.zeros_like(deviation), where=used)[:, None]


def correlations(rebuilt: NDArray[np.float64], audio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson's r over frames, mean over features; 0 where either is constant.

    rebuilt: (n, feature, frame), audio: (n, candidate, feature, frame) -> (n, candidate).
    """
    a = rebuilt[:, None] - rebuilt[:, None].mean(axis=-1, keepdims=True)
    b = audio - audio.mean(axis=-1, keepdims=True)
    scale = np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))
    r = np.divide((a * b).sum(axis=-1), scale, out=np.zeros_like(scale), where=scale > 1e-12)
    return r.mean(axis=-1)
