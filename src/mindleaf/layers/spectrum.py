"""Fourier amplitude and phase of a patch, how far a prediction is from them, and a signal without one of its bands."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
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


def without_band(
    signal: Float[Tensor, "batch channel time"],
    first_hz: Float[Tensor, " batch"],
    width_hz: float,
    sfreq: float,
    n_times: Int[Tensor, " batch"] | None = None,
) -> Float[Tensor, "batch channel time"]:
    """Each item without the frequencies from ``first_hz`` on, ``width_hz`` wide: their Fourier coefficients are set to zero.

    n_times: samples of each item that were recorded; what stands behind them is padding and stays as it is.
    """
    lengths = torch.full((len(signal),), signal.shape[-1]) if n_times is None else n_times.cpu()
    out = signal.clone()
    for length in lengths.unique().tolist():
        items = (lengths == length).nonzero().squeeze(1).to(signal.device)
        spectrum = torch.fft.rfft(signal[items, :, :length].float(), dim=-1)
        above = torch.fft.rfftfreq(length, 1.0 / sfreq, device=signal.device) - first_hz[items].to(signal.device).reshape(
            -1, 1, 1
        )
        kept = torch.where((above >= 0) & (above < width_hz), 0.0, spectrum)
        out[items, :, :length] = torch.fft.irfft(kept, n=length, dim=-1).to(signal.dtype)
    return out
