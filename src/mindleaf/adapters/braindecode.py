"""MindMix's classifier and the LEAF tower as models of the package braindecode: arrays at 200 Hz in, logits out.

A braindecode model knows its input when it is built: the channels by ``chs_info``, the window by ``n_times``, the rate by
``sfreq``. What reaches it is filtered by the user, in any unit (MindMix reads 1-40 Hz, LEAF 0.1-70 Hz); each window is scaled
here by itself. Their parts have the names of the plain modules, so a RUN's weights fit them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from einops import einsum, rearrange
from jaxtyping import Float
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.encoders.braindecode import braindecode_models
from mindleaf.encoders.leaf import CHANNELS, TOKEN_SAMPLES, LeafConfig
from mindleaf.encoders.mindmix import MindMixConfig
from mindleaf.encoders.projection import montage_projection
from mindleaf.errors import BadInput
from mindleaf.models.chunking import z_score
from mindleaf.models.classifier import Classifier, ClassifierConfig
from mindleaf.models.facts import ModelFacts
from mindleaf.models.tower_classifier import FlatHeadConfig, TowerClassifierConfig
from mindleaf.montage import Montage

EEGModuleMixin: Any = braindecode_models("mindleaf.adapters.braindecode", "use ml.Classifier").base.EEGModuleMixin

_SFREQ = 200.0
_Answer = Tensor | dict[str, Tensor | None]


class _LinearHead:
    """What both models share: what they answer, their head (a linear ``final_layer``), and which input they take."""

    final_layer: nn.Linear
    sfreq: float
    n_chans: int
    n_times: int
    n_outputs: int
    encoder: Any
    head: Any
    dropout: Any
    n_tokens: int
    channel_index: Tensor
    positions: Tensor
    matrix: Tensor
    _chs_info: list[dict[str, Any]] | None
    _set_n_outputs: Callable[[int], None]

    #: (batch, channel, time) to what the head reads, (batch, width).
    features: Callable[[Tensor], Tensor]

    def forward(self, x: Float[Tensor, "batch channel time"], return_features: bool = False) -> _Answer:
        """Logits (batch, n_outputs); with ``return_features`` a dictionary: "features" (batch, width), "cls_token" None."""
        features = self.features(x)
        return {"features": features, "cls_token": None} if return_features else self.final_layer(features)

    def reset_head(self, n_outputs: int) -> None:
        """A new, untrained head for another number of outputs; everything before it stays."""
        self._set_n_outputs(n_outputs)
        old = self.final_layer
        self.final_layer = nn.Linear(old.in_features, n_outputs).to(old.weight)

    def _montage(self) -> Montage:
        """The channels by ``chs_info``: names, and places (metres, head) where it has them; BadInput for a rate other than 200 Hz."""
        if self.sfreq != _SFREQ:
            raise BadInput(f"{type(self).__name__} reads {_SFREQ:g} Hz, got sfreq={self.sfreq:g}; resample the EEG first.")
        if self._chs_info is None:
            return Montage.from_names([f"ch{number}" for number in range(1, self.n_chans + 1)])[0]
        places = np.full((self.n_chans, 3), np.nan)
        for place, channel in zip(places, self._chs_info, strict=True):
            given = np.asarray(channel["loc"], float)[:3] if channel.get("loc") is not None else np.zeros(3)
            place[:] = given if given.any() else np.nan
        return Montage.from_names([channel["ch_name"] for channel in self._chs_info], places)[0]


class MindMix(_LinearHead, EEGModuleMixin, nn.Module):
    """The EEG side of MindMix with a linear head: tokens of one-second patches, and log power beside them.

    Parameters
    ----------
    width, depth, heads, hidden : int
        Size of the transformer; the defaults are the preset "tiny".
    n_codes, code_width : int
        Size of the codebook.
    vq_input : str
        "straight_through" feeds the transformer with codes, "bypass" with tokens.
    power_filters : int
        Filters of the path for band power; 0 leaves it out.
    chunk : int
        Seconds that the encoder reads at a time.
    drop_prob, drop_prob_path : float
        Dropout before the head, and of whole branches of the transformer.
    activation : type[nn.Module]
        Of the convolutions that make tokens; the transformer keeps GELU.
    """

    def __init__(
        self, n_outputs=None, n_chans=None, chs_info=None, n_times=None, input_window_seconds=None, sfreq=None, *,
        width: int = 64, depth: int = 2, heads: int = 4, hidden: int = 256, n_codes: int = 256, code_width: int = 16,
        vq_input: str = "straight_through", power_filters: int = 64, chunk: int = 2, drop_prob: float = 0.1,
        drop_prob_path: float = 0.0, activation: type[nn.Module] = nn.GELU,
    ) -> None:  # fmt: skip
        super().__init__(n_outputs, n_chans, chs_info, n_times, input_window_seconds, sfreq)
        size = {"width": width, "depth": depth, "heads": heads, "hidden": hidden, "n_codes": n_codes, "code_width": code_width}
        encoder = MindMixConfig.checked({**size, "drop_path": drop_prob_path, "vq_input": vq_input}, "MindMix")
        config = ClassifierConfig(encoder=encoder, power_filters=power_filters, chunk=chunk, dropout=drop_prob)
        montage = self._montage()
        facts = ModelFacts(classes=tuple(map(str, range(self.n_outputs))))
        plain: Any = config.build(facts)
        for name, part in plain.named_children():
            setattr(self, name, part)
        self.stem, self.gate, self.chunk = plain.stem, plain.gate, chunk
        self.encoder.patching.convolutions = nn.Sequential(
            *(activation() if isinstance(part, nn.GELU) else part for part in plain.encoder.patching.convolutions)
        )
        self.register_buffer("channel_index", torch.tensor(montage.nearest_indices), persistent=False)
        places = torch.tensor(np.nan_to_num(montage.positions), dtype=torch.float32)
        self.register_buffer("positions", places, persistent=False)

    def features(self, x: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch width"]:
        """The pooled tokens, then the log powers; each channel of a window z-scored, a flat one left out."""
        eeg = z_score(x, x.new_ones(1, 1, x.shape[-1], dtype=torch.bool))
        batch = Batch(
            eeg=eeg, channel_index=self.channel_index.expand(len(x), -1), positions=self.positions.expand(len(x), -1, -1),
            channel_mask=eeg.abs().amax(-1) > 0,
        )  # fmt: skip
        return self.dropout(Classifier.features(self, batch))


class Leaf(_LinearHead, EEGModuleMixin, nn.Module):
    """The LEAF tower with its published head for fine-tuning, a perceptron on all tokens. Wants ``chs_info``.

    Parameters
    ----------
    width, depth, heads, hidden, filters : int
        Size of the tower; the defaults are the preset "tiny".
    head_widths : sequence of int
        The two hidden layers of the head.
    drop_prob, drop_prob_token, drop_prob_head : float
        Dropout in the transformers, of the tokenizer, and in the head.
    activation : type[nn.Module]
        Of the head; the tower keeps GELU.
    """

    #: A RUN's head is one sequence, whose last layer is ``final_layer`` here.
    mapping: ClassVar[dict[str, str]] = {"head.6.weight": "final_layer.weight", "head.6.bias": "final_layer.bias"}

    def __init__(
        self, n_outputs=None, n_chans=None, chs_info=None, n_times=None, input_window_seconds=None, sfreq=None, *,
        width: int = 64, depth: int = 2, heads: int = 4, hidden: int = 128, filters: int = 16,
        head_widths: tuple[int, int] | list[int] = (512, 256), drop_prob: float = 0.0, drop_prob_token: float = 0.25,
        drop_prob_head: float = 0.3, activation: type[nn.Module] = nn.GELU,
    ) -> None:  # fmt: skip
        super().__init__(n_outputs, n_chans, chs_info, n_times, input_window_seconds, sfreq)
        if self._chs_info is None:
            raise BadInput("Leaf reads channels by their place on the head, got no chs_info; give info['chs'] of the recording.")
        size = {"width": width, "depth": depth, "heads": heads, "hidden": hidden, "filters": filters}
        encoder = LeafConfig.checked({**size, "dropout": drop_prob, "token_dropout": drop_prob_token}, "Leaf")
        head = FlatHeadConfig.checked({"hidden": head_widths, "dropout": drop_prob_head}, "Leaf")
        config = TowerClassifierConfig(encoder=encoder, head=head)
        found = montage_projection(self._montage(), CHANNELS)
        if not found.present.any():
            raise BadInput("Leaf knows no place of any channel in chs_info; give 10-10 names or positions.")
        n_tokens = self.n_times // TOKEN_SAMPLES
        if not 1 <= n_tokens <= encoder.max_tokens:
            longest = encoder.max_tokens * TOKEN_SAMPLES / _SFREQ
            raise BadInput(f"Leaf reads windows of 0.5 to {longest:g} s, got {self.n_times / _SFREQ:g} s; cut other windows.")
        plain: Any = config.build(ModelFacts(classes=tuple(map(str, range(self.n_outputs))), n_tokens=n_tokens))
        self.encoder, self.n_tokens = plain.encoder, n_tokens
        self.head = nn.Sequential(*(activation() if isinstance(part, nn.GELU) else part for part in plain.head[:-1]))
        self.final_layer = plain.head[-1]
        self.register_buffer("matrix", torch.from_numpy(found.matrix), persistent=False)

    def features(self, x: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch width"]:
        """The last hidden layer; each channel of a window over its interquartile range."""
        eeg = einsum(self.matrix, _robust(x), "target source, batch source time -> batch target time")
        windows = rearrange(eeg[..., : self.n_tokens * TOKEN_SAMPLES], "b c (n s) -> (b n) c s", s=TOKEN_SAMPLES)
        tokens = self.encoder.token_dropout(rearrange(self.encoder.tokenizer(windows), "(b n) w -> b n w", n=self.n_tokens))
        present = torch.ones(tokens.shape[:2], dtype=torch.bool, device=x.device)
        context = self.encoder.context_of(self.encoder.into_context(tokens), present)
        sequence = self.encoder.sequence_of(self.encoder.into_sequence(tokens), present)
        return self.head(torch.cat([context.flatten(1), sequence.flatten(1)], dim=1))


def _robust(x: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch channel time"]:
    """Median 0 and interquartile range 1 of each channel of a window, clipped at its extreme permilles; flat ones become zeros."""
    ranked, last = x.sort(dim=-1).values, x.shape[-1] - 1

    def quantile(share: float) -> Tensor:
        place = share * last
        low = int(place)
        return torch.lerp(ranked[..., low], ranked[..., min(low + 1, last)], place - low).unsqueeze(-1)

    spread = quantile(0.75) - quantile(0.25)
    scaled = (torch.minimum(torch.maximum(x, quantile(0.001)), quantile(0.999)) - quantile(0.5)) / spread.clamp_min(1e-12)
    return torch.where(spread > 0, scaled, torch.zeros_like(scaled))
