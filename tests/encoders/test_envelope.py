from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from mindleaf.encoders.envelope import EnvelopeFrontend
from mindleaf.encoders.onsets import OnsetFrontend

RATE = 16_000


def speechlike(seconds: float = 12.0, modulation_hz: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """Noise whose loudness swings; returns waveform and the swing at 32 Hz."""
    rng = np.random.default_rng(0)
    time = np.arange(round(seconds * RATE)) / RATE
    swing = 1 + 0.8 * np.sin(2 * np.pi * modulation_hz * time)
    return (0.1 * swing * rng.standard_normal(len(time))).astype(np.float32), swing[:: RATE // 32]


@pytest.mark.parametrize("settings", [{}, {"power": 0.6}, {"n_bands": 8, "power": 0.6}, {"band": None}])
def test_follows_the_loudness_of_audio_without_shift(settings):
    samples, swing = speechlike()
    frames = EnvelopeFrontend(**settings)(samples, RATE, "audio")
    assert frames.shape == (1, 12 * 32)
    assert frames.dtype == np.float32
    inner = slice(32, -32)
    r = [np.corrcoef(np.roll(frames[0], shift)[inner], swing[inner])[0, 1] for shift in (-1, 0, 1)]
    assert np.argmax(r) == 1
    assert r[1] > 0.85


def test_envelope_is_used_as_it_comes_whatever_its_rate():
    """Power and bands concern audio; a frame stands at second f / frame_rate at every input rate."""
    for rate in (64.0, 128.0, 100.0, 2205.0):
        time = np.arange(round(10 * rate)) / rate
        frames = EnvelopeFrontend(power=0.3, n_bands=8)(1 + np.sin(2 * np.pi * 3 * time), rate, "envelope")
        expected = np.sin(2 * np.pi * 3 * np.arange(320) / 32)
        assert frames.shape == (1, 320)
        np.testing.assert_allclose(frames[0, 64:-64], expected[64:-64], atol=0.05)


def test_band_limits_the_frames():
    time = np.arange(128 * 20) / 128
    mixed = 5 + np.sin(2 * np.pi * 4 * time) + np.sin(2 * np.pi * 14 * time)
    spectrum = np.abs(np.fft.rfft(EnvelopeFrontend()(mixed, 128.0, "envelope")[0][64:-64]))
    frequencies = np.fft.rfftfreq(512, 1 / 32)
    assert spectrum[np.argmin(abs(frequencies - 14))] < 0.1 * spectrum[np.argmin(abs(frequencies - 4))]
    assert spectrum[0] < 0.1 * spectrum.max()


def test_blocks_leave_no_seam():
    """Longer than one block: the same frames as the part worked through by itself, away from its edges."""
    rng = np.random.default_rng(1)
    samples = rng.standard_normal(70 * 4000).astype(np.float32)
    frontend = EnvelopeFrontend(n_bands=2, audio_band=(100.0, 1500.0), band=None)
    whole = frontend(samples, 4000.0, "audio")
    part = frontend(samples[50 * 4000 :], 4000.0, "audio")
    assert whole.shape == (1, 70 * 32)
    np.testing.assert_allclose(whole[0, 55 * 32 : 68 * 32], part[0, 5 * 32 : 18 * 32], rtol=1e-3, atol=1e-3)


def test_silence_and_a_click_of_sound():
    np.testing.assert_array_equal(EnvelopeFrontend(n_bands=4)(np.zeros(RATE, np.float32), RATE, "audio"), 0.0)
    assert np.isfinite(EnvelopeFrontend()(np.ones(RATE // 10, np.float32), RATE, "audio")).all()


def test_several_features_need_audio():
    frontend = EnvelopeFrontend(n_bands=6, pooled=False)
    assert frontend.n_features == 6
    assert frontend(speechlike(2.0)[0], RATE, "audio").shape == (6, 64)
    assert frontend.accepts == {"audio"}
    assert EnvelopeFrontend().accepts == {"audio", "envelope"}
    with pytest.raises(ValueError, match="needs audio"):
        frontend(np.ones(100, np.float32), 64.0, "envelope")


def test_fingerprint_changes_with_what_matters():
    fingerprints = {EnvelopeFrontend(**s).fingerprint() for s in ({}, {"power": 0.3}, {"band": None}, {"frame_rate": 64.0})}
    assert len(fingerprints) == 4
    assert EnvelopeFrontend().fingerprint() == EnvelopeFrontend().fingerprint()


@pytest.mark.parametrize("settings", [{"band": (1.0, 20.0)}, {"power": 0.0}, {"n_bands": 0}, {"colour": 1}])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ValidationError):
        EnvelopeFrontend(**settings)


def test_onsets_stand_where_the_amplitude_rises_and_nowhere_else():
    rate, seconds = 16000, 4.0
    time = np.arange(round(rate * seconds)) / rate
    loud = np.clip((time - 1.0) / 0.05, 0.0, 1.0) * np.clip((3.0 - time) / 0.2, 0.0, 1.0)
    tone = (loud * np.sin(2 * np.pi * 500 * time)).astype(np.float32)
    onsets = OnsetFrontend(frame_rate=32.0, band=None)(tone, rate, "audio")
    assert onsets.shape == (1, 128)
    peak = int(onsets[0].argmax())
    assert abs(peak / 32.0 - 1.025) < 0.05
    assert onsets[0, peak - 3 : peak + 4].sum() > 0.7 * np.abs(onsets[0]).sum()
    assert OnsetFrontend(n_bands=4, pooled=False)(tone, rate, "audio").shape == (4, 128)
    assert OnsetFrontend().fingerprint() != EnvelopeFrontend().fingerprint()
    with pytest.raises(ValueError, match="onsets need audio"):
        OnsetFrontend()(tone, rate, "envelope")
