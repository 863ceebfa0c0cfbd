"""Models go to a folder and to a hub on loopback and come back; what could run code does not come in."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
import yaml

import mindleaf as ml
from mindleaf.errors import BadInput, ReadError
from mindleaf.models.classifier import ClassifierConfig
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import save_model
from mindleaf.store.exposure import Exposure
from tests.adapters.hub_server import hub

NAME = "someone/mindmix"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A RUN with what training leaves beside the model."""
    folder = tmp_path_factory.mktemp("hub") / "run"
    config, facts = ClassifierConfig.preset("tiny"), ModelFacts(classes=("rest", "task"))
    save_model(folder, config.build(facts), config, facts, "# MindMix\n\nIts own card.\n")
    Exposure(subjects=("eegmat/01", "eegmat/02", "mine/01")).write(folder / "exposure.json")
    (folder / "log.jsonl").write_text("{}\n")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "10.pt").write_bytes(b"no business of anyone else")
    return folder


@pytest.fixture
def server(tmp_path, monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants")
    with hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        yield running


def same(one: ml.load_model, other) -> bool:
    states = one.model.state_dict(), other.model.state_dict()
    return states[0].keys() == states[1].keys() and all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_folder_holds_the_model_a_page_and_nothing_else(run, tmp_path):
    out = ml.push_to_hub(run, tmp_path / "out", licence="cc-by-4.0")
    assert {path.name for path in Path(out).iterdir()} == {
        "config.json", "model.safetensors", "card.md", "sha256.json", "README.md", "exposure.json"
    }  # fmt: skip
    assert same(ml.load_model(out), ml.load_model(run))
    _, head, body = (Path(out) / "README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(head) == {"license": "cc-by-4.0", "library_name": "mindleaf", "tags": ["eeg", "mindleaf", "classifier"]}
    assert "Its own card." in body and "eegmat: 2 subject(s)" in body and "mine: 1 subject(s); terms not known" in body
    with pytest.raises(BadInput, match="holds something already"):
        ml.push_to_hub(run, out, licence="cc-by-4.0")
    with pytest.raises(BadInput, match="licence"):
        ml.push_to_hub(run, tmp_path / "other", licence=" ")


def test_a_loaded_model_is_written_too(run, tmp_path):
    loaded = ml.load_model(run)
    out = ml.push_to_hub(loaded, tmp_path / "out", licence="bsd-3-clause")
    assert same(ml.load_model(out), loaded)


def test_a_model_goes_to_the_hub_and_comes_back(run, server):
    assert ml.push_to_hub(run, f"hf:{NAME}", licence="cc-by-4.0") == f"hf:{NAME}"
    kept = server.repositories[NAME]
    assert set(kept) >= {"config.json", "model.safetensors", "card.md", "sha256.json", "README.md"}
    assert not any("checkpoints" in name or "log" in name for name in kept)
    loaded = ml.load_model(f"hf:{NAME}")
    assert same(loaded, ml.load_model(run)) and not loaded.model.training and "Its own card." in loaded.card
    assert not any("README" in line for line in server.asked if "/resolve/" in line)
    assert same(ml.load_model(f"hf:{NAME}@main"), loaded)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "modeling.py", "deep/inside.pkl", "handler.py", "model.onnx"])
def test_anything_else_in_a_repository_is_refused_before_it_is_fetched(run, server, name):
    files = {path.name: path.read_bytes() for path in run.iterdir() if path.suffix in (".json", ".md", ".safetensors")}
    server.repositories[NAME] = {**files, name: pickle.dumps("boom")}
    with pytest.raises(BadInput, match=f"holds {name}") as caught:
        ml.load_model(f"hf:{NAME}")
    assert "\n" not in str(caught.value) and not any("/resolve/" in line for line in server.asked)


@pytest.mark.parametrize("key", ["auto_map", "custom_pipelines"])
def test_a_config_that_sends_to_code_is_refused(run, server, tmp_path, key):
    files = {path.name: path.read_bytes() for path in run.iterdir() if path.suffix in (".json", ".md", ".safetensors")}
    config = json.dumps(json.loads(files["config.json"]) | {key: {"AutoModel": "modeling.Model"}}).encode()
    server.repositories[NAME] = {**files, "config.json": config}
    folder = tmp_path / "local"
    folder.mkdir()
    for name, content in server.repositories[NAME].items():
        (folder / name).write_bytes(content)
    for source in (f"hf:{NAME}", folder):
        with pytest.raises(BadInput, match=key):
            ml.load_model(source)


def test_a_pickle_beside_the_weights_of_a_folder_is_refused(run, tmp_path):
    out = Path(ml.push_to_hub(run, tmp_path / "out", licence="cc-by-4.0"))
    (out / "pytorch_model.bin").write_bytes(pickle.dumps("boom"))
    with pytest.raises(BadInput, match=r"holds pytorch_model\.bin"):
        ml.load_model(out)


def test_what_the_hub_does_not_give_is_told_in_one_sentence(run, server):
    server.repositories[NAME] = {"config.json": b"{}"}
    server.repositories["someone/cut"] = {
        path.name: path.read_bytes()[:-9] for path in run.iterdir() if path.suffix in (".json", ".md", ".safetensors")
    }
    for name, sentence in {
        "someone/else": "gave no such model",
        NAME: "has no card.md",
        "not a name": "gave no such model",
    }.items():
        with pytest.raises(BadInput, match=sentence) as caught:
            ml.load_model(f"hf:{name}")
        assert "\n" not in str(caught.value)
    with pytest.raises(ReadError):
        ml.load_model("hf:someone/cut")


def test_without_a_hub_it_says_so(run, server, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(BadInput, match="check the name, the connection"):
        ml.load_model(f"hf:{NAME}")
    with pytest.raises(BadInput, match="took no model"):
        ml.push_to_hub(run, f"hf:{NAME}", licence="cc-by-4.0")
