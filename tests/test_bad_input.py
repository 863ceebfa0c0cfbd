"""Bad input through the command line: one sentence, exit code 2, nothing half-written."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mindleaf.datasets import DATASETS
from mindleaf.store.store import Store
from tests.reading.written_files import SFREQ, eeg, write_edf
from tests.stages.command import (
    FEW_ALIGN_STEPS,
    FEW_LISTENER_STEPS,
    FEW_READER_STEPS,
    FEW_STEPS,
    TINY,
    mindleaf,
    unfinished,
    worked,
)

ATTENTION = ("--task", "attention", "--protocol", "between_trial", "--set", "protocol.only=[0]", "--window", "2")


@pytest.fixture(scope="module")
def material(tmp_path_factory) -> Path:
    """A small store and a pretrained RUN to misuse."""
    folder = tmp_path_factory.mktemp("material")
    worked("prepare", "synthetic", "--root", folder / "data", "--out", folder / "store", *TINY, "--quiet")
    worked("pretrain", "mindmix-tiny", "--store", folder / "store", "--out", folder / "run", "--quiet", *FEW_STEPS)
    return folder


def refused(out: Path, *words: object) -> str:
    """The sentence of a command that must be refused and leave no ``out``."""
    sentence = mindleaf(*words, "--out", out).complaint
    assert not out.exists(), sorted(out.rglob("*"))
    return sentence


def labelled(folder: Path, n_files: int = 1, subject: str = "s1") -> Path:
    """A 'folder' data set of small EDF files."""
    folder.mkdir(exist_ok=True)
    lines = ["file,label,subject"]
    for k in range(n_files):
        write_edf(folder / f"{k}.edf", eeg(seed=k))
        lines.append(f"{k}.edf,{'ab'[k % 2]},{subject}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("name", list(DATASETS))
def test_a_wrong_path_and_an_empty_folder(name, tmp_path):
    missing = tmp_path / "missing"
    if DATASETS[name].generate is None:
        assert "does not exist" in refused(tmp_path / "out", "prepare", name, "--root", missing)
    (tmp_path / "empty").mkdir()
    assert str(tmp_path / "empty") in refused(tmp_path / "out", "prepare", name, "--root", tmp_path / "empty")


def test_a_file_where_a_folder_is_wanted(material, tmp_path):
    file = tmp_path / "file"
    file.write_text("precious")
    commands = [
        ("prepare", "bids", "--root", material / "data"),
        ("pretrain", "mindmix-tiny", "--store", material / "store", *FEW_STEPS),
        ("evaluate", "--store", material / "store", "--model", "trf", *ATTENTION),
    ]
    for words in commands:
        assert str(file) in mindleaf(*words, "--quiet", "--out", file).complaint
        assert file.read_text() == "precious"
    assert "is a file" in mindleaf("prepare", "bids", "--root", file, "--out", tmp_path / "out").complaint


def test_an_edf_file_cut_inside_its_header(tmp_path):
    root = labelled(tmp_path / "root")
    (root / "0.edf").write_bytes((root / "0.edf").read_bytes()[:300])
    assert "0.edf" in refused(tmp_path / "out", "prepare", "folder", "--root", root)


def test_an_edf_file_cut_inside_its_data_is_told(tmp_path):
    root = labelled(tmp_path / "root")
    content = (root / "0.edf").read_bytes()
    (root / "0.edf").write_bytes(content[: len(content) // 2])
    done = worked("prepare", "folder", "--root", root, "--out", tmp_path / "out")
    assert "truncated" in done.err
    (recording,) = Store(tmp_path / "out").recordings.values()
    assert recording.n_times < 8 * SFREQ
    assert [issue["code"] for issue in recording.issues] == ["truncated"]


def test_a_later_damaged_file_leaves_no_store(tmp_path):
    root = labelled(tmp_path / "root", n_files=2)
    (root / "1.edf").write_bytes((root / "1.edf").read_bytes()[:300])
    assert "1.edf" in mindleaf("prepare", "folder", "--root", root, "--out", tmp_path / "out", "--quiet").complaint
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert unfinished(tmp_path) == []
    write_edf(root / "1.edf", eeg(seed=1))
    assert "(1 prepared, 1 unchanged)" in " ".join(
        worked("prepare", "folder", "--root", root, "--out", tmp_path / "out").err.split()
    )


def test_a_channel_without_a_name(tmp_path):
    root = labelled(tmp_path / "root")
    write_edf(root / "0.edf", names=("Fp1", "", "C3", "Cz"))
    assert "channel without a name" in refused(tmp_path / "out", "prepare", "folder", "--root", root)


def test_a_channel_of_nan_is_told_and_harms_nothing(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    lines = ["file,label,subject,unit"]
    for k in range(4):
        values = eeg(seed=k).T.copy()
        values[:, 1] = np.nan
        table = np.column_stack([np.arange(len(values)) / SFREQ, values])
        np.savetxt(root / f"{k}.csv", table, delimiter=",", header="time,Fp1,Fp2,C3,Cz", comments="")
        lines += [f"{k}.csv,{'ab'[k % 2]},s{k},uV"]
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    done = worked("prepare", "folder", "--root", root, "--out", tmp_path / "store")
    assert "channel_nan" in done.err and "Fp2" in done.err
    words = ("--model", "mindmix", "--task", "classify", "--protocol", "leave_one_subject_out", "--window", "2")
    few = ("--set", "protocol.only=[0]", *FEW_READER_STEPS)
    worked("evaluate", "--store", tmp_path / "store", *words, *few, "--out", tmp_path / "out", "--quiet")
    systems = json.loads((tmp_path / "out" / "results.json").read_text())["systems"]
    assert len(systems) == 3
    assert all(np.isfinite(system["metrics"]["balanced_accuracy"]["mean"]) for system in systems)
    assert "channel_nan" in (tmp_path / "out" / "report.html").read_text()


def test_audio_that_ends_before_the_eeg(material, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    write_edf(root / "a.edf")
    soundfile.write(root / "a.wav", np.zeros(16_000), 16_000)
    (root / "recordings.tsv").write_text("recording\tfile\tsubject\nA\ta.edf\ts1\n")
    columns, cells = "recording\ttrial\tonset_s\tduration_s\tstimulus_file_1\tattended", "A\t1\t0\t5\ta.wav\t1"
    (root / "trials.tsv").write_text(f"{columns}\n{cells}\n")
    assert "'a.wav' lasts 1.00 s" in refused(tmp_path / "out", "prepare", "manifest", "--root", root)
    data = shutil.copytree(material / "data", tmp_path / "bids")
    sound = sorted((data / "stimuli").glob("*.wav"))[0]
    samples, rate = soundfile.read(sound)
    soundfile.write(sound, samples[: 3 * rate], rate)
    done = worked("prepare", "bids", "--root", data, "--out", tmp_path / "store")
    assert "audio_short" in done.err
    index = Store(tmp_path / "store").index
    cut = index[(index["stimulus_1"] == sound.stem) | (index["stimulus_2"] == sound.stem)]
    assert len(cut) == 3 and ((cut["stop"] - cut["start"]) <= 3.01).all()


@pytest.mark.parametrize("protocol", ["cross_subject", "leave_one_subject_out"])
def test_one_subject_cannot_be_split_by_subject(protocol, tmp_path):
    worked("prepare", "folder", "--root", labelled(tmp_path / "root", 6), "--out", tmp_path / "store", "--quiet")
    words = ("--store", tmp_path / "store", "--model", "bandpower_lr", "--task", "classify", "--protocol", protocol)
    sentence = refused(tmp_path / "out", "evaluate", *words)
    assert "got" in sentence and "between_trial" in sentence


TUNE = ("finetune", "mindmix-tiny", *ATTENTION, *FEW_LISTENER_STEPS)
ALIGN = ("align", "mindmix-tiny", *FEW_ALIGN_STEPS)
TRAIN = ("pretrain", "mindmix-tiny", *FEW_STEPS)
TEST = ("evaluate", "--model", "trf", *ATTENTION)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("pretrain", "mindmax"), "recipe 'mindmax' is not known; there are: mindmix-tiny"),
        (("align", "mindmax"), "recipe 'mindmax' is not known"),
        (("finetune", "mindmax", *ATTENTION), "recipe 'mindmax' is not known"),
        (("evaluate", "--model", "tfr", *ATTENTION), "--model tfr: neither a system (trf"),
        (("evaluate", "--model", "no_such_package:System", *ATTENTION), "cannot import no_such_package"),
        (("evaluate", "--model", "trf", "--model", "trf", *ATTENTION), "comes twice"),
        ((*TEST, "--task", "attend"), "task 'attend' is not known; there are: attention"),
        ((*TEST, "--task", "classify:mood"), "no label column 'mood'"),
        ((*TEST, "--protocol", "kfold"), "protocol 'kfold' is not known"),
        (("evaluate", "--model", "trf", "--task", "attention"), "--protocol is needed"),
        ((*TEST, "--set", "wind=2"), "no field 'wind'"),
        ((*TEST, "--set", "wind"), "--set wants path=value"),
        ((*TEST, "--set", "trf.lag=2"), "no field 'lag'"),
        ((*TEST, "--set", "protocol.n_folds=two"), "'two'"),
        ((*TEST, "--window", "two"), "--window wants lengths"),
        ((*TEST, "--window", "0"), "--window wants lengths"),
        ((*TEST, "--window", "inf"), "--window wants lengths"),
        ((*TEST, "--window", "100"), "no trial holds a window of 100 s"),
        ((*TEST, "--depth", "deep"), "'deep'"),
        ((*TEST, "--target", "front"), "'front'"),
        ((*TEST, "--split", "nowhere.json"), "nowhere.json"),
        ((*TEST, "--test-store", "nowhere"), "nowhere: wanted a store"),
        ((*TEST, "--set", "cca.n_components=2"), "cca does not take part; systems here: trf;"),
        ((*TEST, "--set", "mindmix.training.steps=2"), "mindmix does not take part"),
        ((*TUNE, "--set", "trf.scaling=window"), "trf does not take part; systems here: mindmix;"),
        ((*TRAIN, "--set", "training.step=2"), "no field 'step'"),
        ((*TRAIN, "--exclude", "subject=99"), "no window has such a subject"),
        ((*TRAIN, "--exclude", "colour=red"), "'colour=red'"),
        ((*TRAIN, "--exclude", "subject=01,02,03"), "no window is left"),
        ((*TRAIN, "--split", "nowhere.json"), "nowhere.json"),
        ((*TRAIN, "--device", "abacus"), "--device wants auto, cpu or cuda"),
        ((*ALIGN, "--start", "nowhere"), "nowhere"),
        ((*ALIGN, "--exclude", "stimulus=nothing"), "no window has such a stimulus"),
        ((*ALIGN, "--split", "nowhere.json"), "nowhere.json"),
        ((*TUNE, "--start", "nowhere"), "nowhere"),
        ((*TUNE, "--window", "100"), "no trial holds a window of 100 s"),
        ((*TUNE, "--set", "mindmix.lr=1"), "no field 'lr'"),
    ],
)
def test_a_wrong_word_is_refused_before_anything_is_written(material, tmp_path, words, told):
    assert told in refused(tmp_path / "out", *words, "--store", material / "store", "--quiet")


@pytest.mark.parametrize("words", [TRAIN, ALIGN, TUNE, TEST])
def test_a_missing_store_says_how_to_make_one(tmp_path, words):
    assert "mindleaf prepare" in refused(tmp_path / "out", *words, "--store", tmp_path / "nowhere", "--quiet")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("prepare", "tiny", "--root", ".", "--out", "x"), "data set 'tiny' is not known"),
        (("prepare", "synthetic", "--root", "x", "--out", "y", "--set", "synthetic.preset=huge"), "preset 'huge'"),
        (("prepare", "bids", "--root", ".", "--out", "x", "--pipeline", "sharp"), "pipeline 'sharp' is not known"),
        (("list", "flowers"), "'flowers'"),
        (("data", "show", "tiny"), "data set 'tiny' is not known"),
        (("data", "check", "bids", "--root", "nowhere"), "nowhere"),
        (("store", "info", "nowhere"), "nowhere: wanted a store"),
        (("demo", "--out", "x", "--set", "size=1"), "no field 'size'"),
    ],
)
def test_wrong_names_are_answered_with_the_right_ones(tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    assert told in mindleaf(*words).complaint
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_resumed_with_the_same_settings_and_inputs_only(material, tmp_path):
    run = shutil.copytree(material / "run", tmp_path / "run")
    words = ("pretrain", "mindmix-tiny", "--store", material / "store", "--out", run, "--quiet")
    before = (run / "model.safetensors").read_bytes()
    assert "add --resume" in mindleaf(*words, *FEW_STEPS).complaint
    assert "other settings" in mindleaf(*words, *FEW_STEPS, "--set", "training.steps=9", "--resume").complaint
    assert "another exclude" in mindleaf(*words, *FEW_STEPS, "--exclude", "subject=01", "--resume").complaint
    assert (run / "model.safetensors").read_bytes() == before
    worked(*words, *FEW_STEPS, "--resume")


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone", "pickle"])
def test_damaged_weights_are_refused(material, tmp_path, damage):
    run = shutil.copytree(material / "run", tmp_path / "run")
    weights = run / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-10] ^= 1
    weights.unlink()
    if damage in ("cut", "flipped"):
        weights.write_bytes(content[: len(content) // 2] if damage == "cut" else content)
    elif damage == "pickle":
        (run / "model.pt").write_bytes(b"\x80\x04.")
    store = ("--store", material / "store", "--quiet")
    for words in ((*ALIGN, *store, "--start", run), (*TUNE, *store, "--start", run)):
        assert str(run) in refused(tmp_path / "out", *words)
    words = ("evaluate", *store, "--model", run, *ATTENTION, *FEW_LISTENER_STEPS, "--no-floor")
    assert str(run) in refused(tmp_path / "out", *words)


_LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))"


def full(descriptor: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    "words",
    [TRAIN, ALIGN, TUNE, TEST, ("prepare", "bids")],
    ids=["pretrain", "align", "finetune", "evaluate", "prepare"],
)
def test_a_full_disk(material, tmp_path, monkeypatch, words):
    """Every file that must last is synced before it counts; the disk says there that it is full."""
    source = ("--root", material / "data") if words[0] == "prepare" else ("--store", material / "store")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        sentence = mindleaf(*words, *source, "--out", tmp_path / "out", "--quiet").complaint
    assert "disk is full" in sentence or "No space left" in sentence
    assert unfinished(tmp_path) == []
    for name in ("manifest.json", "model.safetensors", "results.json", "report.html", "folds.json"):
        assert not (tmp_path / "out" / name).exists()
    again = () if words[0] in ("prepare", "evaluate") else ("--resume",)
    worked(*words, *source, "--out", tmp_path / "out", "--quiet", *again)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.parametrize("words", [("prepare", "bids")], ids=["prepare"])
def test_a_write_that_the_system_cuts_short(material, tmp_path, words):
    """As on a disk that fills up within one file: the first bytes get through, the rest does not."""
    source = ("--root", material / "data") if words[0] == "prepare" else ("--store", material / "store")
    command = [
        sys.executable,
        "-c",
        f"{_LIMITED}; from mindleaf.cli import main; main()",
        *words,
        *source,
        "--out",
        tmp_path / "out",
        "--quiet",
    ]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2, done.stderr
    (sentence,) = done.stderr.strip().splitlines()
    assert sentence.startswith("mindleaf: wanted to write")
    assert unfinished(tmp_path) == []
    assert not (tmp_path / "out" / "manifest.json").exists() and not (tmp_path / "out" / "model.safetensors").exists()
