"""The command line itself: every verb explains itself, results go to standard output, mistakes to standard error."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
import typer

import mindleaf as mindleaf_package
from mindleaf import errors
from mindleaf.cli import app
from mindleaf.stages.listing import names
from tests.conftest import hears_ctrl_c
from tests.stages.command import TINY, mindleaf, worked

GROUP = typer.main.get_command(app)
VERBS = {"demo", "prepare", "pretrain", "align", "finetune", "evaluate", "audit", "list", "data", "store", "runs"}
TABLES = ("datasets", "encoders", "objectives", "protocols", "tasks", "systems", "recipes", "pipelines")


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("command")
    done = worked("prepare", "synthetic", "--root", folder / "data", "--out", folder / "store", *TINY, "--json", "--quiet")
    assert json.loads(done.out)["trials"] == 12 and done.err == ""
    return folder / "store"


def test_the_verbs_are_there():
    assert set(GROUP.commands) >= VERBS


def test_the_version_is_told():
    assert worked("--version").out.strip() == mindleaf_package.__version__


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_explains_itself(verb):
    done = worked(verb, "--help")
    assert verb in done.out and done.err == ""


@pytest.mark.parametrize("verb", ["pretrain", "align", "finetune", "evaluate", "audit"])
def test_common_options_mean_the_same_everywhere(verb):
    options = {name for parameter in GROUP.commands[verb].params for name in parameter.opts}
    assert {"--store", "--out", "--set", "--seed", "--device", "--quiet"} <= options
    assert ("--resume" in options) == (verb in ("pretrain", "align", "finetune"))


@pytest.mark.parametrize("what", TABLES)
def test_tables_are_listed(what):
    listed = worked("list", what).out.split()
    assert listed and json.loads(worked("list", what, "--json").out) == listed
    if what != "recipes":
        assert listed == names(what)


def test_data_sets_are_described(store):
    assert "eegmat" in worked("data", "list").out
    assert json.loads(worked("data", "show", "eegmat", "--json").out)["n_subjects"] == 36
    checked = json.loads(worked("data", "check", "synthetic", "--root", store.parent / "data", "--json").out)
    assert checked["recordings"].startswith("3 of")


def test_a_store_is_summed_up_and_verified(store):
    info = json.loads(worked("store", "info", store, "--json").out)
    assert (info["subjects"], info["trials"], info["stimuli"]) == (3, 12, 8)
    assert "intact" in worked("store", "verify", store).out
    part = next((store / "signals").glob("*.npy"))
    content = bytearray(part.read_bytes())
    part.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert part.name in mindleaf("store", "verify", store).complaint
    part.write_bytes(content)


def test_results_can_be_read_by_a_program(store, tmp_path):
    done = worked("evaluate", "--store", store, "--model", "trf", "--task", "attention", "--protocol", "between_trial", "--set",
                  "protocol.only=[0]", "--window", "2", "--out", tmp_path / "out", "--json", "--quiet")  # fmt: skip
    assert json.loads(done.out) == json.loads((tmp_path / "out" / "results.json").read_text())
    assert done.err == ""


def test_one_s_own_system_takes_settings(store, tmp_path):
    words = ("--model", "mindleaf.systems.cca:CCASystem", "--task", "attention", "--protocol", "between_trial", "--no-floor")
    own = ("--set", "protocol.only=[0]", "--window", "2", "--quiet", "--out", tmp_path / "out")
    assert "no field 'nothing'" in mindleaf("evaluate", "--store", store, *words, *own, "--set", "system.nothing=1").complaint
    worked("evaluate", "--store", store, *words, *own)


@pytest.mark.parametrize("words", [("evaluate",), ("list",), ("fly",), ("evaluate", "--wings", "2"), ("demo", "--seed", "two")])
def test_a_command_line_that_cannot_be_read(words):
    done = mindleaf(*words)
    assert done.code == 2 and "Usage" in done.err and "Traceback" not in done.err


def test_the_traceback_is_shown_on_request():
    done = mindleaf("data", "show", "nothing", "--debug")
    assert done.code == 2 and "Traceback" in done.err and "mindleaf: data set 'nothing'" in done.err


def run(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mindleaf.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_installed_command_leaves_with_the_same_codes():
    assert run("list", "tasks").stdout.split() == names("tasks")
    done = run("store", "info", "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("mindleaf: nowhere: wanted a store") and len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_an_interrupted_run_says_how_to_go_on(store, tmp_path):
    words = ("pretrain", "mindmix-tiny", "--store", store, "--out", tmp_path / "run", "--quiet", "--set", "training.steps=100000")
    process = subprocess.Popen(
        [sys.executable, "-m", "mindleaf.cli", *map(str, words)], stderr=subprocess.PIPE, text=True, stdout=subprocess.DEVNULL,
        preexec_fn=hears_ctrl_c,
    )  # fmt: skip
    log = tmp_path / "run" / "log.jsonl"
    # It waits for the first line, not for time to pass: on a busy machine the imports alone take a minute.
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and not (log.exists() and log.stat().st_size) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 130
    assert "--resume" in said and "Traceback" not in said


def test_a_warning_is_a_sentence_without_a_place_in_the_code(capsys, monkeypatch):
    usual: list[str] = []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *rest: usual.append(str(message)))
    errors.plain_warnings()
    warnings.showwarning(UserWarning("half of it is guessed"), UserWarning, str(Path(errors.__file__).parent / "montage.py"), 1)
    warnings.showwarning(UserWarning("not ours"), UserWarning, "elsewhere.py", 1)
    assert capsys.readouterr().err == "mindleaf: half of it is guessed\n" and usual == ["not ours"]
