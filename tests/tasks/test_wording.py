"""The labels of every data set that LEAF names are told in sentences, no two of a data set alike."""

from __future__ import annotations

import pytest

from mindleaf.datasets import DATASETS
from mindleaf.recipes.leaf_figures import PAPER
from mindleaf.tasks.wording import wording

TOLD = {
    ("bcic2020_upperlimb", "lumbrical"): "The person imagines moving the hand to hold a flat thing.",
    ("weibo2014", "left_hand_right_foot"): "The person imagines moving the left hand and the right foot.",
    ("hgd", "rest"): "The person moves nothing at all.",
    ("hgd", "feet"): "The person moves both feet.",
    ("weibo2014", "rest"): "The person imagines moving nothing at all.",
    ("adhd", "control"): "The finding is health, no disorder.",
    ("openbmi_ssvep", "8.57"): "The person looks at a light that flickers 8.57 times a second.",
    ("eegmat", "arithmetic"): "The person is doing mental arithmetic.",
    ("bcic2020_speech", "help me"): "The person says in the mind: help me.",
}


@pytest.mark.parametrize("name", PAPER)
def test_labels_are_told_in_sentences_of_their_own(name):
    facts = DATASETS[name].facts
    told = wording(name, facts.paradigm, facts.labels)
    assert len(set(told.texts)) == len(facts.labels) >= 2
    for label, text in zip(facts.labels, told.texts, strict=True):
        assert text[0].isupper() and text.endswith(".") and "_" not in text
        assert TOLD.get((name, label), text) == text
    assert {label for known, label in TOLD if known == name} <= set(facts.labels)
