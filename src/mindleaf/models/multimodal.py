"""EEG and sound, or sound alone, to classes: what emotion is asked of beside EEG (MindMix, section 4)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.encoders.audio_tower import AudioTower, AudioTowerConfig
from mindleaf.encoders.stem import BandPowerStem
from mindleaf.errors import BadInput
from mindleaf.fusion.dual_tower import DualTower
from mindleaf.fusion.similarity import standardise
from mindleaf.models.alignment import AlignedConfig, AlignedModel
from mindleaf.models.classifier import Classifier, ClassifierConfig
from mindleaf.models.facts import ModelFacts


class Multimodal(nn.Module):
    """Mean and deviation over time of the audio frames, beside what the EEG classifier pools, and one linear layer.

    eeg       its features are read, its head is not; None for sound alone
    aligned   an aligned model: its tower hears, and its fusion refines EEG and sound by each other; what comes out is
              pooled in the same way and stands beside the rest
    """

    def __init__(
        self, eeg: Classifier | None, tower: AudioTower | None, aligned: AlignedModel | None, dims: int, n_classes: int,
        *, dropout: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__()
        self.eeg, self.audio_tower, self.aligned = eeg, tower, aligned
        width = 0
        if eeg is not None:
            width, eeg.final_layer = eeg.final_layer.in_features, nn.Identity()  # type: ignore[assignment]
        self.audio_norm = nn.LayerNorm(2 * dims)
        self.fused_norm = None if aligned is None else nn.LayerNorm(5 * dims)
        self.dropout = nn.Dropout(dropout)
        self.final_layer = nn.Linear(width + 2 * dims + (0 if aligned is None else 5 * dims), n_classes)
        nn.init.trunc_normal_(self.final_layer.weight, std=0.01)
        nn.init.zeros_(self.final_layer.bias)

    @property
    def stem(self) -> BandPowerStem | None:
        """The band-power path of the EEG side."""
        return None if self.eeg is None else self.eeg.stem

    @property
    def readout(self) -> list[nn.Module]:
        """What a linear probe trains."""
        return [part for part in (self.audio_norm, self.fused_norm, self.final_layer) if part is not None]

    def features(self, batch: Batch) -> Float[Tensor, "batch width"]:
        """What the head sees: pooled EEG, pooled sound, pooled pair."""
        if batch.audio is None:
            raise BadInput("wanted a batch with the sound that was heard, got one without; read it from a store with stimuli.")
        heard = batch.audio[:, 0]
        frames = self.audio_tower(heard) if self.aligned is None else self.aligned.audio_tower(heard)  # type: ignore[misc]
        parts = [] if self.eeg is None else [self.eeg.features(batch)]
        parts.append(self.audio_norm(_pooled(frames)))
        if self.aligned is not None:
            parts.append(self.fused_norm(self._fused(self.aligned, batch)))  # type: ignore[misc]
        return torch.cat(parts, dim=-1)

    def forward(self, batch: Batch) -> Float[Tensor, "batch class"]:
        return self.final_layer(self.dropout(self.features(batch)))

    @staticmethod
    def _fused(aligned: AlignedModel, batch: Batch) -> Float[Tensor, "batch width"]:
        """Both sides after the fusion, pooled, and how far they agree in each dimension."""
        first, second = refined(aligned, batch)
        return torch.cat((_pooled(first), _pooled(second), (first * second).mean(dim=1)), dim=-1)


def refined(aligned: AlignedModel, batch: Batch) -> tuple[Float[Tensor, "batch frame width"], Float[Tensor, "batch frame width"]]:
    """EEG and the sound that was heard, stream 0, after they have met in the model's fusion; standardised where they do not meet."""
    assert batch.audio is not None
    fusion = aligned.fusion
    eeg, present = aligned.eeg_items(batch, batch.audio.shape[-1])
    audio = aligned.audio_frames(batch.audio[:, :1])[:, 0]
    if isinstance(fusion, DualTower):
        return standardise(eeg, fusion.centre), standardise(audio, fusion.centre)
    groups = fusion.by_type(batch.auditory_type, len(eeg), eeg.device)
    fused = [
        fusion.fuse(*fusion.align(eeg[rows], audio[rows], kind), None if present is None else present[rows])
        for kind, rows in groups
    ]
    back = torch.cat([rows for _, rows in groups]).argsort()
    return torch.cat([first for first, _ in fused])[back], torch.cat([second for _, second in fused])[back]


def _pooled(frames: Float[Tensor, "batch frame dim"]) -> Float[Tensor, "batch both"]:
    """Mean and deviation over time; the deviation of a single frame is 0."""
    spread = (frames.var(dim=1, correction=0) + 1e-6).sqrt()
    return torch.cat((frames.mean(dim=1), spread), dim=-1)


class MultimodalConfig(Config):
    """reader: the EEG side, None for sound alone. aligned: the aligned model that is built in. audio, dims: the tower where there is none."""

    reader: ClassifierConfig | None = ClassifierConfig()
    aligned: AlignedConfig | None = None
    audio: AudioTowerConfig = AudioTowerConfig()
    dims: int = 16
    dropout: float = 0.1

    @classmethod
    def preset(cls, name: str) -> MultimodalConfig:
        return cls(reader=ClassifierConfig.preset(name))

    def build(self, facts: ModelFacts) -> Multimodal:
        """``facts.classes`` sets the head's size, ``facts.n_audio_features`` and ``frame_rate`` what is heard."""
        eeg = None if self.reader is None else self.reader.build(facts)
        aligned = None if self.aligned is None else self.aligned.build(facts)
        dims = self.dims if self.aligned is None else self.aligned.dims
        tower = self.audio.build(facts.n_audio_features, dims) if aligned is None else None
        return Multimodal(eeg, tower, aligned, dims, len(facts.classes), dropout=self.dropout)
