"""moabb:CLASS: local files through MOABB in a child that has no network and does not touch the user's settings."""

from __future__ import annotations

import importlib.util
import os
import pickle
import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from mindleaf.datasets import DATASETS, moabb_child, open_dataset
from mindleaf.errors import BadInput, ReadError
from mindleaf.reading.child import guarded

from .layouts import cho2017

#: Where MOABB keeps GigaDB's files.
FOLDER = "MNE-gigadb-data/gigadb-datasets/live/pub/10.5524/100001_101000/100295/mat_data"
needs_moabb = pytest.mark.skipif(importlib.util.find_spec("moabb") is None, reason="needs MOABB (mindleaf[baselines])")


def try_to_connect(root: str) -> None:
    """In the child: what any downloader does at last."""
    with moabb_child.alone(root, "Cho2017"), socket.socket() as tried:
        tried.connect(("127.0.0.1", 9))


def try_to_resolve(root: str) -> None:
    """In the child."""
    with moabb_child.alone(root, "Cho2017"):
        socket.getaddrinfo("localhost", 80)


def try_to_set(root: str) -> str:
    """In the child: the folder that settings of this process go to."""
    import mne

    with moabb_child.alone(root, "Cho2017"):
        mne.set_config("MNE_DATASETS_TEST_PATH", root)
        return str(mne.get_config_path())


def describe_without_moabb(root: str) -> None:
    """In the child, where importing MOABB fails as if it were not there."""
    sys.modules["moabb"] = None  # type: ignore[assignment]
    moabb_child.describe_class("Cho2017")


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("moabb")
    cho2017.write(root, FOLDER)
    return root


@needs_moabb
def test_a_class_of_moabb_is_a_data_set(local: Path):
    assert "moabb:Cho2017" in DATASETS
    assert "moabb:Cho2017" not in list(DATASETS)
    facts = DATASETS["moabb:Cho2017"].facts
    assert (facts.name, facts.labels, facts.sfreq) == ("moabb:Cho2017", ("left_hand", "right_hand"), 512.0)
    found = list(DATASETS["moabb:Cho2017"].sources(local))
    assert [source.name for source in found] == ["subject 1", "subject 7"], "only subjects whose files are there"
    (recording,) = found[0].open()
    assert (recording.subject, len(recording.montage), recording.sfreq) == ("01", 64, 512.0)
    assert [trial.labels["label"] for trial in recording.trials] == ["left_hand"] * 2 + ["right_hand"] * 2
    again = pickle.loads(pickle.dumps(recording))
    signal = again.load()
    assert signal.shape == (64, recording.n_times)
    for trial in recording.trials:
        moment = round((trial.onset + cho2017.IMPULSE_S) * 512)
        near = signal[:, moment - 100 : moment + 100]
        assert abs(int(near.mean(axis=0).argmax()) - 100) <= 1
        assert 300 < np.ptp(near) < 1000, "volts did not become microvolts"
    assert np.array_equal(again.load(10, 25), signal[:, 10:25])


@needs_moabb
def test_a_missing_file_is_named_and_not_fetched(local: Path):
    with pytest.raises(ReadError, match=r"wanted the file MNE-gigadb-data/.*/s05\.mat, it is not there.*data get moabb:Cho2017"):
        guarded(moabb_child.describe_subject, local, "Cho2017", 5, timeout_s=300.0, memory_bytes=64 << 30)


@needs_moabb
def test_an_empty_folder_says_how_to_fill_it(tmp_path: Path):
    with pytest.raises(BadInput, match="mindleaf data get moabb:Cho2017"):
        open_dataset("moabb:Cho2017", tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@needs_moabb
def test_an_unknown_class_brings_near_names():
    with pytest.raises(BadInput, match=r"has no data set 'Cho2018'.*Cho2017"):
        DATASETS["moabb:Cho2018"]


def test_a_name_without_a_class_is_told_the_form():
    with pytest.raises(BadInput, match="such as moabb:Zhou2016"):
        DATASETS["moabb:"]


@pytest.mark.parametrize("attempt", [try_to_connect, try_to_resolve])
def test_the_child_has_no_network(tmp_path: Path, attempt):
    with pytest.raises(ReadError, match="MOABB wanted to fetch a file, it may not"):
        guarded(attempt, tmp_path)


def test_the_users_settings_stay_as_they_are(tmp_path: Path):
    where = guarded(try_to_set, tmp_path)
    assert not where.startswith(os.path.expanduser("~") + os.sep)
    assert not Path(where).exists(), "the folder is thrown away"


def test_without_moabb_one_sentence_says_what_to_install(tmp_path: Path):
    with pytest.raises(BadInput, match=r"wants MOABB, which is not installed; pip install 'mindleaf\[baselines\]'"):
        guarded(describe_without_moabb, tmp_path)
