"""A RUN folder belongs to the verb that began it, and says so to another one."""

from __future__ import annotations

import json

import pytest

from mindleaf.errors import BadInput
from mindleaf.stages import run_folder
from mindleaf.stages.align import AlignStage
from mindleaf.stages.instruct import InstructStage
from mindleaf.stages.pretrain import PretrainStage, SpectralTemporalStage
from mindleaf.stages.question import EvaluateConfig
from mindleaf.stages.run_folder import begin_run

STAGES = {
    "pretrain mindmix": PretrainStage(), "pretrain leaf": SpectralTemporalStage(), "align mindmix": AlignStage(),
    "align leaf": InstructStage(), "finetune": EvaluateConfig(task="classify"),
}  # fmt: skip


@pytest.mark.parametrize("theirs", list(STAGES))
@pytest.mark.parametrize("ours", ["align leaf", "finetune", "pretrain leaf"])
def test_another_verb_is_told_whose_folder_it_is(theirs, ours, tmp_path):
    out = tmp_path / "run"
    begin_run(out, STAGES[theirs], False, {"seed": 1})
    before = (out / "stage.json").read_text()
    if ours == theirs:
        begin_run(out, STAGES[ours], True, {"seed": 1})
        return
    with pytest.raises(
        BadInput, match=f"is a RUN of {theirs}, and {ours} cannot resume it; give --out another folder"
    ) as refusal:
        begin_run(out, STAGES[ours], True, {"seed": 1})
    with pytest.raises(BadInput, match=f"is a RUN of {theirs}"):  # never the advice to add --resume
        begin_run(out, STAGES[ours], False, {"seed": 1})
    assert "\n" not in str(refusal.value) and (out / "stage.json").read_text() == before


def test_folders_that_do_not_say_whose_they_are_are_told_by_their_settings(tmp_path):
    out = tmp_path / "run"
    begin_run(out, STAGES["align mindmix"], False, {"seed": 1})
    (out / "inputs.json").write_text(json.dumps({"seed": 1}))
    begin_run(out, STAGES["align mindmix"], True, {"seed": 1})
    (out / "inputs.json").write_text(json.dumps({"seed": 1}))
    with pytest.raises(BadInput, match="is a RUN of another verb"):
        begin_run(out, STAGES["align leaf"], True, {"seed": 1})


def test_every_stage_that_begins_a_run_has_a_name_for_people():
    assert {type(stage).__name__ for stage in STAGES.values()} <= set(run_folder._VERBS)
