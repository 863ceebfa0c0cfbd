"""The LEAF tower: its published size, what it may and may not see, and that one convolution does the work of two."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from mindleaf.batch import Batch
from mindleaf.encoders.leaf import CHANNELS, TOKEN_SAMPLES, LeafConfig, LeafTower
from mindleaf.models.facts import ModelFacts
from mindleaf.models.spectral_temporal import SpectralTemporalConfig
from mindleaf.montage import electrode_indices


def size(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def leaf_batch(n: int = 3, samples: int = 600, seed: int = 0) -> Batch:
    """Noise on the 65 electrodes themselves."""
    draw = torch.Generator().manual_seed(seed)
    return Batch(
        eeg=torch.randn(n, len(CHANNELS), samples, generator=draw),
        channel_index=torch.tensor(electrode_indices(CHANNELS)).expand(n, -1),
        positions=torch.zeros(n, len(CHANNELS), 3),
        channel_mask=torch.ones(n, len(CHANNELS), dtype=torch.bool),
        window_ids=torch.arange(n),
    )


@pytest.fixture(scope="module")
def tower() -> LeafTower:
    torch.manual_seed(0)
    return LeafConfig.preset("tiny").build(0).eval()


def test_the_published_sizes():
    model = SpectralTemporalConfig().build(ModelFacts())
    tower = model.encoder
    assert len(CHANNELS) == 65
    assert size(model) == 20_230_288
    assert size(tower.tokenizer) == 269_056
    assert size(tower.context) == size(tower.sequence) == 9_477_632
    assert size(tower.into_context) == size(tower.into_sequence) == 164_096
    assert size(model.context_head) == size(model.sequence_head) == 336_200
    assert tower.positions.numel() == 5_120 and model.hidden_token.numel() == 256


@torch.no_grad()
def test_the_tokenizer_is_its_two_convolutions_one_behind_the_other(tower):
    windows = leaf_batch(4, TOKEN_SAMPLES).eeg
    part = tower.tokenizer
    one_by_one = part.spatial(part.temporal(windows.unsqueeze(1)))
    wanted = F.max_pool2d(F.gelu(part.norm(one_by_one)), (1, 10)).flatten(1)
    torch.testing.assert_close(part(windows), wanted, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_the_causal_branch_knows_nothing_of_the_future_and_the_global_one_does(tower):
    batch = leaf_batch(2, 600)
    before, _ = tower.read(batch)
    later = batch.eeg.clone()
    later[..., 3 * TOKEN_SAMPLES :] = 9.0
    after, _ = tower.read(replace(batch, eeg=later))
    n = 6
    assert torch.equal(before[:, n : n + 3], after[:, n : n + 3])
    assert not torch.allclose(before[:, n + 3 :], after[:, n + 3 :])
    assert not torch.allclose(before[:, :3], after[:, :3])


@torch.no_grad()
def test_padding_changes_nothing(tower):
    short, long = leaf_batch(2, 400), leaf_batch(2, 1000, seed=1)
    padded = replace(
        long,
        eeg=torch.cat([F.pad(short.eeg, (0, 600), value=5.0), long.eeg]),
        n_times=torch.tensor([400, 400, 1000, 1000]),
        **{
            name: getattr(long, name).repeat(2, *[1] * (getattr(long, name).ndim - 1))
            for name in ("channel_index", "positions", "channel_mask")
        },
    )
    alone, _ = tower.read(short)
    together, mask = tower.read(padded)
    assert mask[:2].sum().item() == 2 * 2 * 4 and mask[2:].all()
    torch.testing.assert_close(together[:2, :4], alone[:, :4])
    torch.testing.assert_close(together[:2, 10:14], alone[:, 4:])
    assert not together[:2, 4:10].any()
    tower.train()
    first = tower.tokenizer.norm.running_mean.clone()
    tower.tokens(*tower.cut(replace(short, n_times=torch.tensor([0, 0]))))
    tower.eval()
    assert torch.equal(tower.tokenizer.norm.running_mean, first)


@torch.no_grad()
def test_the_order_of_the_channels_changes_nothing(tower):
    batch, order = leaf_batch(2), torch.randperm(65, generator=torch.Generator().manual_seed(0))
    turned = replace(batch, eeg=batch.eeg[:, order], channel_index=batch.channel_index[:, order])
    torch.testing.assert_close(tower.read(turned)[0], tower.read(batch)[0])


@pytest.mark.parametrize("samples", [60, 2100])
def test_a_window_of_no_length_or_too_long_is_refused(tower, samples):
    with pytest.raises(ValueError, match=r"0\.5 to 10 s"):
        tower.read(leaf_batch(1, samples))
