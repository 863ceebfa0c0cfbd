"""The long runs of ``make soak``: MINDLEAF_SOAK_HOURS shortens both, in stream hours, MINDLEAF_SOAK_SPEED the haste of the first."""

from __future__ import annotations

import os
import time

import pytest

pytest.importorskip("mne_lsl.lsl", reason="needs mne-lsl: pip install 'mindleaf[live]'")

from tests.live.outlet import linear
from tests.live.promises import counted
from tests.live.soak import Soaked, soaked

pytestmark = pytest.mark.slow
SPEED = float(os.environ.get("MINDLEAF_SOAK_SPEED", "100"))


def hours(most: float) -> float:
    return float(os.environ.get("MINDLEAF_SOAK_HOURS", most))


def held(found: Soaked, case: str) -> None:
    """Each promise of a long run, counted. Growth is told from 6 hours on: below that it is what a process settles by."""
    with counted("accounted", case) as count:
        for sent, accounted in zip(found.sent, found.accounted, strict=True):
            count.add(abs(sent - accounted))
    with counted("soak", case) as count:
        count.add(found.due - found.right, f"{found}")
    if found.looks > 1:
        with counted("handles", case) as count:
            count.add(max(found.handles) - found.handles[0], f"{found.handles}")
        with counted("memory" if found.seconds >= 6 * 3600 else "settling", case) as count:
            count.add(found.mb_per_hour)
    print(found)
    assert found.lost == 0 and found.decided == found.due


def test_a_day_through_lsl():
    n = hours(24.0)
    name = f"mindleaf-soak-{os.getpid()}-{time.monotonic_ns()}"
    held(soaked(name, 3600 * n, SPEED, linear, 128.0), f"LSL, linear decoder, {n:g} stream hours at {SPEED:g}x")


def test_the_encoder_for_an_hour(tmp_path):
    """An aligned model without training: that it decides in time and for long is the point, not what it decides."""
    from mindleaf.models.alignment import AlignedConfig
    from mindleaf.models.facts import ModelFacts
    from mindleaf.models.folder import save_model
    from mindleaf.stages.live_aligned import AlignedScorer
    from mindleaf.systems.neural import audio_frontend

    frontend, n = audio_frontend("mel"), hours(1.0)
    facts = ModelFacts(n_audio_features=frontend.n_features, audio="mel", audio_fingerprint=frontend.fingerprint())
    config = AlignedConfig.preset("small")
    save_model(tmp_path / "run", config.build(facts), config, facts, "card")
    name = f"mindleaf-soak-{os.getpid()}-{time.monotonic_ns()}"
    found = soaked(name, 3600 * n, 1.0, lambda channels: AlignedScorer(tmp_path / "run", channels, 4.0), 16_000.0)
    print(found)
    with counted("accounted", f"LSL, encoder, {n:g} h at 1x") as count:
        for sent, accounted in zip(found.sent, found.accounted, strict=True):
            count.add(abs(sent - accounted))
    with counted("decided", f"LSL, encoder, {n:g} h at 1x") as count:
        count.add(found.due - found.decided, f"{found}")
