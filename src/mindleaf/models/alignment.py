"""Stages 2 and 3: EEG and audio brought into one space, and every candidate scored (MindMix, section 3.3)."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, Self, TypedDict

import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from jaxtyping import Bool, Float, Int
from pydantic import model_validator
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.encoders.audio_tower import AudioTower, AudioTowerConfig
from mindleaf.encoders.choice import EEGEncoder, EncoderConfig
from mindleaf.encoders.mindmix import PATCH_SAMPLES, MindMixConfig, masked_mean
from mindleaf.encoders.stem import StemConfig, TemporalStem
from mindleaf.errors import BadInput
from mindleaf.fusion import FUSIONS
from mindleaf.fusion.dual_tower import DualTower
from mindleaf.fusion.fusion import Form, Fusion
from mindleaf.fusion.paper_paired import authors_decision, paper_paired_similarity
from mindleaf.fusion.ranking import Ranking, rank
from mindleaf.fusion.similarity import LogitScale
from mindleaf.layers import ranks
from mindleaf.layers.positions import TimePositions
from mindleaf.models.chunking import encode_in_chunks
from mindleaf.models.facts import ModelFacts

Pairing = Literal["all_pairs", "dual_tower", "paper_paired"]
_FORMS: dict[str, Form] = {"frames": "frames", "pooled": "vector", "tokens": "tokens"}

#: Sounds that the audio tower embeds at once when many are ranked.
_SOUNDS_AT_ONCE = 256


class Sides(TypedDict):
    """What the windows of a batch bring to the fusion: items of EEG, which of them exist (not there: all), frames of the streams."""

    eeg: Float[Tensor, "batch token dim"]
    present: NotRequired[Bool[Tensor, "batch token"]]
    audio: Float[Tensor, "batch stream frame dim"]


@dataclass(eq=False)
class Contrast:
    """Logits for contrastive training: every window against everyone's stream 0 (other processes' too), and, where asked for,
    against the streams 1.. of its own window (the talker not attended to)."""

    pairs: Float[Tensor, "batch everyone"]
    unattended: Float[Tensor, "batch stream"] | None


class Unpatching(nn.Module):
    """Encoder tokens back to frames: a learned weighting of the channels, then each one-second token gives its frames."""

    def __init__(self, width: int, dims: int, frames_per_patch: int) -> None:
        super().__init__()
        self.relevance = nn.Linear(width, 1)
        self.spread = nn.Linear(width, frames_per_patch * dims)
        self.frames_per_patch = frames_per_patch
        # Zero at the start: an encoder that has learned nothing yet adds nothing to the stem.
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(
        self, tokens: Float[Tensor, "batch channel patch width"], mask: Bool[Tensor, "batch channel patch"]
    ) -> Float[Tensor, "batch frame dim"]:
        relevance = self.relevance(tokens).squeeze(-1).masked_fill(~mask, -1e4)
        weights = relevance.softmax(dim=1).unsqueeze(-1) * mask.unsqueeze(-1)
        frames = self.spread((tokens * weights).sum(dim=1))
        return self.gate * rearrange(frames, "b p (f d) -> b (p f) d", f=self.frames_per_patch)


class AlignedModel(nn.Module):
    """Scores candidate sounds against EEG.

    Time-resolved (``pool`` None): EEG frames are the stem's plus the encoder's, audio frames come from the tower at the
    same rate, and nothing is averaged before the score. Pooled (``pool`` given): one vector per window and sound, as in
    the paper. Tokens (``token_frames`` > 0 besides): each EEG token is a vector, and so are stretches of ``token_frames``
    audio frames, both with their time added. EEG is read up to the stem's reach after the last audio frame; what is missing there counts as zeros.
    """

    def __init__(
        self,
        *,
        stem: TemporalStem | None,
        encoder: EEGEncoder | None,
        unpatching: Unpatching | None,
        pool: nn.Module | None,
        audio_tower: AudioTower,
        fusion: Fusion,
        pairing: Pairing,
        frame_rate: float,
        chunk: int,
        token_frames: int = 0,
        dims: int = 0,
    ) -> None:
        super().__init__()
        self.stem, self.encoder, self.unpatching, self.pool = stem, encoder, unpatching, pool
        self.audio_tower, self.fusion = audio_tower, fusion
        self.logit_scale = LogitScale()
        self.pairing, self.frame_rate, self.chunk, self.token_frames = pairing, frame_rate, chunk, token_frames
        self.times = TimePositions(dims) if token_frames else None

    @property
    def readout(self) -> list[nn.Module]:
        """What a probe trains: the maps that read the encoder, the last maps of the fusion, the logit scale."""
        reading = [part for part in (self.unpatching, self.pool) if part is not None]
        return [*reading, *self.fusion.last_maps, self.logit_scale]

    def eeg_items(
        self, batch: Batch, n_frames: int
    ) -> tuple[Float[Tensor, "batch token dim"], Bool[Tensor, "batch token"] | None]:
        """What the fusion takes of each window: its frames, its one vector, or its tokens and which of them exist."""
        if self.times is None:
            return self.eeg_frames(batch, n_frames), None
        assert self.pool is not None
        tokens, mask = self._tokens(batch, n_frames)
        seconds = torch.arange(tokens.shape[2], device=tokens.device) + 0.5
        return rearrange(self.pool(tokens) + self.times(seconds), "b c p d -> b (c p) d"), rearrange(mask, "b c p -> b (c p)")

    def eeg_frames(self, batch: Batch, n_frames: int) -> Float[Tensor, "batch frame dim"]:
        """The EEG in the shared space, one row per audio frame (one row in all where pooled)."""
        if self.pool is not None:
            tokens, mask = self._tokens(batch, n_frames)
            pooled = masked_mean(rearrange(tokens, "b c p w -> b (c p) w"), rearrange(mask, "b c p -> b (c p)"))
            return rearrange(self.pool(pooled), "b d -> b 1 d")
        frames: Tensor | None = None if self.stem is None else self.stem(batch, n_frames)
        if self.unpatching is not None:
            context = self.unpatching(*self._tokens(batch, n_frames))[:, :n_frames]
            frames = context if frames is None else frames + context
        assert frames is not None
        return frames

    def _tokens(self, batch: Batch, n_frames: int) -> tuple[Tensor, Tensor]:
        assert self.encoder is not None
        n_patches = max(1, -(-n_frames // round(self.frame_rate)))
        return encode_in_chunks(self.encoder, batch, n_patches, min(self.chunk, n_patches))

    def audio_frames(self, audio: Float[Tensor, "batch stream feature frame"]) -> Float[Tensor, "batch stream frame dim"]:
        frames = self.audio_tower(audio)
        if self.times is None:
            return frames if self.pool is None else reduce(frames, "b s f d -> b s 1 d", "mean")
        n_streams = frames.shape[1]
        pooled = F.avg_pool1d(rearrange(frames, "b s f d -> (b s) d f"), self.token_frames, ceil_mode=True)
        seconds = (torch.arange(pooled.shape[-1], device=frames.device) + 0.5) * self.token_frames / self.frame_rate
        return rearrange(pooled, "(b s) d f -> b s f d", s=n_streams) + self.times(seconds)

    def score(self, batch: Batch) -> Float[Tensor, "batch stream"]:
        """Logit of each candidate of each window; each is fused with the EEG separately, so their order cannot matter."""
        audio = _audio(batch)
        eeg, present = self.eeg_items(batch, audio.shape[-1])
        return self.logit_scale(self.fusion(eeg, self.audio_frames(audio), batch.auditory_type, present))

    def forward(self, batch: Batch) -> Float[Tensor, "batch stream"]:
        return self.score(batch)

    def all_pairs(self, batch: Batch) -> Float[Tensor, "batch batch"]:
        """Logit of every window against stream 0 of every window."""
        return self.contrast(batch).pairs

    def sides(self, batch: Batch) -> Sides:
        eeg, present = self.eeg_items(batch, _audio(batch).shape[-1])
        sides = Sides(eeg=eeg, audio=self.audio_frames(_audio(batch)))
        return sides if present is None else {**sides, "present": present}

    def contrast(self, batch: Batch, unattended: bool = False, sides: Sides | None = None) -> Contrast:
        """Logits for contrastive training under the model's pairing; ``sides``: of these windows, where computed before."""
        sides = sides or self.sides(batch)
        eeg, audio, present, types = sides["eeg"], sides["audio"], sides.get("present"), batch.auditory_type
        if self.pairing == "paper_paired":
            pairs = paper_paired_similarity(self.fusion, eeg, audio[:, 0], types)
        else:
            pairs = self.fusion.all_pairs(eeg, ranks.of_all(audio[:, 0]), None if types is None else ranks.of_all(types), present)
        if not unattended or audio.shape[1] < 2:
            return Contrast(self.logit_scale(pairs), None)
        return Contrast(self.logit_scale(pairs), self.logit_scale(self.fusion(eeg, audio[:, 1:], types, present)))

    @torch.no_grad()
    def rank(
        self,
        batch: Batch,
        candidates: Float[Tensor, "candidate feature frame"],
        top_k: int,
        types: Int[Tensor, " candidate"] | None = None,
    ) -> Ranking:
        """Order many sounds for each window: two towers choose ``top_k``, the fusion orders those (``fusion.ranking``).

        Each sound is embedded once, whatever the number of windows. ``types`` are the sounds' auditory types. The model
        should be in evaluation mode. Raises BadInput where ``top_k`` is below 1 or there is no candidate.
        """
        if top_k < 1 or not len(candidates):
            raise BadInput(f"ranking wants candidates and a top_k of 1 or more, got {len(candidates)} and {top_k}; give both.")
        eeg, present = self.eeg_items(batch, candidates.shape[-1])
        audio = torch.cat([self.audio_frames(some.unsqueeze(0))[0] for some in candidates.split(_SOUNDS_AT_ONCE)])
        return rank(self.fusion, eeg, audio, top_k, types, present)

    def authors_score(self, batch: Batch, attended: Int[Tensor, " batch"]) -> Float[Tensor, "batch stream"]:
        """The authors' attention rule, which is told the answer. UNSOUND: for the audit and for fidelity only."""
        if self.fusion.form != "vector" or isinstance(self.fusion, DualTower):
            raise BadInput(
                "the authors' rule wants pooled sides that meet, got others; build the model with pairing='paper_paired'."
            )
        audio = _audio(batch)
        eeg = self.eeg_frames(batch, audio.shape[-1])
        return authors_decision(self.fusion, self.logit_scale, eeg, self.audio_frames(audio), attended)


