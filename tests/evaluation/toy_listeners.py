"""Small listeners with known ears, and systems with known vices, for the tests of the audit.

EEG is the attended envelope, seen 125 ms later through a mixing vector, in noise. The stores are written by the real store.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mindleaf.montage import Montage
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.recording import Candidate, Recording, Stimulus, Trial
from mindleaf.store.store import Store
from mindleaf.store.writer import write_store

SFREQ = 64.0
TRIAL_S = 40.0
CHANNELS = ("Fz", "Cz", "Pz", "Oz")
PLAIN = Pipeline(name="toy", band=None, sfreq=SFREQ)
_LAG = 8


class ToyEnvelope:
    """Envelopes are kept at the rate of the EEG already; only the mean is left in."""

    frame_rate, n_features, accepts = SFREQ, 1, frozenset({"envelope"})

    def fingerprint(self) -> str:
        return "toy-envelope"

    def __call__(self, samples, sample_rate, kind):
        return np.asarray(samples, np.float32)[None]


def listening_store(
    path: Path, n_subjects=3, n_trials=4, gain=1.0, always_attend="", distinct_loudness=False, seed=0, trial_s=TRIAL_S, drift=0.0,
    strength=(1.0,),
) -> Store:  # fmt: skip
    """Two talkers F and M, a new pair of stimuli per trial number; who is attended is counterbalanced or always the same.

    ``always_attend`` and ``strength`` (of the recorded EEG) hold one entry per subject, taken in turn. ``drift`` (standard
    deviation of a log gain) gives each channel another noise level in each trial.
    """
    made = listening_recordings(n_subjects, n_trials, gain, always_attend, distinct_loudness, seed, trial_s, drift, strength)
    return write_store(made, path, "toy", {"name": "toy"})


def listening_recordings(
    n_subjects=3,
    n_trials=4,
    gain=1.0,
    always_attend="",
    distinct_loudness=False,
    seed=0,
    trial_s=TRIAL_S,
    drift=0.0,
    strength=(1.0,),
) -> list[Recording]:
    """The recordings of ``listening_store``."""
    rng = np.random.default_rng(seed)
    n = round(trial_s * SFREQ)
    envelopes = {}
    for trial in range(n_trials):
        for talker in "FM":
            smooth = np.convolve(rng.standard_normal(n + 15), np.hanning(8), "valid")[:n]
            louder = 1.0 + (talker == "F") * distinct_loudness
            envelopes[f"{talker}{trial}"] = (louder * np.maximum(smooth + 2, 0)).astype(np.float32)
    recordings = []
    for subject in range(n_subjects):
        fixed = always_attend[subject % len(always_attend)] if always_attend else ""
        attended = ["FM".index(fixed) if fixed else (trial + subject) % 2 for trial in range(n_trials)]
        scale = strength[subject % len(strength)]
        recordings.append(_recording(subject, attended, envelopes, gain, rng, n, drift, scale))
    return recordings


def _recording(subject, attended, envelopes, gain, rng, n, drift, scale) -> Recording:
    n_trials = len(attended)
    signal = rng.standard_normal((len(CHANNELS), n_trials * n))
    if drift:
        signal *= np.repeat(np.exp(drift * rng.standard_normal((len(CHANNELS), n_trials))), n, axis=1)
    mixing = 1.0 + 0.3 * rng.standard_normal(len(CHANNELS))
    trials = []
    for trial, who in enumerate(attended):
        names = (f"F{trial}", f"M{trial}")
        heard = envelopes[names[who]]
        z = (heard - heard.mean()) / heard.std()
        signal[:, trial * n + _LAG : (trial + 1) * n] += gain * mixing[:, None] * z[: n - _LAG]
        left = (trial // 2 + subject // 2) % 2
        candidates = tuple(Candidate(s, side="left" if (k + left) % 2 else "right", talker=s[0]) for k, s in enumerate(names))
        label = "FM"[who]
        trials.append(Trial(f"t{trial}", trial * n / SFREQ, n / SFREQ, {"label": label}, candidates, attended=who + 1))
    stimuli = tuple(
        Stimulus(s, SFREQ, lambda s=s: envelopes[s], kind="envelope") for t in range(n_trials) for s in (f"F{t}", f"M{t}")
    )
    montage = Montage.from_names(CHANNELS)[0]
    return Recording(
        "toy",
        f"{subject:02d}",
        f"rec{subject:02d}",
        SFREQ,
        montage,
        signal.shape[1],
        lambda: 5 * scale * signal,
        stimuli=stimuli,
        trials=tuple(trials),
    )


class Decoder:
    """An honest backward decoder: least squares from lagged EEG to the attended envelope, correlation decides."""

    name, asks, any_length, n_parameters = "decoder", "candidates", True, 52

    def fit(self, train, validation, seed):
        design = np.concatenate([self._lagged(e) for e in train.eeg(PLAIN)])
        audio = train.audio(ToyEnvelope())[np.arange(len(train)), train.answers, 0]
        target = (audio - audio.mean(axis=1, keepdims=True)).ravel()
        self.weights = np.linalg.solve(design.T @ design + 1e-3 * np.eye(design.shape[1]), design.T @ target)

    def predict(self, examples):
        heard = np.stack([self._lagged(e) @ self.weights for e in examples.eeg(PLAIN)])
        heard = heard - heard.mean(axis=1, keepdims=True)
        audio = examples.audio(ToyEnvelope())[:, :, 0]
        audio = audio - audio.mean(axis=2, keepdims=True)
        norm = np.linalg.norm(audio, axis=2) * np.linalg.norm(heard, axis=1)[:, None]
        return np.einsum("nt,nkt->nk", heard, audio) / np.maximum(norm, 1e-9)

    def findings(self):
        return {"trf": {"lags_s": np.arange(12) / SFREQ, "weights": self.weights.reshape(-1, 12), "channel_names": CHANNELS}}

    @staticmethod
    def _lagged(eeg):
        padded = np.pad(eeg.astype(float), ((0, 0), (0, 12)))
        return np.stack([padded[:, k : k + eeg.shape[1]] for k in range(12)], axis=1).reshape(-1, eeg.shape[1]).T


class _Vice(Decoder):
    def fit(self, train, validation, seed):
        return None

    def findings(self):
        return {}


class Peeker(_Vice):
    """Uses the attended stream's number at test time, as a rule that fuses the EEG with the attended audio does."""

    name = "peeker"

    def predict(self, examples):
        return np.eye(examples.n_candidates)[examples.answers]


