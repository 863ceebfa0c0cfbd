"""Block by block as if at once: against scipy over the whole recording in float64."""

from __future__ import annotations

import threading
from fractions import Fraction

import numpy as np
import pytest
from scipy.signal import butter, resample_poly, sosfiltfilt

from mindleaf.preprocessing import kernels
from mindleaf.preprocessing.filtering import apply, filled
from mindleaf.preprocessing.gaps import filled_blocks
from mindleaf.preprocessing.lanes import in_lanes, thread_count
from mindleaf.preprocessing.pipeline import BROAD, ENVELOPE, Pipeline
from mindleaf.preprocessing.streaming import resampled_blocks, stream_view, view_length
from mindleaf.preprocessing.zero_phase import ZeroPhase


def recording(n_times: int, n_channels: int = 5, seed: int = 0) -> np.ndarray:
    """Noise on offsets of millivolts and a drift, (time, channel)."""
    rng = np.random.default_rng(seed)
    return (
        20 * rng.standard_normal((n_times, n_channels))
        + rng.uniform(-5000, 5000, n_channels)
        + 1e-3 * np.arange(n_times)[:, None]
    )


def streamed(pipeline: Pipeline, signal: np.ndarray, sfreq: float, **settings) -> np.ndarray:
    blocks = stream_view(pipeline, lambda first, last: signal[first:last], signal.shape[1], len(signal), sfreq, **settings)
    return np.concatenate([block.copy() for block in blocks])


def expected(pipeline: Pipeline, signal: np.ndarray, sfreq: float) -> np.ndarray:
    band = (pipeline.band[0], min(pipeline.band[1], 0.45 * sfreq))
    sections = butter(pipeline.order, band, btype="bandpass", fs=sfreq, output="sos")
    filtered = sosfiltfilt(sections, signal, axis=0, padlen=min(int(3 * sfreq / band[0]), len(signal) - 1))
    ratio = Fraction(pipeline.sfreq / sfreq).limit_denominator(10_000)
    return resample_poly(filtered, ratio.numerator, ratio.denominator, axis=0)


def relative(error: np.ndarray, of: np.ndarray) -> float:
    return float(np.sqrt((error**2).mean() / (of**2).mean()))


@pytest.mark.parametrize("pipeline", [BROAD, ENVELOPE, Pipeline(name="high", order=5, band=(0.5, 30.0), sfreq=128.0)], ids=str)
@pytest.mark.parametrize(("sfreq", "n_times"), [(128.0, 128 * 400), (250.0, 9001), (512.0, 700), (512.0, 3), (64.0, 1)])
def test_equals_scipy_over_the_whole_recording(pipeline, sfreq, n_times):
    signal = recording(n_times)
    wanted, came = expected(pipeline, signal, sfreq), streamed(pipeline, signal, sfreq)
    assert came.shape == wanted.shape == (view_length(pipeline, n_times, sfreq), 5)
    if n_times > 1:
        assert relative(came - wanted, wanted) < 1e-6


@pytest.mark.parametrize("block", [37, 1000, 10**6])
def test_blocks_and_threads_change_nothing(block):
    signal = recording(30_000, n_channels=19)
    whole = streamed(BROAD, signal, 250.0, threads=1)
    np.testing.assert_array_equal(streamed(BROAD, signal, 250.0, block=block, threads=1), whole)
    np.testing.assert_array_equal(streamed(BROAD, signal, 250.0, block=block, threads=2), whole)


@pytest.mark.parametrize("where", ["reading", "working"])
def test_an_error_in_a_lane_or_beside_it_ends_all_of_them(where):
    def blocks():
        for k in range(100):
            if where == "reading" and k == 50:
                raise OSError("the disk is gone")
            yield np.full((10, 32), float(k))

    def chain(parts):
        for part in parts:
            if where == "working" and part[0, 0] == 50:
                raise OSError("the disk is gone")
            yield part

    with pytest.raises(OSError, match="the disk is gone"):
        list(in_lanes(chain, blocks(), 32, 3))
    # Whoever stops asking leaves nothing running.
    before = threading.active_count()
    asked = in_lanes(lambda parts: (part + 1 for part in parts), (np.zeros((10, 32)) for _ in range(100)), 32, 3)
    assert next(asked).shape == (10, 32)
    asked.close()
    assert threading.active_count() == before


