import json

import pytest
import torch

from mindleaf.errors import BadInput, ReadError
from mindleaf.models.alignment import AlignedConfig
from mindleaf.models.classifier import ClassifierConfig
from mindleaf.models.folder import load_model, save_model, start_from
from mindleaf.models.pretraining import PretrainingConfig
from mindleaf.objectives.codebook import CodebookObjective
from tests.models.small_batches import FACTS, noise_batch
from tests.models.test_alignment import CONFIGS, SMALL


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    model = CONFIGS["frames"].build(FACTS)
    save_model(tmp_path / "run", model, CONFIGS["frames"], FACTS, "# Card\nSaw subjects s1, s2.\n")
    return tmp_path / "run", model.eval()


def test_a_loaded_model_scores_to_the_last_bit_as_the_saved_one(saved):
    folder, model = saved
    loaded = load_model(folder)
    assert loaded.type_name == "aligned"
    assert loaded.config == CONFIGS["frames"]
    assert loaded.facts == FACTS
    assert "s1" in loaded.card
    batch = noise_batch(2)
    with torch.no_grad():
        assert torch.equal(loaded.model.score(batch), model.score(batch))
    assert sorted(path.name for path in folder.iterdir()) == ["card.md", "config.json", "model.safetensors", "sha256.json"]
    assert [path.name for path in folder.parent.iterdir()] == ["run"]


def test_saving_again_replaces_the_model_and_keeps_other_files(saved):
    folder, model = saved
    (folder / "log.jsonl").write_text("{}\n")
    with torch.no_grad():
        model.logit_scale.log_scale.fill_(1.0)
    save_model(folder, model, CONFIGS["frames"], FACTS, "second")
    assert load_model(folder).model.logit_scale.log_scale.item() == 1.0
    assert (folder / "log.jsonl").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["run"]


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "card.md"])
def test_a_changed_file_is_refused_by_name(saved, name):
    folder, _ = saved
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ReadError, match=name):
        load_model(folder)


def test_a_missing_file_a_missing_folder_and_a_pickle_are_refused(saved, tmp_path):
    folder, _ = saved
    (folder / "model.safetensors").rename(folder / "model.pt")
    with pytest.raises(ReadError, match="run code"):
        load_model(folder)
    (folder / "model.pt").unlink()
    with pytest.raises(ReadError, match=r"model\.safetensors is missing"):
        load_model(folder)
    with pytest.raises(ReadError, match="found none"):
        load_model(tmp_path / "nowhere")


def rewrite(folder, change) -> None:
    """Change config.json and its hash, as someone with an editor would."""
    import hashlib

    description = json.loads((folder / "config.json").read_text())
    change(description)
    content = json.dumps(description).encode()
    (folder / "config.json").write_bytes(content)
    hashes = json.loads((folder / "sha256.json").read_text())
    (folder / "sha256.json").write_text(json.dumps({**hashes, "config.json": hashlib.sha256(content).hexdigest()}))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.update(type="os:system"), "unknown type"),
        (lambda d: d.update(format=99), "format 99"),
        (lambda d: d.pop("facts"), "facts"),
        (lambda d: d["config"].update(dims=16), "do not fill"),
        (lambda d: d["config"].update(surprise=1), "surprise"),
        (lambda d: d["facts"].update(electrode_table="000000000000"), "electrode table"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(saved, change, says):
    folder, _ = saved
    rewrite(folder, change)
    with pytest.raises(ReadError, match=says):
        load_model(folder)


def test_an_encoder_goes_from_stage_to_stage_whole(tmp_path):
    torch.manual_seed(0)
    config = PretrainingConfig(encoder=SMALL, spectral_depth=1)
    pretrained = config.build(FACTS)
    CodebookObjective()(pretrained.train(), noise_batch(4), 0)
    save_model(tmp_path / "pretrain", pretrained, config, FACTS, "")
    classifier = ClassifierConfig(encoder=SMALL).build(FACTS)
    assert start_from(classifier, tmp_path / "pretrain") == ["encoder"]
    for name, value in pretrained.encoder.state_dict().items():
        assert torch.equal(value, classifier.encoder.state_dict()[name]), name
    wider = AlignedConfig(encoder=SMALL.model_copy(update={"width": 32}), dims=8).build(FACTS)
    with pytest.raises(ReadError, match="preset"):
        start_from(wider, tmp_path / "pretrain")
    with pytest.raises(BadInput, match="shares a part"):
        start_from(AlignedConfig.preset("linear").build(FACTS), tmp_path / "pretrain")
