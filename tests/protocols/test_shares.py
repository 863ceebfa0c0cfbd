"""Shares of the training trials, and a few shots of the test subject: nested, fair, determined by the seed."""

from __future__ import annotations

import warnings
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindleaf.errors import BadInput
from mindleaf.protocols import PROTOCOLS, CrossDataset, DataEfficiency, FewShot, RandomWindows, with_test_trials
from tests.contracts.test_protocols import trial_tables
from tests.protocols.tables import audiobooks, cocktail, eegmat, kalunga, trial, two_speaker_minute

UID = ["dataset", "recording", "trial"]
SPAN = [*UID, "start", "stop"]


def served(protocol, table, seed=0):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return protocol.folds(table, seed)
        except BadInput as refusal:
            assert str(refusal).startswith(f"{protocol.name}: wanted")
            return []


def rows(part):
    return set(part[SPAN].itertuples(index=False, name=None))


def classes(table, part):
    return set(part[UID].drop_duplicates().merge(table, on=UID)["label"])


@pytest.mark.parametrize("of", ["between_trial", "cross_subject"])
@given(table=trial_tables(), seed=st.integers(0, 9))
@settings(max_examples=6, deadline=None)
def test_a_smaller_share_is_part_of_every_larger_one(of, table, seed):
    settings_ = ("n_folds=2",)
    folds = served(DataEfficiency(of=of, settings=settings_), table, seed)
    if not folds:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = PROTOCOLS[of](n_folds=2).folds(table, seed)
    assert [fold.to_json() for fold in folds[-len(whole) :]] == [fold.to_json() for fold in whole]
    for k, full in enumerate(whole):
        steps = folds[k :: len(whole)]
        assert [fold.share for fold in steps] == [0.25, 0.5, 0.75, 1.0]
        for fold, larger in pairwise(steps):
            assert rows(fold.test) == rows(full.test)
            assert rows(fold.train) < rows(larger.train) and rows(fold.validation) <= rows(larger.validation)
            assert abs(len(fold.train) - fold.share * len(full.train)) <= 0.5
            kinds = classes(table, full.train)
            if len(fold.train) >= len(kinds) > 1:
                assert classes(table, fold.train) == kinds


def test_shares_are_balanced_over_subjects_and_classes():
    table = kalunga(n_subjects=4)
    for fold in DataEfficiency(val_fraction=0).folds(table, seed=2)[:5]:
        taken = fold.train[UID].merge(table, on=UID)
        assert len(taken) in (51, 52) and taken["label"].value_counts().between(11, 14).all()
        assert taken["subject"].value_counts().between(11, 15).all()


def test_shares_of_marked_protocols_keep_the_mark():
    folds = DataEfficiency(of="random_windows", settings=("scope=pooled", "window_s=2")).folds(eegmat())
    assert len(folds) == 20 and {fold.mark for fold in folds} == {"LEAKY"}
    assert [fold.to_json() for fold in folds[15:]] == [f.to_json() for f in RandomWindows(scope="pooled").folds(eegmat())]


