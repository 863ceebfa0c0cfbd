"""High-Gamma: EOG and EMG signals stand among the EEG and are told by their kind."""

from __future__ import annotations

from pathlib import Path

from mindleaf.datasets import open_dataset

from .layouts import hgd


def test_five_of_133_signals_are_no_eeg(tmp_path: Path):
    hgd.write(tmp_path)
    recording = next(open_dataset("hgd", tmp_path))
    assert len(recording.montage) == 128
    assert not [name for name in recording.montage.names if name.startswith(("EOG", "EMG"))]
    assert recording.montage.names[:3] == ("Fp1", "Fp2", "Fpz")
    assert recording.montage.names[32] == "AF7", "the signals behind the EMG keep their rows"


def test_subject_2_comes_before_subject_14(tmp_path: Path):
    hgd.write(tmp_path)
    for part in ("train", "test"):
        (tmp_path / "data" / part / "1.edf").rename(tmp_path / "data" / part / "2.edf")
    assert [recording.id for recording in open_dataset("hgd", tmp_path)] == [
        "sub-02_run-test", "sub-14_run-test", "sub-02_run-train", "sub-14_run-train",
    ]  # fmt: skip
