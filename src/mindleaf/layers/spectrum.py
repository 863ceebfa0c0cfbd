"""Fourier amplitude and phase of a patch, and how far a prediction is from them."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def fourier_targets(
    patches: Float[Tensor, "*token sample"],
) -> tuple[Float[Tensor, "*token frequency"], Float[Tensor, "*token frequency"]]:
    """Amplitude (log1p, standardised over the frequencies of each patch) and phase (radians) of the one-sided spectrum."""
    spectrum = torch.fft.rfft(patches.float(), dim=-1)
    amplitude = torch.log1p(spectrum.abs())
    centred = amplitude - amplitude.mean(dim=-1, keepdim=True)
    return centred / centred.square().mean(dim=-1, keepdim=True).sqrt().clamp_min(1e-5), spectrum.angle()


def angle_distance(
    predicted: Float[Tensor, "*token frequency 2"], phase: Float[Tensor, "*token frequency"]
) -> Float[Tensor, "*token frequency"]:
    """1 - cos of the angle between a predicted direction and the phase: smooth where the raw angle jumps at pi."""
    length = predicted.square().sum(dim=-1).clamp_min(1e-8).sqrt()
    return 1.0 - (predicted[..., 0] * phase.cos() + predicted[..., 1] * phase.sin()) / length
