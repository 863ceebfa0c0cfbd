"""Trap 1: the hours of MindMix's Table 1, added up from the recipes' facts, with every difference explained."""

from __future__ import annotations

import pytest

from mindleaf.datasets import DATASETS

IN_TABLE = [name for name in DATASETS if DATASETS[name].facts.table1]
#: What the paper prints below each stage. Its own rows add up to these within rounding.
TOTALS = {1: 3564.5, 2: 109.0, 3: 65.7}
STAGES = {1: 9, 2: 6, 3: 6}


def counted(name: str) -> float:
    return sum(part.hours for part in DATASETS[name].facts.counted)


def test_trap_1_every_row_of_table_1_has_a_recipe():
    for stage, rows in STAGES.items():
        names = [name for name in IN_TABLE if DATASETS[name].facts.table1.stage == stage]
        assert len(names) == rows, names
        assert sum(DATASETS[name].facts.table1.hours for name in names) == pytest.approx(TOTALS[stage], abs=0.4)


@pytest.mark.parametrize("name", IN_TABLE)
def test_trap_1_a_difference_to_table_1_is_explained(name: str):
    facts = DATASETS[name].facts
    assert facts.counted, "nobody says how its hours add up"
    if abs(counted(name) - facts.table1.hours) > 0.01 * facts.table1.hours:
        assert len(facts.table1.why) > 20, f"{counted(name):.2f} h are counted, Table 1 says {facts.table1.hours} h: say why"


@pytest.mark.parametrize("name", [name for name in DATASETS if DATASETS[name].facts.counted])
def test_what_a_recipe_leaves_out_is_told(name: str):
    facts = DATASETS[name].facts
    if any(not part.used for part in facts.counted):
        assert facts.exclusions
    used = sum(part.hours for part in facts.counted if part.used)
    assert facts.hours is None or facts.hours == pytest.approx(used, rel=0.02)


def test_trap_1_the_two_famous_sums():
    """38.9 h of ds004356 count the clicks; 19.2 h of KUL count the repetitions, the same sound again."""
    assert counted("ds004356") == pytest.approx(38.9, rel=0.01)
    assert counted("kul") == pytest.approx(19.2, rel=0.001)
    assert DATASETS["kul"].facts.hours == pytest.approx(12.8, rel=0.001)
    assert DATASETS["ds004356"].facts.hours == pytest.approx(22 * 480 * 12 / 3600, rel=0.001)
    assert "seizure" in DATASETS["chbmit"].facts.paradigm.lower() and "sleep" not in DATASETS["chbmit"].facts.paradigm.lower()
    assert "Shan" in DATASETS["ds004356"].facts.citation and "Becker" in DATASETS["eeg4emo"].facts.citation
