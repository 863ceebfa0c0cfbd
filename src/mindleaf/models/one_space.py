"""One space for EEG, sound and language: the unit vectors of a text encoder, with three ways in, and a time-resolved score beside it."""

from __future__ import annotations

from typing import Self

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from pydantic import model_validator
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.encoders.stem import BandPowerStem, TemporalStem, filter_bank
from mindleaf.models.alignment import AlignedConfig, AlignedModel
from mindleaf.models.facts import ModelFacts
from mindleaf.models.language import LanguageConfig, LanguageModel

#: Seconds of a filter on the stem's frames, and the rates it begins with (Hz): those of rhythms that are heard as rhythms.
_FILTER_S, _RATES = 1.5, (0.7, 12.0)


class RunningScale(nn.BatchNorm1d):
    """Puts each feature on the scale of the latest batches (running statistics, no weights of its own).

    For features that begin at nothing and grow as what makes them learns: statistics settled before the first step
    (``FittedNorm``) would be those of nothing. One window alone is put on the scale so far, in training too.
    """

    def __init__(self, features: int) -> None:
        super().__init__(features, affine=False)

    def forward(self, input: Float[Tensor, "batch feature"]) -> Float[Tensor, "batch feature"]:
        if self.training and len(input) == 1:
            return F.batch_norm(input, self.running_mean, self.running_var, eps=self.eps)
        return super().forward(input)


