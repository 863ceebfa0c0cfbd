"""EEG aligned with language: an encoder and a Q-Former whose answer to an instruction lies where the text of its label lies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, Self

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.encoders.choice import EEGEncoder, EncoderConfig
from mindleaf.encoders.leaf import LeafConfig, LeafTower
from mindleaf.encoders.mindmix import PATCH_SAMPLES
from mindleaf.encoders.stem import BandPowerStem
from mindleaf.fusion.qformer import QFormer
from mindleaf.models.chunking import encode_in_chunks
from mindleaf.models.facts import ModelFacts
from mindleaf.tasks.wording import UNTOLD, Wording

Prototypes = Literal["centred", "plain"]
LEVELS = (0, 1, 2)
_MOST_SCALE = 100.0
Texts = Callable[..., NDArray[np.float32]]


class LanguageModel(nn.Module):
    """Logits of a window's labels: the cosine between what the Q-Former answers and the text of each label, times a scale.

    The vectors of all texts that the model was trained with are part of it; others come from the text encoder it names.

    prototypes  "centred": from the text of each label the mean over its task's labels is taken, so that what two labels of a
                task have in common does not hide what tells them apart; "plain": the texts' vectors as they are
    learned_scale  False leaves the scale at 1
    power       log power of learned bands, which the queries begin with (ours): the tower's windows know waveforms, and from a few
                hundred trials nobody learns from those how strong an oscillation is
    """

    phrases: Tensor
    labels: Tensor
    untold: Tensor

    def __init__(
        self, encoder: EEGEncoder, qformer: QFormer, tasks: tuple[Wording, ...], text_width: int, *, prototypes: Prototypes,
        learned_scale: bool, chunk: int, power: BandPowerStem | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.encoder, self.qformer, self.tasks = encoder, qformer, tasks
        self.power = power
        self.power_map = nn.Linear(power.width, encoder.width) if power else None
        # Zero at the start, as in ``Classifier``: the tower is heard as far as it helps. Otherwise it learns the training windows
        # by heart before the band power is heard at all.
        self.gate = nn.Parameter(torch.zeros(())) if power else None
        self.prototypes, self.chunk = prototypes, chunk
        start = math.log(1 / 0.07) if learned_scale else 0.0
        self.log_scale = nn.Parameter(torch.tensor(start), requires_grad=learned_scale)
        self.register_buffer("phrases", torch.zeros(sum(len(task.phrases) for task in tasks), text_width))
        self.register_buffer("labels", torch.zeros(sum(len(task.texts) for task in tasks), text_width))
        self.register_buffer("untold", torch.zeros(text_width))

    def write(self, texts: Texts, meanings: Texts | None = None) -> Self:
        """Fill in the vectors of all texts; ``texts`` is the text encoder, ``meanings`` another one for the labels."""
        phrases = texts(*[text for task in self.tasks for text in task.phrases])
        labels = (meanings or texts)(*[text for task in self.tasks for text in task.texts])
        for buffer, vectors in zip((self.phrases, self.labels, self.untold), (phrases, labels, texts(UNTOLD)[0]), strict=True):
            buffer.copy_(torch.from_numpy(vectors))
        return self

    def embed(self, batch: Batch) -> Float[Tensor, "batch text"]:
        """Unit vectors in the space of the texts: what the EEG answers to ``batch.instruction``."""
        assert batch.instruction is not None, "give the batch an instruction"
        tokens, mask, beginning = self.read(batch)
        return self.qformer(tokens, mask, batch.instruction, beginning)

    def evolution(self, batch: Batch) -> list[Float[Tensor, "batch query width"]]:
        """The queries before the first layer of the Q-Former and behind each one."""
        assert batch.instruction is not None, "give the batch an instruction"
        tokens, mask, beginning = self.read(batch)
        return self.qformer.evolution(tokens, mask, batch.instruction, beginning)

    def read(
        self, batch: Batch
    ) -> tuple[Float[Tensor, "batch token width"], Bool[Tensor, "batch token"], Float[Tensor, "batch width"] | None]:
        """What the queries hear, which tokens exist, and what they begin with: band power, where there is such a path."""
        tokens, mask = self._encoded(batch)
        if self.power is None or self.power_map is None or self.gate is None:
            return tokens, mask, None
        return self.gate * tokens, mask, self.power_map(self.power(batch))

    def _encoded(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Windows longer than ``chunk`` seconds go through encoders of patches in chunks."""
        if isinstance(self.encoder, LeafTower):
            return self.encoder.read(batch)
        n_patches = max(1, batch.eeg.shape[-1] // PATCH_SAMPLES)
        tokens, mask = encode_in_chunks(self.encoder, batch, n_patches, min(self.chunk, n_patches))
        return rearrange(tokens, "b c p w -> b (c p) w"), rearrange(mask, "b c p -> b (c p)")

    def meanings(self, task: int) -> Float[Tensor, "label text"]:
        """The vectors of the texts of a task's labels, as the text encoder gives them."""
        first = sum(len(other.texts) for other in self.tasks[:task])
        return self.labels[first : first + len(self.tasks[task].texts)]

    def answers(self, task: int) -> Float[Tensor, "label text"]:
        """Where the labels of a task lie."""
        return placed(self.meanings(task), self.prototypes)

    def instruction(self, task: int, level: int, phrase: int = 0) -> Float[Tensor, " text"]:
        """0: the task is not told; 1: one of its phrases; 2: the phrase, blended with the mean of the task's labels."""
        if level == 0:
            return self.untold
        first = sum(len(other.phrases) for other in self.tasks[:task])
        told = self.phrases[first + phrase % len(self.tasks[task].phrases)]
        if level == 1:
            return told
        return blended(told, self.meanings(task))

    @property
    def readout(self) -> list[nn.Module]:
        """What a probe trains: the last map of the Q-Former, into the space of the texts."""
        return [self.qformer.head]

    @property
    def scale(self) -> Float[Tensor, ""]:
        return self.log_scale.exp().clamp_max(_MOST_SCALE)

    def forward(self, batch: Batch, answers: Float[Tensor, "label text"]) -> Float[Tensor, "batch label"]:
        return self.scale * self.embed(batch) @ answers.T


def placed(vectors: Float[Tensor, "label text"], prototypes: Prototypes) -> Float[Tensor, "label text"]:
    """Unit vectors of the labels of one task; a task of one label is not centred."""
    if prototypes == "centred" and len(vectors) > 1:
        vectors = vectors - vectors.mean(dim=0)
    return F.normalize(vectors, dim=-1)


def known_share(asked: Float[Tensor, "label text"], trained: Sequence[Float[Tensor, "label text"]]) -> Float[Tensor, " label"]:
    """Of what tells each label from the others of its task, the share (0 to 1) that lies in the span of what told labels apart
    in training. ``asked``: texts' vectors of one task; ``trained``: those of each task of the training."""
    apart = torch.cat([placed(labels, "centred") for labels in trained])
    _, sizes, axes = torch.linalg.svd(apart, full_matrices=False)
    return (placed(asked, "centred") @ axes[sizes > 1e-3 * sizes[0]].T).square().sum(dim=1)


def blended(told: Float[Tensor, " text"], labels: Float[Tensor, "label text"]) -> Float[Tensor, " text"]:
    """A phrase and the labels it chooses from, in one vector (instruction level 2)."""
    return F.normalize((told + F.normalize(labels.mean(dim=0), dim=-1)) / 2, dim=-1)


class LanguageConfig(Config):
    """The default is the published size, without the path for band power (``power_filters`` 0), which the smaller presets have. width, queries, depth, heads: of the Q-Former. text: "minilm", a folder, or "hub:NAME"."""

    encoder: EncoderConfig = LeafConfig()
    text: str = "minilm"
    width: int = 256
    queries: int = 8
    depth: int = 4
    heads: int = 8
    dropout: float = 0.1
    head_dropout: float = 0.3
    prototypes: Prototypes = "centred"
    learned_scale: bool = True
    chunk: int = Field(default=2, ge=1)
    power_filters: int = 0
    power_sources: int = 16

    @classmethod
    def preset(cls, name: str) -> LanguageConfig:
        """The sizes of the tower's presets."""
        encoder = LeafConfig.preset(name)
        depth = {"tiny": 2, "small": 3}.get(name, 4)
        return cls(
            encoder=encoder, width=encoder.width, heads=encoder.heads, depth=depth, power_filters=0 if name == "base" else 64
        )

    def build(self, facts: ModelFacts, power: BandPowerStem | None = None) -> LanguageModel:
        """``facts.tasks`` and ``facts.text_width`` set the size of the texts' tables; ``LanguageModel.write`` fills them.

        ``power``: a path for band power of one's own in place of the usual one.
        """
        encoder = self.encoder.build(facts.n_electrodes)
        if self.power_filters and power is None:
            power = BandPowerStem(facts.n_electrodes, sources=self.power_sources, filters=self.power_filters, sfreq=facts.sfreq)
        leaf = isinstance(encoder, LeafTower)
        qformer = QFormer(
            encoder.width, facts.text_width, width=self.width, queries=self.queries, depth=self.depth, heads=self.heads,
            max_tokens=2 * encoder.max_patches if leaf else 0, dropout=self.dropout, head_dropout=self.head_dropout,
        )  # fmt: skip
        return LanguageModel(
            encoder, qformer, facts.tasks, facts.text_width, prototypes=self.prototypes, learned_scale=self.learned_scale,
            chunk=self.chunk, power=power,
        )  # fmt: skip
