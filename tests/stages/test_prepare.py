"""prepare and store on the command line: workers, damage, what is told, Zarr."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from mindleaf.stages import progress
from mindleaf.store.store import Store
from tests.reading.written_files import write_edf
from tests.stages.command import TINY, mindleaf, unfinished, worked


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """The generated data set, and ``plain``, its store by one process."""
    folder = tmp_path_factory.mktemp("prepared")
    worked("prepare", "synthetic", "--root", folder / "data", "--out", folder / "plain", *TINY, "--quiet")
    return folder


@pytest.fixture
def files(tmp_path) -> Path:
    """Four small EDF files with their table."""
    root = tmp_path / "files"
    root.mkdir()
    for k in range(4):
        write_edf(root / f"{k}.edf")
    lines = [f"{k}.edf,{'ab'[k % 2]},s{k}" for k in range(4)]
    (root / "labels.csv").write_text("\n".join(["file,label,subject", *lines]) + "\n")
    return root


def prepare(root: Path, out: Path, *words: object, name: str = "synthetic"):
    return mindleaf("prepare", name, "--root", root, "--out", out, *words)


def test_workers_change_nothing_but_the_time(data, tmp_path):
    words = ("--workers", 2, "--pipeline", "mindmix", "--json", "--quiet")
    told = json.loads(prepare(data / "data", tmp_path / "store", *words).out)
    plain, store = Store(data / "plain"), Store(tmp_path / "store")
    assert told["content_sha256"] == store.content_sha256 == plain.content_sha256
    assert store.manifest == plain.manifest
    assert len(list((tmp_path / "store").glob("views/*/*.npy"))) == len(store.recordings)
    assert unfinished(tmp_path) == []


@pytest.mark.parametrize(
    "words",
    [("--set", "synthetic.preset=easy"), ("--set", "synthetic.preset=tiny"), (*TINY, "--seed", 1), ("--seed", 0)],
)
def test_generated_data_of_other_settings_are_not_passed_off_as_those_asked_for(data, tmp_path, words):
    before = sorted(data.joinpath("data").rglob("*"))
    said = prepare(data / "data", tmp_path / "store", *words, "--quiet").complaint
    assert "holds a synthetic data set of other settings or another seed" in said
    assert not (tmp_path / "store").exists() and sorted(data.joinpath("data").rglob("*")) == before


def test_settings_of_the_generator_are_refused_for_other_data(files, tmp_path):
    said = prepare(files, tmp_path / "store", *TINY, "--quiet", name="folder").complaint
    assert said == "--set synthetic.preset=tiny is for the generator of a synthetic data set, got folder; drop the setting."
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("words", [(), (*TINY, "--seed", 0)])
def test_generated_data_that_are_there_are_read_as_they_are(data, tmp_path, words):
    told = json.loads(prepare(data / "data", tmp_path / "store", *words, "--json", "--quiet").out)
    assert told["content_sha256"] == Store(data / "plain").content_sha256


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--workers", "0"), "--workers wants a number of processes of at least 1"),
        (("--workers", "2", "--scheduler", "tcp://127.0.0.1:1"), "give one of them"),
        (("--set", "dtype=int8"), "StoreConfig.dtype wanted"),
        (("--set", "on_damage=ignore"), "StoreConfig.on_damage wanted"),
        (("--set", "max_sfreq=0"), "above 0 Hz"),
    ],
)
def test_wishes_that_make_no_sense(data, tmp_path, words, told):
    assert told in prepare(data / "data", tmp_path / "store", *words).complaint
    assert not (tmp_path / "store" / "manifest.json").exists()


def test_damaged_files_are_named_and_the_rest_is_kept(files, tmp_path):
    whole = (files / "2.edf").read_bytes()
    (files / "2.edf").write_bytes(whole[:300])
    store = tmp_path / "store"
    said = prepare(files, store, name="folder").complaint
    assert "1 of 4 sources" in said and "2.edf" in said and "--set on_damage=skip" in said
    assert not (store / "manifest.json").exists()
    done = worked("prepare", "folder", "--root", files, "--out", store, "--set", "on_damage=skip")
    assert "(0 prepared, 3 unchanged)" in " ".join(done.err.split()) and "left out as damaged: 2.edf" in done.err
    assert json.loads(worked("store", "info", store, "--json").out)["left_out"] == ["2.edf"]
    (files / "2.edf").write_bytes(whole)
    worked("prepare", "folder", "--root", files, "--out", store, "--quiet")
    assert Store(store).manifest["left_out"] == [] and len(Store(store).recordings) == 4


def test_info_says_what_a_store_holds(data, tmp_path):
    store = shutil.copytree(data / "plain", tmp_path / "store")
    told = json.loads(worked("store", "info", store, "--json").out)
    assert (told["dataset"], told["subjects"], told["recordings"], told["dtype"]) == ("synthetic", 3, 3, ["float32"])
    assert told["bytes"]["signals"] > 4 * 3 * 16 * 128 * 30 and told["views"] == []
    assert told["content_sha256"] == Store(store).content_sha256
    lines = worked("store", "info", store).out.splitlines()
    assert [line.split()[0] for line in lines] == list(told)
    assert any(line.startswith("bytes") and "signals" in line and "MB" in line for line in lines)


def test_verify_says_which_part(data, tmp_path):
    store = shutil.copytree(data / "plain", tmp_path / "store")
    assert "intact" in worked("store", "verify", store).out
    (path, *_) = sorted((store / "stimuli").glob("*.npy"))
    content = bytearray(path.read_bytes())
    content[-3] ^= 4
    path.write_bytes(content)
    assert f"stimuli/{path.name}" in mindleaf("store", "verify", store).complaint


def test_to_zarr_and_back(data, tmp_path):
    pytest.importorskip("zarr")
    worked("store", "export", data / "plain", "--zarr", tmp_path / "out.zarr")
    told = json.loads(worked("store", "import", "--zarr", tmp_path / "out.zarr", "--out", tmp_path / "back", "--json").out)
    assert told["content_sha256"] == Store(data / "plain").content_sha256
    assert "does not exist yet" in mindleaf("store", "export", data / "plain", "--zarr", tmp_path / "out.zarr").complaint
    assert "wanted a Zarr folder" in mindleaf("store", "import", "--zarr", data / "plain", "--out", tmp_path / "x").complaint


def test_progress_knows_the_total_and_tells_rate_and_time_left(files, tmp_path, monkeypatch):
    screen = Console(force_terminal=True, width=160, record=True, file=(tmp_path / "screen").open("w"))
    monkeypatch.setattr(progress, "console", lambda quiet=False: screen)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    from mindleaf.stages.prepare import prepare as stage

    stage("folder", files, tmp_path / "store")
    shown = screen.export_text()
    assert "prepare folder" in shown and "4/4" in shown and "MB/s" in shown and "/s" in shown
