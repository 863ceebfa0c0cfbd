"""The lag check on a store: aligned as recorded, misaligned when the sound is moved, worked out once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import mindleaf
from mindleaf.datasets.synthetic import preset, write_synthetic
from mindleaf.recording import Recording
from mindleaf.stages.lag_check import check_lags, lag_sentences


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Recording]:
    folder = tmp_path_factory.mktemp("lag") / "synthetic"
    write_synthetic(folder, preset("easy").with_settings(["n_subjects=2"]), seed=0)
    return list(mindleaf.open_dataset("synthetic", folder))


def test_sound_on_the_eegs_clock_is_aligned(recordings: list[Recording], tmp_path: Path):
    store = mindleaf.prepare(recordings, tmp_path / "store")
    lags = check_lags(store)
    assert {lag.status for lag in lags.values()} == {"aligned"}
    assert lag_sentences(lags) == []
    noted = store.path / "checks" / "audio_lag.json"
    before = noted.read_text()
    assert check_lags(store) == lags and noted.read_text() == before


def test_sound_that_comes_a_second_late_is_told(recordings: list[Recording], tmp_path: Path):
    moved = [
        replace(r, trials=tuple(replace(t, onset=t.onset + 1.0, duration=t.duration - 2.0) for t in r.trials)) for r in recordings
    ]
    lags = check_lags(mindleaf.prepare(moved, tmp_path / "store"))
    assert {lag.status for lag in lags.values()} == {"misaligned"}
    assert all("check the onsets" in sentence for sentence in lag_sentences(lags)) and len(lag_sentences(lags)) == 2
    assert all(lag.lag_s == pytest.approx(-1.0 + 0.15, abs=0.15) for lag in lags.values())


def test_another_sound_under_the_same_name_is_asked_about_again(recordings: list[Recording], tmp_path: Path):
    first = check_lags(mindleaf.prepare(recordings, tmp_path / "store"))
    exchanged = [
        replace(r, stimuli=tuple(replace(s, load=partial(_late, s.load, round(s.sample_rate))) for s in r.stimuli))
        for r in recordings
    ]
    # Prepared elsewhere, with the answers of the first store beside it.
    again = mindleaf.prepare(exchanged, tmp_path / "again")
    (again.path / "checks").mkdir(exist_ok=True)
    (again.path / "checks" / "audio_lag.json").write_bytes((tmp_path / "store" / "checks" / "audio_lag.json").read_bytes())
    second = check_lags(again)
    assert {lag.status for lag in first.values()} == {"aligned"}
    assert {lag.status for lag in second.values()} == {"misaligned"}


def _late(load: Callable[[], NDArray], n_samples: int) -> NDArray:
    return np.roll(load(), n_samples)
