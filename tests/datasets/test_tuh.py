"""The Temple University Hospital corpora: names against two references, labels by folder, events by table."""

from __future__ import annotations

from pathlib import Path

import pytest

from mindleaf.datasets import DATASETS
from mindleaf.datasets.tuev import TCP, read_rec
from mindleaf.datasets.tuh import SCALP
from mindleaf.errors import ReadError
from mindleaf.recording import Recording

from .layouts import tuab, tuep, tuev
from .layouts.hospital_edf import write_edf
from .layouts.tuh_names import channel_names


def opened(name: str, root: Path) -> list[Recording]:
    return list(DATASETS[name].recordings(root))


@pytest.mark.parametrize("reference", ["REF", "LE"])
def test_electrodes_keep_one_order_whatever_the_reference_is_called(tmp_path: Path, reference: str):
    folder = tmp_path / "01_no_epilepsy" / "aaaaaebo" / "s001_2006" / "01_tcp_ar"
    write_edf(folder / "aaaaaebo_s001_t000.edf", channel_names(reference)[::-1], 4, 250.0, [1.0])
    (recording,) = opened("tuep", tmp_path)
    assert recording.channel_names == SCALP
    assert "01_tcp" not in recording.id and "2006" not in recording.id


def test_a_file_without_some_electrodes_says_so_and_one_without_any_is_refused(tmp_path: Path):
    folder = tmp_path / "00_epilepsy" / "aaaaaanr" / "s001_2003" / "02_tcp_le"
    names = [name for name in channel_names() if "PZ" not in name and "O2" not in name]
    write_edf(folder / "aaaaaanr_s001_t001.edf", names, 4, 250.0, [1.0])
    (recording,) = opened("tuep", tmp_path)
    assert len(recording.montage) == 17
    issues = {issue.code: issue.message for issue in recording.issues}
    assert issues.keys() == {"channel_missing", "channel_alone"}, "O1 stands without O2"
    assert issues["channel_missing"] == "channel_missing: the file has no Pz, O2"
    write_edf(folder / "aaaaaanr_s001_t001.edf", ["EEG EKG1-REF", "PHOTIC-REF"], 4, 250.0, [])
    with pytest.raises(ReadError, match="wanted channels such as 'EEG FP1-REF'"):
        opened("tuep", tmp_path)


def test_no_epilepsy_is_not_taken_for_epilepsy(tmp_path: Path):
    tuep.write(tmp_path)
    assert {(r.subject, r.trials[0].labels["label"]) for r in opened("tuep", tmp_path)} == {
        ("aaaaaanr", "epilepsy"),
        ("aaaaaebo", "no_epilepsy"),
    }


def test_abnormal_is_not_taken_for_normal_and_one_patient_may_be_both(tmp_path: Path):
    tuab.write(tmp_path)
    found = [(r.subject, r.trials[0].labels["label"], r.trials[0].labels["partition"]) for r in opened("tuab", tmp_path)]
    assert sorted(found) == [("aaaaaaaq", "abnormal", "train"), ("aaaaaaaq", "normal", "train"), ("aaaaamye", "abnormal", "eval")]


def test_the_same_mark_on_several_channels_is_one_trial(tmp_path: Path):
    tuev.write(tmp_path)
    trials = opened("tuev", tmp_path)[0].trials
    assert len(trials) == len(tuev.TRIALS) < len(tuev.MARKS)
    assert {trial.labels["label"]: trial.labels["channels"] for trial in trials}["spsw"] == "F7-T3 FP1-F3"
    assert len(TCP) == 22


def test_events_at_and_behind_the_end_do_not_wrap_around(tmp_path: Path):
    tuev.write(tmp_path)
    table = tmp_path / "edf" / "train" / "aaaaaaar" / "aaaaaaar_00000001.rec"
    table.write_text("2,11.4,12.4,5\n2,12.0,13.0,5\n2,40.0,41.0,6\n")
    recording = next(r for r in opened("tuev", tmp_path) if r.subject == "aaaaaaar")
    assert [(trial.onset, round(trial.duration, 9)) for trial in recording.trials] == [(11.4, 0.6)]
    assert [issue.code for issue in recording.issues] == ["events_outside"]


@pytest.mark.parametrize("row", ["1,2.0,3.0", "a,2.0,3.0,1", "1,3.0,2.0,1", "22,1.0,2.0,1", "1,1.0,2.0,7", "1,nan,2.0,1"])
def test_a_damaged_table_is_named_with_its_line(tmp_path: Path, row: str):
    path = tmp_path / "x.rec"
    path.write_text(f"0,1.0,2.0,6\n\n{row}\n")
    with pytest.raises(ReadError, match=r"x\.rec: line 3: wanted"):
        read_rec(path)


def test_a_missing_table_is_named(tmp_path: Path):
    tuev.write(tmp_path)
    (tmp_path / "edf" / "eval" / "032" / "bckg_032_a_.rec").unlink()
    with pytest.raises(ReadError, match=r"bckg_032_a_\.rec: wanted the table of events"):
        opened("tuev", tmp_path)
