"""The store: what goes in comes out, reruns skip, damage is found, nothing is half-written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindleaf.errors import BadInput
from mindleaf.preprocessing.pipeline import MINDMIX, Pipeline
from mindleaf.store.examples import Examples
from mindleaf.store.store import Store
from mindleaf.store.table import cut_windows
from mindleaf.store.writer import write_store
from tests.conftest import CHANNELS, make_recording


def test_signal_comes_back_as_it_went_in(toy_store):
    recording = make_recording(2)
    np.testing.assert_array_equal(toy_store.signal("rec2"), recording.signal.T)
    assert toy_store.recordings["rec2"].montage.names == CHANNELS


def test_rerun_skips_what_is_unchanged_and_redoes_what_is_not(tmp_path):
    seen: list[tuple[str, int]] = []
    first = write_store([make_recording(0), make_recording(1)], tmp_path, "toy", {})
    changed = make_recording(1, n_trials=3)
    second = write_store(
        [make_recording(0), changed], tmp_path, "toy", {}, progress=lambda o: seen.append((o.source, o.n_unchanged))
    )
    assert seen == [("rec0", 1), ("rec1", 0)]
    assert first.content_sha256 != second.content_sha256


def test_same_input_gives_the_same_content_hash(tmp_path):
    hashes = {
        write_store([make_recording(k) for k in order], tmp_path / str(order), "toy", {}).content_sha256
        for order in ((0, 1, 2), (2, 0, 1))
    }
    assert len(hashes) == 1


def test_missing_store_says_how_to_make_one(tmp_path):
    with pytest.raises(BadInput, match="mindleaf prepare"):
        Store(tmp_path / "nowhere")


def test_high_rates_are_kept_below_the_limit(tmp_path):
    store = write_store([make_recording(0, n_trials=1, trial_s=2.0, sfreq=1000.0)], tmp_path, "toy", {})
    assert store.recordings["rec0"].sfreq == 500.0


def test_channel_order_does_not_matter(toy_store):
    rows = toy_store.windows(2.0)
    straight = toy_store.view(MINDMIX).read(rows, CHANNELS)
    turned = toy_store.view(MINDMIX).read(rows, CHANNELS[::-1])
    np.testing.assert_array_equal(straight, turned[:, ::-1])


def test_context_after_the_trial_is_zero(toy_store):
    rows = toy_store.windows(2.0)
    pipeline = Pipeline(name="test")
    last = rows["stop"] >= rows["trial_stop"] - 1e-9
    windows = toy_store.view(pipeline).read(rows, CHANNELS, context_s=0.5)
    assert (windows[last.to_numpy(), :, -100:] == 0).all()
    assert (windows[~last.to_numpy(), :, -100:] != 0).any(axis=(1, 2)).all()


def test_controls_change_the_eeg_and_nothing_else(toy_store):
    examples = Examples(toy_store, toy_store.windows(2.0))
    noise = Examples(toy_store, examples.rows, replace_eeg="noise")
    whole, part = noise.eeg(MINDMIX), noise.take([3, 5]).eeg(MINDMIX)
    np.testing.assert_array_equal(whole[[3, 5]], part)
    assert abs(np.corrcoef(whole.ravel(), examples.eeg(MINDMIX).ravel())[0, 1]) < 0.05
    assert (Examples(toy_store, examples.rows, replace_eeg="zero").eeg(MINDMIX) == 0).all()


@settings(max_examples=60, deadline=None)
@given(window=st.floats(0.25, 9.0), hop=st.floats(0.1, 9.0), start=st.floats(0.0, 2.0), first_only=st.booleans())
def test_windows_stay_inside_their_trial(toy_store, window, hop, start, first_only):
    try:
        rows = cut_windows(toy_store.index, window, hop, start, first_only)
    except BadInput:
        assert start + window > 8.0
        return
    trials = rows.merge(toy_store.index, on=["recording", "trial"], suffixes=("", "_trial"))
    assert (rows["start"] >= trials["start_trial"] + start - 1e-6).all()
    assert (rows["stop"] <= trials["stop_trial"] + 1e-4).all()
    np.testing.assert_allclose(rows["audio_start_1"], rows["start"] - trials["start_trial"], atol=1e-9)
    assert rows["window"].is_unique
    per_trial = rows.groupby(["recording", "trial"]).size()
    assert (per_trial == 1).all() if first_only else (per_trial == int(np.floor((8.0 - start - window) / hop + 1 + 1e-6))).all()
