"""Copies are found by content: renamed, rescaled, cut, in another place; neighbours are not called copies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import resample_poly

from mindleaf.datasets import open_dataset
from mindleaf.evaluation.duplicates import duplicate_recordings, duplicate_signals
from mindleaf.fold import Fold, spans
from mindleaf.montage import Montage
from mindleaf.recording import Recording, Trial
from mindleaf.store.writer import write_store

NAMES = ("Fz", "Cz", "Pz", "Oz", "C3", "C4")
SFREQ = 128.0


def recording(name, subject, signal, names=NAMES, sfreq=SFREQ):
    return Recording(
        "copies",
        subject,
        name,
        sfreq,
        Montage.from_names(names)[0],
        signal.shape[1],
        lambda: signal,
        trials=(Trial("t", 0.0, signal.shape[1] / sfreq),),
    )


def brain(seed, seconds=40):
    """1/f noise with strong 50-Hz line noise on an offset."""
    rng = np.random.default_rng(seed)
    n = round(seconds * SFREQ)
    slow = np.cumsum(rng.standard_normal((len(NAMES), n)), axis=1)
    return slow + rng.standard_normal((len(NAMES), n)) + 40 * np.sin(2 * np.pi * 50 * np.arange(n) / SFREQ) + 4000


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    original = brain(1)
    resampled = resample_poly(original - 4000, 125, 64, axis=1)
    recordings = [
        recording("a", "01", original),
        recording("scaled", "02", 1000 * original),
        recording("cut", "03", original[:, round(SFREQ) :]),
        recording("reordered", "04", original[::-1], NAMES[::-1]),
        recording("resampled", "05", resampled, sfreq=250.0),
        recording("cut between samples", "06", resampled[:, 259:], sfreq=250.0),
        *(recording(f"other{k}", f"1{k}", brain(10 + k)) for k in range(5)),
    ]
    return write_store(recordings, tmp_path_factory.mktemp("copies") / "store", "copies", {})


def test_every_copy_is_found_and_nothing_else(store):
    found = duplicate_recordings([store])
    copies = {"a", "scaled", "cut", "reordered", "resampled", "cut between samples"}
    assert {frozenset((d.first, d.second)) for d in found} == {frozenset((x, y)) for x in copies for y in copies if x < y}
    cut = next(d for d in found if {d.first, d.second} == {"a", "cut"})
    assert abs(cut.shift_s) == pytest.approx(1.0)
    assert cut.overlap_s == pytest.approx(39.0, abs=0.1)


def test_a_copy_across_the_split_fails_and_one_inside_training_warns(store):
    index = store.index
    found = duplicate_recordings([store])
    rows = {name: k for k, name in enumerate(index["recording"])}
    inside = [rows[name] for name in ("a", "scaled", "cut", "reordered", "other0")]
    apart = Fold("0", spans(index, inside), spans(index, []), spans(index, [rows["other1"]]), "subject", ("11",))
    assert duplicate_signals([store], [apart], found).status == "pass"
    assert "warning" in duplicate_signals([store], [apart], found).why
    across = replace(apart, train=spans(index, [rows["a"]]), test=spans(index, [rows["cut"]]))
    row = duplicate_signals([store], [across], found)
    assert row.status == "fail"
    assert "a = cut" in row.why


@pytest.mark.parametrize("disguise", ["as it is", "rescaled", "cut by a second", "renamed, rescaled and cut"])
def test_real_duplicate_among_ssvep_recordings_is_found(tmp_path, real_data, disguise):
    """kalunga2016 holds one record in subject03 and again in subject07; nothing but the signal tells."""
    recordings = [
        disguised(r, disguise) if r.subject == "07" else r for r in open_dataset("kalunga2016", real_data / "kalunga2016")
    ]
    recordings = [r for r in recordings if r.subject in ("02", "03", "05", "07", "99")]
    found = duplicate_recordings([write_store(recordings, tmp_path / "store", "kalunga2016", {})])
    other = "99" if "renamed" in disguise else "07"
    assert [{d.first_subject, d.second_subject} for d in found] == [{"03", other}]


def disguised(original, disguise):
    """The recording with its signal x1000, its first second cut off, or under another subject and name as well."""
    skip = round(original.sfreq) if "cut" in disguise else 0
    gain = 1000.0 if "rescaled" in disguise else 1.0
    new = {"subject": "99", "id": f"someone-else-{original.id}"} if "renamed" in disguise else {}
    return replace(
        original,
        n_times=original.n_times - skip,
        load=lambda start=0, stop=None: gain * original.load()[:, skip:][:, start:stop],
        trials=original.trials[1:-1],
        **new,
    )
