"""What each protocol keeps apart, on tables shaped like the recordings at hand."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GroupKFold

from mindleaf.errors import BadInput
from mindleaf.protocols import (
    BetweenTrial,
    Blocked,
    CrossSession,
    CrossSubject,
    CrossSubjectAndStimulus,
    LeaveOnePairOut,
    LeaveOneStimulusOut,
    LeaveOneSubjectOut,
    RandomWindows,
    WithinSubject,
    able_protocols,
    read_folds,
    read_split_facts,
    write_folds,
)
from tests.protocols.tables import audiobooks, cocktail, cut, eegmat, kalunga, trial, two_speaker_minute


def taken(table, spans):
    """The rows of the table whose trials the spans name."""
    return table.merge(spans[["dataset", "recording", "trial"]].drop_duplicates(), on=["dataset", "recording", "trial"])


def stimuli(table, spans):
    return set(taken(table, spans)[["stimulus_1", "stimulus_2"]].to_numpy().ravel())


def test_within_subject_splits_each_subject_seventy_ten_twenty():
    table = kalunga()
    folds = WithinSubject().folds(table)
    assert [fold.name for fold in folds[:6]] == ["0/0", "0/1", "0/2", "0/3", "0/4", "1/0"] and len(folds) == 15
    for fold in folds:
        assert len({taken(table, part)["subject"].unique().item() for part in (fold.train, fold.validation, fold.test)}) == 1
        assert (len(fold.train), len(fold.validation)) in {(45, 6), (46, 6)} and 12 <= len(fold.test) <= 13
        assert taken(table, fold.test)["label"].value_counts().between(3, 4).all()
    tested = pd.concat([fold.test for fold in folds[:5]])
    assert len(tested) == 64 and not tested.duplicated().any()


def test_within_subject_refuses_where_the_recording_gives_the_class_away():
    with pytest.raises(BadInput, match="each class is one trial") as refusal:
        WithinSubject().folds(eegmat())
    assert "leave_one_subject_out, cross_subject" in str(refusal.value) and "within_subject (" not in str(refusal.value)
    long = pd.DataFrame([trial(recording=label, trial=k, label=label) for label in ("rest", "task") for k in range(20)])
    with pytest.raises(BadInput, match="each class is one recording"):
        WithinSubject().folds(long)


def test_within_subject_leaves_out_short_subjects_with_a_warning():
    table = pd.concat([kalunga(2), pd.DataFrame([trial("short", "short", k) for k in range(3)])])
    with pytest.warns(UserWarning, match="left out short"):
        folds = WithinSubject().folds(table)
    assert {fold.name.split("/")[0] for fold in folds} == {"0", "1"}


def test_between_trial_balances_labels_and_subjects():
    table = kalunga(n_subjects=5)
    for fold in BetweenTrial().folds(table, seed=3):
        tested = taken(table, fold.test)
        assert tested["label"].value_counts().between(15, 17).all() and tested["subject"].nunique() == 5


def test_between_trial_on_one_trial_names_what_can_be_done():
    with pytest.raises(BadInput, match="wanted at least 5 trials") as refusal:
        BetweenTrial().folds(two_speaker_minute())
    assert "blocked (WITHIN-TRIAL)" in str(refusal.value) and "random_windows (LEAKY)" in str(refusal.value)
    assert able_protocols(cocktail()) and "between_trial (n_folds=4)" in able_protocols(cocktail())
    assert len(BetweenTrial(n_folds=4, val_fraction=0).folds(cocktail())[0].train) == 3


def test_cross_subject_cuts_as_group_k_fold_does():
    for table in (eegmat(), pd.concat([kalunga(9, 1), kalunga(4, 3).assign(subject=lambda t: "x" + t["subject"])])):
        table = table.assign(recording=table["subject"] + "/" + table["recording"]).sort_values(["recording", "trial"])
        theirs = GroupKFold(7).split(table, groups=table["subject"])
        for fold, (_, test) in zip(CrossSubject().folds(table), theirs, strict=True):
            assert set(fold.groups_test) == set(table["subject"].iloc[test])


def test_strangers_share_neither_listener_nor_story_with_training():
    table = audiobooks(n_subjects=6, n_stories=6)
    folds = CrossSubjectAndStimulus(n_folds=2).folds(table)
    assert len(folds) == 2
    for fold in folds:
        known = pd.concat([fold.train, fold.validation])
        assert not stimuli(table, known) & stimuli(table, fold.test)
        assert not set(taken(table, known)["subject"]) & set(taken(table, fold.test)["subject"])
        assert not stimuli(table, fold.train) & stimuli(table, fold.validation)
        assert set(fold.groups_test) == set(taken(table, fold.test)["subject"])
        assert (len(fold.train), len(fold.validation), len(fold.test)) == (12, 6, 18)
    tested = pd.concat([taken(table, fold.test) for fold in folds])
    assert set(tested["subject"]) == set(table["subject"])


def alternating(n_subjects=12, n_stories=12):
    """Who is attended alternates from subject to subject and from story to story."""
    return pd.DataFrame(
        [
            trial(f"{s:02d}", f"{s:02d}", k, 60.0 * k, 60.0 * k + 60, pair=(f"man {k}", f"woman {k}"), attended=1 + (s + k) % 2)
            for s in range(n_subjects)
            for k in range(n_stories)
        ]
    )


@pytest.mark.parametrize("seed", range(3))
def test_strangers_of_a_fold_are_drawn_from_both_halves_of_an_alternating_design(seed):
    table = alternating()
    folds = CrossSubjectAndStimulus().folds(table, seed)
    assert [len(fold.test) for fold in folds] == [36, 36]
    for fold in folds:
        tested = taken(table, fold.test)
        by_story = tested.groupby("stimulus_1")["attended"].nunique()
        assert (by_story == 2).all(), "all tested listeners attend to the same stream of a story"
        assert {part.groupby("subject").size().nunique() for part in (tested, taken(table, fold.train))} == {1}


def test_strangers_are_dealt_by_seed_and_by_nothing_else():
    table = alternating()
    shuffled = table.sample(frac=1, random_state=3)
    dealt = [[fold.groups_test for fold in CrossSubjectAndStimulus().folds(t, seed)] for t, seed in
             ((table, 0), (shuffled, 0), (table, 1))]  # fmt: skip
    assert dealt[0] == dealt[1] != dealt[2]


def test_strangers_are_dealt_again_where_a_deal_leaves_a_fold_without_a_test():
    """Two listeners, each with a story of their own: in half of all deals fold 0 has the one listener and the other's story."""
    table = alternating(2, 2)
    own = table[table["subject"].astype(int) == table["trial"].astype(int)]
    for seed in range(10):
        assert all(len(fold.test) == len(fold.train) == 1 for fold in CrossSubjectAndStimulus().folds(own, seed))


