"""What every EEG encoder and every audio frontend in the tables promises."""

import importlib.util
import pkgutil
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.encoders import CHANNEL_ORDER, ENCODERS, FRONTENDS
from mindleaf.encoders.mindmix import masked_mean
from mindleaf.models.alignment import AlignedConfig
from mindleaf.models.classifier import ClassifierConfig
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import load_model, save_model
from mindleaf.montage import ELECTRODES, OTHER
from mindleaf.objectives.classification import ClassificationObjective
from tests.models.small_batches import FACTS, noise_batch

NEEDS_BRAINDECODE = pytest.mark.skipif(importlib.util.find_spec("braindecode") is None, reason="needs the package braindecode")
OURS = ("mindmix", "leaf")
BY_NAME = [name if name in OURS else pytest.param(name, marks=NEEDS_BRAINDECODE) for name in ENCODERS]
N_ELECTRODES = len(ELECTRODES)


@pytest.fixture(params=BY_NAME)
def name(request) -> str:
    return request.param


def built(name: str) -> torch.nn.Module:
    """The tiny preset, every weight moved off the value it starts from, in evaluation."""
    torch.manual_seed(0)
    module = pkgutil.resolve_name(ENCODERS[name]).preset("tiny").build(N_ELECTRODES)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return module.eval()


def reordered(batch: Batch, order: torch.Tensor) -> Batch:
    return replace(
        batch,
        eeg=batch.eeg[:, order],
        channel_index=batch.channel_index[:, order],
        positions=batch.positions[:, order],
        channel_mask=batch.channel_mask[:, order],
    )


def test_an_encoder_is_a_config_that_builds_a_module_from_batches_to_tokens(name):
    config_class = pkgutil.resolve_name(ENCODERS[name])
    assert issubclass(config_class, Config)
    assert {type(config_class.preset(size)) for size in ("tiny", "base")} == {config_class}
    with pytest.raises(ValueError, match="tiny"):
        config_class.preset("huge")
    module = config_class.preset("tiny").build(n_electrodes=12).eval()
    tokens, mask = module(noise_batch(2, channels=3))
    assert tokens.shape[:2] == mask.shape
    assert mask.dtype == torch.bool
    assert tokens.shape[2] == module.width


@pytest.mark.parametrize("channels", [2, 19, 64, 255])
@torch.no_grad()
def test_any_montage(name, channels):
    """Every channel is read that the encoder knows; those it does not know (LaBraM goes by names) do not exist."""
    batch = noise_batch(1, channels=channels)
    named = name == "labram" and channels == 255
    with pytest.warns(UserWarning, match="does not read") if named else nullcontext():
        tokens, mask = built(name)(batch)
    assert tokens.shape[1] in (2, 8, 2 * channels) and torch.isfinite(tokens).all()
    assert mask.any() and bool(mask.all()) != named


