"""predict and embed: what every kind of RUN says of a file, a folder and a store, and what it refuses."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tracemalloc

import mne
import numpy as np
import pandas as pd
import pytest

import mindleaf as ml
from mindleaf.errors import BadInput
from mindleaf.evaluation.prepared_rows import PreparedRows
from mindleaf.metrics.calibration import softmax
from mindleaf.preprocessing.pipeline import LEAF
from mindleaf.protocols import read_folds
from mindleaf.stages.contestants import contestant
from mindleaf.stages.predict import PredictConfig, embed, predict
from mindleaf.stages.question import EvaluateConfig, cutting
from mindleaf.store import recording_entry
from mindleaf.store.arrays import epochs_windows
from mindleaf.store.batches import BatchReader
from mindleaf.store.exposure import Exposure
from mindleaf.store.store import Store
from mindleaf.tasks import build_task
from tests.contracts.runs_of_all_kinds import (
    HEARING,
    NAMES,
    PRETRAINED,
    READING,
    STORE_OF,
    TUNED,
    make_runs,
    make_stores,
    noise,
    raw_of,
)
from tests.reading.written_files import write_edf
from tests.stages.command import mindleaf, unfinished, worked

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*electrodes are interpolated:UserWarning"),
    pytest.mark.skipif(
        importlib.util.find_spec("sentence_transformers") is None, reason="needs the package sentence-transformers"
    ),
]
WHERE = ["recording", "subject", "session", "run", "trial", "onset_s", "window_s"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    make_stores(folder)
    make_runs(folder)
    noise().save(folder / "new_raw.fif", verbose="error")
    return folder


@pytest.fixture
def ask(runs, tmp_path):
    """``ask(verb, run, source)`` gives the table or the arrays, and what was said."""

    def asked(verb: str, run: str, source, *words):
        out = tmp_path / f"out.{'csv' if verb == 'predict' else 'npz'}"
        done = worked(verb, "--model", runs / run, "--input", source, "--out", out, "--device", "cpu", *words)
        if verb == "embed":
            with np.load(out) as archive:
                return dict(archive), " ".join(done.err.split())
        text = {name: str for name in ("recording", "subject", "session", "run", "trial", "seen")}
        return pd.read_csv(out, dtype=text, keep_default_na=False, na_values={"score_1": "", "score_2": ""}), " ".join(
            done.err.split()
        )

    return asked


@pytest.mark.parametrize("run", STORE_OF)
def test_every_kind_embeds_a_file_the_same_in_the_shell_and_in_python(run, runs, ask):
    fold = ("--fold", "1") if run in TUNED else ()
    found, said = ask("embed", run, runs / "new_raw.fif", *fold)
    n = len(found["embedding"])
    assert found["embedding"].ndim == 2 and np.isfinite(found["embedding"]).all() and found["embedding"].std(axis=0).max() > 0
    assert found["onset_s"].tolist() == [k * float(found["window_s"]) for k in range(n)] and n == int(9 // found["window_s"])
    assert found["channel_names"].tolist() == list(NAMES) and set(found["channel_recording"]) == {"new_raw.fif"}
    assert set(found["seen"]) == {"nothing"} and "11 matched" in said
    loaded = ml.load_model(runs / run)
    model = loaded.folds[1] if run in TUNED else loaded
    again = model.embed(mne.io.read_raw_fif(runs / "new_raw.fif", verbose="error"))
    np.testing.assert_allclose(again, found["embedding"], atol=1e-3)


@pytest.mark.parametrize("run", READING)
def test_a_file_gets_probabilities_the_same_in_the_shell_and_in_python(run, runs, ask):
    table, _ = ask("predict", run, runs / "new_raw.fif")
    classes = [name.removeprefix("p_") for name in table if name.startswith("p_")]
    assert list(table) == [*WHERE, *(f"p_{name}" for name in classes), "predicted", "models", "seen"]
    shares = table[[f"p_{name}" for name in classes]].to_numpy()
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-4)
    assert table["predicted"].tolist() == [classes[k] for k in shares.argmax(axis=1)]
    assert set(table["recording"]) == {"new_raw.fif"} and set(table["seen"]) == {"nothing"} and len(table) == 4
    assert set(table["models"]) == {2 if run in TUNED else 1}
    raw = mne.io.read_raw_fif(runs / "new_raw.fif", verbose="error")
    again = ml.load_model(runs / run).predict(raw)
    np.testing.assert_allclose(again[[f"p_{name}" for name in classes]], shares, atol=1e-3)
    signal = 1e6 * raw.get_data()
    of_array = ml.load_model(runs / run).predict(signal, raw.ch_names, raw.info["sfreq"])
    pd.testing.assert_frame_equal(of_array, again, atol=1e-3)


@pytest.mark.parametrize("run", HEARING)
def test_those_that_hear_want_sounds(run, runs, tmp_path, ask):
    done = mindleaf("predict", "--model", runs / run, "--input", runs / "new_raw.fif", "--out", tmp_path / "out.csv")
    assert done.complaint.startswith("wanted sounds to score, this input has none")
    assert not (tmp_path / "out.csv").exists() and unfinished(tmp_path) == []
    table, _ = ask("predict", run, runs / STORE_OF[run])
    if run == "tuned_hearing":
        return
    assert list(table) == [
        *WHERE, "stimulus_1", "side_1", "talker_1", "score_1", "stimulus_2", "side_2", "talker_2", "score_2", "predicted", "models", "seen"
    ]  # fmt: skip
    scores = table[["score_1", "score_2"]].to_numpy()
    assert np.isfinite(scores).all() and (table["predicted"] == 1 + scores.argmax(axis=1)).all()
    # The candidates stand as the trial has them: whoever sorts the attended one to the front would give the answer away.
    trials = Store(runs / STORE_OF[run]).index.set_index(["recording", "trial"])
    for row in table.itertuples():
        assert row.stimulus_1 == trials.loc[(row.recording, row.trial), "stimulus_1"]


@pytest.mark.parametrize("run", PRETRAINED)
def test_a_pretrained_run_says_that_it_answers_nothing(run, runs, tmp_path):
    done = mindleaf("predict", "--model", runs / run, "--input", runs / "new_raw.fif", "--out", tmp_path / "out.csv")
    assert "was pretrained only" in done.complaint and "mindleaf embed" in done.complaint


@pytest.mark.parametrize("run", TUNED)
def test_folds_embed_one_at_a_time(run, runs, tmp_path):
    words = ("embed", "--model", runs / run, "--input", runs / "new_raw.fif", "--out", tmp_path / "out.npz")
    assert "a space of its own; choose one with --fold (0 to 1)" in mindleaf(*words).complaint
    assert "has the folds 0 to 1" in mindleaf(*words, "--fold", "2").complaint
    with pytest.raises(BadInput, match="a space of its own"):
        ml.load_model(runs / run).embed(noise())


@pytest.mark.parametrize("run", TUNED)
def test_on_its_own_store_each_window_is_answered_by_the_fold_that_tested_it(run, runs, ask):
    """By the model that ``evaluate`` scores there, in the same words: nobody is told what another one knows by heart."""
    store, folder = Store(runs / STORE_OF[run]), runs / run
    task = build_task({"tuned_listener": "attention", "tuned_hearing": "emotion:label"}.get(run, "classify"))
    config = EvaluateConfig(
        task=task.title, windows_s=(2.0,), device="cpu", settings=('leaf.head="mlp"',) if "mlp" in run else ()
    )
    prepared = PreparedRows(store, None, task, 0, cutting(config, store)[0])
    table, said = ask("predict", run, store.path)
    values = [name for name in table if name.startswith(("p_", "score_"))]
    ours = table.assign(onset_s=table["onset_s"].round(4)).set_index(["recording", "trial", "onset_s"])[values]
    n_compared = 0
    for fold in read_folds(folder / "folds.json"):
        entrant = contestant(str(folder), config, task)
        assert entrant.fitted is not None
        system = entrant.fitted(fold)
        test = prepared.examples(fold, "test", 2.0, system.asks)
        scores = system.predict(test)
        for row, theirs in zip(test.rows.itertuples(), scores, strict=True):
            mine = ours.loc[(row.recording, row.trial, round(row.start, 4))].to_numpy(float)
            # The task deals the candidates of a window in an order of its own.
            wanted = np.sort(theirs) if task.name == "attention" else softmax(theirs[None])[0]
            np.testing.assert_allclose(np.sort(mine) if task.name == "attention" else mine, wanted, atol=1e-4)
        n_compared += len(test)
    expected = "nothing" if task.name == "classify" else "sound"
    assert set(table["models"]) == {1} and len(table) == n_compared and set(table["seen"]) == {expected}
    assert ("training has seen their sound" in said) == (expected == "sound")


def test_what_a_model_has_seen_is_found_in_a_renamed_file(runs, tmp_path, ask):
    """No name tells it: the recording is known by its signal, at another rate and cut."""
    store = Store(runs / "rhythm")
    folds = read_folds(runs / "tuned_mindmix" / "folds.json")
    raw = raw_of(store, "r0").resample(160, method="polyphase", verbose="error").crop(tmin=3.0, verbose="error")
    raw.save(tmp_path / "somebody_raw.fif", verbose="error")
    seen = {}
    for number, fold in enumerate(folds):
        table, said = ask("predict", "tuned_mindmix", tmp_path / "somebody_raw.fif", "--fold", number)
        trained = set(fold.train["recording"]) | set(fold.validation["recording"])
        seen[number] = set(table["seen"])
        assert seen[number] == ({"signal"} if "r0" in trained else {"nothing"})
        assert ("training has seen their signal" in said) == ("r0" in trained)
    assert {frozenset(words) for words in seen.values()} == {frozenset({"signal"}), frozenset({"nothing"})}
    both, _ = ask("predict", "tuned_mindmix", tmp_path / "somebody_raw.fif")
    assert set(both["models"]) == {1} and set(both["seen"]) == {"nothing"}


def test_a_new_recording_is_answered_by_the_mean_of_the_folds(runs, ask):
    both, said = ask("predict", "tuned_mindmix", runs / "new_raw.fif")
    each = [ask("predict", "tuned_mindmix", runs / "new_raw.fif", "--fold", k)[0] for k in (0, 1)]
    np.testing.assert_allclose(both["p_class0"], (each[0]["p_class0"] + each[1]["p_class0"]) / 2, atol=1e-5)
    assert "the mean of those that saw least of a window out of 2" in said


def test_what_chose_the_best_state_counts_as_seen(runs):
    store = Store(runs / "rhythm")
    for number, fold in enumerate(read_folds(runs / "tuned_mindmix" / "folds.json")):
        spans = Exposure.read(runs / "tuned_mindmix" / "folds" / f"{number:03d}" / "exposure.json").spans
        known = {store.recordings[name].sha256 for name in (*fold.train["recording"], *fold.validation["recording"])}
        assert {span.recording_sha256 for span in spans} == known


def test_a_model_that_does_not_say_what_it_saw_is_said_so(runs, tmp_path, ask):
    shutil.copytree(runs / "aligned_leaf", tmp_path / "silent")
    (tmp_path / "silent" / "exposure.json").unlink()
    table, said = ask("predict", tmp_path / "silent", runs / "new_raw.fif")
    assert set(table["seen"]) == {"unknown"} and "cannot be told" in said


def test_a_leaky_split_leaves_nothing_of_its_recordings_unseen(runs, tmp_path, ask):
    worked("finetune", "mindmix-tiny", "--store", runs / "rhythm", "--quiet", "--task", "classify", "--protocol", "random_windows",
           "--window", "2", "--set", "protocol.scope=pooled", "--set", "protocol.n_folds=2", "--set", "mindmix.training.steps=2",
           "--device", "cpu", "--out", tmp_path / "leaky")  # fmt: skip
    table, said = ask("predict", tmp_path / "leaky", runs / "rhythm")
    assert set(table["seen"]) == {"signal"} and "LEAKY" in said


@pytest.mark.parametrize("verb", ["predict", "embed"])
def test_a_folder_is_read_file_by_file_whatever_their_channels_and_rates(verb, tmp_path, ask):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    noise(sfreq=250.0).save(tmp_path / "in" / "a_raw.fif", verbose="error")
    noise(5.0, 100.0, ("C3", "C4", "Oz", "Fz", "Pz"), seed=1).save(tmp_path / "in" / "sub" / "b_raw.fif", verbose="error")
    noise(0.5).save(tmp_path / "in" / "short_raw.fif", verbose="error")
    found, said = ask(verb, "aligned_leaf", tmp_path / "in")
    assert list(found["recording"]) == ["a_raw.fif"] * 4 + ["sub/b_raw.fif"] * 2
    assert "short_raw.fif: left out" in said
    if verb == "embed":
        assert found["channel_names"].tolist() == [*NAMES, "C3", "C4", "Oz", "Fz", "Pz"]
        assert found["channel_recording"].tolist() == ["a_raw.fif"] * 11 + ["sub/b_raw.fif"] * 5


def test_tables_beside_the_files_tell_subjects_and_trials(runs, tmp_path, ask):
    raw_of(Store(runs / "rhythm"), "r0").save(tmp_path / "x_raw.fif", verbose="error")
    (tmp_path / "labels.csv").write_text("file,label,subject\nx_raw.fif,unknown,07\n")
    table, _ = ask("predict", "tuned_mindmix", tmp_path, "--hop", "1")
    assert set(table["subject"]) == {"07"} and set(table["trial"]) == {"1"}
    assert table["onset_s"].tolist()[:3] == [0.0, 1.0, 2.0]


def test_what_cannot_be_read_or_known_is_refused_in_one_sentence(runs, tmp_path):
    def refused(source, *words, run="tuned_mindmix"):
        done = mindleaf("predict", "--model", runs / run, "--input", source, "--out", tmp_path / "out.csv", *words)
        assert not (tmp_path / "out.csv").exists() and unfinished(tmp_path) == []
        return done.complaint

    noise(names=("X1", "X2", "X3")).save(tmp_path / "strange_raw.fif", verbose="error")
    assert "wanted channels that the model knows" in refused(tmp_path / "strange_raw.fif")
    assert "wanted channels that the model knows" in refused(tmp_path / "strange_raw.fif", run="aligned_leaf")
    assert "unit 'furlong' is not known" in refused(runs / "new_raw.fif", "--unit", "furlong")
    assert "leave it out" in refused(runs / "rhythm", "--unit", "uV")
    (tmp_path / "in.edf").write_bytes(b"no signal")
    assert "in.edf" in refused(tmp_path / "in.edf")
    assert "no such file" in refused(tmp_path / "nowhere.edf")
    (tmp_path / "empty").mkdir()
    assert "wanted signal files or a store" in refused(tmp_path / "empty")
    assert "give --window a shorter length" in refused(runs / "new_raw.fif", "--window", "60")
    assert "found no config.json" in refused(runs / "new_raw.fif", run="rhythm") or "missing" in refused(
        runs / "new_raw.fif", run="rhythm"
    )
    assert "window_s" in refused(runs / "new_raw.fif", "--window", "0")
    assert "and has no folds" in refused(runs / "new_raw.fif", "--fold", "0", run="aligned_leaf")
    assert "0 rhythm (class0, class1)" in refused(runs / "new_raw.fif", "--task", "sleep", run="aligned_leaf")
    done = mindleaf("predict", "--model", runs / "tuned_mindmix", "--input", runs / "new_raw.fif", "--out", tmp_path)
    assert "wanted the name of a file" in done.complaint


def test_a_file_whose_unit_nobody_knows_is_refused_until_it_is_said(runs, tmp_path, ask):
    path = tmp_path / "odd.edf"
    write_edf(path, unit="microV")
    done = mindleaf("predict", "--model", runs / "tuned_mindmix", "--input", path, "--out", tmp_path / "out.csv")
    assert "the unit of its numbers is not known" in done.complaint and "--unit" in done.complaint
    assert len(ask("predict", "tuned_mindmix", path, "--unit", "uV")[0])


def test_a_stretch_without_signal_gets_no_answer(runs, tmp_path, ask):
    raw = noise(8.0)
    raw._data[:, 1000:1500] = 3e-6
    raw.save(tmp_path / "gap_raw.fif", verbose="error")
    silent = raw.copy()
    silent._data[:] = 0.0
    silent.save(tmp_path / "silent_raw.fif", verbose="error")
    table, said = ask("predict", "tuned_mindmix", tmp_path / "silent_raw.fif")
    assert set(table["predicted"]) == {""} and (table["p_class0"] == "").all()
    assert "4 of 4 windows have no usable channel and get no answer" in said
    found, said = ask("embed", "pretrained_mindmix", tmp_path / "silent_raw.fif")
    assert not found["embedding"].any() and "no usable channel" in said


def test_windows_in_memory_and_batches_are_answered_too(runs):
    model = ml.load_model(runs / "aligned_leaf")
    raw = noise(8.0)
    epochs = mne.make_fixed_length_epochs(raw, 2.0, preload=True, verbose="error")
    table = model.predict(epochs)
    assert len(table) == 4 and set(table["seen"]) == {"unknown"}
    np.testing.assert_allclose(table[["p_class0", "p_class1"]].sum(axis=1), 1.0, atol=1e-6)
    of_array = model.predict(1e6 * epochs.get_data(verbose="error"), raw.ch_names, 250.0)
    np.testing.assert_allclose(of_array["p_class0"], table["p_class0"], atol=1e-6)
    assert model.embed(epochs).shape == model.embed(raw).shape
    examples = epochs_windows(epochs).examples(np.full(4, -1), ())
    batch = BatchReader([examples], LEAF).read(np.arange(4))
    np.testing.assert_allclose(model.predict(batch)["p_class0"], table["p_class0"], atol=1e-5)
    np.testing.assert_allclose(model.embed(batch), model.embed(epochs), atol=1e-5)
    with pytest.raises(BadInput, match="wanted sounds to score"):
        ml.load_model(runs / "aligned_mindmix").predict(batch)


def test_arrays_want_names_a_rate_and_finite_windows(runs):
    model = ml.load_model(runs / "aligned_leaf")
    signal = np.random.default_rng(0).normal(0, 10, (3, 1000))
    with pytest.raises(BadInput, match="wanted a name for each of 3 channels"):
        model.embed(signal, sfreq=200.0)
    with pytest.raises(BadInput, match="wanted the rate of the array"):
        model.embed(signal, ["C3", "Cz", "C4"])
    with pytest.raises(BadInput, match="got str"):
        model.embed("signal.edf")
    with pytest.raises(BadInput, match=r"got an array of shape \(7,\)"):
        model.embed(np.zeros(7), ["C3"], 200.0)
    with pytest.raises(BadInput, match="wanted channels that the model knows"):
        model.embed(signal, ["X1", "X2", "X3"], 200.0)
    with pytest.raises(BadInput, match="no window could be cut"):
        model.embed(signal, ["C3", "Cz", "C4"], 200.0, window_s=60.0)
    with pytest.raises(BadInput, match="NaN or inf"):
        model.embed(np.full((2, 3, 400), np.nan), ["C3", "Cz", "C4"], 200.0)
    same = model.embed((signal, ["C3", "Cz", "C4"], 200.0))
    np.testing.assert_array_equal(same, model.embed(signal, ["C3", "Cz", "C4"], 200.0))


def test_a_store_is_asked_in_python(runs):
    table = ml.load_model(runs / "aligned_mindmix").predict(ml.Store(runs / "listening"))
    assert {"score_1", "score_2", "predicted"} <= set(table) and set(table["seen"]) == {"signal"}


def test_channels_in_another_order_are_the_same_channels(runs):
    model, raw = ml.load_model(runs / "tuned_mindmix"), noise()
    other = raw.copy().reorder_channels(list(NAMES[::-1]))
    np.testing.assert_allclose(model.predict(raw)["p_class0"], model.predict(other)["p_class0"], atol=1e-4)


def test_json_says_what_was_done(runs, tmp_path):
    done = worked(
        "predict",
        "--model",
        runs / "tuned_mindmix",
        "--input",
        runs / "new_raw.fif",
        "--out",
        tmp_path / "out.csv",
        "--json",
        "--quiet",
    )
    told = json.loads(done.out)
    assert told["windows"] == 4 and told["channels"] == {"new_raw.fif": "11 matched"} and told["seen"] == {"nothing": 4}


@pytest.mark.parametrize("verb", [predict, embed])
def test_memory_does_not_grow_with_the_length_of_a_file(verb, runs, tmp_path, monkeypatch):
    # Blocks small enough, and windows often enough, that both files have several parts.
    monkeypatch.setattr(recording_entry, "BLOCK_BYTES", 1 << 20)
    run = runs / ("tuned_mindmix" if verb is predict else "pretrained_mindmix")
    peaks = []
    for minutes in (6, 6, 24):  # the first one pays for what is loaded once; a recording is known by its first five minutes
        path = tmp_path / f"{minutes}_raw.fif"
        noise(60.0 * minutes, 200.0).save(path, overwrite=True, verbose="error")
        tracemalloc.start()
        verb(PredictConfig(device="cpu", hop_s=0.5), run, path, tmp_path / "out", quiet=True)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # In float32 the samples of the longer one are 9 MB more, its table of windows some 2 MB.
    assert peaks[2] - peaks[1] < 4e6, peaks


def test_a_killed_call_leaves_what_was_there(runs, tmp_path):
    """It is killed between two parts of its table."""
    noise(150.0, 200.0).save(tmp_path / "long_raw.fif", verbose="error")
    (tmp_path / "out.csv").write_text("older")
    words = [
        "predict",
        "--model",
        runs / "tuned_mindmix",
        "--input",
        tmp_path / "long_raw.fif",
        "--out",
        tmp_path / "out.csv",
        "--hop",
        "0.25",
    ]
    code = f"""
import os, signal, sys
from mindleaf.cli import main
from mindleaf.stages.predictor import Predictor
told, table = [], Predictor.table
def dying(self, examples):
    told.append(examples)
    return table(self, examples) if len(told) < 2 else os.kill(os.getpid(), signal.SIGKILL)
Predictor.table = dying
sys.argv = ["mindleaf", *{[str(word) for word in words]!r}]
main()
"""
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"TMPDIR": str(tmp_path)}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "out.csv").read_text() == "older" and list(tmp_path.glob(".out.csv.*"))
