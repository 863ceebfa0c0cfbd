"""Each objective falls on one batch; on noise the sound pairings stay at chance and the paper's does not."""

from dataclasses import replace

import pytest
import torch

from mindleaf.config import Config
from mindleaf.encoders.leaf import LeafConfig
from mindleaf.errors import BadInput
from mindleaf.layers.fitted_norm import fit_norms
from mindleaf.models.alignment import AlignedConfig
from mindleaf.models.classifier import ClassifierConfig
from mindleaf.models.language import LanguageConfig, LanguageModel
from mindleaf.models.one_space import OneSpaceConfig
from mindleaf.models.pretraining import PretrainingConfig
from mindleaf.models.spectral_temporal import SpectralTemporalConfig
from mindleaf.objectives import OBJECTIVES
from mindleaf.objectives.classification import ClassificationObjective
from mindleaf.objectives.codebook import CodebookObjective
from mindleaf.objectives.contrastive import ContrastiveObjective, same_sound
from mindleaf.objectives.instruction import InstructionObjective
from mindleaf.objectives.one_space import OneSpaceObjective
from mindleaf.objectives.spectral_temporal import SpectralTemporalObjective
from tests.encoders.test_leaf import leaf_batch
from tests.models.small_batches import FACTS, heard_batch, noise_batch, random_texts
from tests.models.test_alignment import CONFIGS, SMALL


def fit(config: Config, objective, batches, steps: int, lr: float = 3e-3):
    """Train on ``batches(step)``; returns the model and the losses of all steps."""
    torch.manual_seed(0)
    model = config.build(FACTS).train()
    if language := model if isinstance(model, LanguageModel) else getattr(model, "language", None):
        language.write(random_texts)
    fit_norms(model, [[batches(0)]], lambda batch: objective(model, batch, seed=0))
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr)
    losses = []
    for step in range(steps):
        loss = objective(model, batches(step), seed=step)
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
        losses.append(loss.floats())
    return model.eval(), losses


#: A codebook that one batch of tokens can fill: unused codes would be replaced by its tokens for ever, and names change.
FEW_CODES = SMALL.model_copy(update={"width": 32, "hidden": 64, "n_codes": 8, "code_width": 8, "drop_path": 0.0, "heads": 2})


def by_codes(phase: str, steps: int) -> tuple:
    config = PretrainingConfig(encoder=FEW_CODES, spectral_depth=1, phase=phase)
    return config, CodebookObjective(phase=phase), noise_batch(2, channels=6, context=0), steps, 1e-2


def by_class() -> tuple:
    config, objective = ClassifierConfig(encoder=SMALL, dropout=0.0), ClassificationObjective(label_smoothing=0.0)
    return config, objective, noise_batch(8, context=0), 30, 3e-3


def by_waveform() -> tuple:
    """Sines at two frequencies, running over the head: half a second and a phase tell the next."""
    tower = LeafConfig.preset("tiny").model_copy(update={"token_dropout": 0.0, "depth": 1})
    batch, time = leaf_batch(2, 400), torch.arange(400) / 200
    hz, phase = torch.tensor([6.0, 9.0]).reshape(2, 1, 1), torch.linspace(0, 1, 65).reshape(1, 65, 1)
    waves = replace(batch, eeg=torch.sin(2 * torch.pi * (hz * time + phase)))
    return SpectralTemporalConfig(encoder=tower), SpectralTemporalObjective(), waves, 200, 4e-3


def by_words() -> tuple:
    tower = LeafConfig.preset("tiny").model_copy(update={"token_dropout": 0.0, "depth": 1})
    config = LanguageConfig(encoder=tower, width=32, heads=2, depth=1, dropout=0.0, head_dropout=0.0)
    return config, InstructionObjective(), noise_batch(8, context=0), 150, 1e-3


def by_all_three() -> tuple:
    base, still = OneSpaceConfig.preset("tiny"), {"dropout": 0.0, "head_dropout": 0.0}
    language = base.language.model_copy(
        update={"encoder": SMALL, "width": 32, "heads": 2, "depth": 1, "power_filters": 8, **still}
    )
    config = OneSpaceConfig(language=language, aligned=base.aligned.model_copy(update={"dims": 8}), heard_filters=8)
    sure = OneSpaceObjective(instruction=InstructionObjective(label_smoothing=0.0))
    return config, sure, noise_batch(8), 150, 3e-3


