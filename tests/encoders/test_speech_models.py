"""Speech models: frames are transformers' own, a stimulus stands by itself, files that do not fit are refused."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from mindleaf.encoders.mel import MelFrontend
from mindleaf.encoders.samples import SamplesFrontend
from mindleaf.encoders.speech import HubertFrontend, SpeechFrontend, Wav2Vec2Frontend
from mindleaf.encoders.speech_checkpoint import import_transformers
from mindleaf.errors import BadInput
from tests.encoders.speech_folders import LAYER_NORM, speech_folder

pytest.importorskip("transformers", reason="speech models need the package transformers")
transformers = import_transformers()

#: Type of model, its settings, do_normalize.
MODELS = {
    "wav2vec2, norm over time": ("Wav2Vec2", {}, True),
    "wav2vec2, layer norm": ("Wav2Vec2", LAYER_NORM, True),
    "wav2vec2, as it comes": ("Wav2Vec2", {}, False),
    "hubert, norm over time": ("Hubert", {}, False),
    "hubert, layer norm": ("Hubert", LAYER_NORM, True),
    "wavlm": ("WavLM", {}, True),
    "data2vec": ("Data2VecAudio", {"conv_pos_kernel_size": 5, "num_conv_pos_embeddings": 2}, True),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("speech")
    return {
        name: speech_folder(place / str(k), kind, do_normalize=normal, **settings)
        for k, (name, (kind, settings, normal)) in enumerate(MODELS.items())
    }


def sound(seconds: float, seed: int = 0, offset: float = 0.3) -> np.ndarray:
    """Noise that swells and fades, away from zero: without normalisation every model would hear another signal."""
    n = int(16_000 * seconds)
    swell = 0.2 + np.sin(2 * np.pi * 0.4 * np.arange(n) / 16_000) ** 2
    return (np.random.default_rng(seed).normal(size=n) * swell * 0.1 + offset).astype(np.float32)


@torch.no_grad()
def theirs(folder, *sounds: np.ndarray, mask: bool = False) -> np.ndarray:
    """(batch, feature, frame) of transformers' own feature extractor and model."""
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    given = extractor(list(sounds), sampling_rate=16_000, return_tensors="pt", padding=True, return_attention_mask=mask)
    return model(**given).last_hidden_state.transpose(1, 2).numpy()


def assert_same(ours, wanted):
    """Equal in float32: within a hundred-thousandth of the largest value. Kernels differ between processors in the last digits."""
    assert np.abs(ours - wanted).max() <= 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize("name", MODELS)
def test_frames_of_a_stimulus_are_those_of_transformers(folders, name):
    heard = sound(1.51)
    frames = SpeechFrontend(folders[name])(heard, 16_000, "audio")
    wanted = theirs(folders[name], heard)[0]
    assert frames.shape == (24, 76) and frames.dtype == np.float32
    assert_same(frames[:, : wanted.shape[1]], wanted)
    assert wanted.shape[1] == 75  # the last frame would see past the end; ours repeats the one before
    np.testing.assert_array_equal(frames[:, 75], frames[:, 74])


@pytest.mark.parametrize("name", ["wav2vec2, layer norm", "hubert, layer norm"])
def test_a_batch_with_padding_and_mask_gives_the_frames_of_each_alone(folders, name):
    """transformers' padded batch against ours, which never pads; the frame at the seam of sound and padding is theirs alone."""
    frontend, short, long = SpeechFrontend(folders[name]), sound(1.01, 1), sound(2.01, 2)
    batch = theirs(folders[name], short, long, mask=True)
    assert_same(frontend(short, 16_000, "audio")[:, :50], batch[0, :, :50])
    assert_same(frontend(long, 16_000, "audio")[:, :100], batch[1, :, :100])


def test_a_norm_over_time_hears_padding_in_transformers_and_not_here(folders):
    folder = folders["wav2vec2, norm over time"]
    short, long = sound(1.01, 1), sound(2.01, 2)
    alone, batch = theirs(folder, short)[0, :, :50], theirs(folder, short, long)[0, :, :50]
    assert np.abs(alone - batch).max() > 1e-2
    frontend = SpeechFrontend(folder)
    before = frontend(short, 16_000, "audio")
    frontend(long, 16_000, "audio")
    np.testing.assert_array_equal(frontend(short, 16_000, "audio"), before)
    assert_same(before[:, :50], alone)


