"""explain: a report with pictures from an aligned RUN; what is no aligned RUN is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import torch

from mindleaf.errors import BadInput
from mindleaf.models.alignment import AlignedConfig
from mindleaf.models.folder import load_model, save_model
from mindleaf.protocols import BetweenTrial, write_folds
from mindleaf.stages.align import AlignStage, align
from mindleaf.stages.explain import CIRCULAR, LINEAR, NOT_ALIGNED, OURS, ExplainConfig, explain
from mindleaf.store.files import read_json
from mindleaf.systems.mindmix_form import ListenerConfig
from mindleaf.training.loop import TrainingConfig


@pytest.fixture(scope="module")
def run(toy_store, tmp_path_factory):
    model = AlignedConfig.preset("tiny")
    training = TrainingConfig(steps=2, batch_size=8, device="cpu")
    config = AlignStage(listener=ListenerConfig(model=model, training=training))
    out = align(config, [toy_store.path], tmp_path_factory.mktemp("aligned") / "run", quiet=True)
    # What crosses from sound to EEG starts at zero and learns nothing from noise: it is set, to see what it does.
    loaded = load_model(out)
    with torch.no_grad():
        loaded.model.fusion.eeg.listen.out.weight.copy_(5 * torch.eye(model.dims))
    save_model(out, loaded.model, loaded.config, loaded.facts, "changed by a test")
    return out


def test_every_way_to_read_sound_back_is_judged_on_other_trials(toy_store, run, tmp_path):
    report = explain(toy_store.path, run, tmp_path / "out", ExplainConfig(window_s=2.0, max_windows=24), quiet=True)
    content = read_json(tmp_path / "out" / "table.json")
    found = {row[0]: row for row in content["sheets"][0]["rows"]}
    assert set(found) == {OURS, NOT_ALIGNED, LINEAR, CIRCULAR}
    # There is no relation in these recordings: only the form that was given the sound finds it.
    for honest in (OURS, NOT_ALIGNED, LINEAR):
        assert abs(float(found[honest][1])) < 0.08
    assert float(found[CIRCULAR][1]) > 0.1
    assert {row[0] for row in content["sheets"][1]["rows"]} == {"subject", "trial", "stimulus"}
    assert any("CONTAMINATED" in note for note in content["notes"])
    assert report.read_text().count("<svg") == 3


def test_the_network_that_is_not_aligned_keeps_nothing_of_the_training(toy_store, run, tmp_path):
    """Bare parameters are weights, too: opening the encoder's gate changes what was learned, never the untrained network."""
    loaded = load_model(run)
    with torch.no_grad():
        loaded.model.unpatching.gate.fill_(30.0)
    shutil.copytree(run, tmp_path / "open")
    save_model(tmp_path / "open", loaded.model, loaded.config, loaded.facts, "changed by a test")
    rows = []
    for number, folder in enumerate((run, tmp_path / "open")):
        explain(toy_store.path, folder, tmp_path / str(number), ExplainConfig(window_s=2.0, max_windows=24), quiet=True)
        content = read_json(tmp_path / str(number) / "table.json")
        rows.append({row[0]: row for row in content["sheets"][0]["rows"]})
    assert rows[0][OURS] != rows[1][OURS]
    assert rows[0][NOT_ALIGNED] == rows[1][NOT_ALIGNED]


def test_a_split_that_tests_elsewhere_is_refused(toy_store, run, tmp_path):
    (fold,) = BetweenTrial(n_folds=2, only=(0,)).folds(toy_store.index, seed=0)
    elsewhere = replace(fold, test=fold.test.assign(dataset="elsewhere"))
    write_folds(tmp_path / "folds.json", [elsewhere], store=toy_store.content_sha256)
    with pytest.raises(
        BadInput, match=r"wanted windows to fit on and to test on, the fold has \d+ and 0 with a heard sound here"
    ):
        explain(toy_store.path, run, tmp_path / "out", split=tmp_path / "folds.json", quiet=True)
    assert not (tmp_path / "out").exists()


def test_a_run_that_is_not_aligned_is_refused(toy_store, tmp_path):
    with pytest.raises(BadInput):
        explain(toy_store.path, tmp_path / "nothing", tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()
