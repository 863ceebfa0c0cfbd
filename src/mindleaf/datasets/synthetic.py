"""The synthetic data set: a two-talker listening experiment, simulated and written to disk as a BIDS data set."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mindleaf.datasets.bids import bids_sources
from mindleaf.datasets.dataset import Dataset, DatasetFacts, Source
from mindleaf.datasets.synthesis.settings import PRESETS, SyntheticConfig, preset
from mindleaf.errors import BadInput

__all__ = ["DATASET", "PRESETS", "SyntheticConfig", "preset", "synthetic_sources", "write_synthetic"]

#: Raised whenever the same settings and seed give other data.
GENERATOR_VERSION = 1
SETTINGS_FILE = "code/synthetic.json"
Progress = Callable[[int, int, str], None]


def write_synthetic(root: Path, config: SyntheticConfig, seed: int, progress: Progress | None = None) -> Path:
    """Simulate the experiment and write it to ``root``; returns ``root``.

    The same config and seed give the same files. Where ``root`` already holds them nothing is done; anything else there
    is never touched (BadInput). Files appear under ``root`` only when all are complete. ``progress(done, total, what)``
    is called after every sound and every subject. Raises BadInput where the folder cannot be written.
    """
    root = Path(root)
    if _already_written(root, config, seed):
        return root
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        workplace = Path(tempfile.mkdtemp(prefix=f".{root.name}-", dir=root.parent))
    except OSError as error:
        raise _unwritable(root, error) from error
    try:
        _write(workplace, config, seed, progress or (lambda done, total, what: None))
        workplace.chmod(0o755)
        if root.exists():
            root.rmdir()
        workplace.rename(root)
    except OSError as error:
        raise _unwritable(root, error) from error
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    return root


def _write(folder: Path, config: SyntheticConfig, seed: int, progress: Progress) -> None:
    from mindleaf.datasets.synthesis import bids_writer, design, head, hearing, listener, session, speech

    everything = [(pair, talker) for pair in design.pairs(config.n_trials) for talker in design.TALKERS]
    total = len(everything) + config.n_subjects
    generated_by = {"Name": "mindleaf synthetic", "Version": str(GENERATOR_VERSION)}
    bids_writer.write_dataset_files(folder, config.n_subjects, generated_by)
    (folder / SETTINGS_FILE).write_text(json.dumps(_settings(config, seed), indent=2) + "\n")
    heard = []
    for done, (pair, talker) in enumerate(everything, start=1):
        rng = np.random.default_rng([seed, 1, pair.number, design.TALKERS.index(talker)])
        audio = speech.speech(speech.VOICES[talker], config.trial_s, rng)
        bids_writer.write_sound(folder, pair.stimulus(talker), audio)
        heard.append(hearing.features(audio, speech.SAMPLE_RATE, config.sfreq))
        progress(done, total, f"sound {pair.stimulus(talker)}")
    ids = [pair.stimulus(talker) for pair, talker in everything]
    features = dict(zip(ids, listener.standardised(heard), strict=True))
    cap = head.head(config.n_channels)
    for subject in range(config.n_subjects):
        rng = np.random.default_rng([seed, 2, subject])
        shown = design.presentations(subject, config.n_trials, rng)
        recorded = session.session(cap, shown, features, config, rng)
        bids_writer.write_subject(folder, subject, cap, recorded, shown, config.sfreq, config.trial_s, config.line_frequency)
        progress(len(everything) + subject + 1, total, f"subject {subject + 1}")


def _settings(config: SyntheticConfig, seed: int) -> dict:
    return {"generator": GENERATOR_VERSION, "seed": seed, "config": config.model_dump(mode="json")}


def _already_written(root: Path, config: SyntheticConfig, seed: int) -> bool:
    """True where ``root`` holds exactly this data set, False where it is free; BadInput for anything else."""
    if not root.exists():
        return False
    if not root.is_dir():
        raise BadInput(f"synthetic: wanted a folder to write to, {root} is a file; give another --root.")
    if not any(root.iterdir()):
        return False
    settings = root / SETTINGS_FILE
    try:
        found = json.loads(settings.read_text())
    except (OSError, ValueError) as error:
        raise BadInput(
            f"synthetic: {root} holds files that are not a synthetic data set; nothing was written, give an empty folder."
        ) from error
    if found != _settings(config, seed):
        raise BadInput(
            f"synthetic: {root} holds a synthetic data set of other settings or another seed (see {SETTINGS_FILE}); "
            "nothing was written, give another folder or remove that one."
        )
    return True


def _unwritable(root: Path, error: OSError) -> BadInput:
    why = error.strerror or str(error)
    return BadInput(f"synthetic: could not write to {root} ({why}); nothing was left there, check space and rights.")


def synthetic_sources(root: Path) -> Iterator[Source]:
    """Sources of a generated data set; raises BadInput where it has not been generated yet."""
    root = Path(root)
    if not root.is_dir() or not any(root.iterdir()):
        raise BadInput(
            f"synthetic: wanted a generated data set in {root}, found none; "
            f"write it first with: mindleaf prepare synthetic --root {root}"
        )
    yield from bids_sources(root, dataset="synthetic")


DATASET = Dataset(
    facts=DatasetFacts(
        name="synthetic",
        title="Synthetic two-talker listening experiment",
        citation="Generated by mindleaf; no participant.",
        licence="CC0",
        access="generated",
        n_subjects=None,
        n_recordings=None,
        n_channels=None,
        sfreq=None,
        hours=0.0,
        reference="mean of TP9 and TP10",
        line_frequency=50.0,
        paradigm="attention to one of two talkers, left or right, simulated",
        labels=("left", "right"),
        files=("sub-*/eeg/*_eeg.vhdr",),
    ),
    sources=synthetic_sources,
)
