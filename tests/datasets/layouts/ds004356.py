"""ds004356 as OpenNeuro has it: BrainVision at 10 kHz, events.tsv whose onsets count 10,000.25 samples a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pybv
import soundfile

from .expected import Expected, ExpectedTrial, audio, eeg

RATE, SOUND_RATE, CLIP_S, BUMP_S = 10_000, 48_000, 12, 1.25
NAMES = ['Fp1', 'Fz', 'F3', 'F7', 'FT9', 'FC5', 'FC1', 'C3', 'T7', 'TP9', 'CP5', 'CP1', 'Pz', 'P3', 'P7', 'O1', 'Oz', 'O2', 'P4', 'P8', 'TP10', 'CP6', 'CP2', 'Cz', 'C4', 'T8', 'FT10', 'FC6', 'FC2', 'F4', 'F8', 'Fp2', 'EP1', 'EP2']  # fmt: skip
MUSIC = ("jazz", "metal")
#: Type, number of the clip, sample of its start. The first two listeners hear the same clips in another order.
PLAYED = {
    "sub-01_task-MusicvsSpeech": [("click", 0, 2_000), ("chn_aud", 35, 30_117), ("jazz", 3, 155_303)],
    "sub-03_task-MusicvsSpeech_run-01": [("click", 0, 1_000)],
    "sub-03_task-MusicvsSpeech_run-02": [("jazz", 3, 5_041), ("chn_aud", 35, 130_236)],
}
CODES = {"click": 0, "jazz": 4, "metal": 5, "chn_aud": 7}


def write(root: Path) -> Expected:
    """Two listeners; the second has the clicks in a run of its own, which is no recording of the recipe."""
    trials = []
    for stem, played in PLAYED.items():
        _record(root, stem, played)
        name = stem.replace("_task-MusicvsSpeech", "")
        trials += [
            ExpectedTrial(
                name, f"{kind}{number:03d}", sample / RATE, float(CLIP_S),
                {"label": "music" if kind in MUSIC else "speech", "type": kind}, (f"{kind}{number:03d}",), 1, BUMP_S,
            )
            for kind, number, sample in played if kind != "click"
        ]  # fmt: skip
    for kind, number in (("chn_aud", 35), ("jazz", 3), ("click", 0)):
        path = root / "stimuli" / kind / f"{kind}{number:03d}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, audio(CLIP_S, SOUND_RATE, [BUMP_S], seed=number), SOUND_RATE)
    return Expected(("01", "03"), 2, 32, float(RATE), tuple(trials))


def _record(root: Path, stem: str, played: list[tuple[str, int, int]]) -> None:
    folder = root / stem.split("_")[0] / "eeg"
    folder.mkdir(parents=True, exist_ok=True)
    clips = [sample for kind, _, sample in played if kind != "click"]
    n_times = (max(clips) + (CLIP_S + 1) * RATE) if clips else 20_000
    # At 10 kHz the top of the bump is flat: noise there, or integers, would move its highest sample.
    times, bumps = np.arange(n_times) / RATE, [sample / RATE + BUMP_S for sample in clips]
    noise = eeg(1, n_times, RATE, [], seed=len(stem))
    signal = eeg(1, n_times, RATE, bumps, seed=len(stem)) - noise
    signal += noise * np.prod([1.0 - np.exp(-0.5 * ((times - bump) / 0.1) ** 2) for bump in bumps], axis=0)
    weights = 1.0 + 0.02 * np.arange(len(NAMES))
    marks = [{"onset": sample, "duration": 1, "description": 1, "type": "Stimulus"} for _, _, sample in played]
    pybv.write_brainvision(
        data=1e-6 * weights[:, None] * signal, sfreq=RATE, ch_names=NAMES, fname_base=f"{stem}_eeg", folder_out=folder,
        events=marks, unit="µV", fmt="binary_float32",
    )  # fmt: skip
    lines = ["onset\tduration\ttrial_type\tvalue\tsample\ttrial\tnumber_trial\tEEG_trigger\tstim_file"]
    for row, (kind, number, sample) in enumerate(played):
        duration = 60 if kind == "click" else CLIP_S
        file = f"{kind}/{kind}{number:03d}.wav"
        lines.append(f"{sample / 10_000.25!r}\t{duration}\t{kind}\t{CODES[kind]}\t{sample}\t{row}\t{number}\t1\t{file}")
    (folder / f"{stem}_events.tsv").write_text("\n".join(lines) + "\n")
    states = ["name\ttype\tunits\tlow_cutoff\thigh_cutoff\tdescription\tsampling_frequency\tstatus"]
    states += [f"{name}\tEEG\tµV\t0.0\t5000.0\tElectroEncephaloGram\t10000.0\tgood" for name in NAMES]
    (folder / f"{stem}_channels.tsv").write_text("\n".join(states) + "\n")
