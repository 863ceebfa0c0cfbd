"""The convolutional path beside the transformer: a learned spatial filter, then convolutions over time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import einsum, rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.layers.dropout import Dropout
from mindleaf.layers.fitted_norm import FittedNorm
from mindleaf.layers.positions import FourierPositions


class SpatialFilter(nn.Module):
    """Any named montage to a fixed number of virtual channels.

    The weight of a channel in a source is read from a table by electrode, plus a learned function of its position, so
    unnamed channels at known places take part too. A subject the model knows adds a mixing matrix of its own
    (identity at the start); an unknown one (-1) adds none. Masked channels have no weight.
    """

    def __init__(self, n_electrodes: int, sources: int, n_subjects: int = 0) -> None:
        super().__init__()
        self.table = nn.Embedding(n_electrodes + 1, sources)
        self.fourier = FourierPositions()
        self.place = nn.Linear(self.fourier.n_features, sources, bias=False)
        nn.init.normal_(self.table.weight, std=1.0)
        nn.init.normal_(self.place.weight, std=0.1)
        # Row 0 is the subject the model does not know.
        self.subjects = nn.Parameter(torch.zeros(n_subjects + 1, sources, sources)) if n_subjects else None

    def forward(self, batch: Batch) -> Float[Tensor, "batch source time"]:
        weights = self.table(batch.channel_index) + self.place(self.fourier(batch.positions))
        present = batch.channel_mask.unsqueeze(-1).to(weights.dtype)
        weights = weights * present / present.sum(dim=1, keepdim=True).clamp_min(1.0).sqrt()
        sources = einsum(weights, batch.eeg, "b c s, b c t -> b s t")
        if self.subjects is None or batch.subject is None:
            return sources
        return sources + torch.bmm(self._mixing(batch.subject), sources)

    def add_subject(self) -> None:
        """Room for one more subject's matrix, zero at the start, after those there are."""
        shape = (1, self.table.embedding_dim, self.table.embedding_dim)
        new = self.table.weight.new_zeros(shape)
        # The first subject needs the row of unknown ones before it.
        known = self.table.weight.new_zeros(shape) if self.subjects is None else self.subjects.detach()
        self.subjects = nn.Parameter(torch.cat([known, new]))

    def _mixing(self, subject: Int[Tensor, " batch"]) -> Float[Tensor, "batch source source"]:
        assert self.subjects is not None
        known = rearrange((subject >= 0).to(self.subjects.dtype), "b -> b 1 1")
        return self.subjects[subject + 1] * known


