import numpy as np
import pytest

from mindleaf.encoders.envelope import EnvelopeFrontend
from mindleaf.encoders.mel import MelFrontend, mel_filters
from mindleaf.encoders.mel_loudness import MelLoudnessFrontend
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


@pytest.mark.parametrize("rate", [16_000, 22_050])
def test_loudness_stands_before_the_mel_bands_and_is_the_envelope_of_linear_decoders(rate):
    swell = np.sin(2 * np.pi * 3.0 * np.arange(3 * rate) / rate) ** 2
    sound = (np.random.default_rng(0).normal(size=3 * rate) * swell).astype(np.float32)
    frames = MelLoudnessFrontend()(sound, rate, "audio")
    np.testing.assert_array_equal(frames[1:], MelFrontend()(sound, rate, "audio"))
    envelope = EnvelopeFrontend(frame_rate=50.0, power=0.3)(sound, rate, "audio")[0]
    assert np.corrcoef(frames[0], envelope)[0, 1] > 0.999
    np.testing.assert_allclose(frames, MelLoudnessFrontend()(sound * 0.01, rate, "audio"), atol=1e-4)
    assert not MelLoudnessFrontend()(np.zeros(16_000), 16_000, "audio").any()


def test_loudness_fingerprint_and_refusal():
    assert MelLoudnessFrontend().fingerprint() == MelLoudnessFrontend().fingerprint() != MelLoudnessFrontend(40).fingerprint()
    assert MelLoudnessFrontend().fingerprint() != MelFrontend().fingerprint()
    with pytest.raises(BadInput, match="envelope"):
        MelLoudnessFrontend()(np.ones(100), 64.0, "envelope")
