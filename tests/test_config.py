"""Config: frozen, strict, and readable mistakes."""

from __future__ import annotations

import pytest

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.training.loop import TrainingConfig


class Outer(Config):
    training: TrainingConfig = TrainingConfig()
    note: str | None = None
    device: str = "auto"


def test_settings_reach_nested_fields():
    changed = Outer().with_settings(["training.optimiser.lr=0.5", "note=abc"])
    assert changed.training.optimiser.lr == 0.5 and changed.note == "abc"


@pytest.mark.parametrize("setting", ["training.lr=1", "nothing", "note.more=1", "training.steps=many"])
def test_a_wrong_setting_is_one_sentence(setting):
    with pytest.raises(BadInput) as error:
        Outer().with_settings([setting])
    assert "\n" not in str(error.value)


def test_fingerprint_ignores_where_it_runs():
    assert Outer(device="cuda").fingerprint() == Outer().fingerprint()
    assert Outer(note="x").fingerprint() != Outer().fingerprint()


def test_json_round_trip(tmp_path):
    Outer(note="x").write(tmp_path / "config.json")
    assert Outer.read(tmp_path / "config.json") == Outer(note="x")
