import json

import numpy as np
import pytest
import torch

from mindleaf.encoders.mel import MelFrontend, mel_filters
from mindleaf.errors import BadInput


def tone(frequency: float, seconds: float, rate: float) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate).astype(np.float32)


def test_mel_frames_stand_at_frame_over_rate_and_cover_the_stimulus():
    rate = 16_000
    click = np.zeros(2 * rate, np.float32)
    click[rate] = 1.0
    frames = MelFrontend()(click, rate, "audio")
    assert frames.shape == (80, 100)
    assert frames.dtype == np.float32
    assert frames.mean(axis=0).argmax() == 50


def test_a_tone_lights_its_own_band_whatever_the_rate_it_comes_at():
    centres = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 82)[1:-1] / 2595) - 1)
    for rate in (16_000, 44_100, 8_000):
        frames = MelFrontend()(tone(1000.0, 1.0, rate), rate, "audio")
        assert abs(centres[frames[:, 25].argmax()] - 1000.0) < 60


def test_loudness_of_the_whole_does_not_matter_and_silence_is_zeros():
    sound = np.random.default_rng(0).normal(size=16_000)
    mel = MelFrontend()
    np.testing.assert_allclose(mel(sound, 16_000, "audio"), mel(sound * 0.01, 16_000, "audio"), atol=1e-5)
    assert not mel(np.zeros(16_000), 16_000, "audio").any()


def test_every_mel_filter_passes_something():
    filters = mel_filters(80, 16_000, 512)
    np.testing.assert_allclose(filters.sum(axis=1), 1.0)


def test_mel_fingerprint_and_refusals():
    assert MelFrontend().fingerprint() == MelFrontend().fingerprint() != MelFrontend(40).fingerprint()
    with pytest.raises(BadInput, match="envelope"):
        MelFrontend()(np.ones(100), 64.0, "envelope")
    with pytest.raises(BadInput, match="frame rate"):
        MelFrontend(frame_rate=30.0)


@pytest.fixture(scope="module")
def wav2vec2_folder(tmp_path_factory):
    transformers = pytest.importorskip("transformers", reason="wav2vec2 needs the package transformers")
    folder = tmp_path_factory.mktemp("wav2vec2")
    torch.manual_seed(0)
    config = transformers.Wav2Vec2Config(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, conv_dim=[16] * 7,
        num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, vocab_size=8,
    )  # fmt: skip
    transformers.Wav2Vec2Model(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True, "sampling_rate": 16_000}))
    return folder


def test_wav2vec2_frames_are_those_of_transformers(wav2vec2_folder):
    from transformers import Wav2Vec2Model

    from mindleaf.encoders.wav2vec2 import Wav2Vec2Frontend

    sound = np.random.default_rng(0).normal(size=16_080)
    frontend = Wav2Vec2Frontend(wav2vec2_folder)
    frames = frontend(sound, 16_000, "audio")
    normal = torch.tensor((sound - sound.mean()) / np.sqrt(sound.var() + 1e-7), dtype=torch.float32)
    padded = torch.nn.functional.pad(normal, (0, 51 * 320 + 80 - 16_080))
    with torch.no_grad():
        theirs = Wav2Vec2Model.from_pretrained(wav2vec2_folder).eval()(padded[None]).last_hidden_state[0].T.numpy()
    assert frames.shape == (24, 51) == (frontend.n_features, 51)
    np.testing.assert_allclose(frames, theirs, atol=1e-5)


def test_long_sound_is_cut_into_pieces_that_join(wav2vec2_folder):
    from mindleaf.encoders.wav2vec2 import Wav2Vec2Frontend

    sound = np.random.default_rng(0).normal(size=3 * 16_000)
    frames = Wav2Vec2Frontend(wav2vec2_folder, piece_s=1.0, overlap_s=0.5)(sound, 16_000, "audio")
    whole = Wav2Vec2Frontend(wav2vec2_folder)(sound, 16_000, "audio")
    assert frames.shape == whole.shape == (24, 150)
    assert np.corrcoef(frames.ravel(), whole.ravel())[0, 1] > 0.9


def test_wav2vec2_fingerprint_follows_the_weights(wav2vec2_folder, tmp_path):
    import shutil

    from safetensors.torch import load_file, save_file

    from mindleaf.encoders.wav2vec2 import Wav2Vec2Frontend

    other = shutil.copytree(wav2vec2_folder, tmp_path / "other")
    weights = load_file(other / "model.safetensors")
    name = next(iter(weights))
    save_file({**weights, name: weights[name] + 1}, other / "model.safetensors", metadata={"format": "pt"})
    assert Wav2Vec2Frontend(wav2vec2_folder).fingerprint() != Wav2Vec2Frontend(other).fingerprint()


def test_wav2vec2_refuses_what_it_cannot_use(wav2vec2_folder, tmp_path):
    import shutil

    from safetensors.torch import load_file, save_file

    from mindleaf.encoders.wav2vec2 import Wav2Vec2Frontend

    with pytest.raises(BadInput, match=r"config\.json"):
        Wav2Vec2Frontend(tmp_path / "nowhere")
    gutted = shutil.copytree(wav2vec2_folder, tmp_path / "gutted")
    weights = load_file(gutted / "model.safetensors")
    weights.pop(next(name for name in weights if "attention.k_proj.weight" in name))
    save_file(weights, gutted / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadInput, match="not in the file"):
        Wav2Vec2Frontend(gutted)
    (gutted / "preprocessor_config.json").unlink()
    with pytest.raises(BadInput, match="preprocessor_config"):
        Wav2Vec2Frontend(gutted)
    with pytest.raises(BadInput, match="envelope"):
        Wav2Vec2Frontend(wav2vec2_folder)(np.ones(100), 64.0, "envelope")
