"""The question an evaluation asks: which task, on which windows, under which split."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, Self

import pandas as pd
from pydantic import Field

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.fold import Fold
from mindleaf.protocols import PROTOCOLS, DataEfficiency, Protocol, able_protocols, with_test_trials
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
    limit_s     seconds of training for each trained system over all folds, at each length of the window that it is fitted for (see
                ``TrainingConfig.limit_s``); 0: none
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
    limit_s: float = Field(default=0.0, ge=0)

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
        if owner not in SYSTEMS or not SYSTEMS[owner].trained:
            return own
        limit = [f"training.limit_s={self.limit_s:g}"] if self.limit_s else []
        return [f"training.device={self.device}", *limit, *own]

    def per_fit(self, n_fits: int) -> Self:
        """The same question with the time limit dealt out evenly."""
        return self.model_copy(update={"limit_s": self.limit_s / max(1, n_fits)})


def lengths(window: str | None) -> tuple[float, ...]:
    try:
        given = tuple(sorted(float(part) for part in window.split(","))) if window else ()
    except ValueError:
        given = (math.nan,)
    if not all(0 < length < math.inf for length in given):
        raise BadInput(f"--window wants lengths in seconds such as 2,5,10, got {window!r}.")
    return given


def folds_of(config: EvaluateConfig, store: Store, test_store: Store | None = None) -> list[Fold]:
    """The folds that the named protocol cuts from the store's trials, or between them and those of the test store."""
    if config.protocol is None:
        raise BadInput(f"--protocol is needed; these can serve {store.dataset}: {', '.join(able_protocols(store.index))}.")
    protocol = _protocol(config, store)
    if test_store is None:
        return protocol.folds(store.index, config.seed)
    if not protocol.takes_test_store:
        raise BadInput(
            f"--test-store wants the protocol cross_dataset, got {config.protocol}, which splits one store; drop one of them."
        )
    return protocol.folds(with_test_trials(store.index, test_store.index), config.seed)


def _protocol(config: EvaluateConfig, store: Store) -> Protocol:
    """The named protocol with its settings; wishes that data_efficiency does not know are for the one it takes shares of."""
    kind, wishes = _kind(str(config.protocol)), config.settings_of("protocol")
    if not issubclass(kind, DataEfficiency):
        return kind().with_settings(_with_cutting(wishes, kind, config, store))
    own = [wish for wish in wishes if wish.partition("=")[0] in kind.model_fields]
    plain = kind().with_settings(own)
    theirs = _with_cutting([*plain.settings, *(wish for wish in wishes if wish not in own)], type(plain.other), config, store)
    return plain.model_copy(update={"settings": tuple(theirs)})


def _kind(name: str) -> type[Protocol]:
    if name not in PROTOCOLS:
        raise BadInput(f"protocol {name!r} is not known; there are: {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name]


def _with_cutting(wishes: Sequence[str], kind: type[Protocol], config: EvaluateConfig, store: Store) -> list[str]:
    """The wishes, with window length and interval of the evaluation where the protocol cuts windows and nobody wished."""
    start_s, stop_s = _interval(config, store)
    known = {"window_s": cutting(config, store)[1][0]} | ({} if stop_s is None else {"interval": [start_s, stop_s]})
    wished = {wish.partition("=")[0] for wish in wishes}
    return [*wishes, *(f"{name}={value}" for name, value in known.items() if name in kind.model_fields and name not in wished)]


def cutting(config: EvaluateConfig, store: Store) -> tuple[Callable[[Store, float], pd.DataFrame], list[float]]:
    """How windows are cut from a store, each from its own analysis interval, and the lengths to cut from this one."""
    start_s, stop_s = _interval(config, store)
    length = (stop_s or math.inf) - start_s
    windows_s = list(config.windows_s) or [length if length <= _LONGEST_INTERVAL_S else _WINDOW_S]

    def cut(store: Store, window_s: float) -> pd.DataFrame:
        start_s, stop_s = _interval(config, store)
        return store.windows(window_s, config.hop_s, start_s, stop_s=stop_s)

    return cut, windows_s


def _interval(config: EvaluateConfig, store: Store) -> tuple[float, float | None]:
    start_s, stop_s = store.facts.get("interval") or (0.0, None)
    return start_s if config.start_s is None else config.start_s, stop_s if config.stop_s is None else config.stop_s