@torch.no_grad()
def test_channels_may_come_in_any_order(name):
    module, batch = built(name), noise_batch(3, channels=9, context=0)
    if CHANNEL_ORDER[name] == "all":
        index = batch.channel_index.clone()
        index[:, 3] = index[:, 7] = OTHER
        batch = replace(batch, channel_index=index)
    turned = reordered(batch, torch.tensor([5, 3, 8, 0, 2, 7, 1, 6, 4]))
    with pytest.warns(UserWarning, match="2 of 9") if name == "labram" else nullcontext():
        pooled = masked_mean(*module(batch))
        torch.testing.assert_close(masked_mean(*module(turned)), pooled, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_masked_channels_and_seconds_change_nothing(name):
    """What is missing differs from window to window."""
    module, batch = built(name), noise_batch(3, channels=6, context=0)
    missing = torch.tensor([[0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 1], [0, 1, 0, 0, 0, 1]], dtype=torch.bool)
    seconds = torch.tensor([[True, True], [True, True], [True, False]])
    batch = replace(batch, channel_mask=~missing)
    pooled = masked_mean(*module(batch, seconds))
    noisy = torch.where(missing.unsqueeze(-1), 7.0, batch.eeg)
    noisy[2, :, 200:] = -3.0
    torch.testing.assert_close(masked_mean(*module(replace(batch, eeg=noisy), seconds)), pooled, atol=1e-5, rtol=1e-4)
    kept = torch.tensor([0, 2, 3, 4])
    alone = reordered(batch, kept)
    torch.testing.assert_close(masked_mean(*module(alone))[1], pooled[1], atol=1e-5, rtol=1e-4)
    first = replace(alone, eeg=alone.eeg[..., :200])
    torch.testing.assert_close(masked_mean(*module(first))[2], pooled[2], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_window_without_a_usable_channel_has_no_token(name):
    batch = noise_batch(2, channels=4)
    batch.channel_mask[1] = False
    tokens, mask = built(name)(batch)
    assert mask[0].all() and not mask[1].any() and not tokens[1].any()


def test_a_classifier_on_it_learns_eight_windows_by_heart(name):
    torch.manual_seed(0)
    config = ClassifierConfig(encoder=pkgutil.resolve_name(ENCODERS[name]).preset("tiny"), power_filters=0, dropout=0.0)
    model, batch, objective = config.build(FACTS), noise_batch(8, channels=4, context=0), ClassificationObjective()
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(120):
        loss = objective(model.train(), batch, step).total
        if loss.item() < 0.01:
            break
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.02
    assert F.cross_entropy(model.eval()(batch), batch.labels) < 0.1


@pytest.mark.parametrize("alignment", ["frames", "pooled"])
def test_it_is_aligned_in_both_forms_and_comes_back_from_its_folder(name, alignment, tmp_path):
    torch.manual_seed(0)
    encoder = pkgutil.resolve_name(ENCODERS[name]).preset("tiny")
    config = AlignedConfig(encoder=encoder, stem=None, alignment=alignment, dims=8, hidden=16, rank=4)
    model = config.build(FACTS).eval()
    save_model(tmp_path / "run", model, config, FACTS, "card")
    loaded = load_model(tmp_path / "run")
    assert loaded.config == config and type(loaded.config.encoder) is type(encoder)
    batch = noise_batch(2, seconds=3.5)
    with torch.no_grad():
        scores = model.score(batch)
        assert scores.shape == (2, 2) and torch.isfinite(scores).all()
        assert torch.equal(loaded.model.score(batch), scores)


def test_an_encoder_is_chosen_by_name(name):
    config = AlignedConfig().with_settings([f"encoder={name}:tiny"])
    assert config.encoder == pkgutil.resolve_name(ENCODERS[name]).preset("tiny")
    assert AlignedConfig.checked(config.model_dump(mode="json")) == config


def test_a_folder_written_before_there_was_a_choice_is_read():
    plain = {"width": 64, "depth": 2, "heads": 4, "hidden": 256, "n_codes": 256, "code_width": 16, "drop_path": 0.0}
    config = ClassifierConfig.checked({"encoder": plain})
    assert config == ClassifierConfig.preset("tiny")
    assert config.build(ModelFacts(classes=("a", "b"))).encoder.width == 64
    with pytest.raises(ValueError, match="mindmix, labram, cbramod, eegnet, leaf"):
        ClassifierConfig.checked({"encoder": {"type": "unheard"}})
    with pytest.raises(ValueError, match="mindmix, labram, cbramod, eegnet, leaf"):
        ClassifierConfig.checked({"encoder": "unheard"})


# Frontends that work as they are; those of a checkpoint are tested with one in tests/encoders.
@pytest.mark.parametrize("frontend_name", FRONTENDS)
def test_a_frontend_turns_a_whole_stimulus_into_evenly_spaced_frames(frontend_name):
    frontend = pkgutil.resolve_name(FRONTENDS[frontend_name])()
    samples = np.random.default_rng(0).normal(size=48_000).astype(np.float32) * 0.1
    frames = frontend(samples, 16_000.0, "audio")
    assert frames.dtype == np.float32
    assert frames.shape[0] == frontend.n_features
    assert abs(frames.shape[1] - 3.0 * frontend.frame_rate) <= 1
    assert np.isfinite(frames).all()
    assert frontend.accepts <= {"audio", "envelope"}
    assert frontend.fingerprint() == pkgutil.resolve_name(FRONTENDS[frontend_name])().fingerprint()
