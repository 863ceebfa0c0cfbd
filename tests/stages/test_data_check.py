"""data check: what the recipes know to differ between recordings is no contradiction, anything else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from mindleaf.datasets import DATASETS
from mindleaf.stages.data_check import Copy, _contradictions, check_copy, verdict

from ..datasets.layouts import brennan2018, broderick2018


def test_channels_that_are_marked_bad_are_no_contradiction(tmp_path: Path):
    brennan2018.write(tmp_path)
    brennan2018.write_listener(tmp_path, "S01", bad=("24", "61"))
    found = check_copy("brennan2018", tmp_path, quiet=True)
    assert found["channels"] == "[58, 60], published 60"
    assert found["contradictions"] == found["damaged"] == []
    assert "agrees" in verdict("brennan2018", tmp_path, found)


def test_channels_that_nobody_accounts_for_are_one(tmp_path: Path):
    broderick2018.write(tmp_path)
    recordings = list(DATASETS["broderick2018"].recordings(tmp_path))
    copy = Copy()
    copy.add(recordings[0])
    facts = DATASETS["broderick2018"].facts
    assert _contradictions(copy, facts) == []
    copy.channels[120] += 1
    assert _contradictions(copy, facts) == ["published are 128 channels, recordings have [120, 128]"]
    copy.told_fewer[120] += 1
    assert _contradictions(copy, facts) == []
    copy.channels[129] += 1
    copy.told_fewer[129] += 1
    assert _contradictions(copy, facts), "bad channels are no reason for more than are published"


@pytest.mark.parametrize(("rate", "agrees"), [(160.0, True), (128.0, True), (200.0, False)])
def test_three_subjects_of_eegmmidb_were_recorded_at_another_rate(rate: float, agrees: bool):
    copy = Copy()
    copy.rates[rate] += 1
    assert (_contradictions(copy, DATASETS["eegmmidb"].facts) == []) == agrees
