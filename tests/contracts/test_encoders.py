"""What every EEG encoder and every audio frontend in the tables promises."""

import pkgutil

import numpy as np
import pytest
import torch

from mindleaf.config import Config
from mindleaf.encoders import ENCODERS, FRONTENDS
from tests.models.small_batches import noise_batch

# Frontends that work as they are; the others want a folder of weights and are tested with one in tests/encoders.
READY_FRONTENDS = [name for name in FRONTENDS if name != "wav2vec2"]


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_is_a_config_that_builds_a_module_from_batches_to_tokens(name):
    config_class = pkgutil.resolve_name(ENCODERS[name])
    assert issubclass(config_class, Config)
    module = config_class.preset("tiny").build(n_electrodes=12).eval()
    tokens, mask = module(noise_batch(2, channels=3))
    assert tokens.shape[:2] == mask.shape
    assert mask.dtype == torch.bool
    assert tokens.shape[2] == module.width


@pytest.mark.parametrize("name", READY_FRONTENDS)
def test_a_frontend_turns_a_whole_stimulus_into_evenly_spaced_frames(name):
    frontend = pkgutil.resolve_name(FRONTENDS[name])()
    samples = np.random.default_rng(0).normal(size=48_000).astype(np.float32) * 0.1
    frames = frontend(samples, 16_000.0, "audio")
    assert frames.dtype == np.float32
    assert frames.shape[0] == frontend.n_features
    assert abs(frames.shape[1] - 3.0 * frontend.frame_rate) <= 1
    assert np.isfinite(frames).all()
    assert frontend.accepts <= {"audio", "envelope"}
    assert frontend.fingerprint() == pkgutil.resolve_name(FRONTENDS[name])().fingerprint()
