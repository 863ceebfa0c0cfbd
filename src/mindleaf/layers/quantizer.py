"""A codebook of unit vectors, learned by moving averages."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from loguru import logger
from torch import Tensor, nn
from vector_quantize_pytorch import VectorQuantize

from mindleaf.errors import BadInput
from mindleaf.layers import ranks

# The library reports its k-means on standard error; what users need is in the training log.
logger.disable("vector_quantize_pytorch")

#: A code used less than this share of an even spread over the codebook is replaced by a token of the batch, and counts
#: as used this much from then on. The second number is close to the first on purpose: with the average's memory of 100
#: steps, a code that was counted as evenly used would lie idle for 230 steps before it got another chance.
_DEAD_SHARE, _REVIVED_SHARE = 0.1, 0.2

#: After n batches the codes' average has a decay of n / (n + this), until that reaches its final value: tokens move fast at
#: the start, and codes that remember a hundred batches are left behind, all but a few.
_RISE = 10.0


@dataclass(frozen=True)
class Quantized:
    """values: the tokens written in codes; ids: which code; loss: commitment loss of each token (zero outside training)."""

    values: Float[Tensor, "token width"]
    ids: Int[Tensor, " token"]
    loss: Float[Tensor, " token"]


class Standardisation(nn.Module):
    """Zero mean and unit variance by running moments, with the gradient of batch normalisation (Ioffe 2017, r and d unbounded).

    The values are the same in training and evaluation: a batch comes from one store, and by the batch's own moments the
    same token would get one code in training and another in evaluation. The gradient is that of the batch's own moments:
    without it all tokens move together in the first steps and share a handful of codes.
    """

    mean: Float[Tensor, " width"]
    variance: Float[Tensor, " width"]
    n_batches: Int[Tensor, ""]

    def __init__(self, width: int, momentum: float = 0.05) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))
        self.register_buffer("n_batches", torch.zeros((), dtype=torch.long))

    def forward(self, tokens: Float[Tensor, "token width"]) -> Float[Tensor, "token width"]:
        values = (tokens - self.mean) * torch.rsqrt(self.variance + 1e-5)
        if not self.training:
            return values
        mean, variance = _moments(tokens)
        by_batch = (tokens - mean) * torch.rsqrt(variance + 1e-5)
        return by_batch + (values - by_batch).detach()

    @torch.no_grad()
    def follow(self, tokens: Float[Tensor, "token width"]) -> None:
        """Move the moments towards these tokens': the mean over all batches at first, then a moving average."""
        self.n_batches += 1
        step = max(self.momentum, 1.0 / float(self.n_batches))
        mean, variance = _moments(tokens)
        difference = mean - self.mean
        # The second term is what the shift of the mean adds to the spread around it.
        spread = variance + (1.0 - step) * difference.square()
        self.variance.lerp_(spread.to(self.variance.dtype), step)
        self.mean.add_(step * difference)


def _moments(tokens: Float[Tensor, "token width"]) -> tuple[Float[Tensor, " width"], Float[Tensor, " width"]]:
    """Mean and variance over the tokens of all processes that work on the batch."""
    if not ranks.apart():
        return tokens.mean(dim=0), tokens.var(dim=0, unbiased=False)
    n = ranks.total(tokens.new_tensor(float(len(tokens))))
    mean = ranks.total(tokens.sum(dim=0)) / n
    return mean, ranks.total((tokens - mean).square().sum(dim=0)) / n


def _sampled(tokens: Float[Tensor, "1 token width"], n: int) -> Float[Tensor, "1 n width"]:
    """``n`` tokens of all processes, none twice where there are enough."""

    def draw(there: int) -> Int[Tensor, " n"]:
        return torch.randperm(there)[:n] if there >= n else torch.randint(0, there, (n,))

    return ranks.drawn_rows(tokens.squeeze(0), draw).unsqueeze(0)


