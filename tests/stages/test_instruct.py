"""LEAF through the verbs: align several tasks, ask the RUN as it is, fine-tune it, draw the paper's figures."""

import importlib.util
import itertools
import json

import numpy as np
import pytest

from mindleaf.errors import BadInput
from mindleaf.models.folder import load_model
from mindleaf.protocols import LeaveOneSubjectOut, write_folds
from mindleaf.recipes.choice import aligning, filled
from mindleaf.recipes.reproductions import reproduced
from mindleaf.stages.evaluate import evaluate
from mindleaf.stages.finetune import finetune
from mindleaf.stages.instruction_conditions import CONDITIONS, ask_in_every_way
from mindleaf.stages.question import EvaluateConfig, folds_of
from mindleaf.stages.run_folder import read_exposure
from mindleaf.systems.leaf import LeafReader
from tests.systems.listening import rhythm_store

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*electrodes are interpolated:UserWarning"),
    pytest.mark.skipif(
        importlib.util.find_spec("sentence_transformers") is None, reason="needs the package sentence-transformers"
    ),
]
SMALL = (
    "training.steps=4", "training.batch_size=4", "training.validate_every=2", "model.encoder.depth=1", "model.encoder.width=16",
    "model.encoder.hidden=16", "model.encoder.heads=2", "model.encoder.filters=4", "model.width=16", "model.heads=2", "model.depth=1",
    "model.power_filters=4",
)  # fmt: skip
ALIGN = tuple(f"reader.{setting}" for setting in SMALL)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paradigms")
    return [rhythm_store(folder / "rhythm"), rhythm_store(folder / "three", (9.0, 13.0, 20.0))]


@pytest.fixture(scope="module")
def run(stores, tmp_path_factory):
    out = tmp_path_factory.mktemp("leaf") / "aligned"
    split = out.parent / "split.json"
    folds = LeaveOneSubjectOut(only=(0,)).folds(stores[0].index, 0)
    write_folds(split, folds, store=stores[0].content_sha256)
    config = filled("alignment", "leaf-tiny", 0, "cpu").with_settings(ALIGN)
    return aligning("leaf-tiny")(config, [store.path for store in stores], out, splits=[split], quiet=True)


def asked(protocol, *settings, task="classify"):
    return EvaluateConfig.of(task, protocol, None, "side", 0, "quick", settings, device="cpu", floor=False)


def test_one_model_learns_the_tasks_of_two_stores_and_says_what_it_has_seen(run, stores):
    facts = load_model(run).facts
    assert [len(task.classes) for task in facts.tasks] == [2, 3]
    assert facts.pipeline == "leaf" and "stage 2" in (run / "card.md").read_text()
    spans = read_exposure(run).spans
    seen = {span.recording_sha256 for span in spans}
    of_first = {recording.sha256 for recording in stores[0].recordings.values()}
    assert len(seen & of_first) == 1, "the split leaves one subject of the first store out"
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert len(lines) == 4 and "accuracy" in lines[0]


def test_a_run_is_asked_as_it_is_and_the_audit_asks_it_wrongly_too(run, stores, tmp_path):
    config = asked("leave_one_subject_out", "leaf.tune=false", "protocol.only=[0]")
    result = evaluate(config, stores[0].path, [str(run)], tmp_path / "zero", quiet=True).to_json()
    entry = result["systems"][0]
    assert entry["name"] == "leaf (aligned)" and entry["metrics"]["balanced_accuracy"]["chance"] == 0.5
    assert {"instruction_wrong_task", "instruction_shuffled", "instruction_constant"} <= {
        row["control"] for row in entry["audit"]
    }
    assert set(entry["labels_in_training"].values()) == {1.0}, "this very task was trained"
    report = (tmp_path / "zero" / "report.html").read_text()
    assert "Asked something else" in report and "Asked without training" in report


def test_a_run_is_fine_tuned_inside_the_folds_and_scored_on_exactly_these(run, stores, tmp_path):
    config = asked("leave_one_subject_out")
    tuned = finetune("leaf", SMALL[:3], config, stores[0].path, tmp_path / "tuned", run, quiet=True)
    entry = evaluate(config, stores[0].path, [str(tuned)], tmp_path / "scored", quiet=True).to_json()["systems"][0]
    assert entry["name"] == "leaf (tuned)" and entry["n_windows"] == 48


def test_as_many_tasks_as_stores_or_one(stores, tmp_path):
    config = filled("alignment", "leaf-tiny", 0, "cpu").with_settings(['task=["classify", "classify", "classify"]'])
    with pytest.raises(BadInput, match="one for each of the 2 stores, got 3"):
        aligning("leaf-tiny")(config, [store.path for store in stores], tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("figure", ["figure2", "figure3", "figure4", "figure5"])
def test_the_paper_s_figures_are_drawn_for_the_stores_at_hand(figure, stores, tmp_path):
    settings = tuple(f"leaf.{setting}" for setting in SMALL)
    if figure == "figure2":
        settings += ("mindmix.training.steps=2",)
    page = reproduced(
        f"leaf:{figure}", stores[0].path.parent, tmp_path, (*settings, "protocol.n_folds=2"), device="cpu", quiet=True
    )
    text = page.read_text()
    assert text.count("<svg") >= 1 and "rhythm" in text
    told = json.loads((tmp_path / "table.json").read_text())
    assert all(sheet["rows"] for sheet in told["sheets"])
    with pytest.raises(BadInput, match="nothing here takes it"):
        reproduced(f"leaf:{figure}", stores[0].path.parent, tmp_path / "no", ("nobody.x=1",), quiet=True)


def test_figures_ask_models_that_an_earlier_one_has_fitted(stores, tmp_path, monkeypatch):
    def figure(name: str, *more: str) -> dict:
        settings = (*(f"leaf.{setting}" for setting in SMALL), "protocol.n_folds=2", *more)
        out = tmp_path / name
        out.mkdir(exist_ok=True)
        if not (out / "models").exists():
            (out / "models").symlink_to(tmp_path / "models")
        reproduced(f"leaf:{name}", stores[0].path.parent, out, settings, device="cpu", quiet=True)
        return json.loads((out / "table.json").read_text())

    (tmp_path / "models").mkdir()
    fitted = []
    fit = LeafReader.fit
    monkeypatch.setattr(LeafReader, "fit", lambda self, *rest: (fitted.append(1), fit(self, *rest))[1])
    first, n = figure("figure3"), len(fitted)
    assert n and figure("figure3")["sheets"] == first["sheets"]
    figure("figure4")
    assert len(fitted) == n
    figure("figure3", "leaf.training.steps=3")
    assert len(fitted) == 2 * n


def test_every_condition_is_asked_as_it_says(stores):
    config = asked("cross_subject", "protocol.n_folds=2")
    found = ask_in_every_way(stores[0], folds_of(config, stores[0]), config, SMALL)
    assert list(found.runs) == list(CONDITIONS)
    told = {}
    for condition, run in found.runs.items():
        cell = run.cells[0]
        told[condition] = found.systems[cell.fold.name].under(**CONDITIONS[condition]).predict(cell.test)
        scores = run.predictions().query("fold == @cell.fold.name")[["score_1", "score_2"]].to_numpy()
        np.testing.assert_allclose(scores, told[condition], rtol=1e-5, atol=1e-6, err_msg=condition)
    levels = [told[condition] for condition in list(CONDITIONS)[:3]]
    assert not any(np.allclose(a, b, rtol=1e-6) for a, b in itertools.combinations(levels, 2))
