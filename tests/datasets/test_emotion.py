"""Emotional films: SEED and its successors, DEAP, FACED."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from mindleaf.datasets import DATASETS
from mindleaf.datasets.faced import BY_CLIP, EMOTIONS
from mindleaf.datasets.seedv import EMOTIONS as SEEDV_EMOTIONS
from mindleaf.datasets.seedv import ENDS, STARTS
from mindleaf.datasets.seedvii import read_emotions
from mindleaf.errors import BadInput, ReadError
from mindleaf.recording import Recording

from .layouts import deap, faced, seed, seedvii
from .layouts.seed_files import write_clips


def opened(name: str, root: Path) -> list[Recording]:
    return list(DATASETS[name].recordings(root))


# --- SEED -----------------------------------------------------------------------------------------------------------------


def test_initials_and_dates_get_into_no_name(tmp_path: Path):
    seed.write(tmp_path)
    for recording in opened("seed", tmp_path):
        told = repr([recording.id, recording.subject, recording.session, recording.run, recording.trials, recording.events])
        assert not [word for word in ("djc", "zjy", "2013") if word in told]


def test_a_clip_has_one_name_for_everybody(tmp_path: Path):
    seed.write(tmp_path)
    by_clip: dict[str, set[str]] = {}
    for recording in opened("seed", tmp_path):
        labels = recording.trials[0].labels
        by_clip.setdefault(labels["clip"], set()).add(labels["label"])
    assert len(by_clip) == 15 and all(len(labels) == 1 for labels in by_clip.values())


def test_a_session_without_all_its_clips_is_refused(tmp_path: Path):
    seed.write(tmp_path)
    write_clips(tmp_path / "Preprocessed_EEG" / "1_20131027.mat", "djc", 14, 1.0, 0)
    with pytest.raises(ReadError, match="wanted the clips 1 to 15"):
        opened("seed", tmp_path)


def test_labels_that_are_not_seeds(tmp_path: Path):
    seed.write(tmp_path)
    for labels in (np.arange(15), np.full(15, np.nan), np.full(15, 0.5)):
        scipy.io.savemat(tmp_path / "Preprocessed_EEG" / "label.mat", {"label": labels})
        with pytest.raises(ReadError, match="values of -1, 0 and 1"):
            opened("seed", tmp_path)


def test_seediv_has_18_clips_of_each_emotion():
    from mindleaf.datasets.seediv import SESSIONS

    assert all(len(session) == 24 for session in SESSIONS.values())
    assert [sum(session.count(k) for session in SESSIONS.values()) for k in range(4)] == [18, 18, 18, 18]


def test_seedv_has_9_clips_of_each_emotion_that_do_not_overlap():
    for session in ("1", "2", "3"):
        edges = [edge for span in zip(STARTS[session], ENDS[session], strict=True) for edge in span]
        assert edges == sorted(set(edges)) and len(edges) == 30
    assert [sum(session.count(k) for session in SEEDV_EMOTIONS.values()) for k in range(5)] == [9] * 5


def test_seedvii_takes_its_labels_from_the_workbook(tmp_path: Path):
    seedvii.write(tmp_path)
    path = tmp_path / "emotion_label_and_stimuli_order.xlsx"
    assert read_emotions(path)[0][:2] == ["happy", "neutral"]
    seedvii.write_workbook(path, [["", *(["Happy"] * 20)]] * 3)
    with pytest.raises(ReadError, match="wanted 4 rows of 20 emotions, found 3"):
        read_emotions(path)


def test_seedviis_wrong_marks_need_the_table_beside_them(tmp_path: Path):
    seedvii.write(tmp_path)
    (tmp_path / "save_info" / "9_20221111_3_trigger_info.csv").unlink()
    with pytest.raises(BadInput, match="get save_info as well"):
        opened("seedvii", tmp_path)


def test_seedvii_without_all_marks(tmp_path: Path):
    seedvii.write(tmp_path)
    seedvii.write_session(
        tmp_path / "EEG_raw" / "1_20221001_1.cnt", 5.0, [1.0], [(500, 1), (1500, 2)], ["M1", "M2", "VEO", "HEO", "ECG"], 0
    )
    with pytest.raises(ReadError, match=r"wanted 40 marks .*got 2"):
        opened("seedvii", tmp_path)


# --- DEAP and FACED -------------------------------------------------------------------------------------------------------


def test_the_baseline_is_in_the_signal_and_outside_the_trial(tmp_path: Path):
    deap.write(tmp_path)
    recording = opened("deap", tmp_path)[0]
    (trial,) = recording.trials
    assert (trial.onset, trial.onset + trial.duration) == (3.0, recording.n_times / 128.0)


def test_five_of_nine_is_not_high(tmp_path: Path):
    deap.write(tmp_path)
    recordings = [r for r in opened("deap", tmp_path) if r.subject == "02"]
    assert {(r.trials[0].labels["label"], r.trials[0].labels["arousal"]) for r in recordings} == {("low", "low")}
    assert recordings[0].trials[0].labels["valence_score"] == "5.00"


class Bomb:
    def __reduce__(self):
        return os.system, ("touch canary",)


@pytest.mark.parametrize(("name", "file"), [("deap", "s01.dat"), ("faced", "sub000.pkl")])
def test_a_hostile_file_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, file: str):
    monkeypatch.chdir(tmp_path)
    (tmp_path / file).write_bytes(pickle.dumps({"data": Bomb(), "labels": np.ones((40, 4))}, protocol=2))
    with pytest.raises(ReadError, match=rf"{file}: the pickle names \w+\.system"):
        opened(name, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [file]


@pytest.mark.parametrize(
    ("name", "file", "value"),
    [
        ("deap", "s01.dat", {"data": np.ones((40, 32, 600)), "labels": np.ones((40, 4))}),
        ("deap", "s01.dat", {"data": np.ones((40, 40, 600)), "labels": np.ones((40, 2))}),
        ("deap", "s01.dat", {"data": np.ones((40, 40, 300)), "labels": np.ones((40, 4))}),
        ("deap", "s01.dat", [1, 2]),
        ("faced", "sub000.pkl", np.ones((28, 30, 500))),
        ("faced", "sub000.pkl", {"x": 1}),
    ],
)
def test_another_shape_is_refused(tmp_path: Path, name: str, file: str, value: object):
    (tmp_path / file).write_bytes(pickle.dumps(value, protocol=2))
    with pytest.raises(ReadError, match=rf"{file}: (wanted|clips)"):
        opened(name, tmp_path)


def test_faced_leaves_off_the_last_two_rows_and_no_other(tmp_path: Path):
    """Public code, the authors' own among it, takes the first 30 rows of 32."""
    faced.write(tmp_path)
    recording = opened("faced", tmp_path)[0]
    rows = pickle.loads((tmp_path / "Processed_data" / "sub000.pkl").read_bytes())[0]
    assert np.array_equal(recording.signal, rows[:30])
    assert recording.montage.names[16:18] == ("CP1", "CP2") and recording.montage.names[-1] == "O2"


def test_faced_has_28_clips_of_nine_emotions():
    assert len(BY_CLIP) == 28 and len(EMOTIONS) == 9
    assert BY_CLIP[12:16] == ("neutral",) * 4
