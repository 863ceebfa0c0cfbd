"""What breaks on a disk later: parts of a store, caches, settings, logs. One sentence, or made again where it can be."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mindleaf.store.store import Store
from tests.stages.command import FEW_ALIGN_STEPS, FEW_STEPS, TINY, mindleaf, worked

ASK = (
    "--model",
    "trf",
    "--task",
    "attention",
    "--protocol",
    "between_trial",
    "--set",
    "protocol.only=[0]",
    "--window",
    "2",
    "--quiet",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    worked("prepare", "synthetic", "--root", folder / "data", "--out", folder / "store", *TINY, "--quiet")
    store = ("--store", folder / "store", "--quiet")
    worked("pretrain", "mindmix-tiny", *store, "--out", folder / "run", *FEW_STEPS)
    worked("align", "mindmix-tiny", *store, "--start", folder / "run", "--out", folder / "aligned", *FEW_ALIGN_STEPS)
    worked("evaluate", *store, *ASK, "--out", folder / "report")
    return folder


@pytest.fixture
def copy(whole, tmp_path) -> Path:
    for name in ("store", "run", "aligned"):
        shutil.copytree(whole / name, tmp_path / name)
    return tmp_path


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("damage", [cut, Path.unlink], ids=["cut", "gone"])
@pytest.mark.parametrize("part", ["manifest.json", "trials-*.parquet", "signals/*.npy", "stimuli/*.npy"])
def test_a_damaged_store_says_so_and_is_mended_by_preparing_again(whole, copy, part, damage):
    store = copy / "store"
    shutil.rmtree(store / "views")
    shutil.rmtree(store / "features")
    (path, *_) = sorted(store.glob(part))
    damage(path)
    sentence = mindleaf("evaluate", "--store", store, *ASK, "--out", copy / "out").complaint
    assert path.name in sentence or str(store) in sentence
    assert not (copy / "out").exists()
    worked("prepare", "synthetic", "--root", whole / "data", "--out", store, "--quiet")
    assert Store(store).verify() == []
    assert Store(store).content_sha256 == Store(whole / "store").content_sha256


def test_a_flipped_bit_is_mended_by_preparing_again(whole, copy):
    (path, *_) = sorted((copy / "store" / "signals").glob("*.npy"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert "prepare the store again" in mindleaf("store", "verify", copy / "store").complaint
    done = worked("prepare", "synthetic", "--root", whole / "data", "--out", copy / "store")
    assert "(1 prepared, 2 unchanged)" in " ".join(done.err.split())
    worked("store", "verify", copy / "store")


def test_preparing_again_changes_no_hash(whole, copy):
    """A fine-tuned RUN knows its store by this hash."""
    worked("prepare", "synthetic", "--root", whole / "data", "--out", copy / "store", "--quiet")
    assert Store(copy / "store").content_sha256 == Store(whole / "store").content_sha256
    assert list(Store(copy / "store").index.columns) == list(Store(whole / "store").index.columns)


@pytest.mark.parametrize("cache", ["views", "features"])
def test_a_damaged_cache_is_made_again(whole, copy, cache):
    for path in (copy / "store" / cache).rglob("*.npy"):
        cut(path)
    worked("evaluate", "--store", copy / "store", *ASK, "--out", copy / "out")
    assert (copy / "out" / "predictions.parquet").read_bytes() == (whole / "report" / "predictions.parquet").read_bytes()


def test_damaged_notes_of_a_run_are_refused(whole, copy):
    store = ("--store", whole / "store", "--quiet")
    cut(copy / "run" / "stage.json")
    assert "stage.json" in mindleaf("pretrain", "mindmix-tiny", *store, "--out", copy / "run", "--resume", *FEW_STEPS).complaint
    cut(copy / "run" / "exposure.json")
    words = ("align", "mindmix-tiny", *store, "--start", copy / "run", "--out", copy / "out", *FEW_ALIGN_STEPS)
    assert "exposure.json" in mindleaf(*words).complaint
    assert not (copy / "out").exists()


def test_resuming_a_finished_run_keeps_its_curve(whole, copy):
    words = ("align", "mindmix-tiny", "--store", whole / "store", "--start", whole / "run", "--quiet", *FEW_ALIGN_STEPS)
    before = json.loads((copy / "aligned" / "findings.json").read_text())
    worked(*words, "--out", copy / "aligned", "--resume")
    after = json.loads((copy / "aligned" / "findings.json").read_text())
    assert len(before["curve"]) == 2 and after["curve"] == before["curve"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_checkpoint_that_the_system_cuts_short(whole, tmp_path):
    code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)); from mindleaf.cli import main; main()"
    words = ("pretrain", "mindmix-tiny", "--store", whole / "store", "--out", tmp_path / "out", "--quiet", *FEW_STEPS)
    command = [sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("mindleaf: ") and len(done.stderr.splitlines()) == 1
    assert re.search(r"checkpoints: wanted \d+ bytes?.* free some space", done.stderr)
    assert not (tmp_path / "out" / "model.safetensors").exists()
