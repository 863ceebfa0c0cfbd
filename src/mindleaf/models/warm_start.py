"""A closed-form start for the stem: the backward temporal response function, from which training goes on.

Gradient descent needs very many steps to undo the correlation between channels, and between moments, that a linear
decoder undoes in one solution; on little data it never does. So the stem's linear path is set to the ridge solution
that reconstructs, from the EEG after it, what the EEG follows best in the sound, factored into spatial filters and time
courses; the audio tower's linear path starts with those components of the sound.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import einsum, rearrange, reduce, repeat
from jaxtyping import Float, Int
from torch import Tensor

from mindleaf.batch import Batch
from mindleaf.encoders.audio_tower import AudioTower
from mindleaf.encoders.stem import TemporalStem
from mindleaf.errors import BadInput
from mindleaf.models.alignment import AlignedModel

#: Strengths of the ridge that are compared, relative to the mean power of the EEG.
RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
#: Added to the variance of the sound's features, relative to their mean: neighbouring bands are nearly the same.
_SOUND_RIDGE = 1e-2
#: One batch in this many says how large the logits should be.
_SCALE_EVERY = 4


@dataclass
class _Moments:
    """Sums over frames, in float64: lagged EEG with itself, with the sound, the sound with itself."""

    eeg: Float[Tensor, "lagged lagged"]
    cross: Float[Tensor, "lagged feature"]
    sound: Float[Tensor, "feature feature"]

    def __add__(self, other: _Moments) -> _Moments:
        return _Moments(self.eeg + other.eeg, self.cross + other.cross, self.sound + other.sound)

    def __sub__(self, other: _Moments) -> _Moments:
        return _Moments(self.eeg - other.eeg, self.cross - other.cross, self.sound - other.sound)


def warm_start(
    model: AlignedModel, parts: Sequence[Iterable[Batch]], n_components: int = 2, ridges: Sequence[float] = RIDGES
) -> float:
    """Set the stem's and the audio tower's linear paths from training batches (stream 0 is what was heard).

    Component k of the sound becomes dimension k of the shared space: components are the mixtures of its features that a
    ridge decoder of the EEG reconstructs best, uncorrelated with each other, each as strong as it is reconstructed. The
    dimensions beyond keep their random start, made weak. The logit scale is set too, so that the first steps of training
    need not be spent on it and validation can hold them against the start. ``parts`` are groups of whole trials: with two or more, decoders
    are judged on the part they were not fitted to, and the ridge is the one that does best (all inside the training
    data); with one, it is the second smallest. Returns the correlation of the strongest component with its
    reconstruction on left-out parts, a little high because the component was chosen there (NaN with one part).
    Give training data only; model and batches lie on the CPU.
    Raises BadInput where the model has no stem or no batch names an electrode of the table.
    """
    stem = model.stem
    if stem is None:
        raise BadInput("a warm start wants a model with a stem, got one without; set stem in the alignment config.")
    n_lags = stem.context // stem.stride + 1
    listed = [list(part) for part in parts]
    electrodes = _electrodes([batch for part in listed for batch in part], stem)
    moments = [_accumulate(part, electrodes, stem, model.audio_tower.eval(), n_lags) for part in listed if part]
    total = functools.reduce(_Moments.__add__, moments)
    starts = [_start(moments, total, ridge, min(n_components, stem.linear.out_channels)) for ridge in sorted(ridges)]
    start = max(starts, key=lambda start: start.left_out) if len(moments) > 1 else starts[min(1, len(starts) - 1)]
    with torch.no_grad():
        _set_stem(stem, electrodes, rearrange(start.decoder, "(e l) k -> e l k", l=n_lags), total.eeg)
        _set_tower(model.audio_tower, start.components, total.sound)
        _set_scale(model, [batch for part in listed for batch in part][::_SCALE_EVERY])
    return start.left_out


@dataclass
class _Start:
    """Components of the sound, the decoder that reconstructs each, and how well it does on what it has not seen."""

    components: Float[Tensor, "feature component"]
    decoder: Float[Tensor, "lagged component"]
    left_out: float


def _start(moments: Sequence[_Moments], total: _Moments, ridge: float, n_components: int) -> _Start:
    """The canonical directions of the sound under a ridge decoder that was fitted to other parts than it is judged on."""
    whole = _decoder(total, ridge)
    decoders = [_decoder(total - part, ridge) for part in moments] if len(moments) > 1 else [whole]
    told = functools.reduce(torch.add, [w.T @ part.cross for w, part in zip(decoders, moments, strict=True)])
    floor = _SOUND_RIDGE * total.sound.diagonal().mean() * torch.eye(len(total.sound), dtype=torch.float64)
    whitening = torch.linalg.inv(torch.linalg.cholesky(total.sound + floor))
    found = torch.linalg.eigh(whitening @ (told + told.T) @ whitening.T / 2)
    # Strongest first; what is reconstructed no better than by luck takes no part.
    strength = found.eigenvalues.flip(0)[:n_components].clamp_min(0.0)
    components = whitening.T @ found.eigenvectors.flip(1)[:, :n_components] * (strength / strength[0].clamp_min(1e-24)).sqrt()
    components *= torch.where(components.sum(dim=0) < 0, -1.0, 1.0)
    agreement = [_correlation(part, w @ components[:, 0], components[:, 0]) for w, part in zip(decoders, moments, strict=True)]
    return _Start(components, whole @ components, sum(agreement) / len(moments) if len(moments) > 1 else math.nan)


def _decoder(moments: _Moments, ridge: float) -> Float[Tensor, "lagged feature"]:
    power = moments.eeg.diagonal().mean()
    regular = moments.eeg + ridge * power * torch.eye(len(moments.eeg), dtype=torch.float64)
    return torch.linalg.solve(regular, moments.cross)


def _correlation(part: _Moments, weights: Float[Tensor, " lagged"], component: Float[Tensor, " feature"]) -> float:
    power = (weights @ part.eeg @ weights) * (component @ part.sound @ component)
    return float((weights @ part.cross @ component) / power.clamp_min(1e-24).sqrt())


def _electrodes(batches: Sequence[Batch], stem: TemporalStem) -> Int[Tensor, " electrode"]:
    unnamed = stem.spatial.table.num_embeddings - 1
    named = [batch.channel_index[batch.channel_mask & (batch.channel_index != unnamed)] for batch in batches]
    electrodes = torch.cat(named).unique() if named else torch.zeros(0, dtype=torch.long)
    if not len(electrodes):
        raise BadInput("a warm start wants batches with named electrodes, got none; train without it.")
    return electrodes


def _accumulate(
    batches: Sequence[Batch], electrodes: Int[Tensor, " electrode"], stem: TemporalStem, tower: AudioTower, n_lags: int
) -> _Moments:
    def moments(batch: Batch) -> _Moments:
        assert batch.audio is not None
        with torch.no_grad():
            sound = tower.features(batch.audio[:, :1])[:, 0].double()
        sound = rearrange(sound - sound.mean(dim=-1, keepdim=True), "b k f -> (b f) k")
        eeg = _lagged(batch, electrodes, stem, batch.audio.shape[-1], n_lags)
        return _Moments(eeg.T @ eeg, eeg.T @ sound, sound.T @ sound)

    return functools.reduce(_Moments.__add__, map(moments, batches))


def _lagged(
    batch: Batch, electrodes: Int[Tensor, " electrode"], stem: TemporalStem, n_frames: int, n_lags: int
) -> Float[Tensor, "moment lagged"]:
    """EEG of each electrode, averaged over strides, at lags 0.. of every frame; centred per window as the score is."""
    wanted = (n_frames + n_lags - 1) * stem.stride
    eeg = (batch.eeg * batch.channel_mask.unsqueeze(-1))[..., :wanted]
    eeg = F.pad(eeg, (0, wanted - eeg.shape[-1]))
    place = (rearrange(batch.channel_index, "b c -> b 1 c") == rearrange(electrodes, "e -> e 1")).to(eeg.dtype)
    slow = reduce(torch.bmm(place, eeg), "b e (f s) -> b e f", "mean", s=stem.stride).double()
    lagged = rearrange(slow.unfold(-1, n_lags, 1), "b e f l -> b f (e l)")
    return rearrange(lagged - lagged.mean(dim=1, keepdim=True), "b f x -> (b f) x")


def _set_stem(
    stem: TemporalStem,
    electrodes: Tensor,
    weights: Float[Tensor, "electrode lag component"],
    eeg: Float[Tensor, "lagged lagged"],
) -> None:
    """Factor the decoder into the stem's spatial filters and time courses (the best low rank where sources are few)."""
    n_electrodes, n_lags, n_components = weights.shape
    left, values, right = torch.linalg.svd(rearrange(weights, "e l k -> e (l k)"), full_matrices=False)
    rank = min(stem.linear.in_channels, len(values))
    root = values[:rank].sqrt()
    # The spatial filter divides by the root of the number of channels it reads.
    filters = left[:, :rank] * root * n_electrodes**0.5
    courses = rearrange(right[:rank] * root[:, None], "s (l k) -> k s l", l=n_lags)
    gain = filters.square().mean().sqrt().clamp_min(1e-12)
    stem.spatial.place.weight.zero_()
    stem.spatial.table.weight[electrodes, :rank] = (filters / gain).float()
    stem.linear.weight[:n_components] = 0.0
    stem.linear.weight[:n_components, :rank] = repeat(courses * gain / stem.stride, "k s l -> k s (l t)", t=stem.stride).float()
    # What the stem now is to the lagged EEG, to weigh its dimensions by their power in it.
    sources = stem.spatial.table.weight[electrodes].double() / n_electrodes**0.5
    taps = reduce(stem.linear.weight.double(), "k s (l t) -> k s l", "sum", t=stem.stride)
    _weaken(stem.linear.weight, rearrange(einsum(sources, taps, "e s, k s l -> k e l"), "k e l -> k (e l)"), eeg, n_components)