@pytest.mark.parametrize(
    ("protocol", "table", "message"),
    [
        (DataEfficiency(of="data_efficiency"), kalunga(), "of='data_efficiency' is no protocol to take shares of"),
        (DataEfficiency(of="kfold"), kalunga(), "there are: "),
        (DataEfficiency(of="cross_session"), kalunga(), "shares of cross_session, which wanted several sessions"),
        (DataEfficiency(settings=("n_folds=4",)), cocktail(), "wanted at least 4 training trials .* share of 25%, got"),
        (FewShot(), two_speaker_minute(), "wanted at least 6 trials of each class in a subject, got 1 .*unit=window"),
        (FewShot(), audiobooks(), r"got 4 of 'left' in 0; set protocol.k=3\."),
        (FewShot(k=40, unit="window"), eegmat(), "wanted a trial of at least 83 s of each class .* got 62 s of 'arithmetic'"),
        (CrossDataset(), kalunga(), r"got one \(d\); give the second one with --test-store"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_refused_with_a_way_out(protocol, table, message):
    with pytest.raises(BadInput, match=message):
        protocol.folds(table)


@given(table=trial_tables(), k=st.integers(1, 3), others=st.booleans(), seed=st.integers(0, 9))
@settings(max_examples=8, deadline=None)
def test_few_shots_are_k_of_each_class_and_the_rest_is_tested(table, k, others, seed):
    folds = served(FewShot(k=k, from_others=others), table, seed)
    again = served(FewShot(k=k, from_others=others), table.iloc[::-1], seed)
    assert [fold.to_json() for fold in folds] == [fold.to_json() for fold in again]
    several = table["dataset"].nunique() > 1
    name = table["dataset"] + "/" + table["subject"] if several else table["subject"]
    for fold in folds:
        own = table[name == fold.groups_test[0]]
        shots = fold.train[UID].merge(own, on=UID)
        tested = fold.test[UID].merge(own, on=UID)
        assert len(tested) == len(fold.test) and len(shots) + len(tested) == len(own)
        if own["label"].nunique() > 1:
            assert (shots["label"].value_counts() == k).all() and set(shots["label"]) == set(tested["label"])
        elsewhere = table[name != fold.groups_test[0]]
        assert len(fold.train) + len(fold.validation) - len(shots) == (len(elsewhere) if others else 0)


def test_few_windows_of_one_trial_are_marked_and_keep_their_distance():
    table = eegmat(4)
    folds = FewShot(k=3, unit="window", window_s=2.0, gap_s=1.0).folds(table, seed=1)
    assert len(folds) == 4 and {fold.mark for fold in folds} == {"WITHIN-TRIAL"}
    for fold in folds:
        assert len(fold.train) == 2 and ((fold.train["stop"] - fold.train["start"]) == 6.0).all()
        assert classes(table, fold.test) == classes(table, fold.train) == {"rest", "arithmetic"}
        both = fold.train.merge(fold.test, on=UID, suffixes=("", "_test"))
        behind, before = both["start_test"] - both["stop"], both["start"] - both["stop_test"]
        assert ((behind >= 1.0) | (before >= 1.0)).all()
    drawn = FewShot(k=3, unit="window", n_draws=3).folds(table)
    assert [fold.name for fold in drawn[:3]] == ["00/0", "00/1", "00/2"] and drawn[0].to_json() != drawn[1].to_json()


def test_few_shots_leave_subjects_out_with_a_warning():
    table = pd.concat([kalunga(2), pd.DataFrame([trial("short", "short", k, label="rest") for k in range(3)])])
    with pytest.warns(UserWarning, match="left out short"):
        assert [fold.name for fold in FewShot().folds(table)] == ["0", "1"]
    long = pd.DataFrame([trial(recording=label, trial=k, label=label) for label in ("rest", "task") for k in range(20)])
    with pytest.raises(BadInput, match="each class is one recording"):
        FewShot().folds(long)


def test_a_second_store_is_the_test_part_and_nothing_else():
    near, far = kalunga(4), audiobooks(3).assign(dataset="e")
    (fold,) = CrossDataset().folds(with_test_trials(near, far))
    assert len(fold.test) == len(far) and set(fold.test["dataset"]) == {"e"} == set(fold.groups_test)
    watched, learned = (part[UID].merge(near, on=UID)["subject"] for part in (fold.validation, fold.train))
    assert watched.nunique() == 1 and not set(watched) & set(learned)
    (alone,) = CrossDataset().folds(with_test_trials(kalunga(1), far))
    assert len(alone.validation) == 6 and len(alone.train) == 58
    same = with_test_trials(near, kalunga(2).assign(recording=lambda t: "new " + t["recording"]))
    assert set(CrossDataset().folds(same)[0].test["recording"].str[:3]) == {"new"}
    shares = DataEfficiency(of="cross_dataset").folds(with_test_trials(near, far))
    assert [len(fold.train) for fold in shares] == [48, 96, 144, 192] and all(len(fold.test) == len(far) for fold in shares)
    with pytest.raises(BadInput, match="both hold '0-0' of data set 'd'"):
        with_test_trials(near, near)


def test_each_data_set_of_a_table_is_tested_once():
    table = pd.concat([kalunga(2), kalunga(2).assign(dataset="e"), audiobooks().assign(dataset="f")])
    folds = CrossDataset().folds(table)
    assert [fold.groups_test for fold in folds] == [("d",), ("e",), ("f",)]
