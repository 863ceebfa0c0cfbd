"""Audio frames to the dimensions in which they are compared with EEG."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal, Self

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor, nn

from mindleaf.config import Config
from mindleaf.encoders.speech_checkpoint import STRIDE, SpeechCheckpoint
from mindleaf.encoders.speech_model import SpeechModel, normalised
from mindleaf.errors import BadInput

#: Samples that go through a speech model at once where no gradient is wanted; bounds memory (64 s).
_HEARD_AT_ONCE = 64 * 16_000


class AudioTower(nn.Module):
    """A linear map of the features, plus a small convolutional stack that starts at zero.

    Works at any length; the convolutions repeat the first and last frame beyond the edges.
    """

    def __init__(self, n_features: int, dims: int, *, hidden: int = 32, depth: int = 2, kernel: int = 9) -> None:
        super().__init__()
        self.kernel = kernel
        self.linear = nn.Conv1d(n_features, dims, 1, bias=False)
        widths = [n_features] + [hidden] * depth
        self.convolutions = nn.ModuleList(nn.Conv1d(a, b, kernel) for a, b in pairwise(widths))
        self.out = nn.Conv1d(hidden, dims, 1, bias=False) if depth else None
        if self.out is not None:
            nn.init.zeros_(self.out.weight)

    def features(self, audio: Float[Tensor, "*stream feature frame"]) -> Float[Tensor, "*stream feature frame"]:
        """What the linear map reads; here the frames as they come."""
        return audio

    def forward(self, audio: Float[Tensor, "*stream feature frame"]) -> Float[Tensor, "*stream frame dim"]:
        *streams, n_features, n_frames = (audio := self.features(audio)).shape
        features = audio.reshape(-1, n_features, n_frames)
        frames = self.linear(features)
        if self.out is not None:
            deep = features
            for convolution in self.convolutions:
                before = (self.kernel - 1) // 2
                padded = F.pad(deep, (before, self.kernel - 1 - before), mode="replicate")
                deep = F.gelu(convolution(padded))
            frames = frames + self.out(deep)
        return rearrange(frames, "n d f -> n f d").reshape(*streams, n_frames, -1)


class SpeechTower(AudioTower):
    """An audio tower behind a speech model that trains with it, as the paper's stages 2 and 3 do.

    Reads samples cut in frames (``SamplesFrontend``). A window is heard by itself: where the checkpoint asks for it the
    window is normalised, and neither norm nor attention reaches beyond it. Frozen frames of whole stimuli
    (``SpeechFrontend``) hear more around a window and cost far less, but they cannot learn.

    frozen_convolutions, frozen_layers   parts that keep their weights: the convolutions over samples; the lowest layers of
    the transformer with what lies before them. Frozen parts have no dropout either.
    """

    def __init__(
        self,
        speech: SpeechModel,
        dims: int,
        *,
        do_normalize: bool = True,
        frozen_convolutions: bool = True,
        frozen_layers: int = 0,
        hidden: int = 32,
        depth: int = 2,
        kernel: int = 9,
    ) -> None:
        super().__init__(speech.n_features, dims, hidden=hidden, depth=depth, kernel=kernel)
        self.speech, self.do_normalize = speech, do_normalize
        convolutions = [speech.model.feature_extractor] if frozen_convolutions or frozen_layers else []
        self._frozen = [*convolutions, *speech.parts_below(frozen_layers)]
        for part in self._frozen:
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for part in self._frozen:
            part.eval()
        return self

    def features(self, audio: Float[Tensor, "*stream sample frame"]) -> Float[Tensor, "*stream feature frame"]:
        samples = rearrange(audio.flatten(0, -3), "n s f -> n (f s)")
        if self.do_normalize:
            samples = normalised(samples)
        rows = len(samples) if torch.is_grad_enabled() else max(1, _HEARD_AT_ONCE // max(1, samples.shape[1]))
        states = torch.cat([self.speech(part) for part in samples.split(rows)])
        return states.reshape(*audio.shape[:-2], *states.shape[1:])


class SpeechTowerConfig(Config):
    """The speech model inside a tower.

    folder          where its weights come from before training: a folder, or hub:NAME; a saved RUN holds the weights and
                    does not need it
    architecture    config.json of the checkpoint, do_normalize what it says of normalisation; both are filled in from ``folder``
    mask_time ...   SpecAugment, see ``SpeechModel``; off
    """

    folder: str = ""
    architecture: dict[str, Any] = Field(default_factory=dict)
    do_normalize: bool = True
    frozen_convolutions: bool = True
    frozen_layers: int = 0
    mask_time: float = 0.0
    mask_frames: int = 10
    mask_features: float = 0.0
    mask_width: int = 10


class AudioTowerConfig(Config):
    """kind: "linear+conv" reads the frames of a frontend; "speech" runs a speech model inside, trained with the rest."""

    kind: Literal["linear+conv", "speech"] = "linear+conv"
    hidden: int = 32
    depth: int = 2
    kernel: int = 9
    speech: SpeechTowerConfig = SpeechTowerConfig()

    @model_validator(mode="after")
    def _says_which_model(self) -> Self:
        if self.kind == "speech" and not (self.speech.folder or self.speech.architecture):
            raise ValueError("an audio tower of kind speech wants speech.folder, the folder of a speech model or hub:NAME")
        return self

    def settled(self) -> Self:
        """What the checkpoint decides is written into the config; nothing changes for a tower without one."""
        if self.kind != "speech" or not self.speech.folder:
            return self
        checkpoint = SpeechCheckpoint(self.speech.folder)
        found = {"architecture": checkpoint.architecture, "do_normalize": checkpoint.do_normalize}
        return self.model_copy(update={"speech": self.speech.model_copy(update=found)})

    def portable(self) -> Self:
        """Without the folder the weights came from: for a saved model, which holds them."""
        return self.model_copy(update={"speech": self.speech.model_copy(update={"folder": ""})})

    def build(self, n_features: int, dims: int) -> AudioTower:
        """The tower with random weights. Raises BadInput where a speech model is not given samples."""
        shape = {"hidden": self.hidden, "depth": self.depth, "kernel": self.kernel}
        if self.kind == "linear+conv":
            return AudioTower(n_features, dims, **shape)
        if n_features != STRIDE:
            raise BadInput(
                f"an audio tower with a speech model reads {STRIDE} samples a frame, got {n_features} features; set audio=samples."
            )
        speech = self.settled().speech
        masks = {name: getattr(speech, name) for name in ("mask_time", "mask_frames", "mask_features", "mask_width")}
        model = SpeechModel(speech.architecture, **masks)
        return SpeechTower(
            model, dims, do_normalize=speech.do_normalize, frozen_convolutions=speech.frozen_convolutions,
            frozen_layers=speech.frozen_layers, **shape,
        )  # fmt: skip

    def fill(self, tower: AudioTower) -> None:
        """Put the checkpoint's weights into a tower built from this config; nothing where there is no folder."""
        if self.kind == "speech" and self.speech.folder:
            assert isinstance(tower, SpeechTower)
            SpeechCheckpoint(self.speech.folder).fill(tower.speech.model)
