"""The decoder: a pure state machine. Blocks and a clock go in, events come out; it reads no clock, no file, no network.

How a stream is cut into blocks changes no decision: everything that decides happens at fixed samples of the stream.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.live.events import Decision, Event, Gap, Refused, State, StateChanged
from mindleaf.live.quality import Gate
from mindleaf.live.rate import RateWatch
from mindleaf.live.scorer import Heard, Scorer
from mindleaf.live.settings import LiveConfig
from mindleaf.live.smoothing import Smoother, probabilities
from mindleaf.live.stream import Block, StreamInfo
from mindleaf.live.track import Track

#: A block is worked through in pieces no longer than this, so that what is kept need not grow with it.
_PIECE_S = 0.25


class Decoder:
    """Decides, once a hop, which candidate is listened to.

    scorer   bound to the EEG stream; see ``live.scorer``
    eeg      what the EEG stream says of itself when it is opened; a stream that says otherwise later is refused
    sound    the candidates, as audio or envelopes, on the same clock

    Raises BadInput where these do not fit each other; ``step`` never raises for what a stream contains.
    """

    def __init__(self, scorer: Scorer, eeg: StreamInfo, sound: StreamInfo, config: LiveConfig | None = None) -> None:
        self.scorer, self.config = scorer, config or LiveConfig()
        _check(scorer, eeg, sound, self.config)
        c = self.config
        self.candidates = sound.channels
        self._hop, self._window = round(c.hop_s * scorer.eeg.sfreq), round(scorer.window_s * scorer.eeg.sfreq)
        #: Hops that a window and the settling before it reach over.
        self._n_hops = math.ceil((scorer.window_s + c.settle_s) / c.hop_s - 1e-9)
        keep_s = (self._n_hops + 2) * c.hop_s + abs(c.lag_s) + 2 * c.patience_s + 2 * _PIECE_S
        power = scorer.power if sound.kind == "audio" else None
        self.eeg = Track(eeg, scorer.eeg, keep_s, np.asarray)
        self.sound = Track(sound, scorer.sound, keep_s, np.asarray if power is None else lambda x: np.abs(x) ** power)
        self.state, self.reason, self.number = State.STARTING, f"waits for {self._n_hops * c.hop_s:g} s of EEG", 0
        self._gate = Gate(eeg.sfreq, c.hop_s, math.ceil(keep_s / c.hop_s) + 1, c.gate)
        self._smoother, self._rate = Smoother(len(sound.channels), scorer.window_s, c), RateWatch(eeg.sfreq)
        self._left_out = np.isin(eeg.channels, c.left_out)
        self._heard_at, self._halted, self._stop = math.nan, False, self._n_hops * self._hop

    @property
    def delay_s(self) -> float:
        """Seconds after the end of a window at which its last frame can be made; waiting for a block comes on top."""
        return max(self.eeg.view.delay_s, self.sound.view.delay_s)

    def step(self, block: Block | None, now: float) -> list[Event]:
        """Take a block (None: only time has passed) at clock ``now`` in seconds; everything that is to be said about it.

        ``now`` is the wall's clock, or the replay's: it must run as fast as the samples claim to. It decides about STALE
        and about the rate alone.
        """
        if math.isnan(self._heard_at):
            self._heard_at = now
        events: list[Event] = []
        if block is not None:
            events += self._eeg(block, now) if block.info.kind == "eeg" else self._sound(block, now)
        if now - self._heard_at > self.config.stale_s and self.state != State.STALE:
            self._restart()
            events += self._enter(State.STALE, "no EEG comes", now)
        return events

    def _eeg(self, block: Block, now: float) -> Iterator[Event]:
        self._heard_at = now
        admitted, said = self.eeg.admitted(block)
        yield from said
        if said or self.state == State.STALE:
            self._restart()
            yield from self._enter(self._waiting, _lost(said) or "EEG comes again", now)
        if wrong := self._wrong(block, said, now):
            self._restart()
            yield from self._enter(State.NO_DECISION, wrong, now)
        elif self._halted:
            yield from self._enter(self._waiting, "EEG comes as its stream says again", now)
        self._halted = bool(wrong)
        if admitted is None or wrong:
            return
        samples, piece = self.eeg.microvolts(admitted), max(1, int(_PIECE_S * self.eeg.info.sfreq))
        for first in range(0, len(samples), piece):
            yield from self._judged(samples[first : first + piece])
            yield from self._due(now)

    def _wrong(self, block: Block, said: list[Event], now: float) -> str:
        """Why EEG that comes is not that of the stream which was opened; "" where it is."""
        if block.info.sfreq != self.eeg.info.sfreq:
            self._rate.restart()
        for event in said:
            if isinstance(event, Refused):
                return f"the EEG stream changed: {event.reason}"
        account = self.eeg.account
        if rate := self._rate.told(now, account.received, account.sent - account.received):
            return f"EEG comes at about {float(f'{rate:.2g}'):g} samples a second, its stream says {self.eeg.info.sfreq:g}"
        return ""

    def _sound(self, block: Block, now: float) -> Iterator[Event]:
        admitted, said = self.sound.admitted(block)
        yield from said
        if said:
            self.sound.restart()
        if admitted is None:
            return
        samples, piece = self.sound.microvolts(admitted), max(1, int(_PIECE_S * self.sound.info.sfreq))
        for first in range(0, len(samples), piece):
            yield from self.sound.push(samples[first : first + piece])
            yield from self._due(now)

    def _judged(self, samples: NDArray[np.float64]) -> Iterator[Event]:
        """EEG filtered and judged hop by hop; the filter of a channel that was bad starts again with the next hop."""
        while len(samples):
            room = self._gate.room
            part, samples = samples[:room], samples[room:]
            yield from self.eeg.push(part)
            if reasons := self._gate.take(part):
                self.eeg.view.restart(np.array([bool(reason) for reason in reasons]))

    def _due(self, now: float) -> Iterator[Event]:
        """Every window that is complete by now."""
        while self._stop <= min(self.eeg.n_frames, self._gate.n_judged * self._hop):
            first = self._sound_frame(self._stop - self._window)
            last = first + round(self.scorer.window_s * self.sound.rate)
            missing = math.isnan(self.sound.start) or self.sound.n_frames < last
            if missing and not self._given_up():
                return
            settled = round(self.config.settle_s * self.sound.rate)
            there = not missing and first >= settled and self.sound.holds(first)
            yield from self._decided(self.sound.read(first, last) if there else None, now)
            self._stop += self._hop

    def _given_up(self) -> bool:
        """Whether EEG has run ahead of the window by more than sound is waited for."""
        ahead = self.eeg.n_samples / self.eeg.info.sfreq - self._stop / self.eeg.rate
        return ahead > self.config.patience_s + self.delay_s

    def _sound_frame(self, frame: int) -> int:
        """The sound's frame that plays when this frame of the EEG is recorded."""
        if math.isnan(self.sound.start):
            return 0
        return round((self.eeg.start + frame / self.eeg.rate - self.config.lag_s - self.sound.start) * self.sound.rate)

    def _decided(self, sound: NDArray[np.float64] | None, now: float) -> Iterator[Event]:
        """The answer of the window that is due, or why there is none."""
        found = self._gate.over(self._stop // self._hop, self._n_hops)
        channels = tuple("left out" if out else why for why, out in zip(found, self._left_out, strict=True))
        usable = np.array([not why for why in channels])
        scores, reason = np.zeros(len(self.candidates)), self._forbidden(usable, channels, sound)
        if not reason and sound is not None:
            eeg = np.where(usable, self.eeg.read(self._stop - self._window, self._stop), 0.0)
            scores = np.asarray(self.scorer(Heard(eeg.T, usable, sound.T)), np.float64)
            if not np.isfinite(scores).all():
                scores, reason = np.zeros(len(scores)), "the model gave no finite score"
        probability = probabilities(scores, self.config.slope)
        self._smoother.skip() if reason else self._smoother.take(probability)
        yield from self._enter(State.NO_DECISION if reason else State.RUNNING, reason, now)
        self.number += 1
        yield Decision(
            number=self.number - 1, stop=self.eeg.start + self._stop / self.eeg.rate, scores=tuple(scores.tolist()),
            probability=tuple(probability.tolist()), belief=tuple(self._smoother.belief.tolist()),
            choice=-1 if reason else self._smoother.choice, reason=reason, channels=channels, at=now,
        )  # fmt: skip

    def _forbidden(self, usable: NDArray[np.bool_], channels: tuple[str, ...], sound: NDArray | None) -> str:
        """Why this window cannot be answered; "" where it can."""
        used = self.scorer.used
        n_usable, n_used = int((usable & used).sum()), int(used.sum())
        if n_usable < max(1, math.ceil(self.config.gate.usable * n_used)):
            bad = [f"{name} {why}" for name, why in zip(self.eeg.info.channels, channels, strict=True) if why]
            return f"{n_usable} of {n_used} channels usable ({', '.join(bad[:4])}{' ...' if len(bad) > 4 else ''})"
        if sound is None:
            return "no sound for the whole window"
        silent = [name for name, wave in zip(self.candidates, sound.T, strict=True) if np.ptp(wave) <= 0]
        return f"nothing plays in {' and '.join(silent)}" if silent else ""

    @property
    def _waiting(self) -> State:
        return State.RECOVERING if self.number else State.STARTING

    def _restart(self) -> None:
        """A new stretch of EEG: no window reaches over what came before."""
        self.eeg.restart()
        self._gate.restart()
        self._smoother.reset()
        self._stop = self._n_hops * self._hop

    def _enter(self, state: State, reason: str, now: float) -> list[Event]:
        if (state, reason) == (self.state, self.reason):
            return []
        self.state, self.reason = state, reason
        return [StateChanged(now, state, reason)]


def _lost(said: list[Event]) -> str:
    return "".join(f"{event.lost} samples of EEG were lost" for event in said if isinstance(event, Gap))


def _check(scorer: Scorer, eeg: StreamInfo, sound: StreamInfo, config: LiveConfig) -> None:
    hop = config.hop_s * scorer.eeg.sfreq
    if abs(hop - round(hop)) > 1e-9 or round(hop) < 1:
        raise BadInput(
            f"hop_s={config.hop_s:g} wanted a whole number of frames at {scorer.eeg.sfreq:g} a second, got {hop:g}; choose another."
        )
    if len(sound.channels) < 2:
        raise BadInput(f"live decoding wants two sounds or more to choose from, got {len(sound.channels)}; name them all.")
    if sound.kind == "envelope" and scorer.power is None:
        raise BadInput(f"{scorer.name} hears waveforms, the sounds came as envelopes; give audio, or another --model.")
    if len(scorer.used) != len(eeg.channels) or not np.any(scorer.used):
        raise BadInput(
            f"{scorer.name} reads {int(np.sum(scorer.used))} of {len(scorer.used)} channels, the EEG stream has {len(eeg.channels)}; bind it to this stream."
        )
    unknown = [name for name in config.left_out if name not in eeg.channels]
    if unknown:
        raise BadInput(f"left_out names {', '.join(unknown)}, the EEG stream has {', '.join(eeg.channels)}.")
