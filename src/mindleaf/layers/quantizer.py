"""A codebook of unit vectors, learned by moving averages."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from loguru import logger
from torch import Tensor, nn
from vector_quantize_pytorch import VectorQuantize

# The library reports its k-means on standard error; what users need is in the training log.
logger.disable("vector_quantize_pytorch")

#: A code used less than this share of an even spread over the codebook is replaced by a token of the batch.
_DEAD_SHARE = 0.1


@dataclass(frozen=True)
class Quantized:
    """values: the tokens written in codes; ids: which code; loss: commitment loss (zero outside training)."""

    values: Float[Tensor, "token width"]
    ids: Int[Tensor, " token"]
    loss: Float[Tensor, ""]


class Quantizer(nn.Module):
    """Nearest code by cosine in a narrow space, straight-through gradients (van den Oord et al. 2017).

    Codes move by exponential averages (0.99), start from k-means on the first training batch, and codes that fall out
    of use are revived. The narrow space is kept at zero mean and unit variance (batch normalisation without gain):
    otherwise tokens of one common direction all take one code, and the commitment loss rewards them for it.
    All state lives in buffers, so a checkpoint restores it. In evaluation nothing of it changes, whatever the batch;
    codes before the first training batch are fixed random directions.
    """

    def __init__(self, width: int, n_codes: int, code_width: int = 32, decay: float = 0.99) -> None:
        super().__init__()
        self.n_codes = n_codes
        self.narrow = nn.Linear(width, code_width)
        self.spread = nn.BatchNorm1d(code_width, affine=False)
        self.widen = nn.Linear(code_width, width)
        self.quantize = VectorQuantize(
            dim=code_width,
            codebook_size=n_codes,
            decay=decay,
            use_cosine_sim=True,
            kmeans_init=True,
            threshold_ema_dead_code=1,
            rotation_trick=False,
        )
        directions = torch.randn(n_codes, code_width, generator=torch.Generator().manual_seed(n_codes))
        self.quantize._codebook.embed.copy_(F.normalize(directions, dim=-1).unsqueeze(0))

    def forward(self, tokens: Float[Tensor, "token width"]) -> Quantized:
        if not self.training or len(tokens) < 2:
            return self._nearest(tokens)
        # The library's threshold is a count; a fixed one would expire every code of a large codebook on a small batch.
        even = len(tokens) / self.n_codes
        codebook = self.quantize._codebook
        codebook.threshold_ema_dead_code, codebook.reset_cluster_size = _DEAD_SHARE * even, even
        values, ids, loss = self.quantize(self.spread(self.narrow(tokens)).unsqueeze(0))
        return Quantized(self.widen(values.squeeze(0)), ids.squeeze(0), loss.squeeze())

    def _nearest(self, tokens: Float[Tensor, "token width"]) -> Quantized:
        mean, variance = self.spread.running_mean, self.spread.running_var
        assert mean is not None and variance is not None
        spread = (self.narrow(tokens) - mean) * torch.rsqrt(variance + self.spread.eps)
        directions = F.normalize(spread, dim=-1)
        ids = (directions @ self.quantize.codebook.T).argmax(dim=-1)
        return Quantized(self.widen(self.quantize.codebook[ids]), ids, tokens.new_zeros(()))


def perplexity(ids: Int[Tensor, " token"], n_codes: int) -> Float[Tensor, ""]:
    """exp(entropy) of the codes in use: 1 when all tokens share one code, ``n_codes`` when all are used evenly."""
    share = torch.bincount(ids, minlength=n_codes).float() / max(1, len(ids))
    return torch.exp(-(share * torch.log(share.clamp_min(1e-12))).sum())


def usage(ids: Int[Tensor, " token"], n_codes: int) -> Float[Tensor, ""]:
    """Share of the codes that a batch could have used (tokens or codes, whichever are fewer) that it did use."""
    return (torch.bincount(ids, minlength=n_codes) > 0).float().sum() / max(1, min(n_codes, len(ids)))
