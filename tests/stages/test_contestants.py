"""Who takes part in an evaluation: what a row says of its weights, and what they had seen."""

from __future__ import annotations

import pytest

from mindleaf.evaluation.contamination import pretraining_contamination
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import save_model
from mindleaf.models.pretraining import PretrainingConfig
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.stages.contestants import contestant, entrants
from mindleaf.stages.question import EvaluateConfig
from mindleaf.stages.run_folder import write_exposure
from mindleaf.store.exposure import Exposure
from mindleaf.tasks import build_task


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A RUN of stage 1 that has seen one person."""
    folder = tmp_path_factory.mktemp("pretrained") / "stage1"
    config, facts = PretrainingConfig.preset("tiny"), ModelFacts(sfreq=MINDMIX.sfreq)
    save_model(folder, config.build(facts), config, facts, "card")
    write_exposure(folder, Exposure(subjects=("elsewhere/s1",)))
    return folder


def asked(task: str, *settings: str) -> EvaluateConfig:
    return EvaluateConfig(task=task, settings=tuple(f"mindmix.{setting}" for setting in settings))


ENCODER = 'model.encoder={"type": "labram", "weights": "models/labram.safetensors"}'
SPEECH = ('model.audio.kind="speech"', 'model.audio.speech.folder="hub:facebook/wav2vec2-base"')


@pytest.mark.parametrize(
    ("task", "settings", "weights"),
    [
        ("attention", (), "from scratch"),
        ("attention", ("form=towers",), "from scratch"),
        ("attention", (ENCODER,), "labram.safetensors"),
        ("attention", ('audio="wav2vec2:models/w2v2"',), "w2v2"),
        ("attention", (ENCODER, *SPEECH), "labram.safetensors, wav2vec2-base"),
        ("classify", (ENCODER,), "labram.safetensors"),
        ("emotion", (ENCODER, *SPEECH, "inputs=both"), "labram.safetensors, wav2vec2-base"),
        ("emotion", (ENCODER, *SPEECH, "inputs=eeg"), "labram.safetensors"),
        ("emotion", (ENCODER, *SPEECH, "inputs=audio"), "wav2vec2-base"),
    ],
)
def test_a_row_names_the_files_that_its_weights_come_from(task, settings, weights):
    entrant = contestant("mindmix", asked(task, *settings), build_task(task))
    assert (entrant.weights, entrant.exposure) == (weights, None)
    row = pretraining_contamination(None, [], entrant.weights)
    assert row.status == ("pass" if weights == "from scratch" else "skipped")
    assert weights == "from scratch" or row.why.startswith(f"{weights} does not say")


def test_a_start_among_the_settings_is_named_and_what_it_has_seen_is_known(pretrained):
    config = asked("emotion", f"start={pretrained}")
    rows = {one.name: one for one in entrants("mindmix", config, build_task("emotion"))}
    assert {name: one.weights for name, one in rows.items()} == {
        "mindmix, EEG": "stage1", "mindmix, EEG + audio": "stage1", "mindmix, audio": "from scratch"
    }  # fmt: skip
    assert rows["mindmix, EEG"].exposure == Exposure(subjects=("elsewhere/s1",))
    assert rows["mindmix, audio"].exposure is None
    assert contestant("trf", config, build_task("attention")).weights == "none"
