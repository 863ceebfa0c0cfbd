"""Exposure: signal always counts, subjects and stimuli where the split keeps them apart, content rather than names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mindleaf.store.exposure import Exposure, SeenSpan, exposure
from mindleaf.store.writer import StoreConfig, write_store
from tests.conftest import make_recording


def rows_of(store, **wanted):
    rows = store.windows(2.0)
    for column, values in wanted.items():
        rows = rows[rows[column].isin(values)]
    return rows.reset_index(drop=True)


def test_what_was_seen(toy_store):
    seen = exposure(toy_store, rows_of(toy_store, subject=["s1"], trial=["t0", "t2"]))
    assert seen.subjects == ("toy/s1",)
    names = ("story0_a", "story0_b", "story2_a", "story2_b")
    assert set(seen.stimuli) == {toy_store.stimuli[name].sha256 for name in names}
    sha = toy_store.recordings["rec1"].sha256
    assert [(s.recording_sha256, s.start, s.stop) for s in seen.spans] == [(sha, 1.0, 9.0), (sha, 19.0, 27.0)]


@pytest.mark.parametrize("group", ["trial", "subject", "stimulus", ""])
def test_signal_that_was_trained_on_always_counts(toy_store, group):
    seen = exposure(toy_store, rows_of(toy_store, trial=["t0", "t1"]))
    assert "16 s of the test signal" in seen.contaminates(
        toy_store, rows_of(toy_store, trial=["t1"], subject=["s0", "s1"]), group
    )


def test_half_a_window_counts_and_its_edge_does_not(toy_store):
    sha = toy_store.recordings["rec0"].sha256
    test = rows_of(toy_store, recording=["rec0"], trial=["t1"])
    for stop, touched in ((10.0, False), (11.0, True)):
        seen = Exposure(spans=(SeenSpan(recording_sha256=sha, start=0.0, stop=stop),))
        assert bool(seen.contaminates(toy_store, test, "trial")) == touched


@pytest.mark.parametrize(("group", "counts"), [("subject", True), ("trial", False), ("stimulus", False)])
def test_a_subject_counts_where_subjects_are_kept_apart(toy_store, group, counts):
    seen = replace_spans(exposure(toy_store, rows_of(toy_store, subject=["s1"], trial=["t0"])), stimuli=())
    why = seen.contaminates(toy_store, rows_of(toy_store, subject=["s1"], trial=["t3"]), group)
    assert bool(why) == counts
    assert not counts or "toy/s1" in why
    assert seen.contaminates(toy_store, rows_of(toy_store, subject=["s2"], trial=["t3"]), group) == ""


@pytest.mark.parametrize(("group", "counts"), [("stimulus", True), ("pair", True), ("trial", False), ("subject", False)])
def test_a_stimulus_counts_where_stimuli_are_kept_apart(toy_store, group, counts):
    seen = exposure(toy_store, rows_of(toy_store, subject=["s1"], trial=["t0"]))
    why = seen.contaminates(toy_store, rows_of(toy_store, subject=["s2"], trial=["t0"]), group)
    assert bool(why) == counts
    assert seen.contaminates(toy_store, rows_of(toy_store, subject=["s2"], trial=["t1"]), group) == ""


def replace_spans(seen: Exposure, **values) -> Exposure:
    return seen.model_copy(update=values)


def test_content_is_known_again_under_other_names(toy_store, tmp_path):
    """The same signal in another data set, with another id and another subject."""
    recording = make_recording(1)
    renamed = replace(recording, id="other", subject="x", dataset="copy", trials=recording.trials)
    copy = write_store([renamed], tmp_path, "copy", {})
    seen = exposure(toy_store, rows_of(toy_store, subject=["s1"]))
    assert "test signal" in seen.contaminates(copy, copy.windows(2.0), "trial")
    unseen = exposure(toy_store, rows_of(toy_store, subject=["s2"]))
    assert unseen.contaminates(copy, copy.windows(2.0), "trial") == ""
    assert "stimuli" in unseen.contaminates(copy, copy.windows(2.0), "stimulus")


@pytest.mark.parametrize("change", [{"max_sfreq": 64.0}, {"dtype": "int16"}])
def test_a_recording_is_known_again_when_it_was_prepared_in_another_way(toy_store, tmp_path, change):
    """Half the rate, or integers: every hash is another one, the signal is the same."""
    again = write_store([make_recording(k) for k in range(4)], tmp_path, "toy", {"interval": None}, StoreConfig(**change))
    assert not {r.sha256 for r in again.recordings.values()} & {r.sha256 for r in toy_store.recordings.values()}
    seen = exposure(toy_store, rows_of(toy_store, subject=["s1"], trial=["t0", "t1"]))
    assert "8 s of the test signal" in seen.contaminates(again, rows_of(again, subject=["s1"], trial=["t1"]), "trial")
    assert seen.contaminates(again, rows_of(again, subject=["s1"], trial=["t2"]), "trial") == ""
    assert seen.contaminates(again, rows_of(again, subject=["s2"]), "trial") == ""


def test_a_copy_that_was_cut_is_timed_as_the_recording_it_comes_from(toy_store, tmp_path):
    recording = make_recording(1)
    late = [replace(t, onset=t.onset - 2.0) for t in recording.trials[1:]]
    cut = replace(
        recording, id="cut", subject="x", dataset="copy", n_times=recording.n_times - 256, trials=tuple(late),
        load=lambda: recording.load()[:, 256:],
    )  # fmt: skip
    copy = write_store([cut], tmp_path, "copy", {})
    seen = exposure(toy_store, rows_of(toy_store, subject=["s1"], trial=["t1"]))
    assert "8 s of the test signal" in seen.contaminates(copy, rows_of(copy, trial=["t1"]), "trial")
    assert seen.contaminates(copy, rows_of(copy, trial=["t2"]), "trial") == ""


def test_a_split_by_data_set_allows_neither_subjects_nor_sounds(toy_store):
    seen = exposure(toy_store, rows_of(toy_store, subject=["s1"], trial=["t0"]))
    assert "subject" in seen.contaminates(toy_store, rows_of(toy_store, subject=["s1"], trial=["t3"]), "dataset")
    assert "stimuli" in seen.contaminates(toy_store, rows_of(toy_store, subject=["s2"], trial=["t0"]), "dataset")


def test_exposures_add_up_and_are_written(toy_store, tmp_path):
    first = exposure(toy_store, rows_of(toy_store, subject=["s0"], trial=["t0", "t1"]))
    second = exposure(toy_store, rows_of(toy_store, subject=["s0", "s1"], trial=["t1", "t2"]))
    both = first | second
    assert (
        both == second | first == exposure(toy_store, rows_of(toy_store, recording=["rec0"], trial=["t0", "t1", "t2"])) | second
    )
    assert both | both == both | Exposure() == both
    assert both.subjects == ("toy/s0", "toy/s1")
    both.write(tmp_path / "exposure.json")
    assert Exposure.read(tmp_path / "exposure.json") == both
