"""A listener for the tests of the page: EEG that follows the attended of several envelopes, endless, turned and cut off at will."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np

from mindleaf.live.console import Console
from mindleaf.live.decoder import Decoder
from mindleaf.live.events import Mark
from mindleaf.live.record import Recorder
from mindleaf.live.session import Session
from mindleaf.live.settings import LiveConfig
from mindleaf.live.source import TICK_S, Item, Paced
from mindleaf.live.stream import Block, StreamInfo
from tests.live.streams import CHANNELS, MeanMatch

_BLOCK_S = 0.1


class Listener(Paced):
    """``speed`` times as fast as life. ``gone``: nothing comes while it is set. ``flat``: channels that say nothing."""

    def __init__(
        self, channels: tuple[str, ...] = CHANNELS, candidates: tuple[str, ...] = ("A", "B"), speed: float = 5.0,
        flat: int = 0, name: str = "listener", seed: int = 0,
    ) -> None:  # fmt: skip
        self.attended, self.gone, self._flat, self._seed = 0, threading.Event(), flat, seed
        eeg, sound = StreamInfo("eeg", channels, 128.0), StreamInfo("envelope", candidates, 64.0)
        super().__init__(name, eeg, sound, self._played(eeg, sound), speed, self._turned)

    def take(self) -> list[Item] | None:
        if self.gone.is_set():
            self.gone.wait(0)
            threading.Event().wait(TICK_S)
            return []
        return super().take()

    def _turned(self, candidate: int) -> None:
        self.attended = candidate

    def _played(self, eeg: StreamInfo, sound: StreamInfo) -> Iterator[Item]:
        rng = np.random.default_rng(self._seed)
        yield Mark(0.0, "attend:0")
        walk, n_eeg, n_sound = np.zeros(len(sound.channels)), 0, 0
        while True:
            steps, until = [], n_eeg + round(_BLOCK_S * eeg.sfreq)
            while (n_sound + len(steps)) / sound.sfreq < until / eeg.sfreq:
                walk = np.mod(walk + rng.standard_normal(len(walk)), 40.0)
                steps.append(np.abs(walk - 20.0))
            waves = np.array(steps)
            at = np.arange(n_eeg, until) / eeg.sfreq * sound.sfreq - n_sound
            heard = np.interp(at, np.arange(len(waves)), waves[:, max(self.attended, 0)])
            brain = heard[:, None] + 8 * rng.standard_normal((len(heard), len(eeg.channels))) + 300.0
            brain[:, : self._flat] = 300.0
            yield Block(eeg, n_eeg, n_eeg / eeg.sfreq, brain)
            yield Block(sound, n_sound, n_sound / sound.sfreq, waves)
            n_eeg, n_sound = until, n_sound + len(waves)


def session(listener: Listener) -> Session:
    config = LiveConfig(slope=8.0, turn_s=8.0)
    return Session(listener, Decoder(MeanMatch(len(listener.eeg.channels)), listener.eeg, listener.sound, config), Recorder)


class Running:
    """``with Running(console):`` sessions run, one after another, in a thread, as the command line would run them."""

    def __init__(self, console: Console) -> None:
        self._console, self._over = console, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        for one in self._console.sessions():
            if self._over.is_set():
                return
            one.run()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._console.session.stop()
