"""The audio tower with a speech model inside: it learns where it may, hides only in training, and hears each window by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mindleaf.encoders.audio_tower import AudioTowerConfig, SpeechTower
from mindleaf.encoders.samples import SamplesFrontend
from mindleaf.encoders.speech import SpeechFrontend
from mindleaf.errors import BadInput
from tests.encoders.speech_folders import LAYER_NORM, speech_folder

pytest.importorskip("transformers", reason="speech models need the package transformers")


@pytest.fixture(scope="module", params=["group", "layer"])
def folder(request, tmp_path_factory):
    settings = LAYER_NORM if request.param == "layer" else {}
    return speech_folder(tmp_path_factory.mktemp("tower") / "model", do_normalize=request.param == "group", **settings)


def tower_of(folder, **speech) -> SpeechTower:
    config = AudioTowerConfig.checked({"kind": "speech", "speech": {"folder": str(folder), **speech}})
    torch.manual_seed(0)
    tower = config.build(320, 6)
    config.fill(tower)
    assert isinstance(tower, SpeechTower)
    torch.nn.init.normal_(tower.out.weight, std=0.1)
    return tower.eval()


def audio(n: int = 3, streams: int = 2, seconds: float = 1.0, seed: int = 0) -> torch.Tensor:
    sounds = np.random.default_rng(seed).normal(0.2, 0.1, size=(n, streams, int(16_000 * seconds)))
    frames = [[SamplesFrontend()(sound, 16_000, "audio") for sound in row] for row in sounds]
    return torch.from_numpy(np.array(frames))


def test_a_window_as_long_as_the_stimulus_has_the_frozen_frames(folder):
    heard = audio()
    states = tower_of(folder).features(heard)
    assert states.shape == (3, 2, 24, 50)
    sound = heard[1, 1].T.reshape(-1).numpy()
    frozen = SpeechFrontend(folder)(sound, 16_000, "audio")
    np.testing.assert_allclose(states[1, 1].detach().numpy(), frozen, rtol=1e-5, atol=1e-5)


def test_a_window_does_not_depend_on_the_rest_of_the_batch(folder, monkeypatch):
    tower, heard = tower_of(folder), audio()
    with torch.no_grad():
        together = tower(heard)
        assert together.shape == (3, 2, 50, 6)
        torch.testing.assert_close(tower(heard[2:, :1]), together[2:, :1], rtol=1e-5, atol=1e-5)
        monkeypatch.setattr("mindleaf.encoders.audio_tower._HEARD_AT_ONCE", 16_000)
        torch.testing.assert_close(tower(heard), together, rtol=1e-5, atol=1e-5)


FROZEN = {
    "convolutions": ({}, {"feature_extractor"}, {"encoder.layers.0", "encoder.layers.1", "feature_projection"}),
    "nothing": ({"frozen_convolutions": False}, set(), {"feature_extractor", "encoder.layers.0"}),
    "one layer": ({"frozen_layers": 1}, {"feature_extractor", "feature_projection", "encoder.layers.0"}, {"encoder.layers.1"}),
}


@pytest.mark.parametrize("what", FROZEN)
def test_the_gradient_reaches_what_trains_and_nothing_else(folder, what):
    settings, fixed, trained = FROZEN[what]
    tower = tower_of(folder, **settings).train()
    tower(audio()).square().sum().backward()
    moved = {name for name, p in tower.speech.model.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
    assert all(any(name.startswith(part) for name in moved) for part in trained)
    assert not any(name.startswith(part) for name in moved for part in fixed)


def hidden(tower: SpeechTower, seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    return tower.features(audio()).detach()


@pytest.mark.parametrize("masks", [{"mask_time": 0.5, "mask_frames": 5}, {"mask_features": 0.5, "mask_width": 4}])
def test_specaugment_is_off_unless_asked_for_and_works_in_training_only(folder, masks):
    def still(tower):
        """Without dropout, so that masking alone is seen."""
        for part in tower.modules():
            if isinstance(part, torch.nn.Dropout):
                part.p = 0.0
        for name in ("attention_dropout", "hidden_dropout", "activation_dropout"):
            setattr(tower.speech.model.config, name, 0.0)
        for layer in tower.speech.model.encoder.layers:
            layer.attention.dropout = 0.0
        return tower

    plain, masked = still(tower_of(folder)), still(tower_of(folder, **masks))
    torch.testing.assert_close(hidden(plain.train(), 1), hidden(plain.eval(), 1), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(hidden(masked.eval(), 1), hidden(plain, 1))
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = (hidden(masked.train(), seed) for seed in (1, 1, 2))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert (first - other).abs().max() > 1e-2 and (first - hidden(plain, 1)).abs().max() > 1e-2
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_a_window_shorter_than_its_masks_is_refused(folder):
    with pytest.raises(BadInput, match="mask_frames"):
        tower_of(folder, mask_time=0.1, mask_frames=60).train()(audio())


def test_the_config_says_all_that_building_needs(folder):
    config = AudioTowerConfig.checked({"kind": "speech", "speech": {"folder": str(folder)}}).settled().portable()
    assert config.speech.folder == "" and str(folder) not in config.model_dump_json()
    again = AudioTowerConfig.checked(config.model_dump(mode="json"))
    tower, source = again.build(320, 6), tower_of(folder)
    tower.load_state_dict(source.state_dict(), strict=True)
    torch.testing.assert_close(tower.eval()(audio()), source(audio()))


def test_what_cannot_be_built_is_refused(folder):
    with pytest.raises(BadInput, match=r"speech\.folder"):
        AudioTowerConfig.checked({"kind": "speech"})
    config = AudioTowerConfig.checked({"kind": "speech", "speech": {"folder": str(folder)}})
    with pytest.raises(BadInput, match="samples"):
        config.build(80, 6)
    hostile = {"model_type": "wav2vec2", "auto_map": {"AutoModel": "x.Y"}}
    with pytest.raises(BadInput, match="auto_map"):
        AudioTowerConfig.checked({"kind": "speech", "speech": {"architecture": hostile}}).build(320, 6)
