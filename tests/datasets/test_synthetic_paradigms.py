"""The synthetic paradigms: files, trials, and whether each class is where and what its label says."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, hilbert, sosfiltfilt, welch

from mindleaf.datasets import DATASETS, open_dataset
from mindleaf.datasets.synthesis.head import head
from mindleaf.datasets.synthesis.paradigm_session import paradigm_session
from mindleaf.datasets.synthesis.paradigms import COMBINATIONS, HELD_OUT, PARADIGMS, TRIAL_S, ParadigmConfig
from mindleaf.datasets.synthetic_paradigms import write_paradigm
from mindleaf.errors import BadInput
from mindleaf.recording import Recording
from mindleaf.tasks.wording import kind_of, sentence

from ..stages.command import mindleaf

#: Two subjects with the strongest effect the settings allow, and nothing between sources and electrodes.
CLEAR = ParadigmConfig(
    n_subjects=2, n_trials=4, n_channels=19, sfreq=128, effect=2.0, variability=0.1, background_uv=2.0, alpha_uv=0.0, blink_uv=0.0,
    line_uv=0.0, sensor_uv=0.2,
)  # fmt: skip
KINDS = {
    "synthetic_imagery": "motor", "synthetic_ssvep": "ssvep", "synthetic_workload": "workload", "synthetic_rhythms": "rhythm",
    "synthetic_combinations": "rhythm", "synthetic_synchrony": "rhythm",
}  # fmt: skip


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("paradigms")
    return {name: write_paradigm(folder / name, name, CLEAR, seed=0) for name in PARADIGMS}


def _opened(roots: dict[str, Path], name: str) -> list[Recording]:
    return list(open_dataset(name, roots[name]))


def _files(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _power(recording: Recording, hz: float, half_width: float = 1.5) -> dict[str, dict[str, float]]:
    """Mean power around ``hz`` in the trials of each class, by class and channel."""
    found: dict[str, list[np.ndarray]] = {}
    for trial in recording.trials:
        first = round(trial.onset * recording.sfreq)
        cut = recording.signal[:, first : first + round(trial.duration * recording.sfreq)]
        frequencies, density = welch(cut, recording.sfreq, nperseg=512)
        power = density[:, np.abs(frequencies - hz) <= half_width].sum(axis=1)
        found.setdefault(trial.labels["label"], []).append(power)
    names = recording.channel_names
    return {label: dict(zip(names, np.mean(powers, axis=0), strict=True)) for label, powers in found.items()}


@pytest.mark.parametrize("name", list(PARADIGMS))
def test_recordings_hold_what_the_facts_say(roots, name):
    facts, recordings = DATASETS[name].facts, _opened(roots, name)
    assert [recording.subject for recording in recordings] == ["01", "02"]
    for recording in recordings:
        labels = [trial.labels["label"] for trial in recording.trials]
        assert {label: labels.count(label) for label in labels} == dict.fromkeys(PARADIGMS[name].labels, CLEAR.n_trials)
        assert set(labels) <= set(facts.labels) and facts.interval == (0.0, TRIAL_S)
        assert recording.dataset == name and not recording.issues and len(recording.montage) == 19
        assert all(trial.duration == TRIAL_S for trial in recording.trials)
        assert 0.5 < np.median(np.abs(recording.signal)) < 50
    first, second = (recording.signal for recording in recordings)
    n = min(first.shape[1], second.shape[1])
    assert abs(np.corrcoef(first[:, :n].ravel(), second[:, :n].ravel())[0, 1]) < 0.2
    assert recordings[0].trials != recordings[1].trials


@pytest.mark.parametrize("name", list(PARADIGMS))
def test_every_class_has_a_sentence_of_its_own_and_the_paradigm_is_known(name):
    facts = DATASETS[name].facts
    assert kind_of(facts.paradigm) == KINDS[name]
    sentences = [sentence(KINDS[name], label) for label in facts.labels]
    assert len(set(sentences)) == len(sentences) and not any("_" in text for text in sentences)


def test_imagined_limbs_take_mu_from_their_own_cortex(roots):
    for recording in _opened(roots, "synthetic_imagery"):
        power = _power(recording, 11.0, 2.0)
        assert power["left"]["C4"] < 0.7 * power["right"]["C4"]
        assert power["right"]["C3"] < 0.7 * power["left"]["C3"]
        assert power["feet"]["Cz"] < 0.7 * power["tongue"]["Cz"]


def test_the_flicker_that_is_looked_at_stands_at_the_back_with_its_harmonic(roots):
    for recording in _opened(roots, "synthetic_ssvep"):
        for hz in PARADIGMS["synthetic_ssvep"].labels:
            for harmonic in (1, 2):
                power = _power(recording, harmonic * float(hz), 0.3)
                others = [power[other]["O1"] for other in power if other != hz]
                assert power[hz]["O1"] > 3 * max(others)
            power = _power(recording, float(hz), 0.5)[hz]
            assert power["O1"] > 3 * power["Fz"]


def test_calculating_brings_theta_to_the_front_and_takes_alpha_from_the_back(roots):
    for recording in _opened(roots, "synthetic_workload"):
        theta, alpha = _power(recording, 6.0), _power(recording, 10.0)
        assert theta["arithmetic"]["Fz"] > 1.5 * theta["rest"]["Fz"]
        assert alpha["arithmetic"]["Pz"] < 0.7 * alpha["rest"]["Pz"]


@pytest.mark.parametrize("name", ["synthetic_rhythms", "synthetic_combinations"])
def test_a_combination_is_its_rhythm_at_its_place(roots, name):
    at = {"at_the_front": "Fz", "at_the_back": "O1", "on_the_left": "T7", "on_the_right": "T8"}
    hz = {"slow": 6.0, "medium": 10.0, "fast": 20.0}
    for recording in _opened(roots, name):
        for label in PARADIGMS[name].labels:
            speed, place = COMBINATIONS[label]
            power = {own: _power(recording, centre)[label] for own, centre in hz.items()}
            assert max(power, key=lambda own: power[own][at[place]]) == speed
            assert max(at.values(), key=lambda channel: power[speed][channel]) == at[place]


def test_held_out_combinations_are_new_and_every_word_of_them_is_known():
    seen = PARADIGMS["synthetic_rhythms"].labels
    assert set(seen) | set(HELD_OUT) == set(COMBINATIONS) and not set(seen) & set(HELD_OUT)
    for label in HELD_OUT:
        for part in (0, 1):
            assert sum(COMBINATIONS[other][part] == COMBINATIONS[label][part] for other in seen) >= 2


def test_places_in_step_differ_in_phase_and_not_in_strength(roots):
    """Phase between the two places is what the label says; power there is the same in every class."""
    ends = {"sides": ("T7", "T8"), "ends": ("Fz", "O1")}
    bands = {"medium": 10.0, "fast": 20.0}
    locking: dict[str, list[float]] = {}
    strength: dict[str, list[float]] = {}
    for recording in _opened(roots, "synthetic_synchrony"):
        for trial in recording.trials:
            speed, pair = trial.labels["condition"].split("_")
            band = butter(3, (bands[speed] - 2, bands[speed] + 2), "bandpass", fs=recording.sfreq, output="sos")
            first = round((trial.onset + 0.5) * recording.sfreq)
            rows = [recording.montage.index(channel) for channel in ends[pair]]
            one, other = hilbert(sosfiltfilt(band, recording.signal[rows]))[:, first : first + round(3 * recording.sfreq)]
            phase = np.real(np.vdot(other, one)) / np.linalg.norm(one) / np.linalg.norm(other)
            locking.setdefault(trial.labels["label"], []).append(phase)
            strength.setdefault(trial.labels["label"], []).append(np.linalg.norm(one))
    together, against, apart = (np.mean(locking[label]) for label in PARADIGMS["synthetic_synchrony"].labels)
    assert together > 0.6 and against < -0.6 and abs(apart) < 0.4
    means = [np.mean(values) for values in strength.values()]
    assert max(means) < 1.5 * min(means)


def test_same_seed_same_bytes_and_other_seeds_and_paradigms_other_subjects(tmp_path):
    short = CLEAR.model_copy(update={"n_trials": 1})
    written = [
        write_paradigm(tmp_path / str(k), name, short, seed)
        for k, (name, seed) in enumerate(
            (
                ("synthetic_combinations", 1),
                ("synthetic_combinations", 1),
                ("synthetic_combinations", 2),
                ("synthetic_rhythms", 1),
            )
        )
    ]
    first, again, other, paradigm = (_files(root) for root in written)
    assert first == again
    changed = {name for name, digest in first.items() if other[name] != digest}
    assert {name for name in first if name.endswith(".eeg")} <= changed
    assert not {first[name] for name in first if name.endswith(".eeg")} & set(paradigm.values())


def test_without_an_effect_nothing_depends_on_the_class():
    """Classes shuffled, the same signal to the last bit; with an effect it is another one."""
    paradigm, cap = PARADIGMS["synthetic_imagery"], head(19)
    renamed = replace(paradigm, labels=paradigm.labels[::-1])
    for effect in (0.0, 1.0):
        config = CLEAR.model_copy(update={"effect": effect, "n_trials": 2})
        one, other = (paradigm_session(cap, kind, config, np.random.default_rng(0)) for kind in (paradigm, renamed))
        assert one.labels != other.labels
        assert np.array_equal(one.signal, other.signal) == (effect == 0.0)


def test_the_command_line_chooses_combinations_and_refuses_strange_ones(tmp_path):
    words = ("--set", "synthetic.n_subjects=1", "--set", "synthetic.n_trials=1", "--set", "synthetic.n_channels=19", "--quiet")
    chosen = '["slow_rhythm_at_the_front","fast_rhythm_at_the_front"]'
    where = ("--root", tmp_path / "data", "--out", tmp_path / "store")
    done = mindleaf("prepare", "synthetic_rhythms", *where, "--set", f"synthetic.combinations={chosen}", *words)
    assert "trials" in done.out
    labels = {trial.labels["label"] for trial in next(open_dataset("synthetic_rhythms", tmp_path / "data")).trials}
    assert labels == {"slow_rhythm_at_the_front", "fast_rhythm_at_the_front"}
    again = mindleaf("prepare", "synthetic_rhythms", *where, *words).complaint
    assert "other settings or another seed" in again
    nowhere = ("--root", tmp_path / "x", "--out", tmp_path / "y", "--set")
    for wrong, said in (('["blue_rhythm"]', "blue_rhythm"), ('["slow_rhythm_at_the_back"]', "two or more")):
        assert said in mindleaf("prepare", "synthetic_rhythms", *nowhere, f"synthetic.combinations={wrong}").complaint
    assert "drop the setting" in mindleaf("prepare", "synthetic_ssvep", *nowhere, f"synthetic.combinations={chosen}").complaint
    assert not (tmp_path / "x").exists()


def test_missing_data_name_the_generator_and_unknown_paradigms_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="mindleaf prepare synthetic_imagery"):
        open_dataset("synthetic_imagery", tmp_path / "empty")
    with pytest.raises(BadInput, match="synthetic_imagery, synthetic_ssvep"):
        write_paradigm(tmp_path / "data", "juggling", CLEAR, seed=0)
