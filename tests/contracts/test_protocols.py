"""Every protocol serves a table with folds whose groups never cross, or refuses it in words; on any table."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindleaf.errors import BadInput
from mindleaf.fold import PARTS, SPAN_COLUMNS, Fold
from mindleaf.protocols import PROTOCOLS, able_protocols
from tests.protocols.tables import trial

UID = ["dataset", "recording", "trial"]
#: The smallest settings of each protocol, so that small tables are served too.
SMALL = {
    "within_subject": {"n_folds": 2},
    "between_trial": {"n_folds": 2},
    "cross_subject": {"n_folds": 2},
    "cross_subject_and_stimulus": {"n_folds": 2},
    "few_shot": {"k": 1},
    "data_efficiency": {"settings": ("n_folds=2",)},
    "random_windows": {"n_folds": 2, "window_s": 1.0},
    "blocked": {"n_folds": 3, "gap_s": 0.5},
}


@st.composite
def trial_tables(draw) -> pd.DataFrame:
    """Up to three subjects, two sessions, five trials a recording, with labels, two streams, both or neither."""
    labelled, hearing = draw(st.booleans()), draw(st.booleans())
    n_stimuli = draw(st.integers(2, 6))
    rows = []
    for subject in range(draw(st.integers(1, 4))):
        for session in range(draw(st.integers(1, 2))):
            begin = 0.0
            for number in range(draw(st.integers(1, 5))):
                first = draw(st.integers(0, n_stimuli - 1))
                second = (first + draw(st.integers(1, n_stimuli - 1))) % n_stimuli
                length = draw(st.sampled_from([4.0, 9.5, 20.0]))
                rows.append(
                    trial(
                        subject=f"s{subject}",
                        recording=f"{subject}-{session}",
                        trial=number,
                        start=begin,
                        stop=begin + length,
                        session=str(session),
                        label=draw(st.sampled_from(["a", "b", "c"])) if labelled else "",
                        pair=(f"man {first}", f"man {second}") if hearing else (),
                        attended=draw(st.integers(1, 2)) if hearing else 0,
                        dataset="d" if subject < 2 else "e",
                    )
                )
                begin += length + 1
    return pd.DataFrame(rows)


def served(name, table, seed=0):
    """The folds, or None where the protocol refused in one sentence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return PROTOCOLS[name].checked(SMALL.get(name, {})).folds(table, seed)
        except BadInput as refusal:
            assert str(refusal).startswith(f"{name}: wanted") and "Protocols that can: " in str(refusal)
            return None


def groups_of(fold, part, table):
    """What a part holds, in the terms the protocol promises to keep apart."""
    rows = getattr(fold, part)[UID].drop_duplicates().merge(table, on=UID)
    if fold.group in ("stimulus", "pair", "subject, stimulus"):
        return set(zip(rows["dataset"].repeat(2), rows[["stimulus_1", "stimulus_2"]].to_numpy().ravel(), strict=True))
    columns = {
        "subject": ["dataset", "subject"], "session": ["dataset", "subject", "session"], "trial": UID, "dataset": ["dataset"],
    }[fold.group]  # fmt: skip
    return set(rows[columns].itertuples(index=False, name=None))


def test_the_table_of_protocols_is_keyed_by_their_names():
    assert {name: protocol.name for name, protocol in PROTOCOLS.items()} == {name: name for name in PROTOCOLS}
    assert all(protocol().group for protocol in PROTOCOLS.values())
    assert {name for name, protocol in PROTOCOLS.items() if protocol.mark} == {"random_windows", "blocked"}


@pytest.mark.parametrize("name", [name for name, protocol in PROTOCOLS.items() if not protocol.mark])
@given(table=trial_tables())
@settings(max_examples=25, deadline=None)
def test_groups_never_cross(name, table):
    check_groups(name, table)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, protocol in PROTOCOLS.items() if not protocol.mark])
@given(table=trial_tables())
@settings(max_examples=1000, deadline=None)
def test_groups_never_cross_in_a_thousand_layouts(name, table):
    check_groups(name, table)


def check_groups(name, table):
    for fold in served(name, table) or ():
        parts = {part: groups_of(fold, part, table) for part in PARTS}
        assert parts["train"] and parts["test"] and not fold.mark
        assert not parts["train"] & parts["test"] and not parts["validation"] & parts["test"]
        # Validation comes from the training data sets, as whole subjects or trials: Fold itself keeps trials apart.
        assert fold.group == "dataset" or not parts["train"] & parts["validation"]
        assert len(set(fold.groups_test)) == len(fold.groups_test) > 0


@pytest.mark.parametrize("name", ["random_windows", "blocked"])
@given(table=trial_tables())
@settings(max_examples=20, deadline=None)
def test_marked_folds_share_no_signal_and_stay_inside_trials(name, table):
    for fold in served(name, table) or ():
        assert fold.mark == PROTOCOLS[name].mark
        pieces = pd.concat([getattr(fold, part).assign(part=part) for part in PARTS]).sort_values([*UID, "start"])
        inside = pieces.merge(table, on=UID, suffixes=("", "_trial"))
        assert len(inside) == len(pieces)
        assert (inside["start"] >= inside["start_trial"] - 1e-9).all() and (inside["stop"] <= inside["stop_trial"] + 1e-6).all()
        for _, rows in pieces.groupby(UID):
            gaps = rows["start"].to_numpy()[1:] - rows["stop"].to_numpy()[:-1]
            crossing = rows["part"].to_numpy()[1:] != rows["part"].to_numpy()[:-1]
            wanted = 0.5 if name == "blocked" else 0.0
            assert (gaps >= -1e-9).all() and (gaps[crossing] >= wanted - 1e-9).all()


@pytest.mark.parametrize("name", PROTOCOLS)
@given(table=trial_tables())
@settings(max_examples=8, deadline=None)
def test_the_same_seed_gives_the_same_folds_and_every_test_trial_counts_once(name, table):
    first, second = served(name, table, seed=4), served(name, table.iloc[::-1], seed=4)
    if first is None:
        assert second is None
        return
    assert [fold.to_json() for fold in first] == [fold.to_json() for fold in second]
    assert len({fold.name for fold in first}) == len(first)
    tested = pd.concat([fold.test for fold in first if fold.share == 1])
    assert not tested.duplicated(SPAN_COLUMNS).any()


@given(table=trial_tables())
@settings(max_examples=10, deadline=None)
def test_what_is_called_able_serves(table):
    for entry in able_protocols(table):
        name, _, remark = entry.rstrip(")").partition(" (")
        settings_ = {"n_folds": int(remark.split(",")[0].removeprefix("n_folds="))} if "n_folds" in remark else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert PROTOCOLS[name].checked(settings_).folds(table)


@pytest.mark.parametrize("name", [name for name, protocol in PROTOCOLS.items() if not protocol.mark])
@given(table=trial_tables(), pick=st.data())
@settings(max_examples=8, deadline=None)
def test_a_planted_crossing_is_caught(name, table, pick):
    folds = served(name, table)
    if not folds:
        return
    fold = pick.draw(st.sampled_from(folds))
    values = fold.to_json()
    giver, taker = pick.draw(st.sampled_from([("test", "train"), ("train", "test"), ("test", "validation")]))
    stolen = pick.draw(st.sampled_from(values[giver]))
    with pytest.raises(BadInput, match="share"):
        Fold.from_json(values | {taker: values[taker] + [stolen]})
