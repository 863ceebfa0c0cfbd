"""Models that ship: float16 in the file, asked for by name wherever a RUN is, and known by what they have seen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import mindleaf as ml
from mindleaf.errors import BadInput
from mindleaf.models import shipped
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import load_model, save_model, type_in
from mindleaf.models.pretraining import PretrainingConfig
from mindleaf.models.spectral_temporal import SpectralTemporalConfig
from mindleaf.preprocessing.pipeline import LEAF, MINDMIX
from mindleaf.protocols import PROTOCOLS, write_folds
from mindleaf.stages.run_folder import read_exposure
from mindleaf.store.exposure import exposure
from mindleaf.store.store import Store
from tests.stages.command import FEW_ALIGN_STEPS, FEW_READER_STEPS, mindleaf, worked
from tests.stages.two_data_sets import MANY, listeners, rhythms

KINDS = {"codes": (PretrainingConfig.preset("tiny"), MINDMIX), "waves": (SpectralTemporalConfig.preset("tiny"), LEAF)}


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    """Five people with labels; the models have seen two of them."""
    return rhythms(tmp_path_factory.mktemp("people") / "store", "people", {"slow": 6.0, "fast": 20.0}, MANY, n_subjects=5)


@pytest.fixture
def home(tmp_path, monkeypatch, store) -> Path:
    """A package that ships two small models."""
    rows = store.recording_windows(2.0)
    seen = exposure(store, rows[rows["subject"].isin(sorted(set(rows["subject"]))[:2])])
    for name, (config, pipeline) in KINDS.items():
        facts = ModelFacts(sfreq=pipeline.sfreq)
        torch.manual_seed(0)
        save_model(tmp_path / "home" / name, config.build(facts), config, facts, f"card of {name}", half=True)
        seen.write(tmp_path / "home" / name / "exposure.json")
    monkeypatch.setattr(shipped, "_HOME", tmp_path / "home")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_half_the_bytes_come_back_as_float32_rounded_once_and_whole_numbers_as_they_are(home, tmp_path):
    config, _ = KINDS["codes"]
    facts = ModelFacts(sfreq=MINDMIX.sfreq)
    torch.manual_seed(0)
    model = config.build(facts)
    save_model(tmp_path / "whole", model, config, facts, "")
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (tmp_path / "whole", home / "codes")]
    assert sizes[1] < 0.6 * sizes[0]
    stored, back = load_file(home / "codes" / "model.safetensors"), load_model(home / "codes").model.state_dict()
    for name, value in model.state_dict().items():
        assert back[name].dtype == value.dtype, name
        if value.is_floating_point():
            assert stored[name].dtype == torch.float16
            assert torch.equal(back[name], value.half().float()), name
        else:
            assert torch.equal(back[name], value), name


def test_a_name_stands_for_the_folder_inside_the_package(home):
    assert shipped.shipped() == ["codes", "waves"] and ml.load_model("codes").card == "card of codes"
    assert (type_in(Path("waves")), read_exposure(Path("waves"))) == ("spectral_temporal", read_exposure(home / "waves"))
    assert json.loads(worked("list", "models", "--json").out) == ["codes", "waves"]


def test_a_folder_that_is_there_goes_before_a_name_that_ships(home):
    config, facts = KINDS["codes"][0], ModelFacts(sfreq=MINDMIX.sfreq)
    save_model(Path("codes"), config.build(facts), config, facts, "my own")
    assert ml.load_model("codes").card == "my own"


def test_a_changed_byte_of_what_ships_is_refused(home):
    content = bytearray((home / "codes" / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (home / "codes" / "model.safetensors").write_bytes(content)
    with pytest.raises(BadInput, match="sha256"):
        ml.load_model("codes")


_QUESTION = ("--task", "classify", "--protocol", "cross_subject", "--set", "protocol.n_folds=2")


@pytest.mark.parametrize(
    "words",
    [
        ("align", "mindmix-tiny", "--store", "STORE", "--start", "cods"),
        ("align", "leaf-tiny", "--store", "STORE", "--start", "cods"),
        ("finetune", "mindmix-tiny", "--store", "STORE", "--start", "cods", *_QUESTION),
        ("evaluate", "--store", "STORE", "--model", "cods", *_QUESTION),
        ("evaluate", "--store", "STORE", "--model", "mindmix", "--set", "mindmix.start=cods", *_QUESTION),
        ("predict", "--model", "cods", "--input", "STORE"),
        ("embed", "--model", "cods", "--input", "STORE"),
        ("export", "--model", "cods"),
    ],
    ids=lambda words: "-".join(words[:2]),
)
def test_a_mistyped_name_is_one_sentence_that_lists_those_that_ship(words, home, store, tmp_path):
    heard = listeners(tmp_path / "heard", "heard", MANY)
    path = heard.path if words[1] == "mindmix-tiny" and words[0] == "align" else store.path
    said = mindleaf(*(path if word == "STORE" else word for word in words), "--out", tmp_path / "out").complaint
    assert "cods" in said and "codes, waves" in said
    assert not (tmp_path / "out").exists()


def test_a_mistyped_name_in_python_is_the_same_sentence(home):
    with pytest.raises(BadInput, match=r"cods: .*\(codes, waves\)"):
        ml.load_model("cods")


@pytest.mark.parametrize("recipe", ["mindmix-tiny", "leaf-tiny"])
def test_finetune_starts_from_a_name_and_its_folds_know_what_that_had_seen(recipe, home, store, tmp_path):
    name, owner = ("codes", "mindmix") if recipe == "mindmix-tiny" else ("waves", "leaf")
    few = ("--set", f"{owner}.training.steps=1", "--set", f"{owner}.training.batch_size=8")
    worked("finetune", recipe, "--store", store.path, "--start", name, *_QUESTION, *few, "--out", tmp_path / "run")
    seen = read_exposure(tmp_path / "run" / "folds" / "000")
    assert set(read_exposure(home / name).subjects) <= set(seen.subjects)


def test_align_starts_from_a_name(home, tmp_path):
    heard = listeners(tmp_path / "heard", "heard", MANY)
    worked("align", "mindmix-tiny", "--store", heard.path, "--start", "codes", *FEW_ALIGN_STEPS, "--out", tmp_path / "run")
    assert set(read_exposure(tmp_path / "run").subjects) == {"people/s0", "people/s1", *(f"heard/s{n}" for n in range(3))}


def test_embed_and_export_take_a_name(home, store, tmp_path):
    worked("embed", "--model", "codes", "--input", store.path, "--out", tmp_path / "codes.npz", "--quiet")
    vectors = np.load(tmp_path / "codes.npz")
    assert vectors["embedding"].shape == (5 * 24, 64)
    assert set(vectors["seen"][vectors["subject"] == "s0"]) == {"signal"}
    assert set(vectors["seen"][vectors["subject"] == "s4"]) == {"nothing"}
    assert (
        "pretrained only" in mindleaf("predict", "--model", "codes", "--input", store.path, "--out", tmp_path / "x.csv").complaint
    )
    worked("export", "--model", "codes", "--format", "torch", "--out", tmp_path / "codes.pt2")
    assert (tmp_path / "codes.pt2").is_file()


@pytest.mark.parametrize(("tested", "clean"), [(slice(0, 2), False), (slice(2, 5), True)], ids=["seen", "unseen"])
def test_a_row_tested_on_whom_the_model_saw_is_contaminated_and_no_other(tested, clean, home, store, tmp_path):
    subjects = sorted(set(store.index["subject"]))[tested]
    folds = PROTOCOLS["leave_one_subject_out"]().folds(store.index, 0)
    write_folds(tmp_path / "folds.json", [fold for fold in folds if fold.name in subjects][:1], protocol="leave_one_subject_out")
    worked(
        "evaluate", "--store", store.path, "--model", "codes", "--task", "classify", "--split", tmp_path / "folds.json", *FEW_READER_STEPS,
        "--no-floor", "--out", tmp_path / "out", "--quiet",
    )  # fmt: skip
    status = {row["name"]: row["status"] for row in json.loads((tmp_path / "out" / "results.json").read_text())["systems"]}
    assert status == {"mindmix (codes)": "ok" if clean else "contaminated"}


SHIPPED = ("mindleaf-base", "mindleaf-leaf")
#: What a card has to tell.
TOLD = ("Licence and data", "Held out", "How it was made", "Curves", "Evaluation", "Rounded to float16", "Limits", "Seen in training")  # fmt: skip


def test_the_models_of_this_package_are_there():
    assert set(SHIPPED) <= set(shipped.shipped())


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_is_small_and_its_card_is_whole(name):
    folder = shipped.run_folder(name)
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 15e6
    card = ml.load_model(name).card
    missing = [heading for heading in TOLD if f"\n## {heading}\n" not in card]
    assert not missing and "Not evaluated" not in card
    seen = read_exposure(folder).subjects
    held_out = dict(
        line[2:].split(": ") for line in card.partition("## Held out")[2].partition("##")[0].splitlines() if line[:2] == "- "
    )
    assert {"eegmat", "kalunga2016"} <= set(held_out)
    for data, subjects in held_out.items():
        assert not {f"{data}/{subject}" for subject in subjects.split(", ")} & set(seen)
