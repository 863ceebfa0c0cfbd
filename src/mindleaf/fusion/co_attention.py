"""Co-attention: each side attends to the other, and nothing else crosses (an ablation of MindMix, Table 3)."""

from __future__ import annotations

from mindleaf.fusion.calra import Calra
from mindleaf.fusion.fusion import Form


class CoAttention(Calra):
    """A co-attentional transformer layer (Lu et al. 2019, ViLBERT): queries of one side, keys and values of the other,
    then a feed-forward part on each side. No auditory types, no product.

    In the form "vector" there is one key, so attention is a linear map and this is CALRA without aligner and low rank.
    In "frames" each frame attends to all frames of the other side, pair by pair; in "tokens" to all tokens.
    The paper does not say which co-attention block it compares with.
    """

    def __init__(self, width: int = 256, *, heads: int = 4, hidden: int = 512, form: Form = "vector") -> None:
        super().__init__(width, heads=heads, hidden=hidden, form=form, aligner=False, low_rank=False, attends=form != "vector")
