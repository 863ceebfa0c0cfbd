"""The question an evaluation asks: which task, on which windows, under which split."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, Self

import pandas as pd

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.fold import Fold
from mindleaf.protocols import PROTOCOLS, able_protocols
from mindleaf.store.store import Store
from mindleaf.systems import SYSTEMS

#: An analysis interval up to this length is one window; a longer one is cut into windows of the second length (seconds).
_LONGEST_INTERVAL_S, _WINDOW_S = 10.0, 2.0


class EvaluateConfig(Config):
    """What is asked, of which windows, under which split.

    windows_s   lengths in seconds; empty: the data set's analysis interval where that is 10 s or less, else 2 s
    start_s, stop_s   part of each trial that windows are cut from; None: the data set's analysis interval, else all of it
    hop_s       from one window to the next; None: end to end
    settings    "protocol.x=y" and "SYSTEM.x=y" wishes, applied where the protocol and the systems are built
    """

    task: str
    protocol: str | None = None
    windows_s: tuple[float, ...] = ()
    start_s: float | None = None
    stop_s: float | None = None
    hop_s: float | None = None
    target: Literal["side", "talker"] = "side"
    train_window_s: float | None = None
    seed: int = 0
    depth: Literal["quick", "full"] = "quick"
    floor: bool = True
    notes: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    device: str = "auto"

    @classmethod
    def of(
        cls, task: str, protocol: str | None, window: str | None, target: str, seed: int, depth: str, settings: Sequence[str],
        device: str = "auto", floor: bool = True,
    ) -> Self:  # fmt: skip
        """From the command line's words; raises BadInput naming the word that does not fit."""
        owners = {"protocol", "system", *SYSTEMS}
        theirs = tuple(s for s in settings if s.partition(".")[0] in owners)
        values = {
            "task": task, "protocol": protocol, "windows_s": lengths(window), "target": target, "seed": seed, "depth": depth,
            "floor": floor, "device": device, "settings": theirs,
        }  # fmt: skip
        return cls.checked(values, "the command line").with_settings([s for s in settings if s not in theirs])

    def settings_of(self, owner: str) -> list[str]:
        own = [s.partition(".")[2] for s in self.settings if s.partition(".")[0] == owner]
        return [f"training.device={self.device}", *own] if owner == "mindmix" else own


def lengths(window: str | None) -> tuple[float, ...]:
    try:
        given = tuple(sorted(float(part) for part in window.split(","))) if window else ()
    except ValueError:
        given = (math.nan,)
    if not all(0 < length < math.inf for length in given):
        raise BadInput(f"--window wants lengths in seconds such as 2,5,10, got {window!r}.")
    return given


def folds_of(config: EvaluateConfig, store: Store) -> list[Fold]:
    """The folds that the named protocol cuts from the store's trials."""
    if config.protocol is None:
        raise BadInput(f"--protocol is needed; these can serve {store.dataset}: {', '.join(able_protocols(store.index))}.")
    if config.protocol not in PROTOCOLS:
        raise BadInput(f"protocol {config.protocol!r} is not known; there are: {', '.join(PROTOCOLS)}.")
    wishes = config.settings_of("protocol")
    kind = PROTOCOLS[config.protocol]
    if "window_s" in kind.model_fields and not any(w.startswith("window_s=") for w in wishes):
        wishes.append(f"window_s={cutting(config, store)[1][0]}")
    start_s, stop_s = _interval(config, store)
    if "interval" in kind.model_fields and stop_s is not None and not any(w.startswith("interval=") for w in wishes):
        wishes.append(f"interval=[{start_s},{stop_s}]")
    return kind().with_settings(wishes).folds(store.index, config.seed)


def cutting(config: EvaluateConfig, store: Store) -> tuple[Callable[[Store, float], pd.DataFrame], list[float]]:
    """How windows are cut from a store, and the lengths to cut."""
    start_s, stop_s = _interval(config, store)
    length = (stop_s or math.inf) - start_s
    windows_s = list(config.windows_s) or [length if length <= _LONGEST_INTERVAL_S else _WINDOW_S]

    def cut(store: Store, window_s: float) -> pd.DataFrame:
        return store.windows(window_s, config.hop_s, start_s, stop_s=stop_s)

    return cut, windows_s


def _interval(config: EvaluateConfig, store: Store) -> tuple[float, float | None]:
    start_s, stop_s = store.facts.get("interval") or (0.0, None)
    return start_s if config.start_s is None else config.start_s, stop_s if config.stop_s is None else config.stop_s
