"""A listener to two talkers, without end: EEG and sound block by block, and attention that can be turned while it runs.

The talkers never repeat themselves. Everything in the EEG but the answers to them comes round every four minutes: noise made
by Fourier transforms is periodic, so the loop has no seam.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from mindleaf.datasets.synthesis import background
from mindleaf.datasets.synthesis.design import SIDES, TALKERS
from mindleaf.datasets.synthesis.head import Head, head
from mindleaf.datasets.synthesis.hearing import Features, features
from mindleaf.datasets.synthesis.listener import KERNEL_S, Listener, listener
from mindleaf.datasets.synthesis.session import STREAMS
from mindleaf.datasets.synthesis.settings import SyntheticConfig
from mindleaf.datasets.synthesis.speech import SAMPLE_RATE, VOICES, speech
from mindleaf.errors import BadInput

LOOP_S = 240.0
#: Seconds of speech that are made at a time, ahead of being heard.
_PIECE_S = 5.0
_PREVIEW_S = 30.0

Array = NDArray[np.float64]
#: Sound (sample,) and its features (feature, time) of one talker.
_Spoken = tuple[NDArray[np.float32], Array]


class EndlessListener:
    """``block(n)`` gives the next ``n`` samples of EEG and the sound that plays meanwhile; the same calls give the same blocks.

    The left talker is TALKERS[0]. ``attended`` is the talker listened to, 0 at first, -1 to neither; ``attend`` turns it from
    the next block on. A talker who is attended is answered as such from then on; what was heard before still rings on as it was.
    """

    def __init__(self, config: SyntheticConfig, seed: int) -> None:
        if SAMPLE_RATE % config.sfreq:
            raise BadInput(f"an endless listener wants a rate that divides {SAMPLE_RATE}, got sfreq={config.sfreq}; choose 128.")
        self.config, self.attended = config, 0
        cap = head(config.n_channels)
        self.channel_names = cap.montage.names
        rng = np.random.default_rng([seed, 3])
        n_loop = round(LOOP_S * config.sfreq)
        self._noise = _noise(cap, n_loop, config, rng)
        self._talkers = [_Talker(seed, number, config.sfreq) for number in range(len(TALKERS))]
        self._listener = _tuned(listener(cap, config.sfreq, config.nonlinear, rng), self._talkers, config)
        n_tail = round(KERNEL_S * config.sfreq) - 1
        n_features = self._listener.kernels[STREAMS[0]].shape[0]
        #: What each talker last said, as heard when attended and when ignored: (talker, stream, feature, time).
        self._past = np.zeros((len(TALKERS), len(STREAMS), n_features, n_tail))
        self.n_samples = 0

    def attend(self, talker: int) -> None:
        """Turn to a talker, or to neither (-1); BadInput for one that is not there."""
        if talker not in range(-1, len(TALKERS)):
            raise BadInput(f"the synthetic listener hears talkers 0 and 1, got {talker}; give one of them, or -1 for neither.")
        self.attended = talker

    def block(self, n: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """EEG (n, channel) in microvolts, and sound (n x 16000 / sfreq, talker)."""
        spoken = [talker.speak(n) for talker in self._talkers]
        eeg = self._ongoing(n)
        for number, (_, heard) in enumerate(spoken):
            eeg += self._answers(number, heard)
        self.n_samples += n
        return eeg.astype(np.float32), np.stack([sound for sound, _ in spoken], axis=1)

    def _ongoing(self, n: int) -> Array:
        side = max(self.attended, 0)
        return np.take(self._noise[side], np.arange(self.n_samples, self.n_samples + n), axis=0, mode="wrap").copy()

    def _answers(self, number: int, heard: Array) -> Array:
        """(n, channel): both kernels at work on what was heard under each state of attention."""
        n, total = heard.shape[1], 0.0
        for k, stream in enumerate(STREAMS):
            current = heard if (stream == "attended") == (number == self.attended) else np.zeros_like(heard)
            inputs = np.concatenate([self._past[number, k], current], axis=1)
            kernel = self._listener.kernels[stream]
            views = np.lib.stride_tricks.sliding_window_view(inputs, kernel.shape[2], axis=1)
            total = total + np.einsum("ftl,fsl->ts", views, kernel[:, :, ::-1], optimize=True)
            self._past[number, k] = inputs[:, n:]
        return np.asarray(total @ self._listener.topographies.T)


class _Talker:
    """One voice that goes on and on. The next piece of speech is made in a thread while this one is heard."""

    def __init__(self, seed: int, number: int, sfreq: int) -> None:
        self._voice, self._sfreq = VOICES[TALKERS[number]], sfreq
        self._rng = np.random.default_rng([seed, 4, number])
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="talker")
        # Loudness and onsets of the first half minute set the scale for good.
        self._sound, heard = self._made(_PREVIEW_S)
        self._scale = 1 / np.r_[heard[:1].std(), heard[1:].std(axis=1)][:, None]
        self.preview = self._heard = heard * self._scale
        self._next = self._pool.submit(self._made, _PIECE_S)

    def speak(self, n: int) -> _Spoken:
        n_sound = n * SAMPLE_RATE // self._sfreq
        while self._heard.shape[1] < n:
            sound, heard = self._next.result()
            self._next = self._pool.submit(self._made, _PIECE_S)
            self._sound = np.concatenate([self._sound, sound])
            self._heard = np.concatenate([self._heard, heard * self._scale], axis=1)
        out = self._sound[:n_sound], self._heard[:, :n]
        self._sound, self._heard = self._sound[n_sound:], self._heard[:, n:]
        return out

    def _made(self, seconds: float) -> _Spoken:
        sound = speech(self._voice, seconds, self._rng)
        heard = features(sound, SAMPLE_RATE, self._sfreq)
        return sound, np.vstack([heard.envelope, heard.onsets])


def _noise(cap: Head, n: int, config: SyntheticConfig, rng: np.random.Generator) -> NDArray[np.float32]:
    """All but the answers, (attended side, time, channel): alpha alone tells one side from the other."""
    sfreq, n_channels = config.sfreq, len(cap.montage.names)
    steady = background.ongoing(cap, n, sfreq, config.background_uv, rng)
    steady += background.blinks(cap, n, sfreq, config.blink_uv, rng)
    steady += background.hum(n_channels, n, sfreq, config.line_frequency, config.line_uv, rng)
    steady += config.sensor_uv * rng.standard_normal((n_channels, n))
    seed = int(rng.integers(2**31))
    sides = [
        background.alpha(cap, n, sfreq, config.alpha_uv, {(0, n): side}, config.alpha_lateralisation, np.random.default_rng(seed))
        for side in SIDES
    ]
    return np.stack([(steady + side).T for side in sides]).astype(np.float32)


def _tuned(drawn: Listener, talkers: list[_Talker], config: SyntheticConfig) -> Listener:
    """The listener whose answers are as strong as ``config`` asks for: mean RMS over channels, over the talkers' first half minute."""
    tail, kernels = round(KERNEL_S * config.sfreq), {}
    for stream, rms_uv in zip(STREAMS, (config.attended_uv, config.ignored_uv), strict=True):
        heard = [Features(talker.preview[0], talker.preview[1:]) for talker in talkers]
        answers = [drawn.response(one, stream)[:, tail:-tail] for one in heard]
        kernels[stream] = drawn.kernels[stream] * rms_uv / np.mean([answer.std(axis=1) for answer in answers])
    return Listener(drawn.topographies, kernels)
