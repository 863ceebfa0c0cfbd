"""LEAF's stage 1: a RUN that resumes to the same bits, and answers without a network that are what they say they are."""

from __future__ import annotations

import json
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mindleaf.encoders.leaf import CHANNELS, LeafConfig
from mindleaf.encoders.projection import projection
from mindleaf.errors import BadInput
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import load_model
from mindleaf.models.spectral_temporal import SpectralTemporalConfig
from mindleaf.preprocessing.pipeline import LEAF
from mindleaf.recipes.choice import filled
from mindleaf.stages.held_out_waveforms import HeldOutWaveforms, LinearForecast, MeasuredWaveforms
from mindleaf.stages.pretrain import PretrainStage, SpectralTemporalStage, pretrain
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples
from mindleaf.store.exposure import Exposure
from mindleaf.training.log import read_log
from mindleaf.training.loop import TrainingConfig
from mindleaf.training.optimiser import OptimiserConfig
from tests.stages.command import mindleaf, worked
from tests.stages.two_data_sets import rhythms

SMALL = LeafConfig(width=16, depth=1, heads=2, hidden=32, filters=4, token_dropout=0.25)
CONFIG = SpectralTemporalStage(
    model=SpectralTemporalConfig(encoder=SMALL),
    training=TrainingConfig(
        steps=4, batch_size=6, validate_every=2, checkpoint_every=2, device="cpu", optimiser=OptimiserConfig(lr=1e-2)
    ),
    window_s=2.0,
    held_out_share=0.3,
)
ANSWERS = ("filled", "hidden", "visible", "visible_as_seen", "following", "following_repeated", "following_linear")

pytestmark = pytest.mark.filterwarnings("ignore:.*electrodes are interpolated")


def losses(run) -> list[dict]:
    return [{name: value for name, value in line.items() if name != "seconds"} for line in read_log(run)]


@pytest.fixture(scope="module")
def run(toy_store, tmp_path_factory):
    return pretrain(CONFIG, [toy_store.path], tmp_path_factory.mktemp("leaf") / "run", quiet=True)


def test_a_run_holds_the_tower_and_says_what_it_is(run):
    loaded = load_model(run)
    assert loaded.type_name == "spectral_temporal" and loaded.config == CONFIG.model
    assert len(Exposure.read(run / "exposure.json").subjects) == 3
    card = (run / "card.md").read_text()
    assert card.startswith("# LEAF EEG encoder, stage 1") and "transductive" in card
    # Eight channels are recorded, all of them among the 65.
    assert f"electrodes interpolated in toy: {len(CHANNELS) - 8} of {len(CHANNELS)}" in card


def test_subjects_held_out_are_measured_beside_answers_without_a_network(run):
    measured = [line for line in read_log(run) if "validation_filled" in line]
    assert [line["step"] for line in measured] == [1, 3]
    names = {f"validation_{name}{kind}" for name in ANSWERS for kind in ("", "_explained")}
    assert names == {name for name in measured[0] if name.startswith("validation_")}
    # What needs no network is the same at every look.
    for name in ("visible_as_seen", "following_repeated", "following_linear"):
        assert measured[0][f"validation_{name}"] == measured[1][f"validation_{name}"]
    assert measured[0]["validation_filled"] != measured[1]["validation_filled"]


def test_the_page_shows_curves_waveforms_and_spectra(run):
    assert {path.stem for path in (run / "figures").iterdir()} == {"curves", "waveforms", "spectra"}
    assert (run / "report.html").read_text().count("<svg") == 3
    rows = {row[0]: row[1] for sheet in json.loads((run / "table.json").read_text())["sheets"] for row in sheet["rows"]}
    assert rows["subjects"] == "1" and rows["its 95 % interval over subjects, from"] == "–"
    assert float(rows["squared error, next half second"]) > 0


def test_a_killed_run_goes_on_to_the_same_bits(run, toy_store, tmp_path, monkeypatch):
    """Killed in the fourth step; a checkpoint lies behind the second."""
    from mindleaf.objectives.spectral_temporal import SpectralTemporalObjective

    ask, seen = SpectralTemporalObjective.__call__, []

    def killed(self, *words):
        seen.append(1)
        if len(seen) > 3:
            raise InterruptedError
        return ask(self, *words)

    with monkeypatch.context() as patch, pytest.raises(InterruptedError):
        patch.setattr(SpectralTemporalObjective, "__call__", killed)
        pretrain(CONFIG, [toy_store.path], tmp_path / "run", quiet=True)
    pretrain(CONFIG, [toy_store.path], tmp_path / "run", resume=True, quiet=True)
    assert losses(tmp_path / "run") == losses(run)
    whole, resumed = (load_model(folder).model.state_dict() for folder in (run, tmp_path / "run"))
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_epochs_stand_in_the_place_of_steps(tmp_path):
    assert [p.training.steps for p in CONFIG.model_copy(update={"epochs": 3}).phases(tmp_path, 7)] == [21]
    assert [p.training.steps for p in CONFIG.phases(tmp_path, 7)] == [4]


def test_windows_longer_than_the_tower_are_refused_before_any_work():
    assert CONFIG.with_settings(["window_s=10"]).window_s == 10
    for wrong in ("10.5", "0.5"):
        with pytest.raises(BadInput, match="window_s must be 1 to 10 s"):
            CONFIG.with_settings([f"window_s={wrong}"])


