"""Door 1: every recipe reads a small fixture in its published layout, and lands labels and sounds on the right sample.

The fixtures are written by ``tests/datasets/layouts`` without the package under test. A bump in every EEG channel and a click
in every sound mark the same moment; they are looked for at each station: the recording, the store, the view, the audio.
"""

from __future__ import annotations

import ast
import inspect
import pickle
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import mindleaf
from mindleaf.datasets import DATASETS
from mindleaf.errors import BadInput
from mindleaf.preprocessing.pipeline import BROAD
from mindleaf.recording import Recording
from mindleaf.store.store import Store

from ..datasets.layouts.expected import Expected

LAYOUTS = Path(__file__).parents[1] / "datasets" / "layouts"
#: Generic readers and generated data have tests of their own; these sets are tested on their real files, in their published form.
ELSEWHERE = {"bids", "manifest", "folder", "cocktail", "two_speaker_minute", "eegmat", "kalunga2016", "eegmmidb"}
NAMES = [name for name in DATASETS if name not in ELSEWHERE and DATASETS[name].generate is None]
BEFORE_S = 0.25


@dataclass(frozen=True)
class Walked:
    """A fixture, what was promised of it, its recordings and its store."""

    name: str
    expected: Expected
    recordings: dict[str, Recording]
    store: Store


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("layouts")


@lru_cache
def _walked(name: str, workplace: Path) -> Walked:
    root = workplace / name
    root.mkdir()
    expected = import_module(f"tests.datasets.layouts.{name}").write(root)
    opened = [recording for source in DATASETS[name].sources(root) for recording in pickle.loads(pickle.dumps(source)).open()]
    store = mindleaf.prepare(opened, workplace / f"{name}-store")
    return Walked(name, expected, {recording.id: recording for recording in opened}, store)


@pytest.fixture(params=NAMES)
def walked(request: pytest.FixtureRequest, workplace: Path) -> Walked:
    return _walked(request.param, workplace)


@pytest.mark.parametrize("name", NAMES)
def test_the_fixture_is_written_by_somebody_else(name: str):
    tree = ast.parse((LAYOUTS / f"{name}.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [module for module in imported if module.startswith("mindleaf")]


def test_the_facts_hold(walked: Walked):
    facts, recordings = DATASETS[walked.name].facts, walked.recordings.values()
    assert len(recordings) == walked.expected.n_recordings
    assert {r.subject for r in recordings} == set(walked.expected.subjects)
    assert {r.dataset for r in recordings} == {walked.name}
    assert {len(r.montage) for r in recordings} == {walked.expected.n_channels}
    assert {r.sfreq for r in recordings} == {walked.expected.sfreq}
    assert facts.n_channels in (None, walked.expected.n_channels)
    assert facts.sfreq in (None, walked.expected.sfreq)
    assert facts.title and facts.citation and facts.licence and facts.paradigm
    assert facts.archives or facts.access_steps, "says neither where the files may be fetched nor how to get access"
    assert facts.layout == "published" or facts.unverified
    labels = {trial.labels["label"] for r in recordings for trial in r.trials if "label" in trial.labels}
    assert labels <= set(facts.labels), labels


def test_issues_are_the_expected_ones(walked: Walked):
    codes = {issue.code for recording in walked.recordings.values() for issue in recording.issues}
    assert codes == set(walked.expected.issues), [i.message for r in walked.recordings.values() for i in r.issues]


def test_trials_carry_their_names_labels_and_stimuli(walked: Walked):
    found = [(r.id, trial) for r in walked.recordings.values() for trial in r.trials]
    promised = {(trial.recording, trial.trial): trial for trial in walked.expected.trials}
    assert {(recording, trial.id) for recording, trial in found} == set(promised)
    assert len(found) == len(promised)
    for recording, trial in found:
        wanted = promised[recording, trial.id]
        assert abs(trial.onset - wanted.onset_s) * walked.recordings[recording].sfreq <= 0.5 + 1e-6, trial
        assert trial.duration == pytest.approx(wanted.duration_s, abs=1e-3)
        assert wanted.labels.items() <= dict(trial.labels).items()
        assert tuple(candidate.stimulus for candidate in trial.candidates) == wanted.stimuli
        assert trial.attended == wanted.attended


def test_a_bump_stays_in_its_sample_from_file_to_view(walked: Walked):
    view = walked.store.view(BROAD)
    for trial in walked.expected.trials:
        recording, moment = walked.recordings[trial.recording], trial.onset_s + trial.impulse_s
        stored = walked.store.recordings[trial.recording]
        for signal, sfreq in (
            (recording.signal.T, recording.sfreq),
            (walked.store.signal(trial.recording), stored.sfreq),
            (view.signal(trial.recording), view.sfreq),
        ):
            assert abs(_peak(signal, sfreq, moment) - moment) <= 1.0 / min(sfreq, recording.sfreq) + 1e-9, (trial, sfreq)


def test_a_click_is_heard_when_the_bump_is_seen(walked: Walked):
    facts = DATASETS[walked.name].facts
    heard, promised = 0, sum(len(trial.stimuli) for trial in walked.expected.trials)
    for trial in walked.expected.trials:
        recording = walked.recordings[trial.recording]
        for candidate in next(t for t in recording.trials if t.id == trial.trial).candidates:
            stimulus = walked.store.stimuli[candidate.stimulus]
            samples, rate = walked.store.samples(candidate.stimulus), stimulus.sample_rate
            peak = _peak(np.asarray(samples)[:, None], rate, candidate.offset + trial.impulse_s) - candidate.offset
            assert abs(peak - trial.impulse_s) <= 1.0 / recording.sfreq + 1.0 / rate, (trial, candidate)
            heard += 1
    assert heard >= promised
    assert heard or facts.stimuli, "says nothing of stimuli"


def test_a_span_is_a_part_of_the_whole(walked: Walked):
    for recording in walked.recordings.values():
        assert {"start", "stop"} <= set(inspect.signature(recording.load).parameters)
        assert np.array_equal(recording.load(10, 25), recording.signal[:, 10:25], equal_nan=True)


def test_nothing_of_the_machine_leaves_the_folder(walked: Walked, workplace: Path):
    for recording in walked.recordings.values():
        told = [recording.id, recording.subject, recording.session, recording.run, *recording.source_files]
        told += [event.label for event in recording.events] + [issue.message for issue in recording.issues]
        assert not any(str(workplace) in text for text in told)
        assert re.fullmatch(r"[\w.-]+", recording.id), recording.id


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_folder_says_which_files_were_looked_for(tmp_path: Path, name: str):
    with pytest.raises(BadInput, match=name):
        list(DATASETS[name].sources(tmp_path))


def _peak(signal: np.ndarray, sfreq: float, near_s: float) -> float:
    """Second at which the channels together stand out most within a quarter of a second of ``near_s``. signal: (time, channel)."""
    first = max(0, round((near_s - BEFORE_S) * sfreq))
    piece = np.asarray(signal[first : round((near_s + BEFORE_S) * sfreq) + 1], float)
    mean = np.abs(np.nanmean(piece - np.nanmedian(piece, axis=0), axis=1))
    return (first + int(np.argmax(mean))) / sfreq
