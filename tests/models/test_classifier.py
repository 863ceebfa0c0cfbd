from dataclasses import replace

import pytest
import torch

from mindleaf.models.classifier import ClassifierConfig
from tests.models.small_batches import FACTS, noise_batch
from tests.models.test_alignment import SMALL


@pytest.mark.parametrize("config", [ClassifierConfig(encoder=SMALL), ClassifierConfig(encoder=None),
                                    ClassifierConfig(encoder=SMALL, power_filters=0)])  # fmt: skip
@torch.no_grad()
def test_logits_at_any_length_whatever_the_batch(config):
    torch.manual_seed(0)
    model = config.build(FACTS).eval()
    for seconds in (1.0, 5.0):
        batch = noise_batch(3, seconds=seconds, context=0)
        logits = model(batch)
        assert logits.shape == (3, 2)
        alone = replace(batch, **{name: tensor[:1] for name, tensor in batch._tensors()})
        torch.testing.assert_close(model(alone), logits[:1], atol=1e-5, rtol=1e-4)


def test_a_classifier_of_nothing_is_refused():
    with pytest.raises(ValueError, match="neither"):
        ClassifierConfig(encoder=None, power_filters=0).build(FACTS)
