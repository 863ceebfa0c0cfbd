"""CALRA and co-attention over tokens: attention that is attention."""

import pytest
import torch
from torch import nn

from mindleaf.fusion import blocks
from mindleaf.fusion.attention import CrossAttention, TokenAttention
from tests.fusion.fusions import WIDTH, awake, fresh, items


@pytest.fixture(params=["calra", "co_attention"])
def fusion(request):
    return awake(fresh(request.param, "tokens"))


def test_queries_and_keys_of_both_sides_learn(fusion):
    eeg, audio, present = items("tokens")
    fusion.all_pairs(eeg, audio, None, present).square().sum().backward()
    for side in (fusion.eeg, fusion.audio):
        assert side.listen.query.weight.grad.abs().sum() > 0
        assert side.listen.key.weight.grad.abs().sum() > 0


def test_the_order_of_tokens_does_not_matter(fusion):
    eeg, audio, present = items("tokens")
    order, other = torch.randperm(7), torch.randperm(9)
    turned = fusion.all_pairs(eeg[:, order], audio[:, other], None, present[:, order])
    torch.testing.assert_close(turned, fusion.all_pairs(eeg, audio, None, present), atol=1e-6, rtol=1e-5)


def test_absent_tokens_change_nothing(fusion):
    eeg, audio, present = items("tokens")
    filled = torch.where(present.unsqueeze(-1), eeg, 100 * torch.randn_like(eeg))
    scores = fusion.all_pairs(eeg, audio, None, present)
    torch.testing.assert_close(fusion.all_pairs(filled, audio, None, present), scores, atol=1e-6, rtol=1e-5)
    kept = fusion.all_pairs(eeg[:1, :2], audio)
    torch.testing.assert_close(kept, scores[:1], atol=1e-6, rtol=1e-5)


def test_an_item_without_tokens_gives_numbers(fusion):
    eeg, audio, present = items("tokens")
    present[0] = False
    assert torch.isfinite(fusion.all_pairs(eeg, audio, None, present)).all()


def test_token_attention_is_torchs_multi_head_attention():
    ours = awake(TokenAttention(WIDTH, 4))
    theirs = nn.MultiheadAttention(WIDTH, 4, batch_first=True).eval()
    parts = (ours.query, ours.key, ours.value)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    eeg, audio, present = items("tokens", rows=5)
    expected, _ = theirs(audio, eeg, eeg, key_padding_mask=~present)
    torch.testing.assert_close(ours(audio, eeg, present), expected, atol=1e-6, rtol=1e-5)


def test_over_one_key_it_is_the_linear_map_of_the_vector_form():
    real = awake(TokenAttention(WIDTH, 4))
    linear = CrossAttention(WIDTH, 4)
    linear.load_state_dict(real.state_dict())
    own, source = torch.randn(5, 1, WIDTH), torch.randn(5, 1, WIDTH)
    torch.testing.assert_close(real(own, source), linear(source), atol=1e-6, rtol=1e-5)


def test_pairs_are_worked_off_in_blocks(fusion, monkeypatch):
    eeg, audio, present = items("tokens")
    fused, fuse = [], fusion.fuse
    monkeypatch.setattr(fusion, "fuse", lambda own, *rest: (fused.append(len(own)), fuse(own, *rest))[1])
    monkeypatch.setattr(blocks, "BLOCK_INFERENCE", 2 * 5 * fusion.numbers_per_pair(7, 9))
    with torch.inference_mode():
        fusion.all_pairs(eeg, audio, None, present)
    assert fused == [2, 2, 2]
