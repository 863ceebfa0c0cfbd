"""Two tables that describe ear-EEG recordings kept as NPZ, for want of the published layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from .expected import Expected, ExpectedTrial, audio, eeg

RATE, SOUND_RATE, TRIAL_S, BUMP_S = 250, 16_000, 4.0, 1.1
ONSETS_S = {"01": (0.5, 5.252), "02": (0.748, 5.6)}
STORIES = (("book1", "book2"), ("book3", "book4"))


def write(root: Path) -> Expected:
    """Two listeners, two trials each with two talkers; the second talker is attended in the second trial."""
    recordings, trials = ["recording\tfile\tsubject"], []
    head = "recording\ttrial\tonset_s\tduration_s\tattended\tstimulus_1\tstimulus_file_1\tstimulus_2\tstimulus_file_2"
    table = [f"{head}\tauditory_type_1\tauditory_type_2"]
    for subject, onsets in ONSETS_S.items():
        signal = eeg(2, 11 * RATE, RATE, [onset + BUMP_S for onset in onsets], seed=int(subject))
        np.savez(root / f"{subject}.npz", signal=signal, channel_names=["ear left", "ear right"], sfreq=float(RATE))
        recordings.append(f"listener{subject}\t{subject}.npz\t{subject}")
        for number, (onset, (one, two)) in enumerate(zip(onsets, STORIES, strict=True), start=1):
            cells = [
                f"listener{subject}",
                str(number),
                str(onset),
                str(TRIAL_S),
                str(number),
                one,
                f"{one}.wav",
                two,
                f"{two}.wav",
            ]
            table.append("\t".join([*cells, "competing_speech", "competing_speech"]))
            trials.append(ExpectedTrial(f"listener{subject}", str(number), onset, TRIAL_S, {}, (one, two), number, BUMP_S))
    for seed, name in enumerate(name for pair in STORIES for name in pair):
        soundfile.write(root / f"{name}.wav", audio(TRIAL_S, SOUND_RATE, [BUMP_S], seed), SOUND_RATE)
    (root / "recordings.tsv").write_text("\n".join(recordings) + "\n")
    (root / "trials.tsv").write_text("\n".join(table) + "\n")
    return Expected(tuple(ONSETS_S), 2, 2, float(RATE), tuple(trials))
