"""BatchReader: the attended stream first, equal sounds under one number, stores kept apart."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from mindleaf.encoders.envelope import EnvelopeFrontend
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.recording import Stimulus
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples
from mindleaf.store.writer import write_store
from mindleaf.training.order import epoch_batches
from tests.conftest import make_recording

FRONTEND = EnvelopeFrontend(frame_rate=50.0, band=None)


def listened(store, window_s: float = 2.0) -> Examples:
    rows = store.windows(window_s)
    return Examples(store, rows.assign(answer=rows["attended"] - 1, target=rows["window"] % 3))


@pytest.fixture(scope="module")
def examples(toy_store):
    return listened(toy_store)


def test_stream_0_is_the_attended_one(examples):
    reader = BatchReader([examples], MINDMIX, FRONTEND)
    ids = np.arange(len(examples))
    batch, plain = reader.read(ids), reader.read(ids, attended_first=False)
    answers = torch.tensor(examples.answers)
    assert set(examples.answers) == {0, 1}
    rows = torch.arange(len(ids))
    for first, own in ((batch.audio, plain.audio), (batch.audio_id, plain.audio_id), (batch.audio_start, plain.audio_start)):
        assert torch.equal(first[:, 0], own[rows, answers])
        assert torch.equal(first[:, 1], own[rows, 1 - answers])
    np.testing.assert_array_equal(plain.audio.numpy(), examples.audio(FRONTEND))
    np.testing.assert_allclose(plain.audio_start[:, 0], examples.rows["audio_start_1"])


def test_equal_audio_has_one_number_whatever_it_is_called(tmp_path):
    """Subject 1 hears copies of subject 0's sounds under other names."""
    first, second = make_recording(0), make_recording(1)
    renamed = tuple(Stimulus(f"copy_{s.id}", s.sample_rate, partial(s.load), s.kind, s.auditory_type) for s in second.stimuli)
    trials = tuple(
        replace(t, candidates=tuple(replace(c, stimulus=f"copy_{c.stimulus}") for c in t.candidates)) for t in second.trials
    )
    store = write_store([first, replace(second, stimuli=renamed, trials=trials)], tmp_path, "toy", {})
    batch = BatchReader([part := listened(store)], MINDMIX, FRONTEND).read(
        np.arange(len(store.windows(2.0))), attended_first=False
    )
    names = part.rows["stimulus_1"].str.removeprefix("copy_").to_numpy()
    numbers = batch.audio_id[:, 0].numpy()
    assert len(store.stimuli) == 2 * len({*part.rows["stimulus_1"], *part.rows["stimulus_2"]}) / 2
    for name in set(names):
        assert len(set(numbers[names == name])) == 1
    assert len(set(numbers)) == len(set(names))


def test_stores_never_share_a_batch(toy_store, tmp_path):
    other = write_store([make_recording(k) for k in (7, 8)], tmp_path, "toy", {})
    parts = [listened(toy_store), listened(other)]
    reader = BatchReader(parts, MINDMIX, FRONTEND)
    assert len(reader) == len(parts[0]) + len(parts[1])
    batches = epoch_batches(reader.groups, 8, seed=0, epoch=0)
    assert sorted(np.concatenate(batches)) == list(range(len(reader)))
    for ids in batches:
        assert len(set(reader.groups[ids])) == 1
    last = np.array([len(parts[0]) + 3, len(parts[0]) + 1])
    np.testing.assert_array_equal(reader.read(last).eeg.numpy(), parts[1].take([3, 1]).eeg(MINDMIX))
    np.testing.assert_array_equal(reader.read(last).window_ids.numpy(), last)


def test_stores_of_other_montages_train_together_without_padding_and_each_in_proportion(toy_store, tmp_path):
    """Eight channels and three: no batch holds a channel that its store has not, and no store is drawn more than its share."""
    recording = make_recording(9, n_trials=2)
    few, signal = recording.montage.names[:3], recording.signal[:3]
    small = replace(
        recording, montage=recording.montage.select(few), load=lambda start=0, stop=None: signal[:, start:stop]
    )  # fmt: skip
    parts = [listened(toy_store), listened(write_store([small], tmp_path, "toy", {}))]
    reader = BatchReader(parts, MINDMIX, FRONTEND)
    share = len(parts[1]) / len(reader)
    early = []
    for epoch in range(200):
        batches = epoch_batches(reader.groups, 4, seed=0, epoch=epoch)
        assert len(batches) == -(-len(parts[0]) // 4) + -(-len(parts[1]) // 4)
        drawn = np.concatenate(batches[: len(batches) // 2])
        early.append((reader.groups[drawn] == 1).mean())
    # Over an epoch the share is exact; over half of one it is so on average.
    assert abs(np.mean(early) - share) < 0.02
    for ids in batches:
        batch = reader.read(ids)
        assert batch.eeg.shape[1] == len(parts[reader.groups[ids[0]]].channel_names) in (8, 3)
        assert batch.channel_mask.all()


def test_a_batch_says_which_channels_can_be_used(tmp_path):
    recording = make_recording(0)
    signal = recording.signal.copy()
    signal[2], signal[5] = np.nan, 0.0
    store = write_store([replace(recording, load=lambda start=0, stop=None: signal[:, start:stop])], tmp_path, "toy", {})
    batch = BatchReader([listened(store)], MINDMIX).read(np.arange(4))
    usable = [k not in (2, 5) for k in range(8)]
    assert batch.channel_mask.tolist() == [usable] * 4
    assert torch.isfinite(batch.eeg).all() and (batch.eeg[:, [2, 5]] == 0).all()
    assert batch.audio is None and batch.audio_id is None


def test_subjects_classes_and_context(examples):
    known = {"toy/s0": 4, "toy/s2": 1}
    reader = BatchReader([examples], MINDMIX, FRONTEND, 0.25, {"speech": 3}, known)
    ids = np.arange(len(examples))
    batch = reader.read(ids)
    assert batch.subject.tolist() == [known.get(f"toy/{s}", -1) for s in examples.rows["subject"]]
    assert batch.labels.tolist() == examples.rows["target"].tolist()
    assert set(batch.auditory_type.tolist()) == {3}
    assert batch.eeg.shape[-1] == round(2.25 * MINDMIX.sfreq) and batch.audio.shape[-1] == 100