class HeardPower(BandPowerStem):
    """Band power of the EEG, and what the EEG knows of a sound's rhythm: the power of the stem's frames, which follow the sound,
    at ``heard`` rates of rhythms. The stem is another part's; it is borrowed."""

    stem: TemporalStem | None

    def __init__(
        self, n_electrodes: int, *, sources: int, filters: int, sfreq: float, stem: TemporalStem | None, dims: int, heard: int,
        frame_rate: float,
    ) -> None:  # fmt: skip
        super().__init__(n_electrodes, sources=sources, filters=filters, sfreq=sfreq)
        borrow(self, stem=stem)
        if stem is not None:
            self.width += heard
            kernel = round(_FILTER_S * frame_rate)
            self.heard_mix = nn.Conv1d(dims, heard, 1, bias=False)
            self.rhythm = nn.Conv1d(heard, heard, kernel, groups=heard, padding=kernel // 2, bias=False)
            self.heard_scale = RunningScale(heard)
            with torch.no_grad():
                self.rhythm.weight.copy_(filter_bank(heard, kernel, frame_rate, _RATES))

    def forward(self, batch: Batch) -> Float[Tensor, "batch filter"]:
        bands = super().forward(batch)
        if self.stem is None:
            return bands
        n_frames = batch.audio.shape[-1] if batch.audio is not None else batch.eeg.shape[-1] // self.stem.stride
        frames = rearrange(self.stem(batch, n_frames), "b f d -> b d f")
        waves = self.rhythm(self.heard_mix(frames - frames.mean(dim=-1, keepdim=True)))
        present = rearrange(batch.channel_mask.any(dim=1), "b -> b 1").to(waves.dtype)
        return torch.cat([bands, present * self.heard_scale(torch.log(waves.square().mean(dim=-1) + 1e-6))], dim=1)


class OneSpaceModel(nn.Module):
    """EEG, sound and text as unit vectors of one space.

    text    a text encoder's vectors, frozen; ``language`` keeps those it was trained with and centres labels as it says
    EEG     an encoder and a Q-Former that answers an instruction (``language``), told besides how strong rhythms are
    sound   the frames of the audio tower, their mean and deviation over time, one linear map

    ``aligned`` scores sounds frame by frame. Both read EEG through one encoder, which ``language`` owns, and sound through one
    tower, which ``aligned`` owns.
    """

    def __init__(self, language: LanguageModel, aligned: AlignedModel, dims: int, text_width: int) -> None:
        super().__init__()
        self.language, self.aligned = language, aligned
        self.scale = RunningScale(2 * dims)
        self.into_text = nn.Linear(2 * dims, text_width)

    def eeg(self, batch: Batch) -> Float[Tensor, "batch text"]:
        """Where the EEG lies, as it answers ``batch.instruction``."""
        return self.language.embed(batch)

    def sound(self, audio: Float[Tensor, "sound feature frame"]) -> Float[Tensor, "sound text"]:
        """Where sounds lie."""
        frames = self.aligned.audio_tower(audio)
        pooled = torch.cat([frames.mean(dim=-2), frames.std(dim=-2, correction=0)], dim=-1)
        return F.normalize(self.into_text(self.scale(pooled)), dim=-1)

    def text(self, vectors: Float[Tensor, "some text"], task: int = 0) -> Float[Tensor, "some text"]:
        """Where texts lie whose ``vectors`` the text encoder gives: seen from the centre of the labels of a trained task."""
        if self.language.prototypes == "centred":
            vectors = vectors - self.language.meanings(task).mean(dim=0)
        return F.normalize(vectors, dim=-1)

    def forward(self, batch: Batch) -> Float[Tensor, "batch text"]:
        return self.eeg(batch)

    def parts(self) -> dict[str, nn.Module]:
        """What another model may start from, by the name that it has there: all but the path that knows heard rhythms."""
        everything = dict(self.language.named_children()) | dict(self.aligned.named_children())
        return {name: part for name, part in everything.items() if name not in ("power", "power_map")}


def borrow(module: nn.Module, **parts: nn.Module | None) -> None:
    """Let ``module`` refer to parts that another one owns: they train and are saved once, with their owner."""
    for name, part in parts.items():
        module._modules.pop(name, None)
        object.__setattr__(module, name, part)


def _time_resolved(name: str) -> AlignedConfig:
    """MindMix's alignment of that size, whose sides do not meet before the score: pairs of frames that meet cost the most by far."""
    return AlignedConfig.preset(name).model_copy(update={"encoder": None, "fusion": "clip"})


class OneSpaceConfig(Config):
    """What a person decides. The EEG encoder is ``language.encoder``, for both; ``aligned`` is time-resolved and names none.

    heard_filters   rhythms that are looked for in the stem's frames
    """

    language: LanguageConfig = LanguageConfig.preset("tiny")
    aligned: AlignedConfig = _time_resolved("tiny")
    heard_filters: int = 64

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.aligned.encoder is not None:
            raise ValueError("the EEG encoder of one space is language.encoder, for both heads; set aligned.encoder=null")
        if self.language.power_filters < 1:
            raise ValueError("one space tells the queries of band power: set language.power_filters to 1 or more")
        return self

    @classmethod
    def preset(cls, name: str) -> OneSpaceConfig:
        """Sizes of LEAF's tower and MindMix's alignment of that name."""
        language = LanguageConfig.preset(name).model_copy(update={"power_filters": 64})
        return cls(language=language, aligned=_time_resolved(name))

    def settled(self) -> Self:
        """What the checkpoint of a speech model decides is written into the config."""
        return self.model_copy(update={"aligned": self.aligned.model_copy(update={"audio": self.aligned.audio.settled()})})

    def build(self, facts: ModelFacts) -> OneSpaceModel:
        encoder, dims = self.language.encoder, self.aligned.dims
        aligned = self.aligned.model_copy(update={"encoder": encoder}).build(facts)
        power = HeardPower(
            facts.n_electrodes, sources=self.language.power_sources, filters=self.language.power_filters, sfreq=facts.sfreq,
            stem=aligned.stem, dims=dims, heard=self.heard_filters, frame_rate=facts.frame_rate,
        )  # fmt: skip
        language = self.language.build(facts, power)
        borrow(aligned, encoder=language.encoder)
        return OneSpaceModel(language, aligned, dims, facts.text_width)
