"""Cached frames: computed once per content, whatever the stimulus is called, and read as they were made."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from mindleaf.encoders.mel import MelFrontend
from mindleaf.errors import BadInput
from mindleaf.recording import Stimulus
from mindleaf.store import features
from mindleaf.store.store import Store
from mindleaf.store.writer import write_store
from tests.conftest import make_recording


class Counting(MelFrontend):
    """Log-mel that remembers what it was asked; ``version`` stands for weights."""

    def __init__(self, version: str = "a") -> None:
        super().__init__(n_mels=12)
        self.version, self.calls = version, 0

    def fingerprint(self) -> str:
        return f"counting-{self.version}"

    def __call__(self, samples, sample_rate, kind):
        self.calls += 1
        return super().__call__(samples, sample_rate, kind)


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=16_000).astype(np.float32)


def store_of(folder, names: dict[str, int]) -> Store:
    """A store with a stimulus per name; equal seeds sound the same."""
    stimuli = tuple(Stimulus(name, 16_000.0, partial(noise, seed), "audio", "speech") for name, seed in names.items())
    return write_store([replace(make_recording(0), stimuli=stimuli, trials=())], folder, "sounds", {})


def test_equal_sound_is_computed_once_in_each_store_whatever_its_name(tmp_path):
    frontend = Counting()
    first = store_of(tmp_path / "one", {"a": 0, "b": 0, "c": 1})
    frames = [first.features(frontend).frames(name) for name in "abca"]
    assert frontend.calls == 2
    np.testing.assert_array_equal(frames[0], frames[1])
    second = store_of(tmp_path / "two", {"other": 0, "another": 0})
    np.testing.assert_array_equal(second.features(frontend).frames("another"), frames[0])
    second.features(frontend).frames("other")
    assert frontend.calls == 3
    again = Counting()
    np.testing.assert_array_equal(Store(tmp_path / "one").features(again).frames("b"), frames[0])
    assert again.calls == 0


def test_other_weights_are_another_key(tmp_path):
    store, old, new = store_of(tmp_path / "store", {"a": 0}), Counting("a"), Counting("b")
    for frontend in (old, new, old):
        store.features(frontend).frames("a")
    assert old.calls == new.calls == 1
    assert len(list((tmp_path / "store" / "features").iterdir())) == 2


def test_frames_are_kept_as_made_and_a_window_is_one_run_of_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(features, "_KEPT_OPEN", 2)
    store, frontend = store_of(tmp_path / "store", {name: seed for seed, name in enumerate("abc")}), Counting()
    made = {name: MelFrontend(n_mels=12)(np.asarray(store.samples(name)), 16_000.0, "audio") for name in "abc"}
    kept = store.features(frontend)
    for name in "abcabc":
        np.testing.assert_array_equal(kept.frames(name), made[name])
    assert frontend.calls == 3
    assert kept.frames("a").shape == (12, 50) and kept.frames("a")[:, 10:20].flags.f_contiguous
    window = kept.read(["b", "b"], [-0.1, 0.9], 10)
    np.testing.assert_array_equal(window[0, :, 5:], made["b"][:, :5])
    np.testing.assert_array_equal(window[1, :, :5], made["b"][:, 45:])
    assert not window[0, :, :5].any() and not window[1, :, 5:].any()


def test_what_is_not_there_or_not_taken_is_refused(tmp_path):
    store = store_of(tmp_path / "store", {"a": 0})
    with pytest.raises(BadInput, match="nowhere"):
        store.features(Counting()).frames("nowhere")
    deaf = Counting("deaf")
    deaf.accepts = frozenset({"envelope"})
    with pytest.raises(BadInput, match="envelope"):
        store.features(deaf).frames("a")
