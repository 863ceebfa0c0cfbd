"""A benchmark answers every cell once, outlives what dies in it, and goes on after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mindleaf.errors import BadInput
from mindleaf.protocols import PROTOCOLS
from mindleaf.recipes.suites import SUITES, suite
from mindleaf.stages.benchmark import BenchmarkConfig, Question, Suite, answers
from mindleaf.stages.benchmark_page import page
from mindleaf.stages.data_at_hand import DataAtHand
from tests.evaluation.toy_listeners import listening_store
from tests.stages.command import TINY, mindleaf, worked

FOLDS = ("protocol.n_folds=2",)
QUESTIONS = [Question("synthetic", "attention", "between_trial"), Question("synthetic", "attention", "random_windows")]
CONFIG = BenchmarkConfig(settings=FOLDS, device="cpu", budget_s=1e-3, workers=2)


class Dying:
    """A system whose process is killed while it learns, as by want of memory."""

    name, asks, any_length, n_parameters = "dying", "candidates", True, 0

    def fit(self, train, validation, seed):
        os.kill(os.getpid(), signal.SIGKILL)

    def predict(self, examples):
        raise AssertionError("it cannot get here")

    def findings(self):
        return {}


class Faulty(Dying):
    """A system with a fault in it."""

    name = "faulty"

    def fit(self, train, validation, seed):
        raise ZeroDivisionError("a fault")


class Lingering(Dying):
    """A system that says which process it learns in, and takes its time."""

    name = "lingering"

    def fit(self, train, validation, seed):
        Path(os.environ["LINGERS_IN"]).write_text(str(os.getpid()))
        time.sleep(120)


DYING, FAULTY = f"{__name__}:Dying", f"{__name__}:Faulty"


#: What is killed: three cells, one after the other.
KILLED = """
import sys
from pathlib import Path
from mindleaf.stages.benchmark import BenchmarkConfig, Question, Suite, answers
from mindleaf.stages.data_at_hand import DataAtHand
data, out, cells = map(Path, sys.argv[1:])
suite = Suite("toy", [Question("synthetic", "attention", "between_trial")], ("trf", "cca", "bandpower_lr"))
config = BenchmarkConfig(settings=("protocol.n_folds=2",))
found = answers(suite, DataAtHand(data, out, (), 0, True), cells, config, quiet=True)
assert [answer.outcome.status for answer in found] == ["ok"] * 3
"""


@pytest.fixture(scope="module")
def at_hand(tmp_path_factory):
    return DataAtHand(None, tmp_path_factory.mktemp("benchmark"), TINY[1::2], 0, True)


@pytest.fixture(scope="module")
def done(at_hand, tmp_path_factory):
    asked = Suite("toy", QUESTIONS, ("trf", "mindmix_eeg", DYING, FAULTY))
    out = tmp_path_factory.mktemp("cells")
    return asked, out, answers(asked, at_hand, out, CONFIG, quiet=True)


def test_every_cell_has_an_answer_whatever_happens_in_it(done):
    asked, _, found = done
    assert [(a.question, a.system) for a in found] == [(q, s) for q in asked.questions for s in asked.systems]
    told = {a.system: a.outcome for a in found if a.question == QUESTIONS[0]}
    assert (told["trf"].status, told["mindmix_eeg"].status) == ("ok", "undertrained")
    assert (told[DYING].status, told[DYING].why) == ("failed", "its process was ended by signal 9")
    assert told[FAULTY].status == "failed" and "ZeroDivisionError: a fault" in told[FAULTY].why
    assert all(a.peak_mb and a.peak_mb > 50 for a in found if a.outcome.entries)


def test_the_page_puts_leaking_beside_sound_and_names_what_is_missing(done, tmp_path):
    asked, _, found = done
    sheets = {sheet.title: sheet for sheet in page(asked, found, CONFIG).sheets}
    assert sheets["Leaderboard: between_trial"].rows[0][0] == "Backward TRF (ridge)"
    leaks = {row[2]: row for row in sheets["What leaking adds"].rows}
    assert set(leaks) == {"Backward TRF (ridge)", "MindMix, EEG alone"}
    _, _, _, _, sound, leaky, adds = leaks["Backward TRF (ridge)"]
    assert float(leaky) - float(sound) == pytest.approx(float(adds), abs=0.0011)
    assert sheets["synthetic: attention, random_windows"].mark == "LEAKY"
    assert all("group_overlap" in row[-1] for row in sheets["Audit"].rows)
    assert {row[1] for row in sheets["Not answered"].rows} == {DYING, FAULTY}
    report = page(asked, found, CONFIG).write(tmp_path)
    assert "0.001 s of training" in report.read_text()


def test_the_notes_speak_of_systems_that_were_asked():
    for systems, told in {("trf",): 1, ("trf", "eegnet"): 2, ("trf", "labram"): 3, ("trf", DYING): 2}.items():
        notes = page(Suite("toy", QUESTIONS, systems), (), CONFIG).notes
        assert len(notes) == told and ("LaBraM" in " ".join(notes)) == ("labram" in systems), systems


def test_a_finished_cell_is_read_and_an_unfinished_one_evaluated(done, at_hand):
    _, out, found = done
    plain = Suite("toy", QUESTIONS[:1], ("trf", "mindmix_eeg"))
    cells = {path.parent.name: path for path in out.glob("*between_trial*/cell.json")}
    first, second = (next(path for name, path in cells.items() if name.startswith(system)) for system in plain.systems)
    first.unlink()
    before = second.stat().st_mtime_ns, (second.parent / "results.json").stat().st_mtime_ns
    again = answers(plain, at_hand, out, CONFIG, quiet=True)
    assert first.exists() and before == (second.stat().st_mtime_ns, (second.parent / "results.json").stat().st_mtime_ns)
    old = next(a.outcome for a in found if a.question == QUESTIONS[0] and a.system == "trf")
    assert again[0].outcome.at(2.0)["metrics"] == old.at(2.0)["metrics"]


def test_a_killed_benchmark_goes_on(at_hand, tmp_path):
    store, cells = at_hand.store("synthetic").path, tmp_path / "cells"
    command = [sys.executable, "-c", KILLED, str(store.parent), str(tmp_path), str(cells)]
    running = subprocess.Popen(command, start_new_session=True)
    while not (finished := list(cells.glob("*/cell.json"))) and running.poll() is None:
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    kept = {path: path.stat().st_mtime_ns for path in finished}
    assert kept
    subprocess.run(command, check=True)
    assert len(list(cells.glob("*/cell.json"))) == 3
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_a_cell_ends_with_the_benchmark_that_asked_for_it(at_hand, tmp_path):
    said = tmp_path / "pid"
    running = subprocess.Popen(
        [
            sys.executable, "-m", "mindleaf.cli", "benchmark", "quick", "--data", at_hand.store("synthetic").path.parent, "--out",
            tmp_path / "out", "--model", f"{__name__}:Lingering", "--set", FOLDS[0], "--quiet",
        ],
        env=os.environ | {"LINGERS_IN": str(said)},
    )  # fmt: skip
    _wait_for(lambda: (said.exists() and said.read_text()) or running.poll() is not None)
    pid = int(said.read_text())
    assert _lives(pid)
    running.kill()
    running.wait()
    _wait_for(lambda: not _lives(pid))


def _wait_for(holds, seconds=60.0):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"waited {seconds:g} s"
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not yet collected does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")


def test_what_makes_no_sense_is_refused(tmp_path):
    assert "quick, local" in mindleaf("benchmark", "slow", "--out", tmp_path / "out", "--quiet").complaint
    assert "--data" in mindleaf("benchmark", "local", "--out", tmp_path / "out", "--quiet").complaint
    assert (
        "no system of this suite"
        in mindleaf("benchmark", "quick", "--out", tmp_path / "out", "--model", "trff", "--quiet").complaint
    )
    assert "nothing here takes it" in mindleaf("benchmark", "quick", "--out", tmp_path / "out", "--set", "leaf.level=1").complaint
    with pytest.raises(BadInput, match="LEAF"):
        suite("leaf", DataAtHand(None, tmp_path, (), 0, True))
    assert set(SUITES) == {"quick", "local", "mindmix", "leaf", "auditory"}


@pytest.mark.parametrize(("n_subjects", "n_trials", "sound"), [(1, 4, "between_trial"), (5, 2, "cross_subject")])
def test_a_small_data_set_is_asked_with_as_many_folds_as_it_has_groups(n_subjects, n_trials, sound, tmp_path):
    store = listening_store(tmp_path / "data" / "mine", n_subjects, n_trials, trial_s=8)
    question = suite("local", DataAtHand(tmp_path / "data", tmp_path, (), 0, True)).questions[0]
    assert question.protocol == sound
    settings = dict(setting.removeprefix("protocol.").split("=") for setting in question.settings)
    folds = list(PROTOCOLS[sound](n_folds=int(settings["n_folds"])).folds(store.index, seed=0))
    assert len(folds) == max(n_subjects, n_trials) and all(len(fold.train) for fold in folds)


def test_only_the_systems_that_are_named_take_part(at_hand, tmp_path):
    told = worked(
        "benchmark", "quick", "--data", at_hand.store("synthetic").path.parent, "--out", tmp_path, "--model", "trf", "--model", FAULTY,
        "--set", FOLDS[0], "--quiet",
    )  # fmt: skip
    sheets = {sheet["title"]: sheet for sheet in json.loads((tmp_path / "table.json").read_text())["sheets"]}
    assert told.out.strip() == str(tmp_path / "report.html")
    assert {row[0] for row in sheets["Leaderboard: between_trial"]["rows"]} == {"Backward TRF (ridge)"}
    assert {row[1] for row in sheets["Not answered"]["rows"]} == {FAULTY}
