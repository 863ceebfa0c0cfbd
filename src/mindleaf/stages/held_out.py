"""What a pretrained encoder makes of subjects it has not learned from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mindleaf.interpret.spectra import Spectra
from mindleaf.layers.spectrum import fourier_targets
from mindleaf.objectives.codebook import CodebookObjective
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples

#: Windows of a set read at most, and at once: the same ones at every look, spread evenly over the recordings.
_WINDOWS, _AT_ONCE = 192, 64
#: The mask of the held-out windows is drawn once and for all.
_SEED = 0
_PATCHES_SHOWN = 3
#: Bins (hertz, patches last a second) of the pass band. Beyond it the filter leaves little but what the cut edges of a patch
#: spread over all frequencies, whose phase hangs on two samples.
_IN_BAND = slice(1, 41)


@dataclass
class Measured:
    """Sums over the tokens of held-out windows. Tokens are all codes read, hidden ones those to be named."""

    codes: Tensor
    hidden_codes: Tensor
    naming_loss: float = 0.0
    named: int = 0
    errors: dict[str, Tensor] = field(default_factory=dict)
    amplitudes: Tensor | None = None
    squares: Tensor | None = None
    shown: dict[str, list[Spectra]] = field(default_factory=dict)

    def figures(self) -> dict[str, float]:
        """Perplexity and share of codes in use, naming loss beside the entropy of the codes (nats), spectrum errors beside
        those of the mean spectrum (amplitude) and of guessing (phase)."""
        n_tokens, n_hidden = int(self.codes.sum()), int(self.hidden_codes.sum())
        found = {
            "perplexity": math.exp(_entropy(self.codes)),
            "usage": float((self.codes > 0).sum()) / max(1, min(len(self.codes), n_tokens)),
        }
        if n_hidden:
            found |= {
                "masked": self.naming_loss / n_hidden,
                "unigram": _entropy(self.hidden_codes),
                "masked_accuracy": self.named / n_hidden,
                "masked_chance": float(self.hidden_codes.max()) / n_hidden,
            }
        if self.amplitudes is not None and self.squares is not None:
            mean = self.amplitudes / n_tokens
            errors = {name: error / n_tokens for name, error in self.errors.items()}
            errors["amplitude_of_mean"] = self.squares / n_tokens - mean.square()
            for name, error in errors.items():
                found |= {name: float(error.mean()), f"{name}_in_band": float(error[_IN_BAND].mean())}
        return found

    def patches(self) -> list[Spectra]:
        """A few patches, the first of each data set before the second of any."""
        ranks = zip_longest(*self.shown.values())
        return [one for rank in ranks for one in rank if one is not None][:_PATCHES_SHOWN]

    def error_per_frequency(self) -> dict[str, NDArray[np.float64]]:
        return {name: (error / self.codes.sum()).numpy() for name, error in self.errors.items()}


class HeldOut:
    """Called with the model it measures it on the held-out windows of all sets; for the training loop's log.

    Nothing is selected by these figures: they have no "loss", so training keeps its last state.
    """

    def __init__(self, parts: Sequence[Examples], objective: CodebookObjective) -> None:
        self.objective = objective
        self.readers = {part.store.dataset: BatchReader([_spread(part)], MINDMIX) for part in parts}

    def __call__(self, model: nn.Module) -> dict[str, float]:
        return self.measure(model, list(self.readers)).figures()

    def measure_each(self, model: nn.Module) -> dict[str, Measured]:
        """Each set by itself and, where there are several, "all" of them together."""
        each = {name: self.measure(model, [name]) for name in self.readers}
        return each if len(each) == 1 else {"all": self.measure(model, list(self.readers)), **each}

    @torch.no_grad()
    def measure(self, model: Any, datasets: Sequence[str]) -> Measured:
        model.eval()
        n_codes = model.encoder.n_codes
        found = Measured(torch.zeros(n_codes, dtype=torch.long), torch.zeros(n_codes, dtype=torch.long))
        for dataset in datasets:
            reader = self.readers[dataset]
            ids = np.arange(len(reader))
            for start in range(0, len(ids), _AT_ONCE):
                self._add(found, model, reader, ids[start : start + _AT_ONCE], dataset)
        return found

    def _add(self, found: Measured, model: Any, reader: BatchReader, ids: NDArray[np.int64], dataset: str) -> None:
        batch = reader.read(ids).to(next(model.parameters()).device)
        said, hidden = self.objective.ask(model, batch, _SEED)
        n_codes = said.n_codes
        found.codes += torch.bincount(said.ids[said.present], minlength=n_codes).cpu()
        if said.logits is not None:
            codes = said.ids[hidden]
            found.hidden_codes += torch.bincount(codes, minlength=n_codes).cpu()
            found.naming_loss += float(F.cross_entropy(said.logits.float(), codes, reduction="sum"))
            found.named += int((said.logits.argmax(dim=1) == codes).sum())
        if said.amplitude is not None:
            self._add_spectra(found, said, dataset)

    def _add_spectra(self, found: Measured, said: Any, dataset: str) -> None:
        for name, error in zip(("amplitude", "phase"), self.objective.spectrum_errors(said), strict=True):
            summed = error[said.present].double().sum(dim=0).cpu()
            found.errors[name] = found.errors.get(name, torch.zeros_like(summed)) + summed
        amplitude, phase = fourier_targets(said.patches[said.present])
        totals = amplitude.double().sum(dim=0).cpu(), amplitude.double().square().sum(dim=0).cpu()
        found.amplitudes = totals[0] if found.amplitudes is None else found.amplitudes + totals[0]
        found.squares = totals[1] if found.squares is None else found.squares + totals[1]
        # One patch of each batch, from its middle: not chosen by how well it is reconstructed.
        k = len(phase) // 2
        angle, predicted = _angle(said.direction[said.present][k].float()), said.amplitude[said.present][k].float()
        drawn = Spectra(dataset, *(t.cpu().numpy() for t in (amplitude[k], predicted, phase[k], angle)))
        found.shown.setdefault(dataset, []).append(drawn)


def _angle(direction: Tensor) -> Tensor:
    """The predicted phase in radians, from a direction (cos, sin) or, in the raw form, as it is."""
    return direction.squeeze(-1) if direction.shape[-1] == 1 else torch.atan2(direction[..., 1], direction[..., 0])


def _entropy(counts: Tensor) -> float:
    """Of a distribution given as counts, in nats."""
    share = counts.double() / counts.sum().clamp_min(1)
    return float(-(share * share.clamp_min(1e-300).log()).sum())


def _spread(part: Examples) -> Examples:
    """At most ``_WINDOWS`` of a set's windows, evenly over its table."""
    return part.take(np.unique(np.linspace(0, len(part) - 1, min(len(part), _WINDOWS)).astype(int)))


def subjects_held_out(parts: Sequence[Examples], share: float, seed: int) -> set[tuple[str, str]]:
    """``share`` of each set's subjects, rounded down, as (dataset, subject); the same ones for the same seed."""
    chosen: set[tuple[str, str]] = set()
    for part in parts:
        names = sorted({(str(d), str(s)) for d, s in zip(part.rows["dataset"], part.rows["subject"], strict=True)})
        rng = np.random.default_rng([seed, len(names)])
        chosen |= {names[k] for k in rng.permutation(len(names))[: int(share * len(names))]}
    return chosen


def without(part: Examples, subjects: set[tuple[str, str]]) -> tuple[Examples, Examples]:
    """The windows of the other subjects, and those of these."""
    named = list(zip(part.rows["dataset"], part.rows["subject"], strict=True))
    held = np.array([name in subjects for name in named], dtype=bool)
    return part.take(np.flatnonzero(~held)), part.take(np.flatnonzero(held))