class LouderVoice(_Vice):
    """Chooses the louder stream and never looks at the EEG."""

    name = "louder"

    def predict(self, examples):
        return examples.audio(ToyEnvelope())[:, :, 0].mean(axis=2).astype(float)


class FirstInList(_Vice):
    name = "first"

    def predict(self, examples):
        return np.tile(np.eye(examples.n_candidates)[0], (len(examples), 1))


class LeansOnNeighbours(Decoder):
    """Standardises its scores over the windows it is asked about together."""

    name = "neighbours"

    def predict(self, examples):
        scores = super().predict(examples)
        return scores - scores.mean(axis=0)


class ReadsEverything(Decoder):
    """Weights its channels by their variance over whole recordings, test trials included."""

    name = "everything"

    def fit(self, train, validation, seed):
        super().fit(train, validation, seed)
        sd = np.mean([np.asarray(train.store.signal(name)).std(axis=0) for name in train.store.recordings], axis=0)
        self.weights = (self.weights.reshape(-1, 12) * sd[:, None]).ravel()


class Powers:
    """An honest classifier of windows: nearest class mean of log variance."""

    name, asks, any_length, n_parameters = "powers", "labels", False, 8

    def fit(self, train, validation, seed):
        x = self._features(train)
        self.means = np.stack([x[train.labels == k].mean(axis=0) for k in range(len(train.classes))])

    def predict(self, examples):
        return -((self._features(examples)[:, None] - self.means[None]) ** 2).sum(axis=2)

    def findings(self):
        return {}

    @staticmethod
    def _features(examples):
        return np.log(examples.eeg(PLAIN).var(axis=2) + 1e-6)


class ReadsColumns(Powers):
    """Finds the class in a column that is not called label."""

    name = "columns"

    def fit(self, train, validation, seed):
        self.classes = train.classes

    def predict(self, examples):
        column = "stage" if "stage" in examples.rows else "label"
        return np.stack([examples.rows[column] == name for name in self.classes], axis=1).astype(float)
