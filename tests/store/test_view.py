"""A view of a store: windows equal slices of the filtered recording, whatever the store keeps its signals as."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from mindleaf.errors import BadInput
from mindleaf.montage import Montage
from mindleaf.preprocessing.filtering import apply, z_score
from mindleaf.preprocessing.pipeline import BROAD
from mindleaf.store.store import Store
from mindleaf.store.view import View
from mindleaf.store.writer import write_store
from tests.conftest import CHANNELS, make_recording


def test_windows_of_several_recordings_come_in_the_order_of_the_rows(toy_store):
    rows = toy_store.windows(2.0).sample(frac=1.0, random_state=0).reset_index(drop=True)
    out = toy_store.view(BROAD).read(rows, ("Cz", "O1"))
    columns = [CHANNELS.index("Cz"), CHANNELS.index("O1")]
    whole = {name: apply(BROAD, np.asarray(toy_store.signal(name)).T, 128.0) for name in toy_store.recordings}
    for window, recording, start in zip(out, rows["recording"], rows["start"], strict=True):
        first = round(start * 200)
        np.testing.assert_array_equal(window, whole[recording][columns, first : first + 400])


def test_a_damaged_view_is_made_again(toy_store):
    rows = toy_store.windows(2.0)
    before = View(toy_store, BROAD).read(rows, CHANNELS)
    folder = toy_store.path / "views" / BROAD.fingerprint()
    paths = sorted(folder.glob("*.npy"))
    paths[0].write_bytes(paths[0].read_bytes()[:1000])
    paths[1].unlink()
    np.testing.assert_array_equal(View(Store(toy_store.path), BROAD).read(rows, CHANNELS), before)


def test_the_version_of_the_algorithm_is_part_of_the_name(toy_store, monkeypatch):
    View(toy_store, BROAD).signal("rec0")
    folder = toy_store.path / "views" / BROAD.fingerprint()
    n_before = len(list(folder.glob("rec0-*.npy")))
    monkeypatch.setattr("mindleaf.store.view.ALGORITHM", 99)
    View(toy_store, BROAD).signal("rec0")
    assert len(list(folder.glob("rec0-*.npy"))) == n_before + 1
    for path in folder.glob("*-v99.*"):
        path.unlink()


def test_an_unknown_channel_is_named(toy_store):
    with pytest.raises(BadInput, match=r"no channel 'X9'.*Fp1"):
        toy_store.view(BROAD).read(toy_store.windows(2.0), ("Cz", "X9"))


def test_several_threads_read_what_one_reads(toy_store):
    """Also while the first of them still open the recordings."""
    rows = toy_store.windows(2.0)
    batches = [rows.sample(frac=0.5, random_state=seed) for seed in range(40)]
    alone, shared = View(toy_store, BROAD), View(toy_store, BROAD)
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda batch: shared.read(batch, CHANNELS), batches))
    for batch, read in zip(batches, together, strict=True):
        np.testing.assert_array_equal(read, alone.read(batch, CHANNELS))


def test_a_window_before_the_first_sample_is_refused(toy_store):
    rows = toy_store.windows(2.0).assign(start=-2.0, stop=0.0)
    with pytest.raises(BadInput, match="inside their recording"):
        toy_store.view(BROAD).read(rows, CHANNELS)


def test_a_batch_of_several_montages_takes_channels_by_name(tmp_path):
    plain, turned = make_recording(0), make_recording(1)
    turned = replace(turned, montage=Montage.from_names(CHANNELS[::-1])[0])
    store = write_store([plain, turned], tmp_path / "store", "toy", {})
    rows = store.windows(2.0).sample(frac=1.0, random_state=0)
    together = View(store, BROAD).read(rows, CHANNELS[1:4])
    for window, (_, row) in zip(together, rows.iterrows(), strict=True):
        whole = np.asarray(View(store, BROAD).signal(row["recording"]))
        names = store.recordings[row["recording"]].montage.names
        first = round(row["start"] * BROAD.sfreq)
        expected = whole[first : first + window.shape[1], [names.index(name) for name in CHANNELS[1:4]]].T
        np.testing.assert_array_equal(window, z_score(expected) if BROAD.normalise == "window" else expected)