def test_strangers_need_subjects_and_stories():
    with pytest.raises(BadInput, match="wanted at least 7 subjects and 7 separate groups of stimuli, got 6 and 6"):
        CrossSubjectAndStimulus(n_folds=7).folds(audiobooks(6, 6))
    with pytest.raises(BadInput, match="wanted a stimulus in every trial"):
        CrossSubjectAndStimulus().folds(kalunga())


def test_subject_protocols_refuse_one_subject():
    for protocol in (CrossSubject(), LeaveOneSubjectOut()):
        with pytest.raises(BadInput, match=r"wanted at least .* subjects.*Protocols that can: .*leave_one_stimulus_out"):
            protocol.folds(cocktail())


def test_leave_one_subject_out_keeps_equal_names_of_two_data_sets_apart():
    table = pd.concat([kalunga(2, 1), kalunga(2, 1).assign(dataset="e")])
    folds = LeaveOneSubjectOut().folds(table)
    assert [fold.groups_test for fold in folds] == [("d/0",), ("d/1",), ("e/0",), ("e/1",)]


def test_validation_is_empty_only_where_groups_are_few():
    assert all(fold.validation.empty for fold in LeaveOneSubjectOut().folds(kalunga(3, 1)))
    assert not any(fold.validation.empty for fold in LeaveOneSubjectOut().folds(kalunga(4, 1)))


def test_leave_one_stimulus_out_shares_no_sound():
    table = audiobooks()
    folds = LeaveOneStimulusOut().folds(table)
    assert len(folds) == 4 and folds[0].groups_test == ("man 0", "woman 0")
    for fold in folds:
        assert len(fold.test) == 8
        heard = [stimuli(table, part) for part in (fold.train, fold.validation, fold.test)]
        assert not heard[0] & heard[1] and not heard[0] & heard[2] and not heard[1] & heard[2]
    assert [len(fold.test) for fold in LeaveOneStimulusOut(n_folds=2).folds(table)] == [16, 16]


def test_leave_one_stimulus_out_refuses_linked_or_missing_stimuli():
    ring = pd.DataFrame([trial(trial=k, pair=(f"a {k}", f"a {(k + 1) % 4}"), attended=1) for k in range(4)])
    with pytest.raises(BadInput, match="trials link all of them"):
        LeaveOneStimulusOut().folds(ring)
    with pytest.raises(BadInput, match="wanted a stimulus in every trial, got none in 2 of 6"):
        LeaveOneStimulusOut().folds(pd.concat([cocktail(), eegmat(1)]))


def test_leave_one_pair_out_drops_trials_that_share_one_stimulus():
    pairs = [(f"man {a}", f"woman {b}") for a in range(3) for b in range(3)]
    table = pd.DataFrame([trial(trial=k, pair=pair, attended=1) for k, pair in enumerate(pairs)])
    folds = LeaveOnePairOut(val_fraction=0).folds(table)
    assert len(folds) == 9
    for fold in folds:
        assert len(fold.test) == 1 and len(fold.train) == 4
        assert not stimuli(table, fold.train) & stimuli(table, fold.test)
    for fold in LeaveOnePairOut().folds(audiobooks(n_stories=6)):
        assert len(fold.validation) == 8
        assert not stimuli(audiobooks(n_stories=6), fold.train) & stimuli(audiobooks(n_stories=6), fold.validation)


