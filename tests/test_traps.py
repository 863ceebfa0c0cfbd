"""The traps of published EEG data: each is one test here, on real files where they are at hand.

1 (hours of Table 1) is tests/datasets/test_hours.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold, StratifiedKFold

from mindleaf.datasets import DATASETS, open_dataset
from mindleaf.errors import ReadError
from mindleaf.evaluation.duplicates import duplicate_recordings
from mindleaf.reading.signals import SUFFIXES, open_signal
from mindleaf.store.examples import Examples
from mindleaf.store.store import Store
from mindleaf.store.writer import write_store
from mindleaf.systems.registry import build_system
from mindleaf.tasks.classify import Classify

from .reading.written_files import write_edf
from .systems.listening import none_of


def test_trap_5_one_record_of_kalunga_is_in_two_subjects(tmp_path: Path, real_data: Path):
    """Record 2012.07.11-15.33.08 stands under subject03 and subject07; the files differ, the signals do not."""
    stamp = "[2012.07.11-15.33.08]_raw.fif"
    files = [
        next((real_data / "kalunga2016" / subject).glob(f"*{stamp[1:-9]}*_raw.fif")) for subject in ("subject03", "subject07")
    ]
    assert files[0].read_bytes() != files[1].read_bytes()
    recordings = [r for r in open_dataset("kalunga2016", real_data / "kalunga2016") if r.subject in ("03", "04", "07")]
    found = duplicate_recordings([write_store(recordings, tmp_path / "store", "kalunga2016", {})])
    assert [{pair.first_subject, pair.second_subject} for pair in found] == [{"03", "07"}]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_trap_6_pointer_files_get_a_name(tmp_path: Path, suffix: str):
    """A data set cloned without its content holds pointers of about 130 bytes, or links to nowhere."""
    annex, lfs, link = (tmp_path / f"{name}{suffix}" for name in ("annex", "lfs", "link"))
    annex.write_text("/annex/objects/MD5E-s1000--0123456789abcdef0123456789abcdef.edf\n")
    lfs.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n")
    link.symlink_to("../.git/annex/objects/xx/yy/MD5E-s1000--0123/MD5E-s1000--0123.edf")
    for path, word in ((annex, "git-annex pointer"), (lfs, "git-LFS pointer"), (link, "git-annex pointer")):
        with pytest.raises(ReadError, match=word):
            open_signal(path)


def test_trap_6_an_edf_sent_as_text_looks_right_and_is_refused(tmp_path: Path, real_data: Path):
    """Every line end of the body became two bytes: header and size seem fine, the signal is noise."""
    with pytest.raises(ReadError, match="line-end conversion"):
        list(open_dataset("eegmmidb", real_data / "damaged_edf"))
    path = tmp_path / "a.edf"
    write_edf(path)
    content = path.read_bytes()
    path.write_bytes(content[:1536] + content[1536:].replace(b"\n", b"\r\n")[: len(content) - 1536])
    with pytest.raises(ReadError):
        open_signal(path)


@pytest.mark.parametrize("unit", ["nV", "microV", ".V", "", "MV"])
def test_trap_7_a_unit_is_converted_or_said_never_guessed(tmp_path: Path, unit: str):
    """MNE takes all of these for volts: values come out a million times too large without a word."""
    path = tmp_path / "a.edf"
    values = write_edf(path, unit=unit)
    file = open_signal(path)
    amplitude = np.median(np.abs(file.load()))
    converted = unit == "nV"
    assert converted == (not any(issue.code == "unit_unknown" for issue in file.issues))
    assert not converted or amplitude < 1.0, "numbers of tens of nV are hundredths of a microvolt"
    assert np.allclose(open_signal(path, unit="uV").load(), values, atol=0.02), "a unit given by a person replaces the file's"


def test_trap_7_an_offset_of_thousands_of_microvolts_is_not_a_wrong_unit(tmp_path: Path):
    rng = np.random.default_rng(0)
    values = 10 * rng.standard_normal((3, 2500)) + 12_000
    np.savez(tmp_path / "a.npz", signal=values, sfreq=250.0, channel_names=["Fz", "Cz", "Pz"])
    assert not open_signal(tmp_path / "a.npz").issues
    np.savez(tmp_path / "volts.npz", signal=values * 1e-6, sfreq=250.0, channel_names=["Fz", "Cz", "Pz"])
    assert [issue.code for issue in open_signal(tmp_path / "volts.npz").issues] == ["unit_implausible"]


@pytest.fixture(scope="module")
def eegmat(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    dataset = DATASETS["eegmat"]
    return write_store(
        dataset.recordings(real_data / "eegmat"), tmp_path_factory.mktemp("eegmat"), "eegmat", dataset.facts.to_dict()
    )


def test_trap_8_random_windows_within_a_subject_decode_the_recording(eegmat: Store):
    """The same system on the same windows: .979 shuffled within subjects, .594 on subjects it never saw."""
    examples = _labelled(eegmat)
    groups = GroupKFold(7).split(examples.labels, examples.labels, examples.rows["subject"])
    honest = np.mean([_score(examples, train, test) for train, test in groups])
    assert honest == pytest.approx(0.594, abs=0.03)
    assert _within_subjects(examples, examples.labels) == pytest.approx(0.979, abs=0.03)


def test_trap_8_two_halves_of_one_rest_recording_can_be_told_apart(eegmat: Store):
    """Nothing happens at 30 s of rest; shuffled windows still find it, .598: that much of any such score is drift."""
    examples = _labelled(eegmat)
    rest = examples.take(np.flatnonzero(examples.rows["label"] == "rest"))
    halves = (rest.rows["start"].to_numpy() >= 30.0).astype(int)
    assert _within_subjects(rest, halves) == pytest.approx(0.598, abs=0.03)


def _labelled(store: Store) -> Examples:
    windows = store.windows(2.0)
    return Examples(store, Classify().prepare(windows, 0), Classify().classes(windows))


def _score(examples: Examples, train: np.ndarray, test: np.ndarray) -> float:
    system = build_system("bandpower_lr")
    system.fit(examples.take(train), none_of(examples), seed=0)
    return float(balanced_accuracy_score(examples.labels[test], system.predict(examples.take(test)).argmax(axis=1)))


def _within_subjects(examples: Examples, labels: np.ndarray) -> float:
    """Mean over subjects of five folds of shuffled windows, ``labels`` in place of the examples' own."""
    rows = examples.rows.assign(label=[("a", "b")[label] for label in labels])
    told = Examples(examples.store, Classify().prepare(rows, 0), Classify().classes(rows))
    scores = []
    for _, places in sorted(told.rows.groupby("subject").indices.items()):
        part = told.take(places)
        folds = StratifiedKFold(5, shuffle=True, random_state=42).split(places, part.labels)
        scores.append(np.mean([_score(part, train, test) for train, test in folds]))
    return float(np.mean(scores))
