"""What learns in each way of fine-tuning, what stays to the bit, and low-rank updates that vanish into plain weights."""

import pytest
import torch
from torch import nn

from mindleaf.encoders.mindmix import MindMixConfig
from mindleaf.encoders.stem import StemConfig
from mindleaf.errors import BadInput
from mindleaf.models.adaptation import LoraConfig, adapt, merge
from mindleaf.models.alignment import AlignedConfig
from mindleaf.models.classifier import ClassifierConfig
from mindleaf.models.folder import load_model, save_model
from mindleaf.objectives.classification import ClassificationObjective
from mindleaf.objectives.contrastive import ContrastiveObjective
from tests.models.small_batches import FACTS, noise_batch

# The codebook is on the way (straight_through) and branches drop out, so that a still encoder has something to hold still.
SMALL = MindMixConfig(width=16, depth=2, heads=2, hidden=32, n_codes=16, code_width=8, drop_path=0.5)
MODELS = {
    "classifier": (ClassifierConfig(encoder=SMALL, power_filters=8), ClassificationObjective()),
    "frames": (AlignedConfig(encoder=SMALL, dims=8, hidden=16, rank=4, stem=StemConfig(hidden=8)), ContrastiveObjective()),
    "pooled": (AlignedConfig(encoder=SMALL, stem=None, alignment="pooled", dims=16, hidden=32, rank=8), ContrastiveObjective()),
}
READOUT = {
    "classifier": ("final_layer.",),
    "frames": ("unpatching.", "fusion.eeg.up.", "fusion.audio.up.", "logit_scale."),
    "pooled": ("pool.", "fusion.eeg.up.", "fusion.audio.up.", "logit_scale."),
}


def awake(name: str) -> nn.Module:
    """A model in which nothing is at the zero it starts from, so that everything which may learn gets a gradient."""
    torch.manual_seed(0)
    model = MODELS[name][0].build(FACTS)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


def learn(name: str, model: nn.Module, steps: int = 3) -> None:
    """A few steps as the training loop takes them."""
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for step in range(steps):
        model.train()
        loss = MODELS[name][1](model, noise_batch(6, seed=step), step).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def changed(before: dict[str, torch.Tensor], model: nn.Module) -> set[str]:
    after = model.state_dict()
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.fixture(params=list(MODELS))
def name(request) -> str:
    return request.param


def copied(model: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in model.state_dict().items()}


def test_full_moves_every_part(name):
    model = awake(name)
    before, n = copied(model), adapt(model, "full")
    assert n == sum(p.numel() for p in model.parameters() if p.requires_grad)
    learn(name, model)
    parts = {key.split(".")[0] for key in changed(before, model)}
    assert parts >= {part for part, module in model.named_children() if list(module.parameters())}
    assert any(key.startswith("encoder.quantizer.quantize") for key in changed(before, model))


def test_frozen_leaves_the_encoder_as_it_was_to_the_bit(name):
    model = awake(name)
    before, batch = copied(model), noise_batch(6)
    with torch.no_grad():
        known = model.eval().encoder(batch)[0]
    adapt(model, "frozen")
    learn(name, model)
    moved = changed(before, model)
    assert moved and not any(key.startswith("encoder.") for key in moved)
    with torch.no_grad():
        assert torch.equal(model.train().encoder(batch)[0], known)


def test_probe_moves_the_readout_alone(name):
    model = awake(name)
    before, n = copied(model), adapt(model, "probe")
    learn(name, model)
    moved = changed(before, model)
    assert moved and all(key.startswith(READOUT[name]) for key in moved)
    assert n == sum(p.numel() for key, p in model.named_parameters() if key.startswith(READOUT[name]))


def test_lora_moves_the_transformer_by_low_ranks_and_vanishes(name):
    model = awake(name)
    before = copied(model)
    adapt(model, "lora", LoraConfig(rank=2, alpha=4.0))
    learn(name, model, steps=5)
    batch = noise_batch(3, seed=9)
    with torch.no_grad():
        unmerged = answers(model.eval(), batch)
        merge(model)
        merged = answers(model.eval(), batch)
    torch.testing.assert_close(merged, unmerged, atol=1e-6, rtol=0)
    moved = {key for key in changed(before, model) if key.startswith("encoder.")}
    assert moved == {
        f"encoder.transformer.blocks.{k}.{layer}.weight"
        for k in (0, 1)
        for layer in ("attention.project", "attention.out", "feed_forward.expand", "feed_forward.contract")
    }
    for key in moved:
        assert torch.linalg.matrix_rank(model.state_dict()[key].double() - before[key].double(), rtol=1e-4) <= 2
    assert not hasattr(model.encoder.transformer.blocks[0].attention.out, "parametrizations")


def answers(model: nn.Module, batch) -> torch.Tensor:
    return model(batch)


def test_lora_starts_as_the_model_it_adapts_and_counts_what_learns(name):
    model, batch = awake(name).eval(), noise_batch(3)
    with torch.no_grad():
        before = answers(model, batch)
        others = sum(p.numel() for key, p in model.named_parameters() if p.requires_grad and not key.startswith("encoder."))
        n = adapt(model, "lora", LoraConfig(rank=2))
        torch.testing.assert_close(answers(model, batch), before, atol=0, rtol=0)
    # in + out of project 16 -> 48, out 16 -> 16, expand 16 -> 32, contract 32 -> 16, twice, at rank 2
    assert n == others + 2 * 2 * (16 + 48 + 16 + 16 + 16 + 32 + 32 + 16)


def test_a_merged_model_is_saved_and_comes_back_without_low_ranks(name, tmp_path):
    model, config = awake(name), MODELS[name][0]
    adapt(model, "lora")
    learn(name, model, steps=2)
    merge(model)
    save_model(tmp_path / "run", model, config, FACTS, "card")
    batch = noise_batch(3, seed=5)
    with torch.no_grad():
        assert torch.equal(answers(load_model(tmp_path / "run").model, batch), answers(model.eval(), batch))


def test_what_cannot_be_adapted_is_refused():
    with pytest.raises(BadInput, match="adapt=full"):
        adapt(ClassifierConfig(encoder=None).build(FACTS), "frozen")
    flat = ClassifierConfig(encoder=SMALL).build(FACTS)
    flat.encoder.transformer.blocks = nn.ModuleList()
    with pytest.raises(BadInput, match="no transformer"):
        adapt(flat, "lora")
    with pytest.raises(BadInput, match="rank"):
        LoraConfig.checked({"rank": 0})
