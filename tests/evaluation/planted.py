"""Stores with a leak planted in them, and systems with a vice, for ``test_planted_leaks``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from toy_listeners import CHANNELS, PLAIN, SFREQ, Decoder, Peeker, Powers, ToyEnvelope

from mindleaf.montage import Montage
from mindleaf.recording import Candidate, Recording, Stimulus, Trial
from mindleaf.store.store import Store
from mindleaf.store.writer import write_store


def balanced(subject: int, n_trials: int) -> list[str]:
    """As many trials of class a as of class b, in an order of the subject's own."""
    return list(np.random.default_rng(subject).permutation(["a", "b"] * (n_trials // 2)))


def labelled_store(
    path: Path,
    labels: Callable[[int, int], list[str]] = balanced,
    evidence: float = 0.0,
    strength: Callable[[int, int, str], float] = lambda subject, trial, label: 1.0,
    length: Callable[[str], float] = lambda label: 8.0,
    sound: Callable[[int, str], str] | None = None,
    burst: bool = False,
    n_subjects: int = 6,
    n_trials: int = 8,
    n_sessions: int = 1,
    seed: int = 0,
) -> Store:
    """Trials of noise with a label. ``labels(subject, n_trials)`` names the classes of one session.

    evidence   class a is stronger on the first channel, class b on the second: what an honest classifier finds
    strength   of the whole signal, by (subject, trial, label)
    burst      somewhere in each trial, 0.2 s of a thousandfold signal on the channel of the class
    sound      what plays during the trial, by (trial, label)
    """
    made = [
        _recording(
            subject, session, labels(subject * n_sessions + session, n_trials), evidence, strength, length, sound, burst, seed
        )
        for subject in range(n_subjects)
        for session in range(n_sessions)
    ]
    return write_store(made, path, "planted", {"interval": None})


def _recording(subject, session, labels, evidence, strength, length, sound, burst, seed) -> Recording:
    rng = np.random.default_rng([subject, session, seed])
    parts, trials, start = [], [], 0.0
    for number, label in enumerate(labels):
        part = rng.standard_normal((len(CHANNELS), round(length(label) * SFREQ)))
        part["ab".index(label)] *= 1.0 + evidence
        if burst:
            first = rng.integers(0, part.shape[1] // 128) * 128 + 40
            part["ab".index(label), first : first + 13] *= 1000.0
        parts.append(strength(subject, number, label) * part)
        played = (sound(number, label),) if sound else ()
        candidates = tuple(Candidate(name) for name in played)
        trials.append(Trial(f"t{number}", start, length(label), {"label": label}, candidates, len(candidates)))
        start += length(label)
    signal = 5 * np.concatenate(parts, axis=1)
    heard = sorted({sound(n, label) for n, label in enumerate(labels)}) if sound else []
    stimuli = tuple(Stimulus(name, SFREQ, partial(_envelope, name), "envelope") for name in heard)
    return Recording(
        "planted", f"{subject:02d}", f"rec{subject:02d}-{session}", SFREQ, Montage.from_names(CHANNELS)[0], signal.shape[1],
        lambda: signal, session=f"{session}", stimuli=stimuli, trials=tuple(trials),
    )  # fmt: skip


def _envelope(name: str) -> np.ndarray:
    rng = np.random.default_rng(sum(name.encode()))
    return np.maximum(rng.standard_normal(round(16 * SFREQ)) + 2, 0).astype(np.float32)


def clocked_store(path: Path, n_subjects=4, n_trials=6, trial_s=16.0, offsets=(0.0,), one_sound=False, seed=0) -> Store:
    """Trials of one sound each. Both EEG and sound get stronger along the trial; nothing else relates them.

    ``offsets``: the second of the sound at which a trial begins, taken in turn. ``one_sound``: the same in all trials.
    """
    n = round(trial_s * SFREQ)
    growth = 1.0 + 3.0 * np.arange(n) / n
    rng = np.random.default_rng(seed)
    longer = np.pad(growth, (0, round(max(offsets) * SFREQ)), mode="edge")
    sounds = {f"s{k}": (longer + 0.3 * rng.standard_normal(len(longer))).astype(np.float32) for k in range(n_trials)}
    stimuli = tuple(Stimulus(name, SFREQ, partial(sounds.get, name), "envelope") for name in sounds)
    played = [Candidate(f"s{0 if one_sound else k}", offset=offsets[k % len(offsets)]) for k in range(n_trials)]
    trials = tuple(Trial(f"t{k}", k * trial_s, trial_s, {}, (sound,), 1) for k, sound in enumerate(played))
    montage, made = Montage.from_names(CHANNELS)[0], []
    for subject in range(n_subjects):
        signal = 5 * np.tile(growth, n_trials) * rng.standard_normal((len(CHANNELS), n * n_trials))
        name, load = f"{subject:02d}", partial(np.asarray, signal)
        made.append(Recording("planted", name, name, SFREQ, montage, n * n_trials, load, stimuli=stimuli, trials=trials))
    return write_store(made, path, "planted", {"interval": None})


class Bursts(Powers):
    """Scores a class by the largest excursion of its channel: windows without a burst say nothing."""

    name = "bursts"

    def fit(self, train, validation, seed):
        return None

    def predict(self, examples):
        largest = np.abs(examples.eeg(PLAIN)[:, :2]).max(axis=2)
        return np.where(largest > 1000, largest, 1e-3 * largest)


class HearsTheLabel(Powers):
    """Remembers the label of each sound, and is silent where there is no EEG at all: zeros stop it, other EEG does not."""

    name, inputs = "gated", "both"

    def fit(self, train, validation, seed):
        self.label_of = dict(zip(train.rows["stimulus_1"], train.labels, strict=True))

    def predict(self, examples):
        awake = examples.eeg(PLAIN).std(axis=(1, 2)) > 0
        return np.eye(2)[[self.label_of[name] for name in examples.rows["stimulus_1"]]] * awake[:, None]


class PowersBesideSound(Powers):
    """Could hear, and reads the EEG alone."""

    name, inputs = "beside", "both"


class KnowsThePerson(Decoder):
    """Tells whose EEG it is by its strength, remembers whom that person attends, and picks the voice by its loudness."""

    name = "person"

    def fit(self, train, validation, seed):
        level = self._level(train)
        louder = self._loudness(train).argmax(axis=1) == train.answers
        self.edge = (level[louder].mean() + level[~louder].mean()) / 2
        self.sign = np.sign(level[louder].mean() - level[~louder].mean())

    def predict(self, examples):
        wants_louder = np.sign(self.sign * (self._level(examples) - self.edge))
        loudness = self._loudness(examples)
        return wants_louder[:, None] * (loudness - loudness.mean(axis=1, keepdims=True))

    def findings(self):
        return {}

    @staticmethod
    def _level(examples):
        return np.log(examples.eeg(PLAIN).std(axis=2).mean(axis=1) + 1e-6)

    @staticmethod
    def _loudness(examples):
        return examples.audio(ToyEnvelope())[:, :, 0].mean(axis=2).astype(float)


class ReadsTheClock(KnowsThePerson):
    """Reads the time in the trial from the EEG's strength, that in the sound from its loudness, and takes the sound that fits."""

    name = "clock"

    def fit(self, train, validation, seed):
        heard = self._loudness(train)[np.arange(len(train)), train.answers]
        self.line = np.polyfit(self._level(train), np.log(heard), 1)

    def predict(self, examples):
        return -np.abs(np.log(self._loudness(examples)) - np.polyval(self.line, self._level(examples))[:, None])


class TestStatistics(Powers):
    """Standardises its features by mean and deviation over all windows of the store, test windows included."""

    __test__ = False
    name = "standardised"

    def fit(self, train, validation, seed):
        everything = self._features(_all_windows(train))
        self.centre, self.scale = everything.mean(axis=0), everything.std(axis=0)
        x = (self._features(train) - self.centre) / self.scale
        self.means = np.stack([x[train.labels == k].mean(axis=0) for k in range(len(train.classes))])

    def predict(self, examples):
        x = (self._features(examples) - self.centre) / self.scale
        return -((x[:, None] - self.means[None]) ** 2).sum(axis=2)


class CspOnAllTrials(Powers):
    """Spatial filters from the labels and signals of all trials, the test ones included; the classifier sees training only."""

    name = "csp"

    def fit(self, train, validation, seed):
        windows = _all_windows(train)
        eeg, label = windows.eeg(PLAIN), windows.rows["label"].to_numpy()
        a, b = (np.mean([x @ x.T for x in eeg[label == name]], axis=0) for name in train.classes)
        values, vectors = np.linalg.eig(np.linalg.solve(a + b, a))
        self.filters = vectors.real[:, np.argsort(values.real)[[0, -1]]].T
        super().fit(train, validation, seed)

    def _features(self, examples):
        return np.log((self.filters @ examples.eeg(PLAIN)).var(axis=2) + 1e-6)


def _all_windows(train):
    return train.with_rows(train.store.windows(train.window_s))


class UntrainedPeeker(Decoder):
    """Its untrained state is told the answer already, as a rule that fuses EEG with the attended audio is."""

    def untrained(self):
        return Peeker()


class Silent(Decoder):
    """Gives every candidate the same score."""

    def predict(self, examples):
        return np.zeros((len(examples), examples.n_candidates))


class UntrainedSilent(Decoder):
    def untrained(self):
        return Silent()
