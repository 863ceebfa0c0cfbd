"""What every objective in the table promises: called with a model, a batch and a seed, it gives Losses."""

import pkgutil

import pytest
import torch

from mindleaf.config import Config
from mindleaf.models import MODELS
from mindleaf.objectives import OBJECTIVES
from mindleaf.objectives.losses import Losses
from tests.models.small_batches import FACTS, noise_batch, random_texts

PAIRS = [
    ("codebook", "pretraining"), ("contrastive", "aligned"), ("classification", "classifier"), ("classification", "multimodal"),
    ("spectral_temporal", "spectral_temporal"), ("instruction", "language"), ("classification", "tower_classifier"),
    ("one_space", "one_space"),
]  # fmt: skip


def test_every_objective_has_a_model_and_every_model_an_objective():
    assert {objective for objective, _ in PAIRS} == set(OBJECTIVES)
    assert {model for _, model in PAIRS} == set(MODELS)


@pytest.mark.parametrize(("name", "model_name"), PAIRS)
def test_an_objective_gives_losses_that_add_up_and_have_gradients(name, model_name):
    objective_class = pkgutil.resolve_name(OBJECTIVES[name])
    assert issubclass(objective_class, Config)
    torch.manual_seed(0)
    model = pkgutil.resolve_name(MODELS[model_name]).preset("tiny").build(FACTS).train()
    if model_name in ("language", "one_space"):
        getattr(model, "language", model).write(random_texts)
    losses = objective_class()(model, noise_batch(4), 0)
    assert isinstance(losses, Losses)
    torch.testing.assert_close(losses.total, torch.stack(list(losses.parts.values())).sum())
    losses.total.backward()
    assert any(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in model.parameters())
    assert all(not fact.requires_grad for fact in losses.facts.values())
    assert set(losses.floats()) == set(losses)
