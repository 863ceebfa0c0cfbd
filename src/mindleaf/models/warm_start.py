"""A closed-form start for the stem: the backward temporal response function, from which training goes on.

Gradient descent needs very many steps to undo the correlation between channels, and between moments, that a linear
decoder undoes in one solution; on little data it never does. So the stem's linear path is set to the ridge solution
that reconstructs the main components of the sound from the EEG after it, factored into spatial filters and time courses.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange, reduce, repeat
from jaxtyping import Float, Int
from torch import Tensor

from mindleaf.batch import Batch
from mindleaf.encoders.audio_tower import AudioTower
from mindleaf.encoders.stem import TemporalStem
from mindleaf.errors import BadInput
from mindleaf.models.alignment import AlignedModel

#: Strengths of the ridge that are compared, relative to the mean power of the EEG.
RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


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

    Component k of the sound (principal components of its features, centred per window) becomes dimension k of the shared
    space; the dimensions beyond keep their random start, made small. ``parts`` are groups of whole trials: with two or
    more, the ridge is the one that reconstructs left-out parts best (all inside the training data); with one, it is the
    second smallest. Returns the correlation of the reconstructed with the heard sound on left-out parts (NaN with one).
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
    components = _components(total.sound, min(n_components, stem.linear.out_channels))
    scores = {ridge: _left_out(moments, total, components, ridge) for ridge in ridges} if len(moments) > 1 else {}
    ridge = max(scores, key=scores.__getitem__) if scores else sorted(ridges)[min(1, len(ridges) - 1)]
    weights = _decoder(total, components, ridge)
    with torch.no_grad():
        _set_stem(stem, electrodes, rearrange(weights, "(e l) k -> e l k", l=n_lags))
        _set_tower(model, components, n_components)
    return scores.get(ridge, math.nan)


def _decoder(moments: _Moments, components: Tensor, ridge: float) -> Float[Tensor, "lagged component"]:
    power = moments.eeg.diagonal().mean()
    regular = moments.eeg + ridge * power * torch.eye(len(moments.eeg), dtype=torch.float64)
    return torch.linalg.solve(regular, moments.cross @ components)


def _left_out(moments: Sequence[_Moments], total: _Moments, components: Tensor, ridge: float) -> float:
    """Mean correlation over left-out parts, of the strongest component, straight from the sums."""
    first, correlations = components[:, :1], []
    for part in moments:
        weights = _decoder(total - part, first, ridge)
        power = (weights.T @ part.eeg @ weights) * (first.T @ part.sound @ first)
        correlations.append(float((weights.T @ part.cross @ first) / power.clamp_min(1e-24).sqrt()))
    return sum(correlations) / len(correlations)


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


def _components(sound: Float[Tensor, "feature feature"], n: int) -> Float[Tensor, "feature component"]:
    """The leading eigenvectors, signed so that their features add up to a positive number."""
    vectors = torch.linalg.eigh(sound).eigenvectors.flip(-1)[:, :n]
    return vectors * torch.where(vectors.sum(dim=0) < 0, -1.0, 1.0)


def _set_stem(stem: TemporalStem, electrodes: Tensor, weights: Float[Tensor, "electrode lag component"]) -> None:
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
    taps = repeat(courses * gain / stem.stride, "k s l -> k s (l t)", t=stem.stride).float()
    # The random dimensions together must stay weaker than the decoded ones, or their noise drowns the start.
    stem.linear.weight[n_components:] *= 0.1 * float(taps.norm()) / float(stem.linear.weight.norm().clamp_min(1e-12))
    stem.linear.weight[:n_components] = 0.0
    stem.linear.weight[:n_components, :rank] = taps


def _set_tower(model: AlignedModel, components: Float[Tensor, "feature component"], n_components: int) -> None:
    weight = model.audio_tower.linear.weight
    taken = components.shape[1]
    weight[taken:] *= 0.1 * float(components.norm()) / float(weight.norm().clamp_min(1e-12))
    weight[:taken] = components.T.unsqueeze(-1).float()
