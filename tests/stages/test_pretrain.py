"""Stage 1: two schedules that resume to the same bits, subjects that are held out, the page that shows them."""

from __future__ import annotations

import json

import pytest
import torch

from mindleaf.encoders.mindmix import MindMixConfig
from mindleaf.errors import BadInput
from mindleaf.models.folder import load_model
from mindleaf.models.pretraining import PretrainingConfig
from mindleaf.stages.pretrain import TOKENIZER, PretrainStage, pretrain
from mindleaf.store.exposure import Exposure
from mindleaf.training.log import read_log
from mindleaf.training.loop import TrainingConfig
from mindleaf.training.optimiser import OptimiserConfig

SMALL = MindMixConfig(width=16, depth=1, heads=2, hidden=32, n_codes=16, code_width=8, drop_path=0.1)
CONFIG = PretrainStage(
    model=PretrainingConfig(encoder=SMALL, spectral_depth=1),
    training=TrainingConfig(
        steps=6, batch_size=6, validate_every=2, checkpoint_every=2, device="cpu", optimiser=OptimiserConfig(lr=1e-2)
    ),
    tokenizer_share=0.5,
    held_out_share=0.3,
)
HELD_OUT = {"perplexity", "usage", "masked", "unigram", "masked_accuracy", "masked_chance", "amplitude", "phase",
            "amplitude_of_mean", "amplitude_in_band", "phase_in_band", "amplitude_of_mean_in_band"}  # fmt: skip


def losses(run) -> list[dict]:
    lines = [line for folder in (run / TOKENIZER, run) for line in read_log(folder)]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


@pytest.fixture(scope="module")
def runs(toy_store, tmp_path_factory):
    """One uninterrupted RUN of each schedule."""
    folder = tmp_path_factory.mktemp("pretrained")
    for schedule in ("joint", "two_phase"):
        pretrain(CONFIG.model_copy(update={"schedule": schedule}), [toy_store.path], folder / schedule, quiet=True)
    return folder


class Stopped(Exception):
    """A kill, at a step."""


@pytest.mark.parametrize("stop", [1, 3, 4])
def test_a_killed_run_goes_on_across_the_border_of_the_phases(runs, toy_store, tmp_path, monkeypatch, stop):
    """Steps 0-2 belong to the tokenizer, 3-5 to the naming of codes; checkpoints lie at 2, 3 and 5, 6."""
    config = CONFIG.model_copy(update={"schedule": "two_phase"})
    from mindleaf.objectives.codebook import CodebookObjective

    ask, seen = CodebookObjective.__call__, []

    def killed(self, *words):
        seen.append(1)
        if len(seen) > stop:
            raise Stopped
        return ask(self, *words)

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(CodebookObjective, "__call__", killed)
        pretrain(config, [toy_store.path], tmp_path / "run", quiet=True)
    pretrain(config, [toy_store.path], tmp_path / "run", resume=True, quiet=True)
    assert losses(tmp_path / "run") == losses(runs / "two_phase")
    whole, resumed = (load_model(run).model.state_dict() for run in (runs / "two_phase", tmp_path / "run"))
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_the_second_phase_leaves_the_tokenizer_alone(runs):
    names = [set(line) for line in losses(runs / "two_phase")]
    assert all("amplitude" in line and "masked" not in line for line in names[:3])
    assert all("masked" in line and "amplitude" not in line for line in names[3:])
    before = torch.load(runs / "two_phase" / TOKENIZER / "checkpoints" / "step_00000003" / "state.pt")["model"]
    after = load_model(runs / "two_phase").model.state_dict()
    fixed = [name for name in after if name.startswith(("encoder.patching", "encoder.quantizer", "spectral", "amplitude_head"))]
    assert fixed and all(torch.equal(before[name], after[name]) for name in fixed)
    assert not torch.equal(before["code_head.direction.weight"], after["code_head.direction.weight"])


def test_both_phases_together_take_the_steps_that_were_asked(tmp_path):
    for steps in (2, 5, 100):
        config = CONFIG.with_settings([f"training.steps={steps}", "schedule=two_phase", "tokenizer_share=0.4"])
        lengths = [phase.training.steps for phase in config.phases(tmp_path, 1)]
        assert sum(lengths) == steps and min(lengths) >= 1


def test_model_and_objective_must_agree_about_the_phase():
    with pytest.raises(BadInput, match="must be the same, got direction and l2_raw"):
        CONFIG.with_settings(["objective.phase=l2_raw"])
    assert CONFIG.with_settings(["objective.phase=l2_raw", "model.phase=l2_raw"]).objective.phase == "l2_raw"


def test_subjects_held_out_are_measured_and_never_trained_on(runs, toy_store):
    """Three tenths of four subjects are one."""
    run = runs / "joint"
    seen = Exposure.read(run / "exposure.json")
    assert len(seen.subjects) == 3
    lines = read_log(run)
    measured = [line for line in lines if "validation_perplexity" in line]
    assert [line["step"] for line in measured] == [1, 3, 5]
    assert {f"validation_{name}" for name in HELD_OUT} == {name for name in measured[0] if name.startswith("validation_")}
    card = (run / "card.md").read_text()
    assert f"held-out perplexity of the codes: {round(measured[-1]['validation_perplexity'], 4)}" in card
    unseen = ({f"toy/s{k}" for k in range(4)} - set(seen.subjects)).pop()
    assert unseen not in card


def test_without_anyone_to_hold_out_all_are_trained_on(toy_store, tmp_path):
    run = pretrain(CONFIG.model_copy(update={"held_out_share": 0.1}), [toy_store.path], tmp_path / "run", quiet=True)
    assert len(Exposure.read(run / "exposure.json").subjects) == 4
    assert not (run / "report.html").exists()
    assert not any(name.startswith("validation_") for line in read_log(run) for name in line)


def test_the_page_shows_what_was_measured(runs):
    for schedule, figures in (
        ("joint", {"curves", "codes", "spectra", "errors"}),
        ("two_phase", {"tokenizer_curves", "naming_curves", "codes", "spectra", "errors"}),
    ):
        run = runs / schedule
        assert {path.stem for path in (run / "figures").iterdir()} == figures
        assert (run / "report.html").read_text().count("<svg") == len(figures)
        rows = {row[0]: row[1] for sheet in json.loads((run / "table.json").read_text())["sheets"] for row in sheet["rows"]}
        assert float(rows["perplexity of the codes"]) > 1
        assert float(rows["phase error of guessing: to be beaten"]) == 1.0
        assert "loss of naming hidden codes (nats)" in rows
