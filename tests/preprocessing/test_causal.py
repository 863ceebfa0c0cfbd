"""The causal pipeline: against scipy, against the future, and against any way of cutting a stream into blocks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import butter, firwin, sosfilt, sosfilt_zi, upfirdn

from mindleaf.preprocessing.causal import PERIODS, CausalView, causal
from mindleaf.preprocessing.pipeline import ENVELOPE, MINDMIX, Pipeline
from mindleaf.preprocessing.resampling import Resampling

PIPELINES = [ENVELOPE, MINDMIX, Pipeline(name="high", order=5, band=(0.5, 30.0), sfreq=128.0), Pipeline(name="plain", band=None)]
RATES = [64.0, 128.0, 200.0, 250.0, 512.0, 1000.0]


def stream(n_times: int, n_channels: int = 3, seed: int = 0) -> np.ndarray:
    """Noise on offsets of millivolts, (time, channel)."""
    rng = np.random.default_rng(seed)
    return 20 * rng.standard_normal((n_times, n_channels)) + rng.uniform(-5000, 5000, n_channels)


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda pipeline: pipeline.name)
@pytest.mark.parametrize("sfreq", RATES)
def test_cutting_changes_nothing(pipeline, sfreq):
    signal, rng = stream(3001), np.random.default_rng(1)
    whole = causal(pipeline, signal, sfreq)
    for _ in range(5):
        view = CausalView(pipeline, sfreq, 3)
        edges = np.unique(np.r_[0, rng.integers(0, len(signal), 60), len(signal)])
        pieces = np.concatenate([view.push(signal[a:b]) for a, b in pairwise(edges)])
        assert np.array_equal(pieces, whole)


@pytest.mark.parametrize("sfreq", RATES)
def test_equals_scipy(sfreq):
    signal = stream(4000)
    plan = Resampling(sfreq, ENVELOPE.sfreq, PERIODS)
    highest, half = max(plan.up, plan.down), PERIODS * max(plan.up, plan.down)
    window = firwin(2 * half + 1, 1 / highest, window=("kaiser", 5.0)) * plan.up
    for phase in range(plan.up):
        window[phase :: plan.up] /= window[phase :: plan.up].sum()
    # Long enough a past of the first sample, a whole number of input and output samples.
    before = plan.down * (half // plan.up + 2)
    padded = np.concatenate([np.repeat(signal[:1], before, axis=0), signal])
    resampled = upfirdn(window, np.concatenate([padded, np.zeros((2 * half, 3))]), plan.up, 1, axis=0)[half :: plan.down]
    resampled = resampled[before * plan.up // plan.down :]
    sections = butter(ENVELOPE.order, ENVELOPE.band, btype="bandpass", fs=ENVELOPE.sfreq, output="sos")
    start = sosfilt_zi(sections)[:, :, None] * signal[0]
    came = causal(ENVELOPE, signal, sfreq)
    wanted = sosfilt(sections, resampled[: len(came)], axis=0, zi=start)[0]
    assert len(came) > 0.9 * len(signal) * ENVELOPE.sfreq / sfreq - PERIODS
    assert np.abs(came - wanted).max() < 1e-8 * 5000


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda pipeline: pipeline.name)
@pytest.mark.parametrize("sfreq", RATES)
def test_the_delay_is_what_it_says(pipeline, sfreq):
    view, signal = CausalView(pipeline, sfreq, 3), stream(2000)
    n_frames = 0
    for k, sample in enumerate(signal):
        n_frames += len(view.push(sample[None]))
        # A frame at second f / rate is there as soon as delay_s has passed after it.
        due = int(np.floor(((k / sfreq) - view.delay_s) * pipeline.sfreq + 1e-6)) + 1
        assert n_frames >= due
    assert view.delay_s < 2 * PERIODS / min(sfreq, pipeline.sfreq)


def test_the_future_changes_no_frame():
    signal = stream(2000)
    other = signal.copy()
    other[1500:] += 1000
    a, b = causal(ENVELOPE, signal, 128.0), causal(ENVELOPE, other, 128.0)
    first = int((1500 / 128 - CausalView(ENVELOPE, 128.0, 3).delay_s) * 32)
    assert np.array_equal(a[:first], b[:first]) and not np.array_equal(a, b)


def test_an_offset_does_not_ring():
    frames = causal(ENVELOPE, np.full((1000, 2), 250_000.0), 250.0)
    assert np.abs(frames).max() < 1e-3


def test_a_channel_that_starts_again_forgets_what_was():
    clean, burst = stream(4000), stream(4000)
    burst[:2000, 1] = 1e12
    view = CausalView(ENVELOPE, 128.0, 3)
    first = view.push(burst[:2000])
    view.restart(np.array([False, True, False]))
    after = np.concatenate([first, view.push(burst[2000:])])
    wanted = causal(ENVELOPE, clean, 128.0)
    # The others do not notice; the channel itself is back after a second.
    assert np.array_equal(after[:, [0, 2]], wanted[:, [0, 2]])
    assert np.abs(after[540:, 1]).max() < 100
