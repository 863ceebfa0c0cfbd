"""align both: one space from the command line, what it starts from, what is found in it, and what it refuses."""

from __future__ import annotations

import importlib.util
import json
import shutil

import mne
import numpy as np
import pytest

import mindleaf as ml
from mindleaf.datasets.synthesis.beeps import BeepsConfig
from mindleaf.datasets.synthetic_sounds import write_sounds
from mindleaf.errors import BadInput
from mindleaf.protocols import PROTOCOLS, write_folds
from mindleaf.stages.run_folder import read_exposure
from mindleaf.stages.space_page import EEG_SOUND, EEG_TEXT, IN_TIME, SAME_WORDS, SOUND_TEXT, TEXT_EEG, TEXT_SOUND
from mindleaf.store.store import Store
from tests.stages.command import FEW_ALIGN_STEPS, mindleaf, worked

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*electrodes are interpolated:UserWarning"),
    pytest.mark.skipif(
        importlib.util.find_spec("sentence_transformers") is None, reason="needs the package sentence-transformers"
    ),
]
FEW = (
    "--set", "space.training.steps=4", "--set", "space.training.batch_size=8", "--set", "space.training.checkpoint_every=2",
    "--set", "space.training.validate_every=4", "--device", "cpu", "--quiet",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A store of two listeners and two sounds of each description, and a split that holds out a listener and sounds."""
    folder = tmp_path_factory.mktemp("both")
    write_sounds(folder / "data", BeepsConfig(n_subjects=2, n_sounds=2, n_channels=19, sfreq=128), seed=0)
    worked("prepare", "synthetic_sounds", "--root", folder / "data", "--out", folder / "store", "--quiet")
    store = Store(folder / "store")
    protocol = PROTOCOLS["cross_subject_and_stimulus"](n_folds=2, only=(0,))
    folds = protocol.folds(store.index, 0)
    write_folds(folder / "split.json", folds, protocol=protocol.name, seed=0, store=store.content_sha256)
    worked("align", "both-tiny", "--store", store.path, "--split", folder / "split.json", "--out", folder / "run", *FEW)
    return folder


def test_a_run_of_one_space_says_what_it_is_and_what_it_has_seen(folder):
    run, store = folder / "run", Store(folder / "store")
    loaded, seen = ml.load_model(run), read_exposure(run)
    assert loaded.type_name == "one_space" and loaded.facts.audio == "mel" and len(loaded.facts.tasks[0].classes) == 12
    assert len(seen.subjects) == 1 and 0 < len(seen.stimuli) < len(store.stimuli)
    assert "one space" in (run / "card.md").read_text()
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert len(lines) == 4 and {"in_time", "eeg_text", "sound_text", "eeg_sound", "chance_loss"} <= set(lines[0])
    assert "validation_loss" in lines[-1]


def test_a_broken_off_run_goes_on_where_it_was(folder, tmp_path):
    whole = (
        "align",
        "both-tiny",
        "--store",
        folder / "store",
        "--split",
        folder / "split.json",
        "--out",
        tmp_path / "again",
        *FEW,
    )
    worked(*whole)
    before = json.loads((tmp_path / "again" / "log.jsonl").read_text().splitlines()[-1])
    shutil.rmtree(max((tmp_path / "again" / "checkpoints").iterdir()))
    worked(*whole, "--resume")
    after = json.loads((tmp_path / "again" / "log.jsonl").read_text().splitlines()[-1])
    assert after["total"] == before["total"]
    first = json.loads((folder / "run" / "log.jsonl").read_text().splitlines()[-1])
    assert first["total"] == before["total"], "equal settings, equal numbers"
    assert "already holds a run" in mindleaf(*whole).complaint


def test_explain_asks_in_all_directions_with_noise_beside(folder, tmp_path):
    worked(
        "explain",
        "--store",
        folder / "store",
        "--model",
        folder / "run",
        "--split",
        folder / "split.json",
        "--out",
        tmp_path,
        "--quiet",
    )
    told = json.loads((tmp_path / "table.json").read_text())
    sheet = told["sheets"][0]
    rows = {row[0]: row for row in sheet["rows"]}
    assert set(rows) - {SAME_WORDS} == {TEXT_EEG, EEG_TEXT, EEG_SOUND, IN_TIME, TEXT_SOUND, SOUND_TEXT}
    # Chance deals these very answers out at random: after four steps all EEG may name one description, which may be nobody's.
    assert float(rows[EEG_TEXT][3]) <= 2 / 12 and rows[EEG_TEXT][1] == "12"
    assert rows[EEG_TEXT][4] and not rows[SOUND_TEXT][4], "noise stands in for EEG only"
    assert told["notes"][0] == "The RUN has seen 0 of the 1 subjects." and "0 of the" in told["notes"][1]
    whole = worked("explain", "--store", folder / "store", "--model", folder / "run", "--out", tmp_path / "all", "--quiet")
    table = (tmp_path / "all" / "table.md").read_text()
    assert "CONTAMINATED" in table and f"| {SAME_WORDS} | 2 |" in table and whole.out


def test_a_description_finds_windows_and_windows_find_descriptions(folder):
    model = ml.load_model(folder / "run")
    space = ml.search(model, folder / "store")
    found = space.find("a slow, deep beep", among="sound", top=3)
    assert len(found) == 3 and found["cosine"].is_monotonic_decreasing and {"subject", "start", "sound", "label"} <= set(found)
    assert not space.find("a slow, deep beep").equals(found)
    near = space.like(0, of="sound", among="sound", top=1)
    assert near.iloc[0]["sound"] == space.windows.iloc[0]["sound"] and near.iloc[0]["cosine"] == pytest.approx(1.0)
    likeness = space.describe("slow low beeps", "fast high beeps", of="eeg")
    assert likeness.shape == (48, 2) and likeness.to_numpy().std() > 0
    for wrong in (lambda: space.find("x", among="smell"), lambda: space.like(99), lambda: space.describe()):
        with pytest.raises(BadInput, match="wanted"):
            wrong()


@pytest.mark.filterwarnings("ignore:.*unlike all tasks")
def test_a_recording_is_asked_without_any_sound(folder):
    raw = mne.io.RawArray(
        1e-5 * np.random.default_rng(0).standard_normal((3, 1000)), mne.create_info(["Fz", "Cz", "Pz"], 100.0, "eeg")
    )
    answer = ml.load_model(folder / "run").ask(raw, "Does the person hear slow beeps or fast beeps?")
    assert answer.probabilities.shape == (2, 2) and np.isfinite(answer.probabilities).all()


@pytest.fixture(scope="module")
def crossed(folder, tmp_path_factory):
    """MindMix's encoder under the Q-Former and LEAF's tower under CALRA, each from its own reconstruction, by command."""
    out, store = tmp_path_factory.mktemp("crossed"), folder / "store"
    for whose in ("mindmix", "leaf"):
        few = ("--set", "training.steps=1", "--set", "training.batch_size=4", "--device", "cpu", "--quiet")
        worked("pretrain", f"{whose}-tiny", "--store", store, "--out", out / whose, *few)
    _aligned("leaf-tiny", store, out / "mindmix", out / "spoken")
    _aligned("mindmix-tiny", store, out / "leaf", out / "heard")
    return out


def _aligned(recipe, store, start, out):
    settings = {
        "leaf-tiny": ("--set", "reader.training.steps=1", "--set", "reader.training.batch_size=4"), "mindmix-tiny": FEW_ALIGN_STEPS,
    }  # fmt: skip
    few = settings.get(recipe, ("--set", "space.training.steps=1", "--set", "space.training.batch_size=4"))
    worked("align", recipe, "--store", store, "--start", start, "--out", out, *few, "--device", "cpu", "--quiet")
    return out


def _encoder(run) -> dict:
    """What a RUN's EEG encoder is, without what its tokens are fed through."""
    config = ml.load_model(run).config
    return getattr(config, "language", config).encoder.model_dump(exclude={"vq_input"})


def test_each_encoder_goes_under_the_other_s_head(crossed):
    assert _encoder(crossed / "spoken") == _encoder(crossed / "mindmix")
    assert _encoder(crossed / "heard") == _encoder(crossed / "leaf")


@pytest.mark.parametrize("side", ["spoken", "heard", "mindmix", "leaf"])
def test_one_space_starts_from_each_side(folder, crossed, side, tmp_path):
    run = _aligned("both-tiny", folder / "store", crossed / side, tmp_path / "run")
    assert _encoder(run) == _encoder(crossed / side) and read_exposure(run).spans


@pytest.mark.parametrize("recipe", ["both-tiny", "leaf-tiny", "mindmix-tiny"])
def test_each_goes_on_from_one_space(folder, recipe, tmp_path):
    run = _aligned(recipe, folder / "store", folder / "run", tmp_path / "run")
    assert _encoder(run) == _encoder(folder / "run")


def test_an_evaluation_of_one_space_says_that_it_takes_the_encoder_only(folder, tmp_path):
    done = worked(
        "evaluate", "--store", folder / "store", "--model", folder / "run", "--task", "classify", "--protocol", "cross_subject",
        "--set", "protocol.n_folds=2", "--set", "protocol.only=[0]", "--set", "mindmix.training.steps=2", "--no-floor",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert "only its EEG encoder is used" in done.err


def test_descriptions_left_out_of_training_are_named(folder, tmp_path):
    left_out = "label=slow_low_beeps,fast_high_beeps"
    worked("align", "both-tiny", "--store", folder / "store", "--exclude", left_out, "--out", tmp_path / "run", *FEW)
    assert len(ml.load_model(tmp_path / "run").facts.tasks[0].classes) == 10
    worked("explain", "--store", folder / "store", "--model", tmp_path / "run", "--out", tmp_path / "page", "--quiet")
    notes = json.loads((tmp_path / "page" / "table.json").read_text())["notes"]
    assert "The person hears slow low beeps." in notes[-1] and "fast high" in notes[-1]


def test_what_makes_no_sense_is_refused(folder, tmp_path):
    out = ("--out", tmp_path / "no", "--quiet")
    assert (
        "task with labels"
        in mindleaf("align", "both-tiny", "--store", folder / "store", *out, "--set", "task=attention").complaint
    )
    assert "both-tiny" in mindleaf("pretrain", "both-tiny", "--store", folder / "store", *out).complaint
    with pytest.raises(BadInput, match="one space"):
        ml.search(_listener(folder, tmp_path), folder / "store")
    assert not (tmp_path / "no").exists()


def _listener(folder, tmp_path):
    worked("align", "mindmix-tiny", "--store", folder / "store", "--out", tmp_path / "listener", *FEW_ALIGN_STEPS, "--quiet")
    return tmp_path / "listener"