def _audio(batch: Batch) -> Float[Tensor, "batch stream feature frame"]:
    if batch.audio is None:
        raise BadInput("scoring sounds wants a batch with audio, got one without; read it from a store with stimuli.")
    return batch.audio


class AlignedConfig(Config):
    """What a person decides about alignment. The defaults are the time-resolved form; ``paper`` is the paper's.

    dims      size of the shared space (per frame, or of the one vector where pooled)
    encoder   None leaves the stem alone        stem    None leaves the encoder alone
    alignment frames (time-resolved), pooled (one vector, as in the paper), tokens (EEG tokens and audio tokens attend to
              each other; a token of sound lasts ``token_s`` seconds; the stem takes no part in the last two)
    fusion    how the sides meet: calra, co_attention, concat_mlp, or clip (not at all); the last three as in Table 3
    pairing   all_pairs (sound), paper_paired (unsound, pooled only); "dual_tower" is another way to say fusion="clip"
    type_aligner, cross_attention, low_rank   False leaves that part of CALRA out (Table 3)
    chunk     seconds of EEG the encoder reads at once
    """

    encoder: EncoderConfig | None = MindMixConfig(vq_input="bypass")
    stem: StemConfig | None = StemConfig()
    audio: AudioTowerConfig = AudioTowerConfig()
    alignment: Literal["frames", "pooled", "tokens"] = "frames"
    fusion: Literal["calra", "co_attention", "concat_mlp", "clip"] = "calra"
    pairing: Pairing = "all_pairs"
    dims: int = 32
    heads: int = 4
    hidden: int = 64
    rank: int = 16
    type_aligner: bool = True
    type_dropout: float = 0.1
    cross_attention: bool = True
    low_rank: bool = True
    token_s: float = 0.25
    chunk: int = 2

    @model_validator(mode="before")
    @classmethod
    def _dual_tower_is_clip(cls, values: Any) -> Any:
        """One form for both names, so that a later choice of another fusion is not overruled by the pairing."""
        if not isinstance(values, dict) or values.get("pairing") != "dual_tower":
            return values
        if values.get("fusion", "calra") not in ("calra", "clip"):
            raise ValueError(f"pairing='dual_tower' is fusion='clip'; for {values['fusion']} set pairing='all_pairs'")
        return {**values, "fusion": "clip", "pairing": "all_pairs"}

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.pairing == "paper_paired" and self.alignment != "pooled":
            raise ValueError("paper_paired is the paper's pooled form; set alignment='pooled'")
        if self.pairing == "paper_paired" and self.fusion == "clip":
            raise ValueError(
                "paper_paired wants sides that meet, those of clip do not; set pairing='all_pairs' or fusion='calra'"
            )
        if self.alignment == "tokens" and self.fusion in ("concat_mlp", "clip"):
            raise ValueError(f"tokens are for attention, {self.fusion} has none; set alignment='pooled' or fusion='calra'")
        if self.fusion != "calra" and not (self.cross_attention and self.low_rank):
            raise ValueError(f"cross_attention and low_rank are parts of calra, not of {self.fusion}; leave them True")
        if self.token_s <= 0:
            raise ValueError(f"token_s must be above 0 seconds, got {self.token_s:g}")
        if self.encoder is None and (self.stem is None or self.alignment != "frames"):
            raise ValueError("the EEG side wants an encoder or, time-resolved, a stem")
        if self.dims % self.heads:
            raise ValueError(f"dims must be a multiple of heads, got {self.dims} and {self.heads}")
        return self

    @classmethod
    def preset(cls, name: str) -> AlignedConfig:
        """The time-resolved form around an encoder preset, and two without a transformer.

        "linear": one convolution on each side, the rung between the linear floor and the network. "towers": the EEG side
        stays that convolution, the sound goes through a deep tower that may learn what the ear adds to loudness.
        """
        if name == "towers":
            return cls(encoder=None, stem=StemConfig(depth=0), audio=AudioTowerConfig(depth=3), pairing="dual_tower", dims=16)
        if name == "linear":
            stem, tower = StemConfig(depth=0), AudioTowerConfig(depth=0)
            return cls(encoder=None, stem=stem, audio=tower, pairing="dual_tower", dims=8)
        encoder = MindMixConfig.preset(name).model_copy(update={"vq_input": "bypass"})
        if name == "tiny":
            return cls(encoder=encoder, dims=16, hidden=16, rank=8)
        return cls(encoder=encoder)

    @classmethod
    def paper(cls, preset: str = "base", pairing: Pairing = "all_pairs") -> AlignedConfig:
        """Pooled vectors of 256 dimensions through the codebook; ``pairing="paper_paired"`` is the form as printed."""
        return cls(
            encoder=MindMixConfig.preset(preset), stem=None, alignment="pooled", pairing=pairing, dims=256, hidden=512, rank=128
        )

    def build(self, facts: ModelFacts) -> AlignedModel:
        """Raises BadInput where the audio's frame rate is not the stem's (sfreq / stride)."""
        encoder = None if self.encoder is None else self.encoder.build(facts.n_electrodes)
        frames = self.alignment == "frames"
        pool = unpatching = stem = None
        if frames and encoder is not None:
            unpatching = Unpatching(encoder.width, self.dims, round(facts.frame_rate * PATCH_SAMPLES / facts.sfreq))
        if not frames and encoder is not None:
            pool = nn.Sequential(nn.Linear(encoder.width, self.dims), nn.GELU(), nn.LayerNorm(self.dims))
        if frames and self.stem is not None:
            _check_rate(facts, self.stem.stride)
            stem = self.stem.build(facts.n_electrodes, self.dims, len(facts.subjects))
        return AlignedModel(
            stem=stem,
            encoder=encoder,
            unpatching=unpatching,
            pool=pool,
            audio_tower=self.audio.build(facts.n_audio_features, self.dims),
            fusion=self._fusion(),
            pairing=self.pairing,
            frame_rate=facts.frame_rate,
            chunk=self.chunk,
            token_frames=max(1, round(self.token_s * facts.frame_rate)) if self.alignment == "tokens" else 0,
            dims=self.dims,
        )

    def _fusion(self) -> Fusion:
        calra = {
            "rank": self.rank, "aligner": self.type_aligner, "cross_attention": self.cross_attention,
            "low_rank": self.low_rank, "type_dropout": self.type_dropout,
        }  # fmt: skip
        size = {"width": self.dims, "hidden": self.hidden}
        settings: dict[str, dict[str, Any]] = {
            "calra": {**size, "heads": self.heads, **calra},
            "co_attention": {**size, "heads": self.heads},
            "concat_mlp": size,
            "clip": {},
        }
        fusion: Fusion = pkgutil.resolve_name(FUSIONS[self.fusion])(form=_FORMS[self.alignment], **settings[self.fusion])
        return fusion


def _check_rate(facts: ModelFacts, stride: int) -> None:
    if abs(facts.sfreq / stride - facts.frame_rate) > 1e-6:
        raise BadInput(
            f"the stem gives {facts.sfreq / stride:g} frames a second, the audio has {facts.frame_rate:g}; "
            f"set stem.stride={facts.sfreq / facts.frame_rate:g} or choose another audio frame rate."
        )