def test_the_backward_walk_forgets_where_it_started():
    signal = recording(60_000)
    zero_phase = ZeroPhase((1.0, 40.0), 4, 128.0)
    short = [b.copy() for b in zero_phase.filtered([signal], len(signal), 1)]
    whole = [b.copy() for b in zero_phase.filtered([signal], len(signal), 10**6)]
    assert len(short) > 3 and len(whole) == 1
    # What lies between the walks is float32; the walks themselves agree to far better than its last digit.
    assert np.abs(np.concatenate(short) - whole[0]).max() < 1e-6 * np.abs(whole[0]).max()
    # An impulse far behind the end of a block has died away when the walk arrives there.
    decay = np.zeros((zero_phase.settle + 1, 8))
    decay[-1] = 1.0
    out, state = np.zeros_like(decay, np.float32), np.zeros((8, 8))
    kernels.cascade(decay, zero_phase.sections, state, True, out)
    assert np.abs(out[0]).max() < 1e-9


@pytest.mark.parametrize(
    ("from_hz", "to_hz"), [(10_000.0, 500.0), (512.0, 200.0), (128.0, 200.0), (499.7, 200.0), (160.0, 160.0)]
)
@pytest.mark.parametrize("n_times", [1, 30_011])
def test_resampled_blocks_equal_scipy(from_hz, to_hz, n_times):
    signal = recording(n_times, 3)
    ratio = Fraction(to_hz / from_hz).limit_denominator(10_000)
    wanted = resample_poly(signal, ratio.numerator, ratio.denominator, axis=0)
    came = np.concatenate(list(resampled_blocks(lambda a, b: signal[a:b], 3, n_times, from_hz, to_hz, block=777)))
    assert came.shape == wanted.shape and came.dtype == np.float32
    assert relative(came - wanted, wanted) < 1e-6


def test_a_gap_stays_a_gap_when_only_the_rate_changes():
    signal = recording(10_000, 2)
    signal[5000:5100, 1] = np.nan
    came = np.concatenate(list(resampled_blocks(lambda a, b: signal[a:b], 2, len(signal), 1000.0, 500.0, block=512)))
    assert np.isfinite(came[:, 0]).all()
    missing = np.flatnonzero(np.isnan(came[:, 1]))
    assert 2480 <= missing.min() <= 2500 and 2549 <= missing.max() <= 2570


def whole_filled(signal: np.ndarray) -> np.ndarray:
    """The definition: a straight line between neighbours, over the whole channel at once."""
    out, times = signal.copy(), np.arange(len(signal))
    for column in out.T:
        good = np.isfinite(column)
        column[~good] = np.interp(times[~good], times[good], column[good]) if good.any() else 0.0
    return out


@pytest.mark.parametrize("length", [1, 7, 64, 5000])
def test_gaps_reach_over_blocks(length):
    signal = recording(1000, 7)
    signal[:, 0] = np.nan
    signal[100:300, 1] = np.nan
    signal[:130, 2] = np.inf
    signal[800:, 3] = np.nan
    signal[63:65, 4] = np.nan
    signal[np.random.default_rng(1).random(1000) < 0.5, 5] = np.nan
    blocks = list(filled_blocks(lambda a, b: signal[a:b], len(signal), length))
    np.testing.assert_array_equal(np.concatenate(blocks), whole_filled(signal))
    np.testing.assert_array_equal(filled(signal.T), whole_filled(signal).T)


def test_looking_for_the_end_of_a_gap_reads_it_once():
    signal = recording(10_000, 3)
    signal[1000:9000, 1] = np.nan
    signal[2000:, 2] = np.nan
    asked: list[int] = []

    def read(first: int, last: int) -> np.ndarray:
        asked.append(last - first)
        return signal[first:last]

    list(filled_blocks(read, len(signal), 100))
    assert sum(asked) <= 4 * len(signal)


def test_a_gap_does_not_reach_other_channels_of_the_view():
    signal = recording(5000, 4)
    holed = signal.copy()
    holed[1000:1500, 2] = np.nan
    clean, came = streamed(BROAD, signal, 250.0), streamed(BROAD, holed, 250.0)
    np.testing.assert_array_equal(np.delete(came, 2, axis=1), np.delete(clean, 2, axis=1))
    assert np.isfinite(came).all()


def test_average_reference_goes_over_all_channels_at_every_sample():
    pipeline = Pipeline(name="test", reference="average")
    signal = recording(5000, 6)
    wanted = expected(pipeline, signal - signal.mean(axis=1, keepdims=True), 250.0)
    assert relative(streamed(pipeline, signal, 250.0, block=333) - wanted, wanted) < 1e-6
    np.testing.assert_array_equal(apply(pipeline, signal.T, 250.0).T, streamed(pipeline, signal, 250.0, block=333))


def test_threads_come_from_the_environment(monkeypatch):
    for value, wanted in (("2", 2), ("3,1", 3), ("many", 1), ("", 1)):
        monkeypatch.setenv("OMP_NUM_THREADS", value)
        assert thread_count() == wanted
