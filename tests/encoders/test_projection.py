"""Projection onto LEAF's electrodes: by name, by average, by splines as MNE-Python computes them, and what is said of it."""

import warnings
from dataclasses import replace

import mne
import numpy as np
import pytest
import torch

from mindleaf.encoders.leaf import CHANNELS
from mindleaf.encoders.projection import montage_projection, project, projection
from mindleaf.montage import ELECTRODES, OTHER, Montage
from tests.encoders.test_leaf import leaf_batch

_PLAIN = (0.0, 0.0, 0.0)


def places(*names: str):
    return tuple((ELECTRODES.index(name), _PLAIN) for name in names)


def test_electrodes_that_are_there_are_taken_over_whatever_they_are_called():
    montage, _ = Montage.from_names(["T3", "EEG Fpz-Ref", "Cz", "O1", "O2", "T4"])
    with pytest.warns(UserWarning, match="59 of 65 electrodes are interpolated from 6"):
        found = montage_projection(montage, CHANNELS)
    assert set(found.report.matched) == {"T7", "Fpz", "Cz", "O1", "O2", "T8"}
    assert np.array_equal(found.matrix[CHANNELS.index("T7")], np.eye(6)[0])
    assert found.present.all() and found.share_interpolated == 59 / 65


def test_channels_at_one_electrode_are_averaged():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = projection(places("Cz", "Cz", "Pz", "C3", "C4"), CHANNELS)
    assert found.matrix[CHANNELS.index("Cz")].tolist() == [0.5, 0.5, 0.0, 0.0, 0.0]


def test_missing_electrodes_are_mne_splines():
    """A smooth field over the head, read at the electrodes that are missing, within a tenth of its size."""
    there = [name for name in CHANNELS if name not in ("Cz", "C3", "POz")]
    found = projection(places(*there), CHANNELS)
    montage, _ = Montage.from_names(list(CHANNELS))
    field = montage.positions @ np.array([3.0, -2.0, 4.0])
    field -= field.mean()
    sources = field[[CHANNELS.index(name) for name in there]]
    for name in ("Cz", "C3", "POz"):
        assert abs(found.matrix[CHANNELS.index(name)] @ sources - field[CHANNELS.index(name)]) < 0.1 * np.ptp(field)
    info = montage.info(200.0)
    raw = mne.io.RawArray(field[:, None] * np.ones((1, 3)), info, verbose="error")
    raw.info["bads"] = ["Cz", "C3", "POz"]
    raw.interpolate_bads(verbose="error")
    theirs = raw.get_data(["Cz", "C3", "POz"])[:, 0]
    ours = [found.matrix[CHANNELS.index(name)] @ sources for name in ("Cz", "C3", "POz")]
    assert np.allclose(ours, theirs, atol=0.03 * np.ptp(field))


def test_too_few_channels_are_not_spread_over_a_head():
    found = projection(places("C3", "Cz", "C4"), CHANNELS)
    assert found.present.sum() == 3 and not found.report.interpolated


def test_a_channel_without_a_place_is_dropped_and_one_with_a_place_is_used():
    with pytest.warns(UserWarning):
        found = projection((*places("Fz", "Cz", "Pz", "Oz"), (OTHER, _PLAIN), (OTHER, (0.07, 0.0, 0.05))), CHANNELS)
    assert found.report.dropped == ("other 4",)
    assert found.matrix[:, 5].any() and not found.matrix[:, 4].any()


def test_absent_channels_of_a_window_take_no_part():
    batch = leaf_batch(2, 100)
    absent = batch.channel_mask.clone()
    absent[1, :3] = False
    loud = batch.eeg.clone()
    loud[1, :3] = 1e6
    eeg, present = project(replace(batch, eeg=loud, channel_mask=absent), CHANNELS)
    assert present.all() and torch.equal(eeg[0], batch.eeg[0]) and float(eeg[1].abs().max()) < 100
