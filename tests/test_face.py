"""``import mindleaf as ml``: the names people use, without the command line."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

import mindleaf as ml
from mindleaf.datasets.synthesis.settings import preset
from mindleaf.datasets.synthetic import write_synthetic
from mindleaf.errors import BadInput
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import save_model
from mindleaf.models.pretraining import PretrainingConfig


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    config = preset("tiny").model_copy(update={"trial_s": 6.0, "n_subjects": 2})
    return write_synthetic(tmp_path_factory.mktemp("face") / "data", config, seed=0)


def test_recordings_are_opened_lazily_and_become_a_store(root, tmp_path):
    recordings = list(ml.open_dataset("synthetic", root=root))
    assert [recording.subject for recording in recordings] == ["01", "02"]
    first = recordings[0]
    assert "signal" not in first.__dict__
    assert first.signal.shape == (len(first.channel_names), first.n_times)
    assert first.stimuli and first.events and first.montage.names == first.channel_names
    store = ml.prepare(recordings, out=tmp_path / "store")
    assert isinstance(store, ml.Store)
    assert store.facts["name"] == "synthetic" and len(store.index) == 8
    np.testing.assert_allclose(store.signal(first.id), first.signal.T, rtol=1e-6)


def test_one_store_holds_one_data_set(root, tmp_path):
    from tests.conftest import make_recording

    with pytest.raises(BadInput, match="one data set"):
        ml.prepare([make_recording(0), *ml.open_dataset("synthetic", root=root)], out=tmp_path / "store")
    with pytest.raises(BadInput, match="got none"):
        ml.prepare([], out=tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_protocol_cuts_the_trial_table(toy_store):
    folds = ml.protocols.BetweenTrial(n_folds=4).folds(toy_store.index)
    assert len(folds) == 4 and all(fold.group == "trial" for fold in folds)


def test_a_model_is_loaded_from_its_folder(tmp_path):
    config, facts = PretrainingConfig.preset("tiny"), ModelFacts(sfreq=200.0)
    model = config.build(facts)
    save_model(tmp_path / "run", model, config, facts, "card")
    loaded = ml.load_model(tmp_path / "run")
    assert loaded.config == config and not loaded.model.training
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), loaded.model.state_dict().values(), strict=True))
    with pytest.raises(BadInput, match="found none"):
        ml.load_model(tmp_path / "nowhere")


def test_the_names_are_listed_and_others_are_refused():
    assert set(ml.__all__) <= set(dir(ml))
    with pytest.raises(AttributeError, match="no attribute 'fly'"):
        ml.fly  # noqa: B018


def test_importing_the_package_is_quick():
    """Nothing heavy is loaded before it is asked for."""
    code = "import sys, mindleaf; print([name for name in ('torch', 'mne', 'pandas', 'sklearn') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
