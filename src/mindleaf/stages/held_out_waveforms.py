"""What an encoder that redraws the EEG makes of subjects it has not learned from, beside answers that need no network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd
import torch
from einops import einsum, reduce
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor, nn

from mindleaf.encoders.leaf import CHANNELS
from mindleaf.interpret.waveforms import Waveforms
from mindleaf.metrics.intervals import careful_interval
from mindleaf.stages.held_out import AT_ONCE, SEED, HeldOut, Measured, spread
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples

#: Training windows of a set that the linear forecast is fitted on at most.
_LEARNED_FROM = 512
#: Strengths of its ridge that are compared, relative to the power of the electrode.
_RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
_ELECTRODES = ("Fz", "Cz", "Pz", "Oz")
_STRETCHES_SHOWN = 2

_Windows = Float[Tensor, "batch token channel sample"]
_Counted = Bool[Tensor, "batch token"]


@dataclass(frozen=True, eq=False)
class LinearForecast:
    """Each electrode's next window from its last one by a linear map of its own: the best that one can do without a network,
    other electrodes and a longer past."""

    maps: Float[Tensor, "channel sample following"]

    @classmethod
    def fit(
        cls, pairs: Iterable[tuple[Float[Tensor, "pair channel sample"], Float[Tensor, "pair channel following"]]]
    ) -> LinearForecast:
        """Ridge regression on pairs of what was seen of a window and the window after it.

        Every other item of ``pairs`` is left out to find the strength of the ridge, then all are used; a single item gets the
        strongest. Raises ValueError where there are none.
        """
        halves: list[_Moments] = []
        for number, (last, following) in enumerate(pairs):
            found = _Moments.of(last.double(), following.double())
            if number < 2:
                halves.append(found)
            else:
                halves[number % 2] += found
        if not halves:
            raise ValueError("a forecast wants pairs of windows, got none")
        first, second = halves[0], halves[-1]
        losses = [second.loss(first.solved(ridge)) + first.loss(second.solved(ridge)) for ridge in _RIDGES]
        ridge = _RIDGES[int(np.argmin(losses))] if len(halves) == 2 else _RIDGES[-1]
        return cls((first + second if len(halves) == 2 else first).solved(ridge).float())

    def __call__(self, seen: _Windows) -> _Windows:
        """What each window says of the next one."""
        return einsum(seen, self.maps.to(seen.device), "b n c s, c s t -> b n c t")


@dataclass(frozen=True, eq=False)
class _Moments:
    """Sums over pairs, float64: the last window with itself and with the next one."""

    own: Float[Tensor, "channel sample sample"]
    cross: Float[Tensor, "channel sample following"]

    @classmethod
    def of(cls, last: Tensor, following: Tensor) -> _Moments:
        return cls(einsum(last, last, "p c s, p c t -> c s t"), einsum(last, following, "p c s, p c t -> c s t"))

    def __add__(self, other: _Moments) -> _Moments:
        return _Moments(self.own + other.own, self.cross + other.cross)

    def solved(self, ridge: float) -> Float[Tensor, "channel sample following"]:
        power = reduce(self.own.diagonal(dim1=1, dim2=2), "c s -> c 1 1", "mean").clamp_min(1e-12)
        return torch.linalg.solve(self.own + ridge * power * torch.eye(self.own.shape[1]).to(self.own), self.cross)

    def loss(self, maps: Float[Tensor, "channel sample following"]) -> float:
        """Squared error of a forecast on these pairs, but for the power of what was to be found."""
        return float((maps * (self.own @ maps - 2 * self.cross)).sum())


@dataclass
class MeasuredWaveforms(Measured):
    """sums: of each answer and window the squared error, the power of what was to be found and the half seconds counted;
    subjects: of each window; spectra: power summed over half seconds and electrodes, and how many."""

    sums: dict[str, list[NDArray[np.float64]]] = field(default_factory=dict)
    subjects: list[str] = field(default_factory=list)
    spectra: dict[str, tuple[Tensor, float]] = field(default_factory=dict)
    shown: dict[str, list[Waveforms]] = field(default_factory=dict)

    def figures(self) -> dict[str, float]:
        """Of each answer the mean squared error and the share of the power that it explains (0 for an answer of zeros)."""
        found: dict[str, float] = {}
        for name, parts in self.sums.items():
            error, power, counted = np.concatenate(parts).sum(axis=0)
            found |= {name: error / max(1.0, counted), f"{name}_explained": 1 - error / max(power, 1e-12)}
        return found

    def beside(self) -> dict[str, float]:
        """By how much the model explains more of the next half second than the linear forecast: mean over subjects and interval."""
        ahead = self.explained_by_subject("following") - self.explained_by_subject("following_linear")
        low, high = careful_interval(ahead, np.arange(len(ahead)), seed=SEED, level=0.95)
        return {"ahead": float(ahead.mean()), "ahead_low": low, "ahead_high": high, "subjects": float(len(ahead))}

    def explained_by_subject(self, name: str) -> NDArray[np.float64]:
        """Share of the power that an answer explains, for each subject in the order of their names."""
        sums = pd.DataFrame(np.concatenate(self.sums[name])).groupby(np.array(self.subjects)).sum().to_numpy()
        return 1 - sums[:, 0] / np.maximum(sums[:, 1], 1e-12)

    def stretches(self) -> list[Waveforms]:
        """A few stretches, the first of each data set before the second of any."""
        ranks = zip_longest(*self.shown.values())
        return [one for rank in ranks for one in rank if one is not None][:_STRETCHES_SHOWN]

    def mean_spectra(self) -> dict[str, NDArray[np.float64]]:
        return {name: (power / max(1.0, counted)).numpy() for name, (power, counted) in self.spectra.items()}


class HeldOutWaveforms(HeldOut):
    """How well hidden windows are filled in and the next one is foretold.

    All answers get the same signal, which has lost a band: the model's, that signal as it is, its last window once more, and
    a linear forecast fitted on training windows of the same data set.
    """

    def __init__(self, parts: Sequence[Examples], objective: Any, seen: BatchReader, model: nn.Module) -> None:
        super().__init__(parts, objective, seen, model)
        self.forecasts = {
            name: LinearForecast.fit(
                pair
                for part in seen.examples
                if part.store.dataset == name
                for pair in self._pairs(BatchReader([spread(part, _LEARNED_FROM)], seen.pipeline), model)
            )
            for name in self.readers
        }

    @torch.no_grad()
    def _pairs(self, reader: BatchReader, model: Any) -> Iterable[tuple[Tensor, Tensor]]:
        # In evaluation mode: looking must not move the statistics of the batch norm.
        model.eval()
        ids = np.arange(len(reader))
        for start in range(0, len(ids), AT_ONCE):
            batch = reader.read(ids[start : start + AT_ONCE]).to(next(model.parameters()).device)
            said, _ = self.objective.ask(model, batch, SEED)
            both = said.present[:, 1:] & said.present[:, :-1]
            yield said.seen[:, :-1][both], said.clean[:, 1:][both]

    def nothing(self, model: Any) -> MeasuredWaveforms:
        return MeasuredWaveforms()

    def add(self, found: MeasuredWaveforms, said: Any, hidden: Tensor, rows: pd.DataFrame, dataset: str) -> None:
        both = said.present[:, 1:] & said.present[:, :-1]
        visible = said.present & ~hidden
        filled, following = said.filled.float(), said.following.float()[:, :-1]
        linear = self.forecasts[dataset](said.seen)[:, :-1]
        clean, after = said.clean, said.clean[:, 1:]
        answers = {
            "filled": (filled, clean, said.present),
            "hidden": (filled, clean, hidden),
            "visible": (filled, clean, visible),
            "visible_as_seen": (said.seen, clean, visible),
            "following": (following, after, both),
            "following_repeated": (said.seen[:, :-1], after, both),
            "following_linear": (linear, after, both),
        }
        for name, (guess, truth, counted) in answers.items():
            found.sums.setdefault(name, []).append(_sums(guess, truth, counted))
        found.subjects += [f"{dataset}/{subject}" for subject in rows["subject"]]
        for name, windows, counted in (
            ("recorded", clean, said.present), ("hidden, filled in", filled, hidden), ("visible, drawn again", filled, visible),
            ("foretold", following, both), ("linear forecast", linear, both),
        ):  # fmt: skip
            _add_spectrum(found, name, windows, counted)
        # One stretch of each batch, from its middle: not chosen by how well it is drawn.
        found.shown.setdefault(dataset, []).append(_stretch(dataset, said, hidden, len(hidden) // 2))


def _sums(guess: _Windows, truth: _Windows, counted: _Counted) -> NDArray[np.float64]:
    """(window, 3): squared error and power, means over electrodes and samples, and half seconds counted."""
    parts = [(values.double().square().mean(dim=(2, 3)) * counted).sum(dim=1) for values in (guess - truth, truth)]
    return torch.stack([*parts, counted.sum(dim=1).double()], dim=1).cpu().numpy()


def _add_spectrum(found: MeasuredWaveforms, name: str, windows: _Windows, counted: _Counted) -> None:
    chosen = windows[counted].double()
    taper = torch.hann_window(chosen.shape[-1], periodic=False, dtype=chosen.dtype, device=chosen.device)
    spectrum = torch.fft.rfft((chosen - chosen.mean(dim=-1, keepdim=True)) * taper, dim=-1).abs().square() / taper.square().sum()
    power, n = found.spectra.get(name, (torch.zeros(spectrum.shape[-1], dtype=chosen.dtype), 0.0))
    found.spectra[name] = power + spectrum.mean(dim=1).sum(dim=0).cpu(), n + len(chosen)


def _stretch(dataset: str, said: Any, hidden: Tensor, which: int) -> Waveforms:
    electrodes = [CHANNELS.index(name) for name in _ELECTRODES]
    clean, filled, told = (part[which][:, electrodes].float().cpu().numpy() for part in (said.clean, said.filled, said.following))
    following = np.concatenate([np.full_like(told[:1], np.nan), told[:-1]])
    return Waveforms(dataset, _ELECTRODES, clean, filled, following, hidden[which].cpu().numpy())