#: Config, objective, batch, steps and learning rate; then the share of its first value that each part must fall to.
ONE_BATCH = {
    "codebook": (by_codes("direction", 120), {"masked": 0.05, "amplitude": 0.2, "phase": 0.3}),
    "codebook, raw phase": (by_codes("l2_raw", 180), {"masked": 0.05, "amplitude": 0.05, "phase": 0.05}),
    "contrastive": ((CONFIGS["frames"], ContrastiveObjective(), heard_batch(8), 30, 3e-3), {"in_batch": 0.05}),
    "classification": (by_class(), {"total": 0.05}),
    "spectral_temporal": (by_waveform(), {"filled": 0.1, "following": 0.1}),
    "instruction": (by_words(), {"instruction": 0.05}),
    "one_space": (by_all_three(), {"in_time": 0.1, "eeg_text": 0.1, "sound_text": 0.1, "eeg_sound": 0.2}),
}


def test_every_objective_is_overfitted_below():
    assert {name.partition(",")[0] for name in ONE_BATCH} == set(OBJECTIVES)


@pytest.mark.parametrize("name", ONE_BATCH)
def test_one_batch_can_be_learned_by_heart(name):
    """The same batch and the same mask again and again: every part of the loss goes to nothing, or nearly."""
    (config, objective, batch, steps, lr), shares = ONE_BATCH[name]

    def same_mask(model, batch, seed):
        return objective(model, batch, seed=0)

    _, losses = fit(config, same_mask, lambda step: batch, steps, lr)
    for part, share in shares.items():
        assert losses[-1][part] < share * losses[0][part], part
    if name.startswith("codebook"):
        assert losses[-1]["masked_accuracy"] == 1.0 and losses[-1]["masked"] < losses[-1]["unigram"]


def test_the_codebook_objective_tells_what_must_be_beaten():
    model = PretrainingConfig(encoder=SMALL, spectral_depth=1).build(FACTS).train()
    losses = CodebookObjective()(model, noise_batch(8, context=0), seed=0)
    assert set(losses) == {"total", "masked", "amplitude", "phase", "codebook", "masked_accuracy", "masked_chance",
                           "unigram", "perplexity", "usage"}  # fmt: skip
    assert 0 < losses["unigram"] <= losses["perplexity"].log() + 0.5


def test_only_the_chosen_frequencies_count():
    torch.manual_seed(0)
    model = PretrainingConfig(encoder=SMALL, spectral_depth=1).build(FACTS).eval()
    whole, low, high = (
        CodebookObjective(bins=bins)(model, noise_batch(4, context=0), seed=0) for bins in (None, (0, 40), (41, 100))
    )
    for part in ("amplitude", "phase"):
        torch.testing.assert_close(whole[part], (41 * low[part] + 60 * high[part]) / 101)


@pytest.mark.parametrize("channels", [2, 255])
def test_any_montage_is_pretrained_on(channels):
    model = PretrainingConfig(encoder=SMALL, spectral_depth=1).build(FACTS).train()
    CodebookObjective()(model, noise_batch(2, channels=channels, context=0), seed=0).total.backward()
    said, hidden = CodebookObjective().ask(model, noise_batch(2, channels=channels, context=0), seed=0)
    assert hidden.shape == said.ids.shape == (2, channels, 2) and hidden.sum() == 2 * channels


@pytest.mark.parametrize(("branches", "parts"), [("tokenizer", {"amplitude", "phase", "codebook"}), ("masked", {"masked"})])
def test_a_branch_can_be_left_out(branches, parts):
    torch.manual_seed(0)
    model = PretrainingConfig(encoder=SMALL, spectral_depth=1).build(FACTS).eval()
    batch = noise_batch(4, context=0)
    both, one = (CodebookObjective(branches=kind)(model, batch, seed=0) for kind in ("both", branches))
    assert set(one.parts) == parts
    for part in parts:
        torch.testing.assert_close(one[part], both[part])


def test_a_frozen_tokenizer_names_patches_as_before():
    model = PretrainingConfig(encoder=SMALL, spectral_depth=1).build(FACTS).train()
    CodebookObjective()(model, noise_batch(8), seed=0)
    model.freeze_tokenizer()
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    assert not model.train().encoder.quantizer.training and model.encoder.transformer.training
    CodebookObjective(branches="masked")(model, noise_batch(8, seed=1), seed=0).total.backward()
    assert all(torch.equal(before[name], value) for name, value in model.encoder.state_dict().items())
    learns = {name.split(".")[1] for name, p in model.named_parameters() if name.startswith("encoder") and p.grad is not None}
    assert learns == {"space", "order", "transformer"}


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
