"""Signals on disk: what goes in comes out, in half the bytes where asked, whatever the blocks were."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from mindleaf.errors import BadInput, ReadError
from mindleaf.store.encoding import STRETCH, SignalWriter, encoded, open_signal_array, scale_path
from mindleaf.store.files import array_sha256


def hard_signal(n_times: int = 512 * 40, n_channels: int = 4) -> np.ndarray:
    """Offsets of 10,000 uV, drift, an artefact of 1 mV every two seconds, (time, channel) float32."""
    rng, times = np.random.default_rng(0), np.arange(n_times) / 512
    signal = 10 * rng.standard_normal((n_times, n_channels)) + np.linspace(-10_000, 10_000, n_channels)
    signal += 20 * times[:, None]
    for start in range(0, n_times - 100, 1024):
        signal[start : start + 50] += 1000 * np.hanning(50)[:, None]
    return signal.astype(np.float32)


def written(path, signal, dtype, cut=1000):
    with SignalWriter(path, signal.shape[1], len(signal), dtype) as writer:
        for first in range(0, len(signal), cut):
            writer.append(signal[first : first + cut])
        return writer.close()


def test_float32_comes_back_to_the_bit_and_numpy_reads_it(tmp_path):
    signal = hard_signal()
    sha256 = written(tmp_path / "a.npy", signal, "float32")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), signal)
    assert sha256 == array_sha256(signal) == open_signal_array(tmp_path / "a.npy").sha256()
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


def test_int16_keeps_the_signal_beside_offsets_drift_and_artefacts(tmp_path):
    signal = hard_signal()
    signal[3000:3100, 1] = np.nan
    signal[5000, 2] = np.inf
    written(tmp_path / "a.npy", signal, "int16")
    came = open_signal_array(tmp_path / "a.npy").read(0, len(signal))
    missing = ~np.isfinite(signal)
    np.testing.assert_array_equal(np.isnan(came), missing)
    error = np.where(missing, 0.0, came.astype(np.float64) - np.where(missing, 0.0, signal))
    rms = np.sqrt((error**2).mean(axis=0))
    assert (rms < 5e-4 * 10).all(), rms
    sections = butter(4, (1, 40), btype="bandpass", fs=512, output="sos")
    clean = np.where(missing, 0.0, signal.astype(np.float64) - np.nanmean(np.where(missing, np.nan, signal), axis=0))
    ratio = sosfiltfilt(sections, error, axis=0).std(axis=0) / sosfiltfilt(sections, clean, axis=0).std(axis=0)
    assert (ratio < 5e-4).all(), ratio


def test_int16_takes_half_the_bytes(tmp_path):
    signal = hard_signal(60_000, 8)
    written(tmp_path / "a.npy", signal, "int16")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 0.51 * signal.nbytes


@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_files_do_not_depend_on_how_the_blocks_were_cut(tmp_path, dtype):
    signal = hard_signal(2 * STRETCH + 77)
    contents = set()
    for cut in (1, 300, STRETCH, 10**6):
        path = tmp_path / f"{cut}.npy"
        sha256 = written(path, signal.astype(np.float64 if cut == 300 else np.float32), dtype, cut)
        scales = scale_path(path).read_bytes() if dtype == "int16" else b""
        contents.add((sha256, open_signal_array(path).sha256(), path.read_bytes(), scales))
    assert len(contents) == 1 and len({sha for sha, again, *_ in contents for sha in (sha, again)}) == 1


def test_a_changed_scale_changes_the_hash(tmp_path):
    sha256 = written(tmp_path / "a.npy", hard_signal(1000), "int16")
    raw = bytearray(scale_path(tmp_path / "a.npy").read_bytes())
    raw[-1] ^= 1
    scale_path(tmp_path / "a.npy").write_bytes(raw)
    assert open_signal_array(tmp_path / "a.npy").sha256() != sha256


@pytest.mark.parametrize("value", [0.0, -7.25, 1e-30, 3e38])
def test_flat_and_extreme_stretches(value):
    rows = np.full((2, 100), value, np.float32)
    rows[1, ::2] *= -1
    codes, affine = encoded(rows)
    came = affine[:, :1] + affine[:, 1:] * codes.astype(np.float32)
    np.testing.assert_allclose(came, rows, rtol=1e-4)
    empty, affine = encoded(np.full((1, 5), np.nan, np.float32))
    assert (empty == -32768).all() and (affine == 0).all()


@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_reads_like_an_array(tmp_path, dtype):
    signal = hard_signal(2000)
    written(tmp_path / "a.npy", signal, dtype)
    stored = open_signal_array(tmp_path / "a.npy")
    whole = np.asarray(stored)
    assert stored.shape == whole.shape == (2000, 4) and len(stored) == 2000 and whole.dtype == np.float32
    for key in (
        np.s_[100:700], np.s_[:], np.s_[-5:], np.s_[5000:], np.s_[700:100], np.s_[100:700, [2, 0]], np.s_[::7, 1:3],
        np.s_[3], np.s_[:, 2], np.s_[10:20, 2], np.s_[::-1], np.s_[511:513],
    ):  # fmt: skip
        np.testing.assert_array_equal(stored[key], whole[key])


def test_a_block_that_does_not_fit_is_refused_and_nothing_stays(tmp_path):
    for dtype, block in (("float32", np.zeros((5, 3))), ("int16", np.zeros((11, 2))), ("int16", np.zeros(4))):
        with pytest.raises(BadInput, match="announce"), SignalWriter(tmp_path / "a.npy", 2, 10, dtype) as writer:
            writer.append(block)
        with pytest.raises(BadInput, match="wanted 10 samples, got 3"), SignalWriter(tmp_path / "a.npy", 2, 10, dtype) as writer:
            writer.append(np.zeros((3, 2)))
    with pytest.raises(BadInput, match="int8"):
        SignalWriter(tmp_path / "a.npy", 2, 10, "int8")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_damage_is_named(tmp_path):
    path = tmp_path / "a.npy"
    with pytest.raises(ReadError, match=r"a\.npy.*missing or damaged"):
        open_signal_array(path)
    path.write_bytes(b"")
    with pytest.raises(ReadError, match=r"a\.npy"):
        open_signal_array(path)
    np.save(path, np.zeros((3, 2)))
    with pytest.raises(ReadError, match="<f8"):
        open_signal_array(path)
    written(path, hard_signal(1000), "int16")
    np.save(scale_path(path), np.zeros((1, 4, 2), np.float32))
    with pytest.raises(ReadError, match=r"a\.scale\.npy.*\(2, 4, 2\)"):
        open_signal_array(path)
