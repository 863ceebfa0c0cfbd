"""Copies are found by content: renamed, rescaled, cut, in another place; neighbours are not called copies."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import mne
import numpy as np
import pytest

from mindleaf.evaluation.duplicates import duplicate_recordings, duplicate_signals
from mindleaf.fold import Fold, spans
from mindleaf.montage import Montage
from mindleaf.recording import Recording, Trial
from mindleaf.store.writer import write_store

NAMES = ("Fz", "Cz", "Pz", "Oz", "C3", "C4")
SFREQ = 128.0


def recording(name, subject, signal, names=NAMES):
    return Recording(
        "copies",
        subject,
        name,
        SFREQ,
        Montage.from_names(names)[0],
        signal.shape[1],
        lambda: signal,
        trials=(Trial("t", 0.0, signal.shape[1] / SFREQ),),
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
    recordings = [
        recording("a", "01", original),
        recording("scaled", "02", 1000 * original),
        recording("cut", "03", original[:, round(SFREQ) :]),
        recording("reordered", "04", original[::-1], NAMES[::-1]),
        *(recording(f"other{k}", f"1{k}", brain(10 + k)) for k in range(5)),
    ]
    return write_store(recordings, tmp_path_factory.mktemp("copies") / "store", "copies", {})


def test_every_copy_is_found_and_nothing_else(store):
    found = duplicate_recordings([store])
    copies = {"a", "scaled", "cut", "reordered"}
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


def test_real_duplicate_among_ssvep_recordings_is_found(tmp_path):
    root = os.environ.get("MINDLEAF_TEST_DATA")
    if not root or not (Path(root) / "kalunga2016").is_dir():
        pytest.skip("real recordings absent: set MINDLEAF_TEST_DATA to a folder that holds kalunga2016")
    recordings = []
    for path in sorted((Path(root) / "kalunga2016").glob("subject0[2357]/*_raw.fif")):
        raw = mne.io.read_raw_fif(path, verbose="error")
        data = raw.get_data()[: len(NAMES)]
        name = f"{path.parent.name}-{len(recordings)}"
        recordings.append(
            Recording(
                "ssvep",
                path.parent.name,
                name,
                raw.info["sfreq"],
                Montage.from_names(raw.ch_names[: len(NAMES)])[0],
                data.shape[1],
                lambda d=data: d,
                trials=(Trial("t", 0.0, data.shape[1] / raw.info["sfreq"]),),
            )
        )
    found = duplicate_recordings([write_store(recordings, tmp_path / "store", "ssvep", {})])
    assert [{d.first_subject, d.second_subject} for d in found] == [{"subject03", "subject07"}]
