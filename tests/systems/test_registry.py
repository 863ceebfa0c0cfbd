from __future__ import annotations

import pytest

from mindleaf.errors import BadInput
from mindleaf.systems import FLOOR, SYSTEMS
from mindleaf.systems.bandpower import BandPowerSystem
from mindleaf.systems.registry import build_system, floor_for
from mindleaf.systems.system import SystemEntry
from mindleaf.systems.trf import TRFSystem


class Silent:
    """A system of somebody's own, without settings."""

    name, asks, any_length, n_parameters = "silent", "candidates", True, 0

    def fit(self, train, validation, seed): ...

    def predict(self, examples): ...

    def findings(self): ...


class NoSystem:
    name = "none"


def test_settings_reach_the_config_with_or_without_prefix():
    assert build_system("trf", ["lags_s=[0,0.25]"]).config.lags == (-8, 0)
    assert build_system("trf", ["system.max_inner_folds=3"]).config.max_inner_folds == 3


def test_own_class_by_path():
    assert isinstance(build_system(f"{__name__}:Silent"), Silent)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("tfr", [], "there are: trf, cca"),
        ("trf", ["speed=1"], "no field 'speed'"),
        ("no.such.module:System", [], "cannot import"),
        ("json:Nothing", [], "has no class 'Nothing'"),
        (f"{__name__}:NoSystem", [], "lacks asks"),
        (f"{__name__}:Silent", ["x=1"], "takes no settings"),
    ],
)
def test_mistakes_are_named(name, settings, message):
    with pytest.raises(BadInput, match=message):
        build_system(name, settings)


def test_entry_picks_the_form_that_fits_the_question():
    entry = SystemEntry("both", candidates="mindleaf.systems.trf:TRFSystem", labels="mindleaf.systems.bandpower:BandPowerSystem")
    assert entry.asks == ("candidates", "labels")
    assert entry.load("labels") is BandPowerSystem
    assert entry.load() is TRFSystem
    # An EEG-only system answers a question about candidates through the class of the attended one.
    assert SYSTEMS["bandpower_lr"].load("candidates") is BandPowerSystem


def test_floor_fits_the_task():
    assert floor_for("attention") == ("trf",)
    assert floor_for("classify:label") == ("bandpower_lr", "ts_lr")
    assert floor_for("something else") == ()
    assert {name for names in FLOOR.values() for name in names} <= set(SYSTEMS)