class ForwardBlock(nn.Module):
    """Residual convolution that looks only ahead: the output at a frame reads that frame and those after it."""

    def __init__(self, width: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.reach = kernel - 1
        self.convolution = nn.Conv1d(width, width, kernel)
        self.mix = nn.Conv1d(width, width, 1)
        self.dropout = Dropout(dropout)

    def forward(self, frames: Float[Tensor, "batch width frame"]) -> Float[Tensor, "batch width frame"]:
        ahead = F.gelu(self.convolution(F.pad(frames, (0, self.reach))))
        return frames + self.dropout(self.mix(ahead))


class TemporalStem(nn.Module):
    """EEG at 200 Hz to frames at the alignment rate.

    Frame f stands at the start of the window plus f strides and reads the EEG from there to ``context`` samples later,
    because the brain answers after the sound. Two parts are added: one linear convolution over the whole reach (a
    backward temporal response function with learned spatial filters), and, with ``depth`` > 0, a stack of nonlinear
    convolutions over the same reach, which starts at zero. ``depth`` 0 is the linear rung.
    """

    def __init__(
        self,
        n_electrodes: int,
        dims: int,
        *,
        sources: int = 16,
        depth: int = 3,
        hidden: int = 32,
        stride: int = 4,
        context: int = 80,
        dropout: float = 0.1,
        n_subjects: int = 0,
    ) -> None:
        super().__init__()
        self.stride, self.context = stride, context
        self.spatial = SpatialFilter(n_electrodes, sources, n_subjects)
        self.linear = nn.Conv1d(sources, dims, context + stride, stride=stride, bias=False)
        self.deep: nn.Module | None = None
        if depth:
            kernel = (context // stride - 1) // depth + 1
            blocks = [ForwardBlock(hidden, kernel, dropout) for _ in range(depth)]
            entry = nn.Conv1d(sources, hidden, 2 * stride, stride=stride)
            out = nn.Conv1d(hidden, dims, 1, bias=False)
            nn.init.zeros_(out.weight)
            self.deep = nn.Sequential(entry, nn.GELU(), *blocks, out)

    def forward(self, batch: Batch, n_frames: int) -> Float[Tensor, "batch frame dim"]:
        """``n_frames`` frames; EEG beyond the last frame's reach is cut, missing EEG is zeros."""
        wanted = n_frames * self.stride + self.context
        sources = self.spatial(batch)[..., :wanted]
        sources = F.pad(sources, (0, wanted - sources.shape[-1]))
        frames = self.linear(sources)
        if self.deep is not None:
            frames = frames + self.deep(sources)[..., :n_frames]
        return rearrange(frames, "b d f -> b f d")


class BandPowerStem(nn.Module):
    """Spatial filters, learned band-pass filters, log power: what a classifier of oscillations looks at.

    The form is that of a shallow filter-bank network (Schirrmeister et al. 2017): ``sources`` virtual channels, a temporal
    filter of a second on each of ``filters`` mixtures, mean power over the window, logarithm, each put on the scale of the
    training data (``FittedNorm``). The temporal filters start as a filter bank, ``band`` Hz in even steps: from random
    ones, gradient descent on a few hundred windows does not find an oscillation.
    """

    def __init__(
        self,
        n_electrodes: int,
        *,
        sources: int = 16,
        filters: int = 64,
        kernel: int = 200,
        sfreq: float = 200.0,
        band: tuple[float, float] = (2.0, 40.0),
        n_subjects: int = 0,
    ) -> None:
        super().__init__()
        self.width = filters
        self.spatial = SpatialFilter(n_electrodes, sources, n_subjects)
        self.mix = nn.Conv1d(sources, filters, 1, bias=False)
        # The mean power needs only some moments of the oscillation; 100 a second are enough and cheaper.
        self.band = nn.Conv1d(filters, filters, kernel, stride=max(1, round(sfreq / 100)), groups=filters, bias=False)
        self.scale = FittedNorm(filters, affine=False)
        with torch.no_grad():
            self.band.weight.copy_(filter_bank(filters, kernel, sfreq, band))

    def forward(self, batch: Batch) -> Float[Tensor, "batch filter"]:
        """Log power of each filter, 0 for a window without a usable channel; one shorter than the kernel is padded with zeros."""
        mixtures = self.mix(self.spatial(batch))
        missing = self.band.kernel_size[0] - mixtures.shape[-1]
        oscillations = self.band(F.pad(mixtures, (0, max(0, missing))))
        return scaled(self.scale, torch.log(oscillations.square().mean(dim=-1) + 1e-6), batch.channel_mask.any(dim=1))


def scaled(
    norm: FittedNorm, power: Float[Tensor, "batch filter"], present: Bool[Tensor, " batch"]
) -> Float[Tensor, "batch filter"]:
    """Log power under its norm; a window that is not present is 0 and no evidence of the scale."""
    there = rearrange(present, "b -> b 1").to(power.dtype)
    mean = (power * there).sum(dim=0, keepdim=True) / there.sum().clamp_min(1.0)
    return there * norm(there * power + (1 - there) * mean)


def filter_bank(filters: int, kernel: int, sfreq: float, band: tuple[float, float]) -> Float[Tensor, "filter 1 tap"]:
    """Windowed cosines with centres in even steps over ``band``, unit energy each."""
    centres = torch.linspace(*band, filters)
    times = torch.arange(kernel) / sfreq
    taps = torch.cos(2 * torch.pi * rearrange(centres, "f -> f 1") * times) * torch.hann_window(kernel, periodic=False)
    return rearrange(taps / taps.norm(dim=1, keepdim=True), "f t -> f 1 t")


class StemConfig(Config):
    """rung "linear": spatial filter and one convolution; "deep": the nonlinear stack beside it. Lengths in samples at 200 Hz.

    ``per_subject``: a spatial matrix for each training subject (new subjects use none until calibrated).
    """

    depth: int = 3
    sources: int = 16
    hidden: int = 32
    stride: int = 4
    context: int = 80
    dropout: float = 0.1
    per_subject: bool = False

    def build(self, n_electrodes: int, dims: int, n_subjects: int = 0) -> TemporalStem:
        values = self.model_dump(exclude={"per_subject"})
        return TemporalStem(n_electrodes, dims, n_subjects=n_subjects if self.per_subject else 0, **values)
