"""The linear live decoder: fitted on listeners, held against others, and what looking at the past alone costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from mindleaf.datasets.synthesis.settings import SyntheticConfig
from mindleaf.datasets.synthesis.speech import SAMPLE_RATE
from mindleaf.datasets.synthesis.stream import EndlessListener
from mindleaf.encoders.envelope import EnvelopeFrontend
from mindleaf.errors import BadInput
from mindleaf.live.linear import LinearConfig, LinearScorer
from mindleaf.live.scorer import Heard
from mindleaf.live.smoothing import probabilities
from mindleaf.preprocessing.causal import causal
from mindleaf.preprocessing.filtering import apply
from mindleaf.systems.lagged_ridge import Gram, lagged_gram, total

#: The listeners of the decoder that ships, and of ``--source synthetic``: answers twice as strong as those of the preset "easy", so that a person sees it follow.
SYNTHETIC = SyntheticConfig(n_channels=32, attended_uv=1.6, ignored_uv=0.5, alpha_lateralisation=0.15)
_PENALTIES = (1e2, 1e3, 1e4, 1e5, 1e6)
_SETTLE_S = 2.0


@dataclass(frozen=True, eq=False)
class Listened:
    """One stretch of one listener: eeg (time, channel) in microvolts, sound (sample, candidate), who was attended."""

    listener: str
    eeg: NDArray[np.floating]
    sfreq: float
    sound: NDArray[np.floating]
    sound_rate: float
    kind: str
    attended: int


@dataclass(frozen=True, eq=False)
class Framed:
    """A stretch after the pipelines: eeg and sound as (frame, channel) and (frame, candidate)."""

    listener: str
    eeg: NDArray[np.float64]
    sound: NDArray[np.float64]
    attended: int


def synthetic_listeners(n: int, seconds: float, seed: int, config: SyntheticConfig = SYNTHETIC) -> list[Listened]:
    """Each attends to either talker for half of the time."""
    out = []
    for number in range(n):
        one = EndlessListener(config, 1000 * seed + number)
        for talker in (0, 1):
            one.attend(talker)
            eeg, sound = one.block(round(seconds / 2 * config.sfreq))
            out.append(Listened(f"{number}", eeg, config.sfreq, sound, SAMPLE_RATE, "audio", talker))
    return out


def framed(stretch: Listened, config: LinearConfig) -> Framed:
    """Through the causal pipelines, as a stream would go."""
    sound = np.abs(stretch.sound) ** config.power if stretch.kind == "audio" else stretch.sound
    eeg = causal(config.eeg, stretch.eeg, stretch.sfreq)
    return _cut(stretch, eeg, causal(config.sound, sound, stretch.sound_rate), config)


def framed_zero_phase(stretch: Listened, config: LinearConfig) -> Framed:
    """Through filters that look both ways, which a stream cannot: for comparison."""
    frontend = EnvelopeFrontend(
        frame_rate=config.sound.sfreq, band=config.sound.band, order=config.sound.order, power=config.power
    )
    sound = [frontend(row.astype(np.float32), stretch.sound_rate, stretch.kind)[0] for row in stretch.sound.T]
    eeg = apply(config.eeg, stretch.eeg.T, stretch.sfreq).T.astype(np.float64)
    return _cut(stretch, eeg, np.stack(sound, axis=1).astype(np.float64), config)


def _cut(stretch: Listened, eeg: NDArray, sound: NDArray, config: LinearConfig) -> Framed:
    """Both sides without the filters' beginning, equally long."""
    first, last = round(_SETTLE_S * config.eeg.sfreq), min(len(eeg), len(sound))
    if last - first < 2 * config.window_s * config.eeg.sfreq:
        raise BadInput(
            f"a stretch of listening wanted {2 * config.window_s + _SETTLE_S:g} s or more, got {last / config.eeg.sfreq:.1f} s."
        )
    return Framed(stretch.listener, eeg[first:last], sound[first:last], stretch.attended)


