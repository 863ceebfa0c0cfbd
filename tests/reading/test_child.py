"""The guard: a reader that crashes, hangs, or eats memory becomes a sentence, and the next file is read as if nothing was."""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from pathlib import Path

import numpy as np
import pytest

from mindleaf.errors import ReadError
from mindleaf.reading import child
from mindleaf.reading.child import guarded

from . import hostile_readers as hostile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "some.edf").write_bytes(b"x")
    return tmp_path / "some.edf"


def test_values_come_back_as_they_are(path: Path):
    name, number, text, array, rest = guarded(hostile.echo, path, 3, "äµ")
    assert (name, number, text) == (str(path), 3, "äµ")
    assert array.dtype == np.int16
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert np.isnan(rest["nan"])
    assert rest["empty"].shape == (0, 2)


@pytest.mark.parametrize(
    ("reader", "words"),
    [
        (hostile.crash, "crashed"),
        (hostile.gorge, "GB of memory"),
        (hostile.refuse, "refused"),
        (hostile.stumble, "ValueError"),
        (hostile.smuggle, "cannot be read|crashed"),
    ],
)
def test_a_misbehaving_reader_is_one_sentence_and_the_next_call_works(path: Path, reader, words: str):
    with pytest.raises(ReadError, match=words) as caught:
        guarded(reader, path)
    assert str(path) in str(caught.value)
    assert guarded(hostile.echo, path)[0] == str(path)


def test_a_hanging_reader_is_stopped(path: Path):
    start = time.monotonic()
    with pytest.raises(ReadError, match="stopped after 1 s"):
        guarded(hostile.hang, path, timeout_s=1.0)
    assert time.monotonic() - start < 8
    assert guarded(hostile.echo, path)[0] == str(path)


def test_values_quoted_by_a_library_stay_inside(path: Path):
    with pytest.raises(ReadError) as caught:
        guarded(hostile.stumble, path)
    assert "Jane" not in str(caught.value)


def test_one_reader_process_serves_many_files_each_in_its_own_child(path: Path):
    calls = [guarded(hostile.who, path) for _ in range(3)]
    assert len({parent for parent, _ in calls}) == 1
    assert len({itself for _, itself in calls}) == 3


def test_a_killed_reader_process_is_replaced(path: Path):
    parent, _ = guarded(hostile.who, path)
    os.kill(parent, 9)
    time.sleep(0.1)
    assert guarded(hostile.who, path)[0] != parent


def _who_in_worker(path: str) -> int:
    return guarded(hostile.who, Path(path))[0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_worker_gets_its_own_reader_process(path: Path):
    ours = guarded(hostile.who, path)[0]
    with multiprocessing.get_context("fork").Pool(1) as pool:
        theirs = pool.apply(_who_in_worker, (str(path),))
    assert theirs != ours
    assert guarded(hostile.who, path)[0] == ours


def test_a_process_with_a_thousand_open_files_reads_on(path: Path):
    """Each array that is mapped from a store holds a descriptor."""
    child.close()
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if room < 1200:
        pytest.skip(f"this shell allows {room} open files")
    kept = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert guarded(hostile.echo, path, 3, "x")[1] == 3
    finally:
        for descriptor in kept:
            os.close(descriptor)
        child.close()


def test_closing_leaves_no_process_behind(path: Path):
    parent = guarded(hostile.who, path)[0]
    child.close()
    with pytest.raises(ProcessLookupError):
        os.kill(parent, 0)
