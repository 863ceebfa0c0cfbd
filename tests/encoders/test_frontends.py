import numpy as np
import pytest

from mindleaf.encoders.mel import MelFrontend, mel_filters
from mindleaf.errors import BadInput


def tone(frequency: float, seconds: float, rate: float) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate).astype(np.float32)


def test_mel_frames_stand_at_frame_over_rate_and_cover_the_stimulus():
    rate = 16_000
    click = np.zeros(2 * rate, np.float32)
    click[rate] = 1.0
    frames = MelFrontend()(click, rate, "audio")
    assert frames.shape == (80, 100)
    assert frames.dtype == np.float32
    assert frames.mean(axis=0).argmax() == 50


def test_a_tone_lights_its_own_band_whatever_the_rate_it_comes_at():
    centres = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 82)[1:-1] / 2595) - 1)
    for rate in (16_000, 44_100, 8_000):
        frames = MelFrontend()(tone(1000.0, 1.0, rate), rate, "audio")
        assert abs(centres[frames[:, 25].argmax()] - 1000.0) < 60


def test_loudness_of_the_whole_does_not_matter_and_silence_is_zeros():
    sound = np.random.default_rng(0).normal(size=16_000)
    mel = MelFrontend()
    np.testing.assert_allclose(mel(sound, 16_000, "audio"), mel(sound * 0.01, 16_000, "audio"), atol=1e-5)
    assert not mel(np.zeros(16_000), 16_000, "audio").any()


def test_every_mel_filter_passes_something():
    filters = mel_filters(80, 16_000, 512)
    np.testing.assert_allclose(filters.sum(axis=1), 1.0)


def test_mel_fingerprint_and_refusals():
    assert MelFrontend().fingerprint() == MelFrontend().fingerprint() != MelFrontend(40).fingerprint()
    with pytest.raises(BadInput, match="envelope"):
        MelFrontend()(np.ones(100), 64.0, "envelope")
    with pytest.raises(BadInput, match="frame rate"):
        MelFrontend(frame_rate=30.0)
