from dataclasses import replace

import pytest
import torch

from mindleaf.encoders.mindmix import PRESETS, MindMixConfig, MindMixEncoder, masked_mean
from mindleaf.errors import BadInput
from tests.models.small_batches import noise_batch


@pytest.fixture(params=["straight_through", "bypass"])
def encoder(request) -> MindMixEncoder:
    torch.manual_seed(0)
    built = MindMixEncoder(12, width=32, depth=2, heads=4, hidden=64, n_codes=16, code_width=8, vq_input=request.param)
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return built.eval()


def test_tokens_are_channel_by_patch(encoder):
    tokens, mask = encoder(noise_batch(3, channels=4, context=0))
    assert tokens.shape == (3, 4 * 2, 32)
    assert mask.all()


def test_channels_may_come_in_any_order(encoder):
    batch = noise_batch(3, channels=5)
    batch = replace(batch, channel_index=torch.tensor([[0, 12, 3, 12, 5]]).expand(3, -1))
    order = torch.tensor([3, 0, 4, 2, 1])
    turned = replace(
        batch,
        eeg=batch.eeg[:, order],
        channel_index=batch.channel_index[:, order],
        positions=batch.positions[:, order],
    )
    torch.testing.assert_close(masked_mean(*encoder(batch)), masked_mean(*encoder(turned)), atol=1e-5, rtol=1e-5)


def test_padded_channels_and_patches_change_nothing(encoder):
    batch = noise_batch(2, channels=3, context=0)
    padded = replace(
        batch,
        eeg=torch.nn.functional.pad(batch.eeg, (0, 200, 0, 2), value=3.0),
        channel_index=torch.nn.functional.pad(batch.channel_index, (0, 2), value=12),
        positions=torch.nn.functional.pad(batch.positions, (0, 0, 0, 2)),
        channel_mask=torch.nn.functional.pad(batch.channel_mask, (0, 2)),
    )
    patch_mask = torch.tensor([[True, True, False]]).expand(2, -1)
    pooled = masked_mean(*encoder(padded, patch_mask))
    torch.testing.assert_close(pooled, masked_mean(*encoder(batch)), atol=1e-5, rtol=1e-5)


def test_a_window_scores_the_same_alone_and_in_a_batch(encoder):
    batch = noise_batch(4, channels=3)
    alone = replace(batch, eeg=batch.eeg[:1], channel_index=batch.channel_index[:1], positions=batch.positions[:1],
                    channel_mask=batch.channel_mask[:1])  # fmt: skip
    torch.testing.assert_close(encoder(batch)[0][:1], encoder(alone)[0], atol=1e-5, rtol=1e-5)


def test_a_window_without_a_usable_channel_gives_zeros(encoder):
    batch = noise_batch(2, channels=3)
    batch.channel_mask[1] = False
    pooled = masked_mean(*encoder(batch))
    assert torch.isfinite(pooled).all()
    assert not pooled[1].any()


def test_too_long_a_window_is_refused_with_what_to_do(encoder):
    with pytest.raises(BadInput, match="chunks"):
        encoder(noise_batch(1, channels=1, seconds=40))


def test_presets_grow_to_the_paper():
    sizes = [sum(p.numel() for p in config.build(339).parameters()) for config in PRESETS.values()]
    assert sizes == sorted(sizes)
    base = PRESETS["base"].build(339)
    assert sum(p.numel() for p in base.transformer.parameters()) == 5_791_200 + 12 * (2 * 40 + 2 * 200) + 400


def test_wrong_choices_are_refused():
    with pytest.raises(BadInput, match="tiny, small, base"):
        MindMixConfig.preset("huge")
    with pytest.raises(BadInput, match="multiple of heads"):
        MindMixConfig.checked({"width": 30, "heads": 4})
