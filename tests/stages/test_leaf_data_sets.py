"""LEAF on every data set its paper names, from files in their published layout to a scored row, by the functions of the verbs."""

from __future__ import annotations

import importlib.util
import json
from functools import lru_cache
from importlib import import_module
from pathlib import Path

import pytest

from mindleaf.errors import BadInput
from mindleaf.models.folder import load_model
from mindleaf.recipes.choice import aligning, filled
from mindleaf.recipes.leaf_figures import PAPER
from mindleaf.stages.evaluate import evaluate
from mindleaf.stages.prepare import prepare
from mindleaf.stages.question import EvaluateConfig
from mindleaf.store.store import Store
from mindleaf.tasks.wording import kind_of
from tests.stages.test_instruct import ALIGN, SMALL

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*electrodes are interpolated:UserWarning"),
    pytest.mark.skipif(
        importlib.util.find_spec("sentence_transformers") is None, reason="needs the package sentence-transformers"
    ),
]
#: These two are tested on their real files.
REAL = {"eegmat": "eegmat", "eegmmidb": "eegmmidb_s001"}
#: The smallest files, with other labels in each subject; the rest is slow.
QUICK = ("weibo2014",)
#: The fixture of this set holds one class only, and that of the next one person of the second class.
ONE_CLASS, ONE_PERSON = ("seedv",), ("adhd",)
KIND = {
    **dict.fromkeys(PAPER, "motor"), **dict.fromkeys(("faced", "seed", "seediv", "seedv", "seedvii"), "emotion"),
    "openbmi_ssvep": "ssvep", "bcic2020_speech": "speech", "eegmat": "workload", "adhd": "clinical",
}  # fmt: skip
LEAF = tuple(f"leaf.{setting}" for setting in (*SMALL, "training.steps=2"))


@pytest.fixture(scope="module")
def workplace(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("leaf_data_sets")


@lru_cache
def prepared(name: str, workplace: Path) -> Store:
    root = workplace / "files" / name
    root.mkdir(parents=True)
    import_module(f"tests.datasets.layouts.{name}").write(root)
    return prepare(name, root, workplace / "stores" / name, quiet=True)


def asked(protocol: str, *settings: str) -> EvaluateConfig:
    return EvaluateConfig.of("classify", protocol, "1", "side", 0, "quick", settings, device="cpu", floor=False)


def listed(names, quick=QUICK):
    return [pytest.param(name, marks=() if name in quick else pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", listed([name for name in PAPER if name not in REAL]))
def test_a_data_set_is_prepared_asked_in_words_and_scored_on_new_people(name, workplace, tmp_path):
    store = prepared(name, workplace)
    assert kind_of(store.facts["paradigm"]) == KIND[name]
    config = asked("leave_one_subject_out", *LEAF)
    if name in ONE_CLASS:
        with pytest.raises(BadInput, match="at least two classes"):
            evaluate(config, store.path, ["leaf"], tmp_path / "out", quiet=True)
        return
    entry = evaluate(config, store.path, ["leaf"], tmp_path / "out", quiet=True).to_json()["systems"][0]
    wanted = "incomplete" if name in ONE_PERSON else "ok"
    assert entry["status"] == wanted and entry["transductive"], entry["why"]
    assert len(entry["folds"]) == store.index["subject"].nunique()
    assert 0 <= entry["metrics"]["balanced_accuracy"]["mean"] <= 1
    assert entry["n_windows"] <= len(store.windows(1.0))


@pytest.mark.parametrize(("name", "folder"), REAL.items())
def test_the_real_recordings_are_asked_too(name, folder, real_data, workplace, tmp_path):
    store = prepare(name, real_data / folder, workplace / "stores" / name, quiet=True)
    protocol = ("leave_one_subject_out", "protocol.only=[0]") if name == "eegmat" else ("between_trial", "protocol.n_folds=2")
    config = asked(*protocol, *LEAF)
    entry = evaluate(config, store.path, ["leaf"], tmp_path / "out", quiet=True).to_json()["systems"][0]
    assert entry["status"] == "ok" and kind_of(store.facts["paradigm"]) == KIND[name]


@pytest.mark.parametrize(
    ("learned", "new"),
    [
        (("shanghaiu", "bcic2020_speech"), "weibo2014"),
        pytest.param(("openbmi", "bciciv2a", "openbmi_ssvep"), "dreyer2023", marks=pytest.mark.slow),
        pytest.param(("faced", "seed", "seediv"), "seedvii", marks=pytest.mark.slow),
    ],
)
def test_one_model_for_several_data_sets_answers_one_it_has_not_seen(learned, new, workplace, tmp_path):
    stores = [prepared(name, workplace).path for name in learned]
    config = filled("alignment", "leaf-tiny", 0, "cpu").with_settings([*ALIGN, "reader.training.steps=2", "window_s=1"])
    run = aligning("leaf-tiny")(config, stores, tmp_path / "run", quiet=True)
    facts = load_model(run).facts
    assert [task.name for task in facts.tasks] == list(learned)
    assert len({json.dumps(task.phrases) for task in facts.tasks}) == len({KIND[name] for name in learned})
    store = prepared(new, workplace)
    entry = evaluate(
        asked("leave_one_subject_out", "leaf.tune=false"), store.path, [str(run)], tmp_path / "zero", quiet=True
    ).to_json()["systems"][0]
    assert entry["status"] == "ok" and entry["weights"] == "run"
    assert entry["metrics"]["balanced_accuracy"]["chance"] == pytest.approx(1 / store.index["label"].nunique())


def test_motor_imagery_alone_is_read_in_its_narrower_band(workplace, tmp_path):
    config = filled("alignment", "leaf-tiny", 0, "cpu").with_settings([*ALIGN, "reader.training.steps=1", "window_s=1"])
    stores = [prepared(name, workplace).path for name in ("shanghaiu", "weibo2014")]
    run = aligning("leaf-tiny")(config, stores, tmp_path / "run", quiet=True)
    assert load_model(run).facts.pipeline == "leaf_motor"
