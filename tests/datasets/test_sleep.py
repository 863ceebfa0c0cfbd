"""Sleep: RemLogic's tables over midnight, channel names in all their spellings, scoring that outlasts the signal."""

from __future__ import annotations

from pathlib import Path

import pytest

from mindleaf.datasets import DATASETS
from mindleaf.datasets.cap import eeg_name
from mindleaf.datasets.cap_scoring import read_remlogic, start_of_day_s
from mindleaf.datasets.hmc import read_scoring
from mindleaf.errors import ReadError

from .layouts import cap, hmc

HEADER = "Sleep Stage\tPosition\tTime [hh:mm:ss]\tEvent\tDuration[s]\tLocation\n"


def table(folder: Path, text: str, name: str = "n1.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="latin-1")
    return path


# --- CAP ------------------------------------------------------------------------------------------------------------------


def test_midnight_and_the_time_before_the_recording(tmp_path: Path):
    """The file begins at 23:58:50 and lasts two minutes: 23:58:20 is before it, not a day later."""
    cap.write(tmp_path)
    text = (tmp_path / "n1.txt").read_text()
    early = text.replace("W\tN/A\t23:59:10", "W\tN/A\t23:58:20\tSLEEP-S0\t30\tROC-LOC\nW\tN/A\t23:59:10")
    (tmp_path / "n1.txt").write_text(early + "S2\tSupine\t00:00:45\tSLEEP-S2\t30\tROC-LOC\n")
    recording = next(r for r in DATASETS["cap"].recordings(tmp_path) if r.subject == "n1")
    assert [trial.onset for trial in recording.trials] == [20.0, 50.0, 80.0]
    assert [issue.message for issue in recording.issues] == ["events_outside: 2 scored epochs lie outside the signal; left out"]


def test_phases_are_events_and_movement_is_no_stage(tmp_path: Path):
    cap.write(tmp_path)
    recording = next(r for r in DATASETS["cap"].recordings(tmp_path) if r.subject == "n1")
    assert [(event.onset, event.duration, event.label) for event in recording.events] == [(61.0, 5.0, "MCAP-A1")]
    assert [trial.labels["label"] for trial in recording.trials] == ["W", "S2", "S4"]


def test_neither_the_patient_nor_the_time_of_day_gets_out(tmp_path: Path):
    cap.write(tmp_path)
    for recording in DATASETS["cap"].recordings(tmp_path):
        told = repr([recording.id, recording.trials, recording.events, recording.issues, recording.source_files])
        assert not [secret for secret in ("Roe", "007", "23:5", "86330", "79200") if secret in told]


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("C4-A1", "C4"), ("C4A1", "C4"), ("O1A2", "O1"), ("Fp2-F4", "Fp2-F4"), ("FP2-F4", "Fp2-F4"), ("F8-T4", "F8-T8"),
        ("T3-T5", "T7-P7"), ("C3", "C3"), ("T4", "T8"), ("F1-F3", "F1-F3"), ("A1", ""), ("A2", ""), ("ROC-LOC", ""), ("LOC-A1", ""),
        ("ROC-A2", ""), ("EMG1-EMG2", ""), ("ECG1-ECG2", ""), ("EOG dx", ""), ("DX1-DX2", ""), ("SAO2", ""), ("HR", ""), ("TIB sx", ""),
        ("STAT", ""), ("C4-", ""), ("P3-O1", "P3-O1"),
    ],
)  # fmt: skip
def test_channels_of_all_spellings(raw: str, name: str):
    assert eeg_name(raw) == name


def test_columns_go_by_their_names(tmp_path: Path):
    first = table(tmp_path, f"Patient:\tJane Roe\n{HEADER}W\tUnknown Position\t22:00:00\tSLEEP-S0\t30\tC4-A1\n")
    second = table(
        tmp_path, "Sleep Stage\tTime [hh:mm:ss]\tEvent\tDuration [s]\tLocation\nW\t22.00.00\tSLEEP-S0\t30\tC4A1\n", "n2.txt"
    )
    assert read_remlogic(first) == read_remlogic(second) == [(79_200.0, "SLEEP-S0", 30.0)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no header at all\n", "line of column names"),
        ("Sleep Stage\tTime [hh:mm:ss]\tLocation\n", "event is missing"),
        (HEADER + "W\tN/A\t25:00:00\tSLEEP-S0\t30\tx\n", "line 2: wanted a time of day"),
        (HEADER + "W\tN/A\t22:00:00\tSLEEP-S0\tJane Roe\tx\n", "line 2: wanted a time of day"),
        (HEADER + "W\tN/A\n", "line 2: wanted a time of day"),
    ],
)
def test_a_table_that_cannot_be_read(tmp_path: Path, text: str, says: str):
    with pytest.raises(ReadError, match=says) as caught:
        read_remlogic(table(tmp_path, text))
    assert "Roe" not in str(caught.value)


def test_a_header_without_a_time(tmp_path: Path):
    path = tmp_path / "n1.edf"
    path.write_bytes(b"0" + b" " * 300)
    with pytest.raises(ReadError, match=r"wanted the start as hh\.mm\.ss"):
        start_of_day_s(path)


def test_the_letters_of_a_name_are_the_diagnosis(tmp_path: Path):
    cap.write(tmp_path)
    for name in ("narco2", "nfle5"):
        for suffix in (".edf", ".txt"):
            (tmp_path / f"{name}{suffix}").write_bytes((tmp_path / f"n1{suffix}").read_bytes())
    groups = {r.subject: r.trials[0].labels["group"] for r in DATASETS["cap"].recordings(tmp_path)}
    assert groups == {
        "n1": "healthy", "narco2": "narcolepsy", "nfle5": "frontal_epilepsy", "sdb3": "sleep_disordered_breathing",
    }  # fmt: skip


# --- HMC ------------------------------------------------------------------------------------------------------------------


def test_lights_off_is_no_epoch_and_does_not_shift_the_others(tmp_path: Path):
    hmc.write(tmp_path)
    assert read_scoring(tmp_path / "recordings" / "SN001_sleepscoring.txt") == [(0.0, "W"), (30.0, "N1"), (60.0, "N2")]


def test_scoring_that_outlasts_the_signal(tmp_path: Path):
    hmc.write(tmp_path)
    path = tmp_path / "recordings" / "SN001_sleepscoring.txt"
    path.write_text(path.read_text() + "01.01.01, 22.11.30, 90, 30, Sleep stage W, \n")
    recording = next(r for r in DATASETS["hmc"].recordings(tmp_path) if r.subject == "001")
    assert len(recording.trials) == 3
    assert [issue.code for issue in recording.issues] == ["events_outside"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("x, y, -3, 30, Sleep stage W, ", "line 2: wanted seconds"),
        ("x, y, 0, 20, Sleep stage W, ", "epoch of 30 s"),
        ("x, y, 0, 30, Sleep stage 4, ", "another stage"),
    ],
)
def test_a_damaged_scoring_is_named(tmp_path: Path, line: str, says: str):
    top = "Date, Time, Recording onset, Duration, Annotation, Linked channel\n"
    with pytest.raises(ReadError, match=says):
        read_scoring(table(tmp_path, f"{top}{line}\n"))
    with pytest.raises(ReadError, match="wanted the columns"):
        read_scoring(table(tmp_path, f"{line}\n"))


def test_only_the_four_of_eeg_come(tmp_path: Path):
    hmc.write(tmp_path)
    for recording in DATASETS["hmc"].recordings(tmp_path):
        assert recording.channel_names == ("F4", "C4", "O2", "C3")