@pytest.mark.parametrize("name", ["wav2vec2, norm over time", "wav2vec2, layer norm"])
def test_pieces_equal_the_whole_where_attention_reaches_no_further(folders, tmp_path, name):
    """With attention shut off, cutting changes nothing: what is left in a real model is attention's reach alone."""
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(folders[name], tmp_path / "deaf")
    weights = load_file(folder / "model.safetensors")
    deaf = {key: w * 0 if "attention.out_proj" in key else w for key, w in weights.items()}
    save_file(deaf, folder / "model.safetensors", metadata={"format": "pt"})
    heard = sound(5.3)
    whole = SpeechFrontend(folder)(heard, 16_000, "audio")
    pieces = SpeechFrontend(folder, piece_s=1.0, overlap_s=0.5)(heard, 16_000, "audio")
    assert pieces.shape == whole.shape == (24, 265)
    np.testing.assert_allclose(pieces, whole, atol=2e-5)
    real = SpeechFrontend(folders[name], piece_s=1.0, overlap_s=0.5)(heard, 16_000, "audio")
    reference = SpeechFrontend(folders[name])(heard, 16_000, "audio")
    assert np.sqrt(np.mean((real - reference) ** 2)) < 0.2 * reference.std()


def test_a_second_short_stimulus_is_not_heard_through_the_first_ones_norm(folders):
    frontend = SpeechFrontend(folders["wav2vec2, norm over time"], piece_s=1.0, overlap_s=0.5)
    short = sound(0.7, 3)
    before = frontend(short, 16_000, "audio")
    frontend(sound(4.0, 4) * 5, 16_000, "audio")
    np.testing.assert_array_equal(frontend(short, 16_000, "audio"), before)


def test_other_rates_and_the_shortest_sounds_have_their_frames(folders):
    frontend = SpeechFrontend(folders["wav2vec2, norm over time"])
    assert frontend(np.random.default_rng(0).normal(size=44_100), 44_100, "audio").shape == (24, 50)
    assert frontend(np.ones(7), 16_000, "audio").shape == (24, 1)
    assert frontend(np.ones(0), 16_000, "audio").shape == (24, 0)


def test_frames_do_not_move_the_draws_of_a_training(folders):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    SpeechFrontend(folders["wavlm"])(sound(0.5), 16_000, "audio")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_fingerprint_follows_weights_settings_and_normalisation(folders, tmp_path):
    base = speech_folder(tmp_path / "a")
    prints = [SpeechFrontend(base).fingerprint(), SpeechFrontend(base, piece_s=10.0).fingerprint()]
    prints.append(SpeechFrontend(speech_folder(tmp_path / "b", seed=1)).fingerprint())
    prints.append(SpeechFrontend(speech_folder(tmp_path / "c", do_normalize=False)).fingerprint())
    prints.append(SpeechFrontend(speech_folder(tmp_path / "d", layer_norm_eps=1e-3)).fingerprint())
    assert len(set(prints)) == len(prints)
    assert SpeechFrontend(shutil.copytree(base, tmp_path / "copy")).fingerprint() == prints[0]