def test_cross_session_stays_inside_a_subject():
    sessions = [("a", "1"), ("a", "2"), *(("b", n) for n in "1234"), ("c", "1")]
    rows = [trial(s, f"{s}-{n}", k, session=n) for s, n in sessions for k in "xy"]
    with pytest.warns(UserWarning, match="left out c"):
        folds = CrossSession().folds(pd.DataFrame(rows))
    assert [fold.name for fold in folds] == ["a/1", "a/2", "b/1", "b/2", "b/3", "b/4"]
    assert folds[0].validation.empty and len(folds[2].validation) == 2 and len(folds[2].train) == 4
    with pytest.raises(BadInput, match="one session of each"):
        CrossSession().folds(eegmat())


def test_random_windows_are_marked_and_balanced():
    folds = RandomWindows(window_s=2.0, interval=(0.0, 60.0)).folds(eegmat())
    assert len(folds) == 14 * 5 and {fold.mark for fold in folds} == {"LEAKY"}
    assert all((len(f.train), len(f.validation), len(f.test)) == (42, 6, 12) for f in folds)
    windows = cut(eegmat(), 2.0)
    chosen = windows.iloc[folds[0].select(windows, "test")]
    assert chosen["label"].value_counts().tolist() == [6, 6] and chosen["start"].max() < 60
    assert len(RandomWindows(scope="pooled").folds(eegmat())) == 5


def test_blocked_keeps_its_distance_on_both_sides():
    folds = Blocked(n_folds=6, gap_s=1.0).folds(two_speaker_minute())
    assert len(folds) == 6 and {fold.mark for fold in folds} == {"WITHIN-TRIAL"}
    for k, fold in enumerate(folds):
        assert fold.test[["start", "stop"]].to_numpy().tolist() == [[10.0 * k, 10.0 * k + 10]]
        pieces = pd.concat([fold.train, fold.validation, fold.test]).sort_values("start")
        gaps = pieces["start"].to_numpy()[1:] - pieces["stop"].to_numpy()[:-1]
        np.testing.assert_allclose(gaps, 1.0)
        assert len(fold.validation) == 1
    with pytest.raises(BadInput, match=r"got at most 60 s.*blocked \(WITHIN-TRIAL\)"):
        Blocked(gap_s=10.0).folds(two_speaker_minute())


def test_folds_do_not_depend_on_the_order_of_the_table():
    table = kalunga()
    shuffled = table.sample(frac=1, random_state=0)
    for protocol in (WithinSubject(), BetweenTrial(), CrossSubject(n_folds=3), RandomWindows(window_s=1.0)):
        ours, theirs = protocol.folds(table, seed=5), protocol.folds(shuffled, seed=5)
        assert [fold.to_json() for fold in ours] == [fold.to_json() for fold in theirs]
    assert BetweenTrial().folds(table, 1)[0].to_json() != BetweenTrial().folds(table, 2)[0].to_json()


def test_only_keeps_some_folds():
    assert [fold.name for fold in LeaveOneSubjectOut(only=(2, 0)).folds(eegmat())] == ["02", "00"]
    with pytest.raises(BadInput, match="only=14 is no fold"):
        LeaveOneSubjectOut(only=(14,)).folds(eegmat())


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (eegmat().drop(columns="subject"), "wanted columns subject"),
        (eegmat().iloc[:0], "wanted trials, got none"),
        (pd.concat([cocktail(), cocktail()]), "came twice"),
    ],
)
def test_a_broken_table_is_refused(table, message):
    with pytest.raises(BadInput, match=message):
        BetweenTrial().folds(table)


def test_stratifying_by_a_missing_column_is_refused():
    with pytest.raises(BadInput, match="no column 'emotion'"):
        BetweenTrial(stratify="emotion").folds(kalunga())


def test_folds_come_back_from_disk(tmp_path):
    folds = LeaveOneSubjectOut().folds(eegmat(4))
    write_folds(tmp_path / "folds.json", folds, protocol="leave_one_subject_out", seed=0)
    assert [fold.to_json() for fold in read_folds(tmp_path / "folds.json")] == [fold.to_json() for fold in folds]
    assert read_split_facts(tmp_path / "folds.json") == {"protocol": "leave_one_subject_out", "seed": 0}
    assert [path.name for path in tmp_path.iterdir()] == ["folds.json"]


def test_no_split_is_read_from_another_file(tmp_path):
    path = tmp_path / "folds.json"
    with pytest.raises(BadInput, match="could not read it"):
        read_folds(path)
    path.write_text('{"version": 7}')
    with pytest.raises(BadInput, match="wanted a split file of version 1"):
        read_folds(path)
    path.write_text('{"version": 1, "facts": {}, "folds": [{"name": "0"}]}')
    with pytest.raises(BadInput, match="a fold lacks"):
        read_folds(path)


def test_a_tampered_split_is_refused(tmp_path):
    leaky = BetweenTrial().folds(kalunga())[0].to_json()
    leaky["train"].append(leaky["test"][0])
    path = tmp_path / "folds.json"
    path.write_text(json.dumps({"version": 1, "facts": {}, "folds": [leaky]}))
    with pytest.raises(BadInput, match="share trial"):
        read_folds(path)