class Quantizer(nn.Module):
    """Nearest code by cosine in a narrow space, straight-through gradients (van den Oord et al. 2017).

    Codes move by exponential averages (0.99), start from k-means on the first training batch, and codes that fall out
    of use are revived. Several processes that train together keep one codebook: counts and sums are added up over them,
    and tokens are drawn from all of them. The narrow space is kept at zero mean and unit variance: otherwise tokens of one common direction all take one code, and the commitment loss rewards them for it.
    All state lives in buffers, so a checkpoint restores it. In evaluation nothing of it changes, whatever the batch;
    codes before the first training batch are fixed random directions.
    """

    def __init__(self, width: int, n_codes: int, code_width: int = 32, decay: float = 0.99) -> None:
        super().__init__()
        self.n_codes, self.decay = n_codes, decay
        self.narrow = nn.Linear(width, code_width)
        self.spread = Standardisation(code_width)
        self.widen = nn.Linear(code_width, width)
        self.quantize = VectorQuantize(
            dim=code_width,
            codebook_size=n_codes,
            decay=decay,
            use_cosine_sim=True,
            kmeans_init=True,
            # Codes out of use are replaced below: the library's way draws among the tokens of one process.
            threshold_ema_dead_code=0,
            rotation_trick=False,
            sync_codebook=False,
        )
        codebook = self.quantize._codebook
        codebook.sample_fn = _sampled
        codebook.all_reduce_fn = codebook.kmeans_all_reduce_fn = ranks.add_up_
        directions = torch.randn(n_codes, code_width, generator=torch.Generator().manual_seed(n_codes))
        self.quantize._codebook.embed.copy_(F.normalize(directions, dim=-1).unsqueeze(0))

    @property
    def codes(self) -> Float[Tensor, "code narrow"]:
        """The codes as unit vectors of the narrow space, as they are now; no gradient."""
        return self.quantize.codebook.detach().clone()

    def forward(self, tokens: Float[Tensor, "token width"]) -> Quantized:
        if not self.training or tokens.shape[0] < 2:
            return self._nearest(tokens)
        if ranks.in_pieces():
            raise BadInput(
                "training.accumulate wanted a model that can be shown a batch in pieces, got a codebook that learns and moves with "
                "every piece; set accumulate=1 and use a smaller batch or more devices, or learn with a codebook that stands still."
            )
        narrow = self.narrow(tokens)
        self.spread.follow(narrow)
        n_batches = float(self.spread.n_batches)
        self.quantize._codebook.decay = min(self.decay, n_batches / (n_batches + _RISE))
        spread = self.spread(narrow)
        values, ids, _ = self.quantize(spread.unsqueeze(0))
        directions = F.normalize(spread, dim=-1)
        self._revive(directions.detach())
        # The library's loss, token by token: which tokens make up a batch must not change what one of them adds.
        loss = (values.squeeze(0).detach() - directions).square().mean(dim=-1)
        return Quantized(self.widen(values.squeeze(0)), ids.squeeze(0), loss)

    @torch.no_grad()
    def _revive(self, directions: Float[Tensor, "token narrow"]) -> None:
        """Codes out of use take the place of tokens, as many as there are tokens: none is taken twice."""
        codebook = self.quantize._codebook
        n_tokens = int(ranks.total(torch.tensor(len(directions), device=directions.device)))
        # A fixed threshold would expire every code of a large codebook on a small batch.
        even = n_tokens / self.n_codes
        dead = (codebook.cluster_size[0] < _DEAD_SHARE * even).nonzero().squeeze(1)
        if not len(dead):
            return
        if len(dead) > n_tokens:
            dead = dead[ranks.agreed(torch.randperm(len(dead))[:n_tokens]).to(dead.device)]
        fresh = _sampled(directions.unsqueeze(0), len(dead))[0].to(codebook.embed.dtype)
        codebook.embed[0, dead] = fresh
        codebook.cluster_size[0, dead] = _REVIVED_SHARE * even
        codebook.embed_avg[0, dead] = fresh * _REVIVED_SHARE * even

    def _nearest(self, tokens: Float[Tensor, "token width"]) -> Quantized:
        directions = F.normalize(self.spread(self.narrow(tokens)), dim=-1)
        ids = (directions @ self.codes.T).argmax(dim=-1)
        # Not len(tokens): an exported program would keep that number and take no other batch.
        return Quantized(self.widen(self.quantize.codebook[ids]), ids, tokens.new_zeros(tokens.shape[0]))


def perplexity(ids: Int[Tensor, " token"], n_codes: int) -> Float[Tensor, ""]:
    """exp(entropy) of the codes in use: 1 when all tokens share one code, ``n_codes`` when all are used evenly."""
    counts = code_counts(ids, n_codes)
    share = counts.float() / counts.sum().clamp_min(1)
    return torch.exp(-(share * torch.log(share.clamp_min(1e-12))).sum())


def usage(ids: Int[Tensor, " token"], n_codes: int) -> Float[Tensor, ""]:
    """Share of the codes that a batch could have used (tokens or codes, whichever are fewer) that it did use."""
    counts = code_counts(ids, n_codes)
    return (counts > 0).float().sum() / counts.sum().clamp(1, n_codes)


def code_counts(ids: Int[Tensor, " token"], n_codes: int) -> Int[Tensor, " code"]:
    """How often each code was taken, by the tokens of all processes that work on the batch."""
    counts = torch.bincount(ids, minlength=n_codes)
    ranks.add_up_(counts)
    return counts
