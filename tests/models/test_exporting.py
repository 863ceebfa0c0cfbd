"""Exported models answer as the models they came from, and refuse what they were not made for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch._dynamo.utils import counters

import mindleaf as ml
from mindleaf.batch import Batch
from mindleaf.encoders.leaf import LeafConfig
from mindleaf.encoders.mindmix import MindMixConfig
from mindleaf.errors import BadInput, ReadError
from mindleaf.models.alignment import AlignedConfig
from mindleaf.models.classifier import ClassifierConfig
from mindleaf.models.embedding import embedded
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import LoadedModel, load_model, save_model
from mindleaf.models.multimodal import MultimodalConfig
from mindleaf.models.pretraining import PretrainingConfig
from mindleaf.models.spectral_temporal import SpectralTemporalConfig
from mindleaf.montage import Montage
from mindleaf.preprocessing.filtering import z_score
from mindleaf.preprocessing.robust import robust_scale
from mindleaf.stages.export import TEN_TWENTY, ExportConfig, export
from tests.models.small_batches import FACTS

pytest.importorskip("onnxscript")

SMALL = MindMixConfig(width=16, depth=1, heads=2, hidden=32, n_codes=16, code_width=8, drop_path=0.0, vq_input="bypass")
TOWER = LeafConfig(width=16, depth=1, heads=2, hidden=16, filters=4, dropout=0.0)
#: Name -> config, channels (empty for the default), seconds.
CASES = {
    "classifier": (ClassifierConfig(encoder=SMALL, power_filters=4), (), 2.0),
    "pretraining": (PretrainingConfig(encoder=SMALL, spectral_depth=1), ("O1", "Cz", "my own", "Fp1"), 3.5),
    "spectral_temporal": (SpectralTemporalConfig(encoder=TOWER), ("Fz", "Cz", "Pz", "C3", "C4"), 1.5),
}
SIZES = (1, 2, 31, 100, 200)


def saved(folder, config, facts: ModelFacts = FACTS):
    torch.manual_seed(0)
    model = config.build(facts)
    for parameter in model.parameters():
        if parameter.ndim == 0:  # gates begin at zero and would hide the encoder
            parameter.data.fill_(0.7)
    save_model(folder, model, config, facts, "# Card\n")
    return folder


@pytest.fixture(scope="module", params=CASES)
def made(request, tmp_path_factory):
    """The loaded model and its file in ONNX."""
    config, channels, seconds = CASES[request.param]
    folder = tmp_path_factory.mktemp("export")
    run = saved(folder / "run", config)
    export(run, "onnx", folder / "model.onnx", ExportConfig(channels=channels, window_s=seconds, licence="cc-by-4.0"))
    return load_model(run), ml.load_exported(folder / "model.onnx")


def windows(n: int, exported, seed: int) -> np.ndarray:
    facts = exported.facts
    draw = np.random.default_rng(seed).standard_normal((n, len(facts.channels), facts.n_times))
    return (15 * draw + 30).astype(np.float32)


def as_read(signal: np.ndarray, exported) -> Batch:
    """A batch as a store would give it: scaled, and masked where flat."""
    montage, whole = Montage.from_names(exported.facts.channels)[0], np.concatenate(list(signal), axis=1)
    if exported.facts.pipeline.normalise == "recording":
        scale = robust_scale(lambda first, last: whole[:, first:last].T, whole.shape[1])
        eeg = torch.from_numpy(scale.apply(signal, np.arange(len(montage))))
    else:
        eeg = torch.from_numpy(z_score(signal))
    n = len(eeg)
    return Batch(
        eeg=eeg, channel_index=torch.tensor(montage.nearest_indices).expand(n, -1),
        positions=torch.tensor(np.nan_to_num(montage.positions)).float().expand(n, -1, -1), channel_mask=eeg.abs().amax(-1) > 0,
    )  # fmt: skip


def answer(loaded: LoadedModel, batch: Batch) -> np.ndarray:
    with torch.inference_mode():
        out = loaded.model(batch) if loaded.type_name == "classifier" else embedded(loaded.model.encoder, batch)
    return out.numpy()


@pytest.mark.filterwarnings("ignore:.*electrodes are interpolated")
def test_onnx_runtime_answers_as_torch_does(made):
    """With the other two cases 1,002 windows, over lengths, montages and sizes of batches."""
    loaded, exported = made
    for seed, n in enumerate(SIZES):
        signal = windows(n, exported, seed)
        if exported.facts.pipeline.normalise == "window" and n > 2:
            signal[1, 0], signal[2, 2, 5] = 7.0, np.nan  # flat; missing: left out as in training
        clean = signal.copy()
        clean[~np.isfinite(clean).all(axis=-1)] = 0.0
        came = exported(signal, exported.facts.channels, 200.0)
        np.testing.assert_allclose(came, answer(loaded, as_read(clean, exported)), atol=1e-4, rtol=0)
    assert len(CASES) * sum(SIZES) >= 1000


@pytest.mark.filterwarnings("ignore:.*electrodes are interpolated")
def test_channels_go_by_name_and_the_unit_of_z_scored_eeg_does_not_matter(made):
    _, exported = made
    names, signal = exported.facts.channels, windows(4, exported, 9)
    order = np.random.default_rng(1).permutation(len(names))
    shuffled = exported(signal[:, order], [names[k] for k in order], 200.0)
    assert np.array_equal(shuffled, exported(signal, names, 200.0))
    old = {"T7": "T3", "P7": "T5"}
    assert np.array_equal(exported(signal, [old.get(name, name) for name in names], 200.0), exported(signal, names, 200.0))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"unit": "V"}, "wanted EEG in uV, got 'V'"),
        ({"sfreq": 256.0}, "wanted 200 Hz, got 256 Hz"),
        ({"n_times": -1}, "samples"),
        ({"channels": "missing"}, "lacks"),
        ({"channels": "other"}, "lacks"),
        ({"channels": "extra"}, "beside them"),
    ],
)
def test_another_unit_rate_length_or_montage_is_refused(made, change, says):
    _, exported = made
    names, signal = list(exported.facts.channels), windows(2, exported, 0)
    if "n_times" in change:
        signal = signal[..., : change.pop("n_times")]
        change["n_times"] = -1
    kind = change.get("channels")
    if kind == "missing":
        names, signal = names[1:], signal[:, 1:]
    if kind == "other":
        names[0] = "Iz"
    if kind == "extra":
        names, signal = [*names, "Iz"], np.concatenate([signal, signal[:, :1]], axis=1)
    with pytest.raises(BadInput, match=says):
        exported(signal, names, change.get("sfreq", 200.0), change.get("unit", "uV"))


def test_the_file_says_what_it_holds_and_nothing_of_where_it_was_made(made, tmp_path):
    loaded, exported = made
    facts = exported.facts
    assert facts.type == loaded.type_name and facts.licence == "cc-by-4.0" and len(exported.sha256) == 64
    assert facts.output == ("logits" if facts.type == "classifier" else "embedding") and facts.fidelity == "exact"
    assert facts.classes == (("rest", "task") if facts.type == "classifier" else ())
    assert facts.channels == (CASES[facts.type][1] or TEN_TWENTY)
    assert ("window" in facts.by_runner) == (facts.pipeline.normalise == "recording")


def test_torch_and_int8_files_answer_too(tmp_path):
    config, _, _ = CASES["classifier"]
    run = saved(tmp_path / "run", config)
    told = {
        kind: export(run, kind, tmp_path / f"model.{kind}", ExportConfig(channels=("Fz", "Cz", "Pz")))
        for kind in ("torch", "onnx-int8")
    }
    exact, small = (ml.load_exported(tmp_path / f"model.{kind}") for kind in told)
    for n in (1, 5):
        signal = windows(n, exact, n)
        wanted = answer(load_model(run), as_read(signal, exact))
        np.testing.assert_allclose(exact(signal, exact.facts.channels, 200.0), wanted, atol=1e-5)
        np.testing.assert_allclose(small(signal, small.facts.channels, 200.0), wanted, atol=0.05 * np.abs(wanted).max() + 1e-3)
    assert small.facts.precision == "int8" and small.facts.fidelity == "unmeasured" and small.facts.cosine is None
    assert "unmeasured" in told["onnx-int8"]
    for kind in told:
        content = (tmp_path / f"model.{kind}").read_bytes()
        assert b".py" not in content and str(tmp_path).encode() not in content


def test_a_flat_channel_is_no_input_of_a_leaf_file(made):
    _, exported = made
    signal = windows(3, exported, 0)
    signal[1, 1] = 0.0
    if exported.facts.pipeline.normalise == "window":
        assert np.isfinite(exported(signal, exported.facts.channels, 200.0)).all()
    else:
        with pytest.raises(BadInput, match="flat"):
            exported(signal, exported.facts.channels, 200.0)


def test_what_cannot_be_exported_is_said_in_one_sentence(tmp_path):
    hearing = MultimodalConfig(reader=ClassifierConfig(encoder=None, power_filters=4))
    with pytest.raises(BadInput, match="hears sound"):
        export(saved(tmp_path / "both", hearing), "onnx", tmp_path / "x.onnx")
    run = saved(tmp_path / "run", CASES["classifier"][0])
    with pytest.raises(BadInput, match="--format wants"):
        export(run, "tflite", tmp_path / "x")
    with pytest.raises(BadInput, match="folder"):
        export(run, "onnx", tmp_path)
    folds = tmp_path / "folds"
    folds.mkdir()
    (folds / "folds.json").write_text("{}")
    with pytest.raises(BadInput, match="a model for each fold"):
        export(folds, "onnx", tmp_path / "x.onnx")
    with pytest.raises(ReadError, match="found none"):
        export(tmp_path / "nothing", "onnx", tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()


def test_the_eeg_side_of_an_alignment_comes_out_frame_by_frame(tmp_path):
    config = AlignedConfig(encoder=SMALL, dims=8, heads=2, hidden=8, rank=4)
    run = saved(tmp_path / "run", config)
    export(run, "torch", tmp_path / "model.pt2", ExportConfig(channels=("Fz", "Cz")))
    exported = ml.load_exported(tmp_path / "model.pt2")
    signal = windows(3, exported, 0)
    batch = replace(as_read(signal, exported))
    with torch.inference_mode():
        wanted = load_model(run).model.eeg_items(batch, 100)[0].numpy()
    assert wanted.shape == (3, 100, 8) and exported.facts.axes == ("batch", "frame", "dim")
    np.testing.assert_allclose(exported(signal, ("Fz", "Cz"), 200.0), wanted, atol=1e-5)


def two_formats(folder):
    run = saved(folder / "run", AlignedConfig(encoder=SMALL, dims=8, heads=2, hidden=8, rank=4))
    for kind in ("torch", "onnx"):
        export(run, kind, folder / kind, ExportConfig(channels=("Fz", "Cz")))


@pytest.mark.slow  # A compiler's minute.
def test_a_compiled_torch_file_says_the_same_with_its_weights_packed(tmp_path):
    counters.clear()
    two_formats(tmp_path)
    plain, compiled = ml.load_exported(tmp_path / "torch"), ml.load_exported(tmp_path / "torch", compiled=True)
    for n_windows in (3, 1, 5):
        signal = windows(n_windows, plain, 0)
        np.testing.assert_allclose(compiled(signal, ("Fz", "Cz"), 200.0), plain(signal, ("Fz", "Cz"), 200.0), atol=1e-5)
    assert counters["inductor"]["mkldnn_linear_weight_pack_matcher_count"] > 0


def test_an_onnx_file_cannot_be_compiled(tmp_path):
    two_formats(tmp_path)
    with pytest.raises(BadInput, match="compiled wants a torch file, this is ONNX"):
        ml.load_exported(tmp_path / "onnx", compiled=True)