def _set_tower(
    tower: AudioTower, components: Float[Tensor, "feature component"], sound: Float[Tensor, "feature feature"]
) -> None:
    n_components = components.shape[1]
    tower.linear.weight[:n_components] = components.T.unsqueeze(-1).float()
    _weaken(tower.linear.weight, tower.linear.weight.squeeze(-1).double(), sound, n_components)


def _weaken(weight: Tensor, maps: Float[Tensor, "dim input"], moments: Float[Tensor, "input input"], n_set: int) -> None:
    """Give the random dimensions together a hundredth of the power of those that were set, or their noise drowns the start."""
    power = einsum(maps, moments, maps, "k x, x y, k y -> k")
    weight[n_set:] *= float((0.01 * power[:n_set].sum() / power[n_set:].sum().clamp_min(1e-24)).sqrt())


def _set_scale(model: AlignedModel, batches: Sequence[Batch]) -> None:
    """The scale with the least loss of telling the heard stream from the window's others; as it is where there are none."""
    scores = [model.score(batch) for batch in batches if batch.audio is not None and batch.audio.shape[1] > 1]
    if not scores:
        return
    similarity = torch.cat(scores) / model.logit_scale(torch.ones(()))
    heard = torch.zeros(len(similarity), dtype=torch.long)
    scales = torch.linspace(0.0, model.logit_scale.maximum, 50)
    losses = torch.stack([F.cross_entropy(similarity * scale.exp(), heard) for scale in scales])
    model.logit_scale.log_scale.fill_(scales[losses.argmin()])
