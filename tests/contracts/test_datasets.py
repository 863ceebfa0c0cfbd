"""Door 1: every data set is held to its own facts, on the real files where they are at hand."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from mindleaf.datasets import DATASETS, open_dataset
from mindleaf.recording import Recording

#: Folder of the real files, and what this copy of them holds: subjects, recordings, trials.
REAL = {
    "eegmat": ("eegmat", 14, 28, 28),
    "cocktail": ("cocktail", 1, 4, 4),
    "two_speaker_minute": ("two_speaker_minute", 1, 1, 1),
    "kalunga2016": ("kalunga2016", 7, 15, 480),
    "eegmmidb": ("eegmmidb_s001", 1, 3, 45),
}


@pytest.fixture(scope="module", params=list(REAL))
def opened(request: pytest.FixtureRequest, real_data: Path) -> tuple[str, list[Recording]]:
    folder = real_data / REAL[request.param][0]
    if not folder.exists():
        pytest.skip(f"needs {folder.name} in MINDLEAF_TEST_DATA")
    return request.param, list(open_dataset(request.param, folder))


def test_the_files_hold_what_the_facts_say(opened):
    name, recordings = opened
    facts = DATASETS[name].facts
    _, n_subjects, n_recordings, n_trials = REAL[name]
    assert len({recording.subject for recording in recordings}) == n_subjects <= (facts.n_subjects or 1000)
    assert len({recording.id for recording in recordings}) == len(recordings) == n_recordings <= (facts.n_recordings or 10_000)
    assert sum(len(recording.trials) for recording in recordings) == n_trials
    assert {len(recording.montage) for recording in recordings} == {facts.n_channels}
    assert {recording.sfreq for recording in recordings} == {facts.sfreq}
    assert sum(recording.n_times / recording.sfreq for recording in recordings) / 3600 <= (facts.hours or 1000) + 1e-9
    labels = {trial.labels["label"] for recording in recordings for trial in recording.trials if "label" in trial.labels}
    assert labels <= set(facts.labels)
    assert bool(labels) == bool(facts.labels)


def test_every_recording_is_whole(opened):
    name, recordings = opened
    for recording in recordings:
        signal = pickle.loads(pickle.dumps(recording)).signal
        assert np.isfinite(signal).all()
        duration = recording.n_times / recording.sfreq
        assert all(trial.onset >= 0 and trial.onset + trial.duration <= duration + 1e-6 for trial in recording.trials)
        assert all(0 <= event.onset <= duration for event in recording.events)
        assert not np.isnan(recording.montage.positions).all()
        plausible = 0.5 < np.median(np.median(np.abs(signal - np.median(signal, axis=1, keepdims=True)), axis=1)) < 500
        assert plausible == (name != "kalunga2016")
        assert [issue.code for issue in recording.issues] == (["unit_implausible"] if name == "kalunga2016" else [])


def test_stimuli_cover_their_trials(opened):
    name, recordings = opened
    for recording in recordings:
        stimuli = {stimulus.id: stimulus for stimulus in recording.stimuli}
        for trial in recording.trials:
            for candidate in trial.candidates:
                samples = stimuli[candidate.stimulus].load()
                assert samples.ndim == 1
                assert np.isfinite(samples).all()
                assert len(samples) / stimuli[candidate.stimulus].sample_rate >= candidate.offset + trial.duration - 0.05
                assert stimuli[candidate.stimulus].kind == "audio" or samples.min() >= 0
    assert any(trial.attended for recording in recordings for trial in recording.trials) == (
        name in ("cocktail", "two_speaker_minute")
    )


def test_no_path_or_person_leaves_the_folder(opened):
    _, recordings = opened
    for recording in recordings:
        told = [recording.id, recording.subject, recording.session, recording.run, *recording.source_files]
        told += [event.label for event in recording.events] + [issue.message for issue in recording.issues]
        assert not any(text.startswith("/") or ".." in text for text in told)
        assert all(re.fullmatch(r"[\w.-]+", part) for part in (recording.id, recording.subject))
        assert "Total time" not in " ".join(told)


def test_events_of_motor_imagery_are_all_there(real_data: Path):
    import mne

    for recording in open_dataset("eegmmidb", real_data / "eegmmidb_s001"):
        raw = mne.io.read_raw_edf(real_data / "eegmmidb_s001" / recording.source_files[0], verbose="ERROR")
        assert [event.label for event in recording.events] == list(raw.annotations.description)
        assert np.allclose([event.onset for event in recording.events], raw.annotations.onset, atol=1 / recording.sfreq)


def test_the_gdf_and_the_fif_of_one_session_tell_the_same(real_data: Path, tmp_path: Path):
    fif = next(iter(open_dataset("kalunga2016", real_data / "kalunga2016")))
    (tmp_path / "subject01").mkdir()
    source = next((real_data / "kalunga2016" / "subject01").glob("*.gdf"))
    (tmp_path / "subject01" / source.name).symlink_to(source)
    gdf = next(iter(open_dataset("kalunga2016", tmp_path)))
    assert (gdf.id, gdf.montage, gdf.n_times) == (fif.id, fif.montage, fif.n_times)
    assert gdf.trials == fif.trials
    assert np.allclose(gdf.signal * 1e6, fif.signal, rtol=1e-5)


def test_the_duplicated_recording_is_kept_for_the_audit_to_find(real_data: Path):
    same = [
        recording for recording in open_dataset("kalunga2016", real_data / "kalunga2016") if recording.session == "20120711153308"
    ]
    assert [recording.subject for recording in same] == ["03", "07"]
    assert np.array_equal(same[0].signal, same[1].signal)


def test_a_body_destroyed_by_text_conversion_is_refused(real_data: Path):
    from mindleaf.errors import ReadError

    with pytest.raises(ReadError, match="line-end conversion"):
        list(open_dataset("eegmmidb", real_data / "damaged_edf"))
