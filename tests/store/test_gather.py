"""Views on disk and windows out of them, against plain slices."""

from __future__ import annotations

import numpy as np
import pytest

from mindleaf.errors import ReadError
from mindleaf.store.gather import SHARED, SPAN, open_view, places_of, windows_of, write_view

N_TIMES = 3 * SHARED * SPAN + 100


@pytest.fixture(params=["float32", "int16"])
def view(request, tmp_path):
    signal = (20 * np.random.default_rng(0).standard_normal((N_TIMES, 6)) + 100).astype(np.float32)
    blocks = (signal[first : first + 333] for first in range(0, N_TIMES, 333))
    write_view(tmp_path / "v.npy", blocks, 6, N_TIMES, request.param)
    return signal, open_view(tmp_path / "v.npy", N_TIMES)


def test_comes_back_as_it_went_in(view):
    signal, stored = view
    tolerance = 0.0 if stored.dtype == "float32" else 0.003
    np.testing.assert_allclose(np.asarray(stored), signal, atol=tolerance)
    whole = np.asarray(stored)
    for key in (np.s_[500:1100], np.s_[500:1100, [4, 1]], np.s_[-3:], np.s_[9000:], np.s_[5], np.s_[:, 2]):
        np.testing.assert_array_equal(stored[key], whole[key])


def windows(stored, firsts, lasts, columns, length):
    out = np.full((len(firsts), len(columns), length), np.nan, np.float32)
    # Of the two rows of channels the second is asked for.
    sources = np.array([stored.source(1)] * len(firsts))
    both = np.stack([np.zeros_like(columns), columns])
    windows_of(sources, both, np.array(firsts), np.array(lasts), out, coded=stored.dtype == "int16")
    return out


def test_windows_are_slices_with_zeros_behind(view):
    _, stored = view
    whole = np.asarray(stored)
    firsts = [0, 1, SPAN - 1, SPAN, 700, N_TIMES - 10, N_TIMES + 5, 900]
    lasts = [600, 601, SPAN + 599, SPAN + 600, 750, N_TIMES + 590, N_TIMES + 605, 900]
    columns = [3, 0, 5]
    out = windows(stored, firsts, lasts, columns, 600)
    for window, first, last in zip(out, firsts, lasts, strict=True):
        part = whole[first:last][:, columns].T
        np.testing.assert_array_equal(window[:, : part.shape[1]], part)
        assert (window[:, part.shape[1] :] == 0).all()


def test_a_file_of_another_length_is_not_taken_for_the_view(view, tmp_path):
    with pytest.raises(ReadError, match="stretches"):
        open_view(tmp_path / "v.npy", N_TIMES + SHARED * SPAN)


def test_a_failed_build_leaves_nothing(tmp_path):
    def blocks():
        yield np.zeros((10, 2), np.float32)
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        write_view(tmp_path / "v.npy", blocks(), 2, 1000, "int16")
    assert list(tmp_path.iterdir()) == []


def test_places_of_channels():
    assert places_of(("C", "A"), ("A", "B", "C")).tolist() == [2, 0]
    assert places_of(("C", "D"), ("A", "B", "C")) == "D"
