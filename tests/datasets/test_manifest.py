"""Recordings described by recordings.tsv and trials.tsv: what is written comes out, and every mistake is one sentence."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mindleaf.datasets import open_dataset
from mindleaf.errors import BadInput

from ..reading.written_files import SFREQ, eeg, write_edf

MARKS = [(2.0, 0.1, "T1"), (4.5, 0.1, "T1")]
RECORDINGS = "recording\tfile\tsubject\tsession\trun\tunit\tmontage\nA\ta.edf\ts1\t1\t2\tuV\t\nB\ta.edf\ts2\t\t\t\teasycap-M1\n"
TRIALS = (
    "recording\ttrial\tonset_s\ttrigger\tduration_s\tlabel\tmood\tstimulus_1\tstimulus_file_1\tside_1\ttalker_1"
    "\tstimulus_2\tstimulus_file_2\tside_2\ttalker_2\tattended\taudio_offset_s\n"
    "A\t1\t0.5\t\t3\tleft\tgood\tstory\tboth.wav#1\tleft\tanna\ttale\tboth.wav#2\tright\tben\t2\t1.0\n"
    "A\t2\t\tT1\t2\tright\t\tstory\tboth.wav#1\tleft\tanna\t\t\t\t\t1\t\n"
    "A\t3\t\tT1\t2\tright\n"
    "B\t1\t0\t\t8\tleft\t\t\tenvelope.csv\n"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_edf(tmp_path / "a.edf", annotations=MARKS)
    soundfile.write(tmp_path / "both.wav", 0.1 * np.random.default_rng(0).standard_normal((64_000, 2)), 16_000)
    times = np.arange(8 * 64) / 64
    (tmp_path / "envelope.csv").write_text("time,envelope\n" + "\n".join(f"{t},{1 + np.sin(t)}" for t in times))
    (tmp_path / "recordings.tsv").write_text(RECORDINGS)
    (tmp_path / "trials.tsv").write_text(TRIALS)
    return tmp_path


def test_the_tables_become_recordings(root: Path):
    a, b = open_dataset("manifest", root)
    assert (a.id, a.subject, a.session, a.run, a.sfreq, b.session) == ("A", "s1", "1", "2", SFREQ, "")
    assert a.source_files == ("a.edf",)
    assert np.abs(pickle.loads(pickle.dumps(a)).signal - eeg()).max() < 0.01
    first, second, third = a.trials
    assert (first.onset, first.duration, dict(first.labels), first.attended) == (0.5, 3.0, {"label": "left", "mood": "good"}, 2)
    assert [(c.stimulus, c.side, c.talker, c.offset) for c in first.candidates] == [
        ("story", "left", "anna", 1.0),
        ("tale", "right", "ben", 1.0),
    ]
    assert [trial.onset for trial in (second, third)] == pytest.approx([2.0, 4.5], abs=1 / SFREQ)
    assert (second.attended, third.attended, third.candidates) == (1, 0, ())
    assert [(s.id, s.kind, len(s.load())) for s in a.stimuli] == [("story", "audio", 64_000), ("tale", "audio", 64_000)]
    envelope = b.stimuli[0]
    assert (envelope.id, envelope.kind, round(envelope.sample_rate)) == ("envelope.csv", "envelope", 64)
    assert np.allclose(envelope.load(), 1 + np.sin(np.arange(512) / 64), atol=1e-5)
    assert not np.isnan(b.montage.positions).any()


@pytest.mark.parametrize(
    ("table", "old", "new", "words"),
    [
        ("recordings", "subject", "person", "wanted the column 'subject'"),
        ("recordings", "B\ta.edf", "A\ta.edf", "line 3, column recording: 'A' comes twice"),
        ("recordings", "A\ta.edf\ts1", "A\ta.edf\t", "line 2, column subject: wanted a name"),
        ("recordings", "B\ta.edf", "B\tb.edf", "line 3, column file: wanted the file 'b.edf'"),
        ("recordings", "\tuV\t", "\tounces\t", "unit 'ounces' is not known"),
        ("trials", "B\t1", "C\t1", "line 5, column recording: 'C' is not in recordings.tsv"),
        ("trials", "A\t2\t\tT1", "A\t1\t\tT1", "line 3, column trial: wanted a name"),
        ("trials", "A\t1\t0.5\t\t3", "A\t1\t0.5\t\tthree", "line 2, column duration_s: wanted a number"),
        ("trials", "A\t1\t0.5\t\t3", "A\t1\t6.5\t\t3", "line 2, column duration_s: the trial runs from 6.5 s to 9.5 s"),
        ("trials", "A\t1\t0.5\t\t3", "A\t1\t\t\t3", "line 2, column onset_s: wanted either"),
        ("trials", "A\t3\t\tT1", "A\t3\t\tT7", "line 4, column trigger: wanted another event 'T7'"),
        ("trials", "\t2\t1.0\n", "\t3\t1.0\n", "line 2, column attended: wanted 1 to 2"),
        (
            "trials",
            "\t2\t1.0\n",
            "\t2\t2.0\n",
            "line 2, column stimulus_file_1: 'story' lasts 4.00 s, the trial needs it from 2 s to 5 s",
        ),
        ("trials", "both.wav#2", "gone.wav", "line 2, column stimulus_file_2: wanted the file 'gone.wav'"),
        ("trials", "both.wav#2", "both.wav#3", "audio channel 3"),
        (
            "trials",
            "A\t2\t\tT1\t2\tright\t\tstory\tboth.wav#1",
            "A\t2\t\tT1\t2\tright\t\tstory\tboth.wav#2",
            "'story' stands for another file",
        ),
        (
            "trials",
            "\tstory\tboth.wav#1\tleft\tanna\ttale",
            "\tstory\t\tleft\tanna\ttale",
            "line 2, column stimulus_file_1: wanted the file of",
        ),
    ],
)
def test_every_mistake_is_one_sentence(root: Path, table: str, old: str, new: str, words: str):
    path = root / f"{table}.tsv"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(BadInput) as caught:
        list(open_dataset("manifest", root))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_channel_without_a_name_is_named(root: Path):
    write_edf(root / "a.edf", names=("EEG Fp1", "", "EEG C3", "EEG Cz"))
    with pytest.raises(BadInput, match="signal 2 is a channel without a name"):
        list(open_dataset("manifest", root))


def test_a_channel_that_comes_twice_is_named(root: Path):
    write_edf(root / "a.edf", names=("EEG T3", "EEG Fp2", "T7", "EEG Cz"), annotations=MARKS)
    with pytest.raises(BadInput, match=r"a\.edf.*T7"):
        list(open_dataset("manifest", root))