def fit_linear(stretches: Sequence[Framed], config: LinearConfig) -> tuple[LinearConfig, NDArray[np.float64]]:
    """Weights (lag, channel) from all listeners; slope and figures from each listener when it is left out.

    The penalty is the one with the highest accuracy on listeners left out, so its own accuracy is a little flattered.
    Raises BadInput for a single listener and a single stretch: nothing could be left out.
    """
    groups = _groups(stretches)
    grams = {name: total([_gram(part, config) for part in parts]) for name, parts in groups.items()}
    everything, best = total(list(grams.values())), (-1.0, 0.0, 0.0)
    for penalty in _PENALTIES:
        rows = []
        for name, parts in groups.items():
            weights = _weights((everything - grams[name]).solve(penalty), config)
            rows += [row for part in parts for row in scores(part, config, weights)]
        accuracy = float(np.mean([row[0] > row[1:].max() for row in rows]))
        best = max(best, (accuracy, -penalty, slope_of(np.array(rows))))
    accuracy, penalty, slope = best[0], -best[1], best[2]
    figures = {"accuracy": round(accuracy, 4), "penalty": penalty, "listeners": float(len(groups))}
    fitted = config.model_copy(update={"slope": slope, "figures": {**config.figures, **figures}})
    return fitted, _weights(everything.solve(penalty), config)


def _groups(stretches: Sequence[Framed]) -> dict[str, list[Framed]]:
    """Stretches by listener; of a single listener, each stretch for itself."""
    names = {part.listener for part in stretches}
    keys = [part.listener if len(names) > 1 else str(k) for k, part in enumerate(stretches)]
    if len(set(keys)) < 2:
        raise BadInput("fitting a decoder wants two listeners or two stretches of listening, got one; give more data.")
    return {key: [part for part, its in zip(stretches, keys, strict=True) if its == key] for key in dict.fromkeys(keys)}


def _gram(part: Framed, config: LinearConfig) -> Gram:
    first, last = config.lags
    return lagged_gram([(_standard(part.eeg), _standard(part.sound[:, part.attended]))], -last, -first)


def _standard(values: NDArray) -> NDArray:
    deviation = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(deviation > 0, deviation, np.inf)


def _weights(solved: NDArray, config: LinearConfig) -> NDArray[np.float64]:
    """From the ridge's order (a bias, then the latest EEG first) to (lag, channel), earliest first. A correlation needs no bias."""
    first, last = config.lags
    return solved[1:, 0].reshape(last - first + 1, -1)[::-1]


def scores(part: Framed, config: LinearConfig, weights: NDArray, hop_s: float | None = None) -> NDArray[np.float64]:
    """Score of every window of a stretch, (window, candidate), the attended candidate first; end to end where no hop is given."""
    names = tuple(f"ch{k}" for k in range(part.eeg.shape[1]))
    scorer = LinearScorer(config.model_copy(update={"channels": names}), weights, names)
    length = round(config.window_s * config.eeg.sfreq)
    hop = length if hop_s is None else round(hop_s * config.eeg.sfreq)
    order = [part.attended, *(k for k in range(part.sound.shape[1]) if k != part.attended)]
    usable = np.ones(part.eeg.shape[1], bool)
    spans = [slice(stop - length, stop) for stop in range(length, len(part.eeg) + 1, hop)]
    return np.array([scorer(Heard(part.eeg[span].T, usable, part.sound[span].T))[order] for span in spans])


def slope_of(rows: NDArray[np.float64]) -> float:
    """What to multiply scores with, the right candidate's first, so that their softmax is as probable as it can be.

    A finite number whatever comes: between chance (nearly 0) and certainty.
    """

    def surprise(log_slope: float) -> float:
        return -float(np.mean([np.log(max(probabilities(row, float(np.exp(log_slope)))[0], 1e-12)) for row in rows]))

    return float(np.exp(minimize_scalar(surprise, bounds=(np.log(1e-2), np.log(1e3)), method="bounded").x))


def causal_cost(stretches: Sequence[Listened], config: LinearConfig) -> dict[str, float]:
    """Accuracy of decoders fitted and tested the same way, causal and with filters that see the future."""
    ways: dict[str, Callable[[Listened, LinearConfig], Framed]] = {"causal": framed, "zero-phase": framed_zero_phase}
    return {
        name: fit_linear([way(stretch, config) for stretch in stretches], config)[0].figures["accuracy"]
        for name, way in ways.items()
    }
