"""One space: three ways in, parts that two heads share and that are saved once, any encoder below."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mindleaf.encoders.choice import encoder_named
from mindleaf.errors import BadInput
from mindleaf.models.alignment import AlignedConfig
from mindleaf.models.folder import load_model, save_model, start_from
from mindleaf.models.language import LanguageConfig
from mindleaf.models.one_space import OneSpaceConfig
from mindleaf.objectives.one_space import OneSpaceObjective
from tests.models.small_batches import FACTS, noise_batch, random_texts

pytestmark = pytest.mark.filterwarnings("ignore:.*electrodes are interpolated:UserWarning")


def small(encoder: str = "leaf:tiny", **aligned) -> OneSpaceConfig:
    base = OneSpaceConfig.preset("tiny")
    language = base.language.model_copy(
        update={"encoder": encoder_named(encoder), "depth": 1, "power_filters": 8, "head_dropout": 0.0}
    )
    return OneSpaceConfig(language=language, aligned=base.aligned.model_copy(update={"dims": 8, **aligned}), heard_filters=8)


def built(config: OneSpaceConfig):
    torch.manual_seed(0)
    model = config.build(FACTS)
    model.language.write(random_texts)
    return model


def told(model, batch):
    return replace(batch, instruction=model.language.instruction(0, 1).expand(len(batch), -1))


@pytest.fixture(scope="module", params=["leaf:tiny", "mindmix:tiny"])
def model(request):
    return built(small(request.param)).eval()


@torch.no_grad()
def test_eeg_sound_and_text_are_unit_vectors_of_one_width(model):
    batch = noise_batch(4)
    vectors = (
        model.eeg(told(model, batch)),
        model.sound(batch.audio[:, 0]),
        model.text(torch.from_numpy(random_texts("a", "b", "c", "d"))),
    )
    for found in vectors:
        assert found.shape == (4, 6)
        torch.testing.assert_close(found.norm(dim=1), torch.ones(4))
    assert torch.equal(model.text(model.language.meanings(0)), model.language.answers(0)), "a label lies where training put it"
    assert model.aligned.score(batch).shape == (4, 2)


@torch.no_grad()
def test_it_comes_back_from_its_folder_and_holds_every_weight_once(model, tmp_path):
    config = small("leaf:tiny" if type(model.language.encoder).__name__ == "LeafTower" else "mindmix:tiny")
    save_model(tmp_path / "run", model, config, FACTS, "card")
    names = list(model.state_dict())
    assert not any(name.startswith(("aligned.encoder", "language.power.stem")) for name in names)
    loaded = load_model(tmp_path / "run").model
    batch = noise_batch(2)
    assert torch.equal(loaded.eeg(told(loaded, batch)), model.eeg(told(model, batch)))
    assert torch.equal(loaded.aligned.score(batch), model.aligned.score(batch))
    assert loaded.aligned.encoder is loaded.language.encoder and loaded.language.power.stem is loaded.aligned.stem
    other = small().aligned.model_copy(update={"encoder": config.language.encoder}).build(FACTS)
    assert {"encoder", "stem", "audio_tower"} <= set(start_from(other, tmp_path / "run"))


def test_both_heads_teach_the_encoder_and_the_stem():
    """The gates are closed at the start: opened here, so that something can pass."""
    model, batch = built(small()).train(), noise_batch(4)
    with torch.no_grad():
        model.language.gate.fill_(1.0)
        model.aligned.unpatching.gate.fill_(1.0)
    for weights in (
        {"in_time": 0.0, "eeg_sound": 0.0, "sound_text": 0.0},
        {"eeg_text": 0.0, "eeg_sound": 0.0, "sound_text": 0.0},
    ):
        model.zero_grad()
        OneSpaceObjective(**weights)(model, batch, 0).total.backward()
        for part in (model.language.encoder.tokenizer, model.aligned.stem.linear):
            assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters()), weights


def test_windows_of_one_description_are_no_negatives_in_the_one_space():
    model, batch = built(small()).eval(), noise_batch(4)
    objective = OneSpaceObjective()
    alike = replace(batch, labels=torch.zeros(4, dtype=torch.long))
    with torch.no_grad():
        assert objective(model, alike, 0)["eeg_sound"] == 0.0
        assert objective(model, batch, 0)["eeg_sound"] > 0.0
    bare = replace(batch, audio=None)
    with pytest.raises(BadInput, match="sound"):
        objective(model, bare, 0)


def test_it_learns_eight_windows_by_heart():
    torch.manual_seed(0)
    model, batch, objective = built(small()).train(), noise_batch(8), OneSpaceObjective()
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for step in range(60):
        losses = objective(model, batch, step)
        optimiser.zero_grad()
        losses.total.backward()
        optimiser.step()
        if losses["eeg_text_right"] == losses["sound_text_right"] == 1.0:
            break
    assert losses["eeg_text_right"] == 1.0 and losses["sound_text_right"] == 1.0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["aligned.encoder=leaf:tiny"], "language.encoder"),
        (["aligned.alignment=pooled"], "time-resolved"),
        (["language.power_filters=0"], "power_filters"),
    ],
)
def test_what_cannot_be_is_refused(settings, words):
    with pytest.raises(BadInput, match=words):
        OneSpaceConfig.preset("tiny").with_settings(settings)


@pytest.mark.parametrize("encoder", ["mindmix:tiny", "leaf:tiny"])
def test_each_encoder_goes_under_the_other_s_head(encoder, tmp_path):
    """MindMix's encoder under the Q-Former and LEAF's tower under CALRA, from one pretrained part to the other model's folder."""
    torch.manual_seed(0)
    chosen = encoder_named(encoder)
    language = LanguageConfig.preset("tiny").model_copy(update={"encoder": chosen, "depth": 1, "power_filters": 0})
    aligned = AlignedConfig(encoder=chosen, dims=8, hidden=16, rank=4)
    spoken, heard = language.build(FACTS).write(random_texts), aligned.build(FACTS)
    save_model(tmp_path / "heard", heard, aligned, FACTS, "card")
    assert "encoder" in start_from(spoken, tmp_path / "heard")
    save_model(tmp_path / "spoken", spoken, language, FACTS, "card")
    assert "encoder" in start_from(aligned.build(FACTS), tmp_path / "spoken")
    batch = noise_batch(2)
    with torch.no_grad():
        assert torch.isfinite(load_model(tmp_path / "heard").model.score(batch)).all()
        asked = replace(batch, instruction=torch.zeros(2, 6))
        assert torch.isfinite(load_model(tmp_path / "spoken").model.embed(asked)).all()