def test_a_run_of_one_model_is_not_resumed_as_another(run, toy_store):
    with pytest.raises(BadInput, match="is a RUN of pretrain leaf, and pretrain mindmix cannot resume it"):
        pretrain(PretrainStage(), [toy_store.path], run, resume=True, quiet=True)


def test_a_linear_forecast_knows_a_rhythm_and_nothing_of_noise():
    """The rhythm of every pair begins anywhere; half a second of it says the next. Each electrode has a rhythm of its own."""
    draw, time = np.random.default_rng(0), np.arange(200) / 200

    def pairs(n, noise):
        hz, phase = np.array([6.0, 11.0])[None, :, None], draw.uniform(0, 6, (n, 2, 1))
        whole = np.sin(2 * np.pi * hz * time + phase) if not noise else draw.standard_normal((n, 2, 200))
        whole = torch.from_numpy(whole).float()
        return whole[..., :100], whole[..., 100:]

    for noise, low, high in ((False, 0.99, 1.0), (True, -0.2, 0.02)):
        forecast = LinearForecast.fit([pairs(200, noise) for _ in range(4)])
        last, following = pairs(200, noise)
        guess = forecast(last.unsqueeze(0)).squeeze(0)
        explained = 1 - float((guess - following).square().mean() / following.square().mean())
        assert low <= explained <= high
    assert torch.isfinite(LinearForecast.fit([(torch.zeros(9, 2, 100), torch.zeros(9, 2, 100))]).maps).all()
    with pytest.raises(ValueError, match="none"):
        LinearForecast.fit([])


def test_what_is_measured_is_the_share_of_the_power(toy_store):
    """A signal that repeats itself every half second: repeating is perfect, zeros explain nothing, half of it explains 3/4."""
    clean = torch.randn(3, 1, len(CHANNELS), 100).expand(-1, 4, -1, -1).clone()
    hidden = torch.zeros(3, 4, dtype=torch.bool)
    hidden[:, 1] = True
    present = torch.ones(3, 4, dtype=torch.bool)
    present[0, 3] = False
    clean[0, 3] = 1e3  # padding: counts in nothing
    said = SimpleNamespace(clean=clean, seen=clean, present=present, filled=0.5 * clean, following=torch.zeros_like(clean))
    held = HeldOutWaveforms.__new__(HeldOutWaveforms)
    held.forecasts = {"toy": LinearForecast(torch.eye(100).expand(len(CHANNELS), -1, -1))}
    found = MeasuredWaveforms()
    rows = toy_store.windows(2.0).iloc[:3].assign(subject=["a", "b", "b"])
    held.add(found, said, hidden & present, rows, "toy")
    figures = found.figures()
    for name, explained in (
        ("filled", 0.75), ("hidden", 0.75), ("visible_as_seen", 1.0), ("following", 0.0), ("following_repeated", 1.0),
        ("following_linear", 1.0),
    ):  # fmt: skip
        assert figures[f"{name}_explained"] == pytest.approx(explained, abs=1e-6), name
    assert found.beside()["ahead"] == pytest.approx(-1.0) and found.beside()["subjects"] == 2
    assert found.explained_by_subject("filled").tolist() == pytest.approx([0.75, 0.75])


def test_the_command_line_pretrains_leaf(toy_store, tmp_path):
    few = ("--set", "training.steps=1", "--set", "training.batch_size=4", "--set", "held_out_share=0")
    worked("pretrain", "leaf-tiny", "--store", toy_store.path, "--out", tmp_path / "run", *few, "--quiet")
    config = load_model(tmp_path / "run").config
    assert config == filled("pretraining", "leaf-tiny").model
    assert not (tmp_path / "run" / "report.html").exists()
    told = mindleaf("pretrain", "leaf-tiny", "--store", toy_store.path, "--out", tmp_path / "no", "--set", "schedule=joint")
    assert "no field 'schedule'" in told.complaint
    assert "leaf-tiny" in mindleaf("pretrain", "leav", "--store", toy_store.path, "--out", tmp_path / "no").complaint


def test_two_stores_of_one_data_set_are_measured_together(tmp_path):
    """Each has windows of its own; the later one must not take the earlier one's place."""
    stores = [rhythms(tmp_path / str(n), "twins", {"slow": 8.0, "fast": 20.0}, seed=n, n_subjects=1 + n) for n in (0, 1)]
    parts = [Examples(store, store.windows(2.0)) for store in stores]
    model, objective = CONFIG.model.build(ModelFacts()), CONFIG.objective
    held = HeldOutWaveforms(parts, objective, BatchReader(parts, LEAF), model)
    found = held.measure_each(model)
    assert list(found) == ["twins"]
    assert [len(np.concatenate(rows)) for rows in found["twins"].sums.values()] == [len(parts[0]) + len(parts[1])] * len(ANSWERS)
    assert len(found["twins"].subjects) == len(parts[0]) + len(parts[1])


@pytest.mark.parametrize("quiet", [True, False])
def test_warnings_are_silent_where_silence_is_asked_for(toy_store, tmp_path, quiet):
    projection.cache_clear()
    few = ("--set", "training.steps=1", "--set", "training.batch_size=4", "--set", "held_out_share=0")
    words = ("pretrain", "leaf-tiny", "--store", toy_store.path, "--out", tmp_path / "run", "--device", "cpu", *few)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        done = worked(*words, *(["--quiet"] if quiet else []))
    assert ("electrodes are interpolated" in done.err) is not quiet
