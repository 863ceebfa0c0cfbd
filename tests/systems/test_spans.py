from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mindleaf.encoders.envelope import EnvelopeFrontend
from mindleaf.preprocessing.pipeline import ENVELOPE
from mindleaf.systems.spans import joined, trial_signals
from tests.systems.listening import attended_rows, listening_store

FRONTEND = EnvelopeFrontend()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return listening_store(tmp_path_factory.mktemp("spans"))


@pytest.mark.parametrize("hop_s", [None, 0.5, 1.7])
def test_windows_of_a_trial_become_one_continuous_signal(store, hop_s):
    """Overlapping windows must not count samples twice."""
    trials = list(trial_signals(attended_rows(store, 2.0, hop_s=hop_s), ENVELOPE, FRONTEND))
    assert len(trials) == 8
    whole = store.view(ENVELOPE).signal("r0")
    assert trials[0].trial == ("listening", "r0", "t0")
    (eeg,), (audio,) = trials[0].eeg, trials[0].audio
    np.testing.assert_array_equal(eeg, whole[32 : 32 + len(eeg)])
    frames = store.features(FRONTEND).frames("sound1")
    np.testing.assert_array_equal(audio[:, 0], frames[0, : len(audio)])


def test_pieces_break_where_windows_are_missing_or_audio_jumps(store):
    examples = attended_rows(store, 2.0)
    first = examples.take([0, 1, 3, 4])
    assert [len(piece) for piece in next(trial_signals(first, ENVELOPE, FRONTEND)).eeg] == [128, 128]
    rows = examples.rows.iloc[:4].copy()
    rows.loc[rows.index[2] :, "audio_start_1"] += 5.0
    assert len(next(trial_signals(examples.with_rows(rows), ENVELOPE, FRONTEND)).eeg) == 2


def test_order_of_the_candidates_does_not_matter(store):
    examples = attended_rows(store, 2.0)
    rows = examples.rows.copy()
    odd = rows.index % 2 == 1
    for name in ("stimulus", "audio_start"):
        rows.loc[odd, [f"{name}_1", f"{name}_2"]] = rows.loc[odd, [f"{name}_2", f"{name}_1"]].to_numpy()
    rows.loc[odd, "answer"] = 1 - rows.loc[odd, "answer"]
    for a, b in zip(*(trial_signals(e, ENVELOPE, FRONTEND) for e in (examples, examples.with_rows(rows))), strict=True):
        np.testing.assert_array_equal(a.audio[0], b.audio[0])


def test_z_scored_and_halved(store):
    trial, deviation = next(trial_signals(attended_rows(store, 2.0), ENVELOPE, FRONTEND)).z_scored()
    np.testing.assert_allclose(trial.eeg[0].std(axis=0), 1.0)
    assert deviation.shape == (6,)
    first, second = trial.halved()
    np.testing.assert_array_equal(np.concatenate([first.eeg[0], second.eeg[0]]), trial.eeg[0])


def test_joined_keeps_the_rows_a_control_put_in_place(store):
    examples = attended_rows(store, 2.0)
    train, validation = examples.take([0, 1]), examples.take([4])
    assert joined(train, validation.take([])) is train
    assert list(joined(train, validation).rows["start"]) == [1.0, 3.0, 9.0]
    from dataclasses import replace

    moved = replace(validation, eeg_rows=examples.rows.iloc[[7]].reset_index(drop=True))
    eeg_rows = joined(train, moved).eeg_rows
    assert isinstance(eeg_rows, pd.DataFrame)
    assert list(eeg_rows["start"]) == [1.0, 3.0, 15.0]
