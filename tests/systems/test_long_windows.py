"""Longer windows of a curriculum lie inside the training windows they are made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindleaf.errors import BadInput
from mindleaf.systems.long_windows import lengthened
from mindleaf.tasks import MatchMismatch
from tests.systems.listening import attended_rows, listening_store


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    return attended_rows(listening_store(tmp_path_factory.mktemp("long"), trial_s=20.0), 2.0)


def spans(examples, trial):
    rows = examples.rows[(examples.rows["recording"] == "r0") & (examples.rows["trial"] == trial)]
    return sorted(zip(rows["start"] - 1.0, rows["stop"] - 1.0, strict=True))


def test_they_begin_where_the_windows_begin(examples):
    longer = lengthened(examples, 6.0)
    assert longer.window_s == 6.0
    assert spans(longer, "t0") == [(start, start + 6.0) for start in np.arange(0.0, 14.1, 2.0)]
    assert set(longer.rows["trial"]) == set(examples.rows["trial"])


@settings(max_examples=40, deadline=None)
@given(kept=st.sets(st.integers(0, 9), min_size=2), hops=st.integers(2, 5))
def test_they_never_reach_beyond_what_is_at_hand(examples, kept, hops):
    part = examples.take(np.flatnonzero(examples.rows["trial"].eq("t1") & examples.rows["recording"].eq("r0"))[sorted(kept)])
    known = {start for start, _ in spans(part, "t1")}
    expected = [(s, s + 2.0 * hops) for s in sorted(known) if all(s + 2.0 * k in known for k in range(hops))]
    if not expected:
        with pytest.raises(BadInput, match="longest stretch of training data"):
            lengthened(part, 2.0 * hops)
    else:
        assert spans(lengthened(part, 2.0 * hops), "t1") == expected


def test_the_order_of_the_candidates_does_not_matter_but_the_attended_one_does(examples):
    part = examples.take(np.flatnonzero(examples.rows["trial"].eq("t0") & examples.rows["recording"].eq("r0")))
    rows = part.rows.copy()
    odd = np.arange(len(rows)) % 2 == 1
    for name in ("stimulus", "audio_start"):
        rows.loc[odd, [f"{name}_1", f"{name}_2"]] = rows.loc[odd, [f"{name}_2", f"{name}_1"]].to_numpy()
    with pytest.raises(BadInput, match="longest stretch"):
        lengthened(part.with_rows(rows), 4.0)
    rows.loc[odd, "answer"] = 1 - rows.loc[odd, "answer"]
    swapped = lengthened(part.with_rows(rows), 4.0)
    assert spans(swapped, "t0") == spans(lengthened(part, 4.0), "t0")
    heard = [row[f"stimulus_{row['answer'] + 1}"] for _, row in swapped.rows.iterrows()]
    assert len(set(heard)) == 1


def test_candidates_drawn_for_each_window_are_refused(examples):
    drawn = MatchMismatch().prepare(examples.store.windows(2.0), 0)
    with pytest.raises(BadInput, match="drawn anew for each"):
        lengthened(examples.with_rows(drawn), 6.0)
