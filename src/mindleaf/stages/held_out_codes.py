"""What an encoder that names codes makes of subjects it has not learned from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mindleaf.interpret.spectra import Spectra
from mindleaf.layers.spectrum import fourier_targets
from mindleaf.stages.held_out import HeldOut, Measured

#: Expected phase error of a guess: of 1 - cos, and of the squared difference from the best constant angle.
_GUESSING = {"direction": 1.0, "l2_raw": math.pi**2 / 3}
_PATCHES_SHOWN = 3
#: Bins (hertz, patches last a second) of the pass band. Beyond it the filter leaves little but what the cut edges of a patch
#: spread over all frequencies, whose phase hangs on two samples.
_IN_BAND = slice(1, 41)


@dataclass
class MeasuredCodes(Measured):
    """Tokens are all codes read, hidden ones those to be named. ``phase_of_guessing``: the error of a guessed phase."""

    codes: Tensor
    hidden_codes: Tensor
    phase_of_guessing: float
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

    def beside(self) -> dict[str, float]:
        return {"phase_of_guessing": self.phase_of_guessing} if "phase" in self.errors else {}

    def patches(self) -> list[Spectra]:
        """A few patches, the first of each data set before the second of any."""
        ranks = zip_longest(*self.shown.values())
        return [one for rank in ranks for one in rank if one is not None][:_PATCHES_SHOWN]

    def error_per_frequency(self) -> dict[str, NDArray[np.float64]]:
        return {name: (error / self.codes.sum()).numpy() for name, error in self.errors.items()}


class HeldOutCodes(HeldOut):
    """How the codes are used, named and turned back into spectra."""

    def nothing(self, model: Any) -> MeasuredCodes:
        none = torch.zeros(model.encoder.n_codes, dtype=torch.long)
        return MeasuredCodes(none, none.clone(), _GUESSING[self.objective.phase])

    def add(self, found: MeasuredCodes, said: Any, hidden: Tensor, rows: pd.DataFrame, dataset: str) -> None:
        n_codes = said.n_codes
        found.codes += torch.bincount(said.ids[said.present], minlength=n_codes).cpu()
        if said.logits is not None:
            codes = said.ids[hidden]
            found.hidden_codes += torch.bincount(codes, minlength=n_codes).cpu()
            found.naming_loss += float(F.cross_entropy(said.logits.float(), codes, reduction="sum"))
            found.named += int((said.logits.argmax(dim=1) == codes).sum())
        if said.amplitude is not None:
            self._add_spectra(found, said, dataset)

    def _add_spectra(self, found: MeasuredCodes, said: Any, dataset: str) -> None:
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
