"""Frozen frames of a speech model: wav2vec2, HuBERT or another one of transformers, from a folder or by hub name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mindleaf.encoders.mel import AUDIO_RATE, to_rate
from mindleaf.encoders.speech_checkpoint import STRIDE, SpeechCheckpoint
from mindleaf.encoders.speech_model import SpeechModel, StimulusNorm, normalised
from mindleaf.errors import BadInput

_VERSION = "speech-1"


class SpeechFrontend:
    """Last hidden states, 50 frames a second (MindMix, section 3.2); ``source`` as for ``SpeechCheckpoint``.

    Frame f reads the 25 ms from second f / 50; the last one is repeated to the end of the stimulus. A stimulus of up to
    ``piece_s`` gives what transformers gives for it. A longer one is encoded in pieces with ``overlap_s`` heard on both
    sides: normalisation and the first layer's norm over time still come from the whole of it, attention reaches as far as
    the piece and its overlap. Frames are kept per stimulus, which is exact for evaluation and retrieval. In stage 2 it is
    another method than the paper's, which trains the model there; for that form see ``SpeechTower``.
    The weights are opened at the first stimulus whose frames are not kept yet.
    """

    accepts = frozenset({"audio"})
    frame_rate = 50.0
    #: What config.json must say; "" for any model with frames of 20 ms.
    model_type: ClassVar[str] = ""

    def __init__(self, source: str | Path, piece_s: float = 20.0, overlap_s: float = 2.0) -> None:
        self.checkpoint = SpeechCheckpoint(source, self.model_type)
        self.n_features = self.checkpoint.n_features
        self._piece, self._overlap = round(piece_s * self.frame_rate), round(overlap_s * self.frame_rate)

    def fingerprint(self) -> str:
        """Changes when the weights, the architecture, the normalisation or the cutting into pieces change."""
        settings = f"{_VERSION}:{self.checkpoint.fingerprint()}:{self._piece}:{self._overlap}"
        return hashlib.sha256(settings.encode()).hexdigest()[:16]

    def __call__(self, samples: NDArray[np.floating], sample_rate: float, kind: str) -> NDArray[np.float32]:
        """(n_samples,) at ``sample_rate`` Hz to (feature, frame)."""
        if kind not in self.accepts:
            raise BadInput(f"a speech model wants a waveform, got a stimulus of kind {kind!r}; use the envelope frontend for it.")
        n_frames = int(np.ceil(len(samples) / sample_rate * self.frame_rate - 1e-9))
        if not n_frames:
            return np.zeros((self.n_features, 0), np.float32)
        audio = torch.from_numpy(to_rate(samples, sample_rate, AUDIO_RATE))[None]
        audio = (normalised(audio) if self.checkpoint.do_normalize else audio).float()
        with torch.inference_mode():
            frames = torch.cat(list(self._pieces(audio, n_frames)), dim=1)[:, :n_frames]
        return frames.numpy()

    @cached_property
    def _model(self) -> SpeechModel:
        # Random weights are drawn before they are filled; that must not move the draws of a training under way.
        with torch.random.fork_rng(devices=[]):
            model = SpeechModel(self.checkpoint.architecture)
        self.checkpoint.fill(model.model)
        first = model.model.feature_extractor.conv_layers[0]
        if isinstance(getattr(first, "layer_norm", None), nn.GroupNorm):
            first.layer_norm = StimulusNorm(first.layer_norm)
        return model.eval().requires_grad_(False)

    def _pieces(self, audio: Tensor, n_frames: int) -> Iterator[Tensor]:
        """(feature, frame) of each piece; one piece where the stimulus is no longer than that."""
        norm = getattr(self._model.model.feature_extractor.conv_layers[0], "layer_norm", None)
        if isinstance(norm, StimulusNorm):
            norm.moments = self._moments(audio) if n_frames > self._piece else None
        for start in range(0, n_frames, self._piece):
            stop = min(start + self._piece, n_frames)
            first, last = max(0, start - self._overlap), min(stop + self._overlap, n_frames)
            # What the last frame sees reaches beyond its own 20 ms.
            heard = audio[:, first * STRIDE : last * STRIDE + self._model.field - STRIDE]
            states = self._model(heard)[0]
            yield states[:, start - first : stop - first]

    def _moments(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance over time of the first convolution's output, a piece at a time."""
        convolution = self._model.model.feature_extractor.conv_layers[0].conv
        kernel, step = convolution.kernel_size[0], convolution.stride[0]
        n, block = (audio.shape[1] - kernel) // step + 1, self._piece * STRIDE // step
        total, power = torch.zeros(2, convolution.out_channels, dtype=torch.float64)
        for start in range(0, n, block):
            heard = audio[:, start * step : (min(start + block, n) - 1) * step + kernel]
            hidden = convolution(heard[:, None])[0].double()
            total, power = total + hidden.sum(dim=1), power + hidden.square().sum(dim=1)
        mean = total / n
        return mean.float(), (power / n - mean.square()).float()


class Wav2Vec2Frontend(SpeechFrontend):
    """wav2vec 2.0 (Baevski et al. 2020), the paper's audio encoder."""

    model_type = "wav2vec2"


class HubertFrontend(SpeechFrontend):
    """HuBERT (Hsu et al. 2021), the audio encoder of one ablation (MindMix, Table 3)."""

    model_type = "hubert"
