"""The perceptron on LEAF's tokens: its published size, its place for every token, zeros where there is none."""

from dataclasses import replace

import pytest
import torch

from mindleaf.errors import BadInput
from mindleaf.models.facts import ModelFacts
from mindleaf.models.tower_classifier import TowerClassifierConfig
from tests.models.small_batches import noise_batch


def built(n_tokens: int, preset: str = "tiny"):
    torch.manual_seed(0)
    facts = ModelFacts(classes=("left", "right"), n_tokens=n_tokens)
    return TowerClassifierConfig.preset(preset).build(facts).eval()


@pytest.mark.parametrize("n_tokens", [8, 20])
def test_it_has_the_published_number_of_parameters(n_tokens):
    model = built(n_tokens, "base")
    first, second, last = (2 * n_tokens * 256 + 1) * 512, 513 * 256, 257 * 2
    assert sum(p.numel() for p in model.head.parameters()) == first + second + last


def test_absent_tokens_are_zeros_in_their_own_places():
    model, batch = built(8), noise_batch(3, context=0)
    batch = replace(batch, n_times=torch.tensor([400, 250, 400]))
    tokens, _ = model.encoder.read(batch)
    flat = model.features(batch).reshape(3, 2, 8, model.encoder.width)
    torch.testing.assert_close(flat[0, :, :4], tokens[0].reshape(2, 4, -1))
    assert flat[1, :, 2:].abs().max() == 0 and flat[1, :, :2].abs().min(dim=-1).values.max() > 0
    assert flat[:, :, 4:].abs().max() == 0


def test_a_window_longer_than_its_head_is_refused():
    with pytest.raises(BadInput, match="reads windows of 1 s, got 2 s"):
        built(2)(noise_batch(2, context=0))
