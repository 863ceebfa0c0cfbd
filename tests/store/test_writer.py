"""Preparing a store from sources: what is damaged, what is unchanged, who may write, what the disk refuses."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from mindleaf.errors import BadInput
from mindleaf.recording import Stimulus
from mindleaf.store.files import CannotWrite, clear_unfinished, explained
from mindleaf.store.lock import check_run, only_writer
from mindleaf.store.store import Store
from mindleaf.store.writer import write_store
from tests.store.generated import CHANNELS, Made, damaged, prepared, recording, sources, unreadable


def test_sources_become_one_store(tmp_path):
    store = prepared(tmp_path / "store")
    assert sorted(store.recordings) == ["rec0a", "rec1a", "rec1b", "rec2a", "rec3a", "rec4a"]
    assert len(store.index) == 12 and sorted(store.stimuli) == ["first", "second"]
    assert store.verify() == [] and store.manifest["left_out"] == []
    assert len(list((tmp_path / "store" / "stimuli").glob("*.npy"))) == 2, "each stimulus once"


def test_a_damaged_source_stops_the_manifest_but_not_the_others(tmp_path):
    old = prepared(tmp_path, sources(2))
    heard: list[str] = []
    listed = [*sources(2), damaged(), *sources(4)[2:], unreadable()]
    with pytest.raises(BadInput, match=r"2 of 6 sources .*broken.edf, bad-sector.edf .*record 3.*on_damage=skip") as told:
        prepared(tmp_path, listed, progress=lambda outcome: heard.append(outcome.source))
    assert "\n" not in str(told.value) and len(heard) == 6
    assert Store(tmp_path).content_sha256 == old.content_sha256
    whole: list[int] = []
    prepared(tmp_path, sources(4), progress=lambda outcome: whole.append(outcome.n_unchanged))
    assert whole == [1, 2, 1, 1], "what was prepared beside the damaged ones is kept"


def test_a_single_damaged_source_has_no_others_that_are_kept(tmp_path):
    with pytest.raises(BadInput, match=r"1 of 1 sources .*broken.edf .*record 3.*; mend what is damaged and run") as told:
        prepared(tmp_path, [damaged()])
    assert "the others" not in str(told.value) and "the first" not in str(told.value) and "on_damage" not in str(told.value)


def test_damaged_sources_are_left_out_where_that_is_asked_for(tmp_path):
    store = prepared(tmp_path / "a", [*sources(3), damaged()], ("on_damage=skip",))
    assert store.manifest["left_out"] == ["broken.edf"] and len(store.recordings) == 4
    assert store.content_sha256 == prepared(tmp_path / "b", sources(3)).content_sha256
    with pytest.raises(BadInput, match=r"found none.*record 3"):
        prepared(tmp_path / "c", [damaged()], ("on_damage=skip",))
    assert not (tmp_path / "c" / "manifest.json").exists()


def test_how_damage_is_met_makes_nothing_stale(tmp_path):
    prepared(tmp_path, sources(3))
    unchanged: list[int] = []
    prepared(tmp_path, sources(3), ("on_damage=skip",), progress=lambda outcome: unchanged.append(outcome.n_unchanged))
    assert sum(unchanged) == 4


def test_one_stimulus_id_stands_for_one_sound(tmp_path):
    first = recording("one", 1, 6.0)
    other = Stimulus("first", 16_000.0, partial(np.ones, 4000, np.float32))
    second = replace(recording("two", 2, 6.0), stimuli=(other, first.stimuli[1]))
    old = prepared(tmp_path, sources(1))
    with pytest.raises(BadInput, match="stimulus id 'first' stands for two different sounds"):
        write_store([first, second], tmp_path, "made", {})
    assert Store(tmp_path).verify() == [] and Store(tmp_path).content_sha256 == old.content_sha256


def test_a_recording_id_may_not_come_twice(tmp_path):
    with pytest.raises(BadInput, match="occurs twice"):
        write_store([recording("one", 1, 6.0), recording("one", 2, 6.0)], tmp_path, "made", {})


def test_a_changed_source_file_is_prepared_again_and_leaves_nothing_behind(tmp_path):
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "one.edf"
    file.write_bytes(b"1")
    one = replace(recording("one", 1, 6.0), source_files=("one.edf",))
    seen: list[int] = []
    for content, seed in ((b"1", 1), (b"1", 1), (b"22", 2)):
        if file.read_bytes() != content:
            file.write_bytes(content)
        changed = replace(one, load=replace(recording("one", seed, 6.0)).load)
        write_store(
            [changed], tmp_path / "store", "made", {}, progress=lambda o: seen.append(o.n_unchanged), root=tmp_path / "data"
        )
    assert seen == [0, 1, 0]
    assert len(list((tmp_path / "store" / "signals").iterdir())) == 2, "one signal and its note"
    assert Store(tmp_path / "store").verify() == []


def test_another_length_of_blocks_gives_the_same_store(tmp_path, monkeypatch):
    slow = prepared(tmp_path / "a", sources(2), ("max_sfreq=100",))
    monkeypatch.setattr("mindleaf.store.recording_entry.BLOCK_BYTES", 16 * 100)
    assert prepared(tmp_path / "b", sources(2), ("max_sfreq=100",)).content_sha256 == slow.content_sha256
    assert slow.recordings["rec0a"].sfreq == 64.0 and slow.recordings["rec0a"].n_times == 384


def test_int16_takes_half_the_room_and_stays_near(tmp_path):
    plain, small = prepared(tmp_path / "a", sources(1, 60.0)), prepared(tmp_path / "b", sources(1, 60.0), ("dtype=int16",))
    sizes = [sum(path.stat().st_size for path in (store.path / "signals").glob("*.npy")) for store in (plain, small)]
    assert sizes[1] < 0.55 * sizes[0]
    np.testing.assert_allclose(np.asarray(small.signal("rec0a")), np.asarray(plain.signal("rec0a")), atol=2e-3)
    assert small.recordings["rec0a"].dtype == "int16" and small.verify() == []


def test_a_load_that_takes_no_span_is_taken_whole(tmp_path):
    values = np.random.default_rng(0).standard_normal((len(CHANNELS), 768))
    store = write_store([replace(recording("one", 1, 6.0), load=lambda: values)], tmp_path, "made", {})
    np.testing.assert_array_equal(np.asarray(store.signal("one")), values.T.astype(np.float32))


def test_a_file_shorter_than_its_header_says_is_damage(tmp_path):
    short = replace(recording("one", 1, 6.0), load=lambda start=0, stop=None: np.zeros((len(CHANNELS), 5)))
    with pytest.raises(BadInput, match="the file and its header disagree"):
        write_store([short], tmp_path, "made", {})


def _hold(path: Path, ready, done) -> None:
    with only_writer(path):
        ready.set()
        done.wait(30)


def test_the_second_writer_is_refused_and_a_dead_one_is_forgotten(tmp_path):
    prepared(tmp_path, sources(1))
    context = get_context("forkserver")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path, ready, done))
    other.start()
    assert ready.wait(60)
    with pytest.raises(BadInput, match=rf"another prepare \(process {other.pid}\) is writing"):
        prepared(tmp_path, sources(2))
    assert len(Store(tmp_path).recordings) == 1
    other.kill()
    other.join()
    assert (tmp_path / "writer.lock").exists(), "killed, it could not take its lock file away"
    assert len(prepared(tmp_path, sources(2)).recordings) == 3
    assert not (tmp_path / "writer.lock").exists()


def test_two_writers_in_one_process_are_two_writers(tmp_path):
    with only_writer(tmp_path), pytest.raises(BadInput, match="another prepare"), only_writer(tmp_path):
        raise AssertionError("both held the store")
    with only_writer(tmp_path):
        assert (tmp_path / "writer.lock").exists()


def test_a_worker_of_another_run_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("mindleaf.store.lock._LATE_S", 0.0)
    with only_writer(tmp_path) as token:
        check_run(tmp_path, token)
        with pytest.raises(CannotWrite, match="every worker sees under the same path"):
            check_run(tmp_path, "another")
        with pytest.raises(CannotWrite, match="every worker sees"):
            check_run(tmp_path / "elsewhere", token)


def test_only_what_writers_left_is_cleared(tmp_path):
    (tmp_path / "signals").mkdir()
    left = [tmp_path / "signals" / ".rec.npy.0123abcd.part", tmp_path / "signals" / "..rec.0123abcd.part.npy.89abcdef.part"]
    kept = [tmp_path / "signals" / "rec.npy", tmp_path / ".notes.part", tmp_path / "signals" / "a.part"]
    for path in (*left, *kept):
        path.write_bytes(b"x")
    clear_unfinished(tmp_path)
    assert [path.exists() for path in left] == [False, False] and all(path.exists() for path in kept)


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, "disk is full"), (errno.EDQUOT, "disk is full"), (errno.EROFS, "read-only"), (errno.EIO, "check the disk"),
        (errno.EFBIG, "ulimit"), (errno.ENOTDIR, "a file stands where a folder is wanted"),
    ],
)  # fmt: skip
def test_every_refusal_of_the_machine_is_a_sentence(tmp_path, number, told):
    error = explained(OSError(number, os.strerror(number)), tmp_path / "x")
    assert isinstance(error, CannotWrite) and told in str(error) and ";" in str(error)


def test_a_full_disk_is_told_with_the_bytes_needed_and_mended_by_room(mounted, tmp_path):
    old = prepared(mounted / "store", sources(2))
    filler = mounted / "filler"
    filler.write_bytes(bytes(1_900_000))
    with pytest.raises(CannotWrite, match=r"takes about 1\.0 MB\), but the disk is full \(0\.\d MB free\).*continues"):
        prepared(mounted / "store", sources(2, seconds=500))
    same = Store(mounted / "store")
    assert same.verify() == [] and same.content_sha256 == old.content_sha256
    assert not [path for path in mounted.rglob("*") if path.name.endswith(".part")]
    filler.unlink()
    store = prepared(mounted / "store", sources(1, seconds=500))
    assert store.content_sha256 == prepared(tmp_path / "whole", sources(1, seconds=500)).content_sha256


def test_a_disk_that_fills_up_while_a_signal_is_written(mounted, monkeypatch):
    monkeypatch.setattr("mindleaf.store.recording_entry.need_space", lambda *_: None)
    (mounted / "filler").write_bytes(bytes(2_500_000))
    with pytest.raises(CannotWrite, match=r"takes about 1\.0 MB\), but the disk is full"):
        prepared(mounted / "store", sources(2, seconds=500))
    assert not list((mounted / "store").rglob("*.npy"))


def test_a_read_only_place_is_refused_in_a_sentence(mounted):
    prepared(mounted / "store", sources(1))
    subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
    with pytest.raises(CannotWrite, match="read-only; choose another --out"):
        prepared(mounted / "store", sources(2))
    assert Store(mounted / "store").verify() == []


def _limited(out: Path, answer) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        prepared(out, [*sources(1), *sources(2, seconds=500)[1:]])
    except BadInput as error:
        answer.put((type(error).__name__, str(error)))


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_limit_on_the_size_of_files_is_a_sentence(tmp_path):
    context = get_context("forkserver")
    answer = context.Queue()
    child = context.Process(target=_limited, args=(tmp_path, answer))
    child.start()
    kind, sentence = answer.get(timeout=60)
    child.join()
    assert kind == "CannotWrite" and "ulimit" in sentence
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".part")]
    assert len(prepared(tmp_path, sources(1)).recordings) == 1


def test_the_manifest_points_nowhere_else(tmp_path):
    prepared(tmp_path / "store", sources(1))
    path = tmp_path / "store" / "manifest.json"
    manifest = json.loads(path.read_text())
    for place in ("../secret.npy", "/etc/hostname"):
        manifest["recordings"][0]["file"] = place
        path.write_text(json.dumps(manifest))
        with pytest.raises(BadInput, match="outside its store"):
            Store(tmp_path / "store").signal("rec0a")


def test_a_source_that_cannot_be_sent_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"source9.*cannot be sent to another process.*--workers 1"):
        prepared(tmp_path, [Made("source9", lambda: [recording("one", 1, 6.0)]), *sources(2)], workers=2)
