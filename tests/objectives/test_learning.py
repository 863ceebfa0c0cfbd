"""Each objective falls on one batch; on noise the sound pairings stay at chance and the paper's does not."""

from dataclasses import replace

import pytest
import torch

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.models.alignment import AlignedConfig
from mindleaf.models.classifier import ClassifierConfig
from mindleaf.models.pretraining import PretrainingConfig
from mindleaf.objectives.classification import ClassificationObjective
from mindleaf.objectives.codebook import CodebookObjective
from mindleaf.objectives.contrastive import ContrastiveObjective, same_sound
from tests.models.small_batches import FACTS, heard_batch, noise_batch
from tests.models.test_alignment import CONFIGS, SMALL


def fit(config: Config, objective, batches, steps: int, lr: float = 3e-3):
    """Train on ``batches(step)``; returns the model and the losses of all steps."""
    torch.manual_seed(0)
    model = config.build(FACTS).train()
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr)
    losses = []
    for step in range(steps):
        loss = objective(model, batches(step), seed=step)
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
        losses.append(loss.floats())
    return model.eval(), losses


@pytest.mark.parametrize("phase", ["direction", "l2_raw"])
def test_the_codebook_objective_falls_on_one_batch(phase):
    config = PretrainingConfig(encoder=SMALL, spectral_depth=1, phase=phase)
    batch = noise_batch(8, context=0)
    objective = CodebookObjective(phase=phase)

    def same_mask(model, batch, seed):
        return objective(model, batch, seed=0)

    _, losses = fit(config, same_mask, lambda step: batch, 60)
    assert losses[-1]["total"] < 0.9 * losses[0]["total"]
    assert losses[-1]["masked"] < 0.85 * losses[0]["masked"]
    assert losses[-1]["perplexity"] > 4
    assert set(losses[0]) == {"total", "masked", "amplitude", "phase", "codebook", "masked_accuracy", "masked_chance",
                              "perplexity", "usage"}  # fmt: skip


@pytest.mark.parametrize("vq_input", ["straight_through", "bypass"])
def test_every_weight_of_pretraining_learns(vq_input):
    config = PretrainingConfig(encoder=SMALL.model_copy(update={"vq_input": vq_input}), spectral_depth=1)
    model = config.build(FACTS).train()
    batch = noise_batch(4)
    other = torch.full_like(batch.channel_index, FACTS.n_electrodes)
    CodebookObjective()(model, replace(batch, channel_index=other), seed=0).total.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum()] == []


def test_the_contrastive_objective_finds_the_sound_that_was_heard():
    objective = ContrastiveObjective(unattended_weight=1.0)
    model, losses = fit(CONFIGS["frames"], objective, lambda step: heard_batch(12, seed=step), 60)
    assert losses[-1]["in_batch"] < 0.5 * losses[0]["chance_loss"]
    held_out = heard_batch(40, seed=1000)
    with torch.no_grad():
        assert (model.score(held_out).argmax(dim=1) == 0).float().mean() > 0.9


def test_the_classifier_falls_on_one_batch():
    batch = noise_batch(8, context=0)
    objective = ClassificationObjective(label_smoothing=0.05, class_weights=(1.0, 2.0))
    _, losses = fit(ClassifierConfig(encoder=SMALL, dropout=0.0), objective, lambda step: batch, 40)
    assert losses[-1]["total"] < 0.5 * losses[0]["total"]
    assert losses[-1]["accuracy"] == 1.0


def unrelated(seed: int):
    """EEG and sounds drawn independently; sounds differ in colour, as real ones do, so that a mean over time tells them apart."""
    batch = noise_batch(16, channels=2, seed=seed)
    colour = torch.randn(16, 2, 3, 1, generator=torch.Generator().manual_seed(seed))
    return replace(batch, audio=batch.audio + colour)


@pytest.mark.parametrize("pairing", ["all_pairs", "paper_paired"])
def test_on_noise_all_pairs_stays_at_chance_and_the_printed_loss_does_not(pairing):
    config = AlignedConfig(
        encoder=SMALL, stem=None, alignment="pooled", pairing=pairing, dims=32, hidden=64, rank=16, type_aligner=False
    )
    objective = ContrastiveObjective()
    model, _ = fit(config, objective, unrelated, 150)
    held_out = [unrelated(5000 + k) for k in range(5)]
    with torch.no_grad():
        fresh = [objective(model, batch, seed=0).floats() for batch in held_out]
        right = [model.authors_score(batch, torch.zeros(16, dtype=torch.long)).argmax(dim=1) == 0 for batch in held_out]
        sound = [model.score(batch).argmax(dim=1) == 0 for batch in held_out]
    loss, chance = (sum(f[name] for f in fresh) / 5 for name in ("in_batch", "chance_loss"))
    assert 0.3 < torch.stack(sound).float().mean() < 0.7
    if pairing == "all_pairs":
        assert loss > chance - 0.1
    else:
        assert loss < 0.3 * chance
        assert torch.stack(right).float().mean() > 0.9


def test_windows_that_share_sound_are_not_negatives():
    batch = noise_batch(4)
    batch = replace(
        batch,
        audio_id=torch.tensor([[0, 9], [0, 8], [0, 7], [1, 6]]),
        audio_start=torch.tensor([[0.0, 0], [1.0, 0], [2.0, 0], [0.0, 0]]),
    )
    shared = same_sound(batch, 2.0)
    assert shared.nonzero().tolist() == [[0, 1], [1, 0], [1, 2], [2, 1]]
    losses = ContrastiveObjective()(CONFIGS["linear"].build(FACTS), batch, seed=0)
    options = torch.tensor([3.0, 2.0, 3.0, 4.0])
    torch.testing.assert_close(losses["chance_loss"], options.log().mean())
    assert torch.isfinite(losses.total)


def test_the_mask_seed_decides_and_nothing_else():
    config = PretrainingConfig(encoder=SMALL, spectral_depth=1)
    torch.manual_seed(0)
    model = config.build(FACTS).eval()
    batch = noise_batch(6)
    order = [3, 0, 5, 1, 4, 2]
    turned = replace(batch, **{name: tensor[order] for name, tensor in batch._tensors()})
    with torch.no_grad():
        first, second, third = (CodebookObjective()(model, b, seed=s).total for b, s in ((batch, 1), (turned, 1), (batch, 2)))
    torch.testing.assert_close(first, second, atol=1e-5, rtol=1e-5)
    assert first != third


def test_batches_that_lack_what_is_asked_are_refused():
    linear = CONFIGS["linear"].build(FACTS)
    with pytest.raises(BadInput, match="audio"):
        ContrastiveObjective()(linear, replace(noise_batch(2), audio=None), seed=0)
    with pytest.raises(BadInput, match="two streams"):
        ContrastiveObjective(unattended_weight=1.0)(linear, noise_batch(2, streams=1), seed=0)
    classifier = ClassifierConfig(encoder=SMALL).build(FACTS)
    with pytest.raises(BadInput, match="labels"):
        ClassificationObjective()(classifier, replace(noise_batch(2), labels=None), seed=0)
    with pytest.raises(BadInput, match="2 class weights"):
        ClassificationObjective(class_weights=(1.0,))(classifier, noise_batch(2), seed=0)
