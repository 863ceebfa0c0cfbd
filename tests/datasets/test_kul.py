"""KUL: repetitions stay out, and the same minutes of a story are one stimulus."""

from __future__ import annotations

from pathlib import Path

import pytest

from mindleaf.datasets import DATASETS
from mindleaf.errors import BadInput

from .layouts import kul as layout


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kul")
    layout.write(folder)
    return folder


def test_trap_1_repetitions_are_left_out_but_counted(root: Path):
    runs = [recording.run for recording in DATASETS["kul"].recordings(root) if recording.subject == "01"]
    assert runs == [str(number) for number in range(1, 9)]
    facts = DATASETS["kul"].facts
    assert facts.table1 is not None
    assert sum(part.hours for part in facts.counted) == pytest.approx(facts.table1.hours)
    assert sum(part.hours for part in facts.counted if part.used) == pytest.approx(facts.hours)
    assert any("repeat" in reason for _, reason in facts.exclusions)


def test_dry_and_filtered_speech_are_one_stimulus_with_the_clean_sound(root: Path):
    files: dict[str, set[str]] = {}
    for recording in DATASETS["kul"].recordings(root):
        for stimulus in recording.stimuli:
            files.setdefault(stimulus.id, set()).add(stimulus.load.args[0].name)  # type: ignore[attr-defined]
    assert files == {f"part{p}_track{t}": {f"part{p}_track{t}_dry.wav"} for p in (1, 2) for t in (1, 2)}


def test_the_first_candidate_plays_left(root: Path):
    for recording in DATASETS["kul"].recordings(root):
        (trial,) = recording.trials
        assert [candidate.side for candidate in trial.candidates] == ["left", "right"]
        assert trial.candidates[0].talker != trial.candidates[1].talker


def test_stimuli_still_in_the_archive_are_one_sentence(root: Path, tmp_path: Path):
    (tmp_path / "S1.mat").write_bytes((root / "S1.mat").read_bytes())
    with pytest.raises(BadInput, match=r"part1_track1_dry\.wav.*unpack stimuli\.zip"):
        list(DATASETS["kul"].recordings(tmp_path))


def test_a_file_of_another_set_is_named(tmp_path: Path):
    from scipy.io import savemat

    savemat(tmp_path / "S1.mat", {"data": 1.0})
    with pytest.raises(BadInput, match="wanted the variable 'trials'"):
        list(DATASETS["kul"].recordings(tmp_path))
