"""A store goes to Zarr and comes back the same; other tools read what is there."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import mne
import numpy as np
import pandas as pd
import pytest

from mindleaf.errors import BadInput, ReadError
from mindleaf.montage import Montage
from mindleaf.recording import Trial
from mindleaf.store.store import Store
from mindleaf.store.writer import StoreConfig, write_store
from mindleaf.store.zarr_export import export_zarr
from mindleaf.store.zarr_import import import_zarr
from tests.store.generated import prepared, recording, sources

zarr = pytest.importorskip("zarr", minversion="3.0")


def awkward(n_channels: int, n_times: int, start: int = 0, stop: int | None = None) -> np.ndarray:
    """Values that are hard on a change of unit: tiny, huge, missing, negative zero."""
    values = np.random.default_rng(3).standard_normal((n_channels, n_times)) * np.logspace(-44, 30, n_times)
    values[0, :5] = [np.nan, np.inf, -np.inf, -0.0, 1e-45]
    return values.astype(np.float32)[:, start:stop]


def stores(folder: Path) -> list[Store]:
    odd = recording("odd name/1", 1, 20.0)
    trials = tuple(replace(trial, labels={"label": 'a\tb\n"c"', "no such name": "ü"}) for trial in odd.trials)
    montage = Montage.from_names(("Cz", "X17", "Pz", "O1"))[0]
    odd = replace(odd, montage=montage, trials=trials, load=partial(awkward, 4, odd.n_times))
    quiet = replace(recording("quiet", 2, 6.0), trials=(), stimuli=())
    longer = replace(recording("more", 3, 8.0), trials=(Trial("x", 0.0, 1.0),))
    return [
        prepared(folder / "plain", sources(3)),
        prepared(folder / "small", sources(3), ("dtype=int16", "max_sfreq=100")),
        write_store([odd, longer], folder / "odd", "made", {"licence": None, "n": 3}),
        write_store([odd, longer], folder / "odd16", "made", {}, StoreConfig(dtype="int16")),
        write_store([quiet], folder / "quiet", "made", {}),
    ]


def test_there_and_back_again(tmp_path, monkeypatch):
    monkeypatch.setattr("mindleaf.store.zarr_export._CHUNK_VALUES", 1000)
    for k, store in enumerate(stores(tmp_path)):
        export_zarr(store, tmp_path / f"{k}.zarr")
        back = import_zarr(tmp_path / f"{k}.zarr", tmp_path / f"back{k}")
        assert back.content_sha256 == store.content_sha256 and back.verify() == []
        assert back.manifest == store.manifest
        pd.testing.assert_frame_equal(back.index, store.index)


def test_other_tools_find_volts_names_and_places(tmp_path):
    """What braindecode asks of a folder of raw data sets (checked against its version 1.8.1 by hand)."""
    store = prepared(tmp_path / "store", sources(2))
    export_zarr(store, tmp_path / "out.zarr")
    root = zarr.open_group(str(tmp_path / "out.zarr"), mode="r")
    assert root.attrs["dataset_type"] == "RawDataset" and root.attrs["n_datasets"] == 3
    group = root["recording_0"]
    assert group.attrs["description"] == {"recording": "rec0a", "subject": "rec0", "session": "", "run": ""}
    data = np.asarray(group["data"])
    assert data.dtype == np.float32
    np.testing.assert_allclose(data, 1e-6 * np.asarray(store.signal("rec0a")).T, rtol=1e-6, atol=1e-13)
    raw = mne.io.RawArray(data, mne.Info.from_json_dict(restored(group.attrs["info"])), verbose=False)
    assert tuple(raw.ch_names) == store.recordings["rec0a"].montage.names and raw.info["sfreq"] == 128.0
    places = raw.get_montage().get_positions()["ch_pos"]
    np.testing.assert_allclose(places["Cz"], store.recordings["rec0a"].montage.positions[1], atol=1e-6)
    for path in (tmp_path / "out.zarr").rglob("zarr.json"):
        json.loads(path.read_text(), parse_constant=pytest.fail)


def restored(value):
    """null back to NaN in lists of numbers, as that reader does."""
    if isinstance(value, dict):
        return {key: restored(item) for key, item in value.items()}
    if isinstance(value, list) and value and all(item is None or isinstance(item, int | float) for item in value):
        return [np.nan if item is None else item for item in value]
    return [restored(item) for item in value] if isinstance(value, list) else value


def test_what_exists_is_not_overwritten(tmp_path):
    store = prepared(tmp_path / "store", sources(1))
    (tmp_path / "there").mkdir()
    with pytest.raises(BadInput, match="does not exist yet"):
        export_zarr(store, tmp_path / "there")


def test_a_damaged_store_is_not_exported(tmp_path):
    store = prepared(tmp_path / "store", sources(1))
    (path,) = (tmp_path / "store").glob("signals/*.npy")
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ReadError, match="rec0a"):
        export_zarr(store, tmp_path / "out.zarr")
    assert [path.name for path in tmp_path.iterdir()] == ["store"], "nothing half-written stays"


def test_only_whole_exports_come_in(tmp_path):
    store = prepared(tmp_path / "store", sources(2))
    with pytest.raises(BadInput, match="wanted a Zarr folder"):
        import_zarr(tmp_path / "store", tmp_path / "a")
    old = prepared(tmp_path / "a", sources(1))
    for name, value in (("data", 0.5), ("correction", 3)):
        path = tmp_path / f"{name}.zarr"
        export_zarr(store, path)
        zarr.open_group(str(path))["recording_1"][name][1, 40] = value
        with pytest.raises(ReadError, match=r"recording_1.*export the store again"):
            import_zarr(path, tmp_path / "a")
    path = tmp_path / "trials.zarr"
    export_zarr(store, path)
    zarr.open_group(str(path))["trials"]["column_007"][0] = 0.125
    with pytest.raises(ReadError, match="trials or channels"):
        import_zarr(path, tmp_path / "a")
    del zarr.open_group(str(path))["recording_1"]
    with pytest.raises(ReadError, match="damaged"):
        import_zarr(path, tmp_path / "a")
    assert Store(tmp_path / "a").content_sha256 == old.content_sha256 and Store(tmp_path / "a").verify() == []