def test_weights_with_a_head_and_older_names_are_taken(folders, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(folders["wav2vec2, norm over time"], tmp_path / "older")
    named = {}
    for name, tensor in load_file(folder / "model.safetensors").items():
        older = name.replace(".parametrizations.weight.original0", ".weight_g")
        named["wav2vec2." + older.replace(".parametrizations.weight.original1", ".weight_v")] = tensor
    (folder / "model.safetensors").unlink()
    torch.save(named | {"lm_head.weight": torch.zeros(8, 24)}, folder / "pytorch_model.bin")
    heard = sound(0.5)
    wanted = SpeechFrontend(folders["wav2vec2, norm over time"])(heard, 16_000, "audio")
    np.testing.assert_array_equal(Wav2Vec2Frontend(folder)(heard, 16_000, "audio"), wanted)
    save_file(named, folder / "model.safetensors")
    np.testing.assert_array_equal(Wav2Vec2Frontend(folder)(heard, 16_000, "audio"), wanted)


def edited(folder, where, file: str, **values):
    """A copy with values of one JSON file replaced; None takes the key away."""
    copy = shutil.copytree(folder, where)
    old = json.loads((copy / file).read_text()) | values
    (copy / file).write_text(json.dumps({name: value for name, value in old.items() if value is not None}))
    return copy


BAD_CONFIG = {
    "code of its own": ({"auto_map": {"AutoModel": "evil.Model"}}, "auto_map"),
    "quantised": ({"quantization_config": {"quant_method": "x"}}, "quantization_config"),
    "no type": ({"model_type": None}, "model_type"),
    "a type nobody knows": ({"model_type": "wav2vec9"}, "wav2vec9"),
    "other frames": ({"conv_stride": [5, 2, 2, 2, 2, 2, 1]}, "320"),
    "an adapter": ({"add_adapter": True}, "320"),
    "a text model": ({"model_type": "bert", "conv_stride": None}, "no convolutions"),
    "another shape": ({"intermediate_size": 40}, "do not fit"),
    "another depth": ({"num_hidden_layers": 3}, "not in the file"),
}


@pytest.mark.parametrize("what", BAD_CONFIG)
def test_a_config_that_does_not_fit_is_refused_in_a_sentence(folders, tmp_path, what):
    values, said = BAD_CONFIG[what]
    folder = edited(folders["wav2vec2, norm over time"], tmp_path / "bad", "config.json", **values)
    with pytest.raises(BadInput, match=said) as caught:
        SpeechFrontend(folder)(sound(0.1), 16_000, "audio")
    assert "\n" not in str(caught.value)


class Hostile:
    def __init__(self, target) -> None:
        self.target = str(target)

    def __reduce__(self):
        return (open, (self.target, "w"))


def test_a_pickle_that_would_run_code_is_refused_and_runs_none(folders, tmp_path):
    folder = shutil.copytree(folders["wav2vec2, norm over time"], tmp_path / "hostile")
    (folder / "model.safetensors").unlink()
    for number, write in enumerate((torch.save, lambda value, path: path.write_bytes(pickle.dumps(value, protocol=2)))):
        write({"wav2vec2.x": Hostile(tmp_path / "touched")}, folder / "pytorch_model.bin")
        with pytest.raises(BadInput, match="nothing else"):
            SpeechFrontend(folder)(sound(0.1), 16_000, "audio")
        assert not (tmp_path / "touched").exists(), number


def test_what_is_missing_or_of_another_kind_is_named(folders, tmp_path):
    good = folders["wav2vec2, norm over time"]
    with pytest.raises(BadInput, match=r"config\.json"):
        SpeechFrontend(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="wanted a hubert model"):
        HubertFrontend(good)
    with pytest.raises(BadInput, match="wanted a wav2vec2 model"):
        Wav2Vec2Frontend(folders["hubert, layer norm"])
    with pytest.raises(BadInput, match="8000"):
        SpeechFrontend(edited(good, tmp_path / "slow", "preprocessor_config.json", sampling_rate=8000))
    with pytest.raises(BadInput, match="envelope"):
        SpeechFrontend(good)(np.ones(100), 64.0, "envelope")
    copy = shutil.copytree(good, tmp_path / "copy")
    (copy / "preprocessor_config.json").unlink()
    with pytest.raises(BadInput, match="preprocessor_config"):
        SpeechFrontend(copy)
    (copy / "model.safetensors").write_bytes(b"\xff" * 100)
    shutil.copy(good / "preprocessor_config.json", copy)
    with pytest.raises(BadInput, match="nothing else"):
        SpeechFrontend(copy)(sound(0.1), 16_000, "audio")
    (copy / "model.safetensors").unlink()
    with pytest.raises(BadInput, match=r"model\.safetensors or"):
        SpeechFrontend(copy)


def test_nothing_is_fetched_at_import_and_a_hub_name_without_a_connection_is_refused_in_a_sentence(tmp_path):
    """In a process of its own: the library reads its switches when it is imported."""
    code = (
        "import sys\nfrom mindleaf.encoders.speech import SpeechFrontend\nfrom mindleaf.errors import BadInput\n"
        "assert not {'transformers', 'huggingface_hub'} & set(sys.modules)\n"
        "for name in ('hub:someone/no-such-model', 'hub:', 'hub:a/b/c'):\n"
        "    try:\n        SpeechFrontend(name)\n    except BadInput as error:\n        print(error)\n"
    )
    settings = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | settings, capture_output=True, text=True, check=True)
    lines = done.stdout.strip().splitlines()
    assert len(lines) == 3 and all(line.startswith("hub:") and "local folder" in line for line in lines)


def test_the_base_models_have_the_papers_size():
    for kind in ("Wav2Vec2", "Hubert"):
        with torch.device("meta"):
            model = getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")())
        assert sum(p.numel() for p in model.parameters()) == 94_371_712


def test_samples_come_as_they_are_320_a_frame():
    heard = sound(0.051)
    frames = SamplesFrontend()(heard, 16_000, "audio")
    assert frames.shape == (320, 3)
    np.testing.assert_array_equal(frames.T.ravel()[: len(heard)], heard)
    assert not frames.T.ravel()[len(heard) :].any()
    assert SamplesFrontend()(sound(1.0)[:8000], 8_000, "audio").shape == (320, 50)
    with pytest.raises(BadInput, match="envelope"):
        SamplesFrontend()(heard, 64.0, "envelope")
    assert SamplesFrontend().fingerprint() != MelFrontend().fingerprint()
