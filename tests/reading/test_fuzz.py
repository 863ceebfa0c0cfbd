"""Damaged files of every format: refused by name, read with the damage named, or read as if nothing was; see fuzz_mutations.

MINDLEAF_FUZZ_COUNT sets the mutations per format (500, fewer for the slow ones); MINDLEAF_FUZZ_LOG names a file that gets one
line of JSON per format, from which ``benchmarks/reader_fuzz.py`` makes docs/results/readers.md.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from mindleaf.errors import ReadError
from mindleaf.reading.audio import open_audio, read_audio
from mindleaf.reading.matfile import read_mat
from mindleaf.reading.signals import open_signal

from .fuzz_batch import MAT_VARIABLES
from .fuzz_formats import FORMATS
from .fuzz_mutations import KINDS, Part, Touched, judge, mutate, touched_payload, write_parts
from .fuzzing import OUTCOMES, Fuzzed, fuzz

COUNT = int(os.environ.get("MINDLEAF_FUZZ_COUNT", "500"))
SOAK = 5000
_PUBLIC = {
    "signal": lambda path: open_signal(path).load(),
    "sound": read_audio,
    "matlab": lambda path: read_mat(path, MAT_VARIABLES),
}


def _held_to_promise(result: Fuzzed, name: str) -> None:
    log = os.environ.get("MINDLEAF_FUZZ_LOG")
    if log:
        with Path(log).open("a") as file:
            file.write(json.dumps({"reader": "mindleaf", **result.row()}) + "\n")
    assert not result.worst, "\n".join(result.worst[:20])
    assert result.outcomes["refused"], result.row()
    assert result.outcomes["erased"] <= (0 if FORMATS[name].events_counted else max(2, 0.02 * result.count)), result.row()


@pytest.mark.parametrize("name", FORMATS)
def test_no_damage_goes_unseen(tmp_path: Path, name: str):
    _held_to_promise(fuzz(name, COUNT, tmp_path), name)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_no_damage_goes_unseen_in_ten_times_as_many(tmp_path: Path, name: str):
    _held_to_promise(fuzz(name, SOAK, tmp_path), name)


@pytest.mark.parametrize("name", FORMATS)
def test_an_undamaged_file_has_no_issue(tmp_path: Path, name: str):
    form = FORMATS[name]
    write_parts(tmp_path, form.build())
    if form.reader == "signal":
        assert open_signal(tmp_path / form.opened).issues == ()
    _PUBLIC[form.reader](tmp_path / form.opened)


@pytest.mark.parametrize("name", FORMATS)
def test_the_public_functions_raise_nothing_but_read_errors(tmp_path: Path, name: str):
    form = FORMATS[name]
    parts = form.build()
    for number in range(len(KINDS)):
        _, which, content, _ = mutate(name, number, parts)
        folder = tmp_path / str(number)
        write_parts(folder, parts, which, content)
        try:
            _PUBLIC[form.reader](folder / form.opened)
        except ReadError as error:
            assert str(folder) in str(error)


_POINTERS = {
    "git-LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n",
    "git-annex pointer": b"/annex/objects/MD5E-s12345--0123456789abcdef.dat\n",
}


@pytest.mark.parametrize("words", _POINTERS)
@pytest.mark.parametrize("name", FORMATS)
def test_pointers_are_named_in_every_part(tmp_path: Path, name: str, words: str):
    form = FORMATS[name]
    parts = form.build()
    for number, which in enumerate(part for part in parts if not part.endswith(".json")):
        folder = tmp_path / str(number)
        write_parts(folder, parts, which, _POINTERS[words])
        if which in form.optional:
            assert open_signal(folder / form.opened).issues
            continue
        with pytest.raises(ReadError, match=words) as caught:
            _PUBLIC[form.reader](folder / form.opened)
        assert Path(which).name in str(caught.value)


@pytest.mark.parametrize("name", FORMATS)
def test_links_to_nowhere_are_named_in_every_part(tmp_path: Path, name: str):
    form = FORMATS[name]
    parts = form.build()
    for number, which in enumerate(part for part in parts if not part.endswith(".json")):
        folder = tmp_path / str(number)
        write_parts(folder, parts)
        (folder / which).unlink()
        (folder / which).symlink_to(folder / ".git/annex/objects/aa/bb/key")
        if which in form.optional:
            assert open_signal(folder / form.opened).issues
            continue
        with pytest.raises(ReadError, match="git-annex pointer") as caught:
            _PUBLIC[form.reader](folder / form.opened)
        assert Path(which).name in str(caught.value)


def _facts(**more) -> dict:
    facts = {"names": ["a"], "types": ["eeg"], "sfreq": 10.0, "n_times": 4, "notes": [], "values": np.arange(4.0)[None]}
    return {**facts, "events": [[0.1, 0.0, "x"], [0.2, 0.0, "y"]], **more}


_TOUCHED = Touched(np.array([2]), frozenset({1}), frozenset())


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "identical"),
        ({"values": np.array([[0.0, 1.0, 9.0, 3.0]])}, "payload"),
        ({"values": np.array([[0.0, 9.0, 2.0, 3.0]])}, "silent"),
        ({"values": np.zeros((1, 3)), "n_times": 3}, "silent"),
        ({"sfreq": 20.0}, "silent"),
        ({"names": ["b"]}, "silent"),
        ({"events": [[0.1, 0.0, "x"], [0.3, 0.0, "z"]]}, "payload"),
        ({"events": [[0.3, 0.0, "x"], [0.2, 0.0, "y"]]}, "silent"),
        ({"events": [[0.1, 0.0, "x"]]}, "silent"),
        ({"sfreq": 20.0, "notes": [{"code": "odd", "message": "odd"}]}, "named"),
    ],
)
def test_the_judge_sees_what_changed(change: dict, verdict: str):
    assert judge(_facts(), _facts(**change), _TOUCHED)[0] == verdict


def test_an_event_erased_with_its_bytes_is_told_apart_from_a_silent_change():
    assert judge(_facts(), _facts(events=[[0.1, 0.0, "x"]]), _TOUCHED, events_counted=False)[0] == "erased"
    assert judge(_facts(), _facts(events=[[0.2, 0.0, "y"]]), _TOUCHED, events_counted=False)[0] == "silent"


def test_mutations_are_the_same_in_every_run_and_know_what_they_touch():
    part = Part(bytes(range(100)), samples=np.repeat(np.arange(25), 4).astype(np.int32))
    first, again = (mutate("any", 7, {"a": part}) for _ in range(2))
    assert first[:3] == again[:3]
    assert {mutate("any", number, {"a": part})[0] for number in range(6)} == set(KINDS)
    damaged = bytearray(part.content)
    damaged[9] ^= 1
    assert touched_payload(part, bytes(damaged)).samples.tolist() == [2]
    assert touched_payload(part, part.content[:90]).samples.tolist() == [22, 23, 24]


def test_a_file_that_kills_its_reader_takes_no_other_with_it(tmp_path: Path):
    from . import hostile_readers
    from .fuzz_batch import outcomes_of

    paths = [tmp_path / f"{number}.edf" for number in range(3)]
    for path in paths:
        path.write_bytes(b"x")
    found = list(outcomes_of(paths, hostile_readers.crash_on_second))
    assert ["result" in outcome for outcome in found] == [True, False, True]
    assert found[1]["ended"] == "crash"


def test_the_report_counts_every_outcome(tmp_path: Path):
    row = fuzz("wav", 30, tmp_path).row()
    assert sum(row[outcome] for outcome in OUTCOMES) == row["mutations"] == 30


def test_a_wav_header_that_contradicts_itself_is_refused(tmp_path: Path):
    content = bytearray(FORMATS["wav"].build()["a.wav"].content)
    content[24:28] = (48_000).to_bytes(4, "little")  # the rate, without the bytes per second
    (tmp_path / "a.wav").write_bytes(bytes(content))
    with pytest.raises(ReadError, match="bytes a second"):
        open_audio(tmp_path / "a.wav")
