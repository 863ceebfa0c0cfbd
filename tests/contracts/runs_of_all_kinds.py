"""A RUN of every kind that the verbs write, each trained for a few steps on small generated stores."""

from __future__ import annotations

from pathlib import Path

import mne
import numpy as np

from mindleaf.datasets.synthesis.beeps import BeepsConfig
from mindleaf.datasets.synthetic_sounds import write_sounds
from mindleaf.store.store import Store
from tests.stages.command import FEW_ALIGN_STEPS, FEW_LISTENER_STEPS, FEW_STEPS, TINY, worked
from tests.systems.listening import rhythm_store

NAMES = ("Fp1", "Fp2", "F3", "F4", "C3", "Cz", "C4", "P3", "P4", "O1", "O2")
_LEAF = (
    "training.steps=2", "training.batch_size=8", "model.encoder.depth=1", "model.encoder.width=16", "model.encoder.hidden=16",
    "model.encoder.heads=2", "model.encoder.filters=4",
)  # fmt: skip
_WORDS = (*_LEAF, "model.width=16", "model.heads=2", "model.depth=1", "model.power_filters=4")
_FOLDS = ("--protocol", "cross_subject", "--set", "protocol.n_folds=2", "--window", "2", "--device", "cpu")
_SPACE = (
    "--set",
    "space.training.steps=2",
    "--set",
    "space.training.batch_size=8",
    "--set",
    "space.warm_start=false",
    "--device",
    "cpu",
)


def _set(prefix: str, settings: tuple[str, ...]) -> list[str]:
    return [word for setting in settings for word in ("--set", f"{prefix}{setting}")]


def make_stores(folder: Path) -> None:
    """listening (two talkers, two sounds a trial), rhythm (two classes), sounds (one described sound a trial)."""
    worked("prepare", "synthetic", "--root", folder / "data", "--out", folder / "listening", *TINY, "--quiet")
    rhythm_store(folder / "rhythm")
    write_sounds(folder / "beeps", BeepsConfig(n_subjects=2, n_sounds=2, n_channels=19, sfreq=128), seed=0)
    worked("prepare", "synthetic_sounds", "--root", folder / "beeps", "--out", folder / "sounds", "--quiet")


def make_runs(folder: Path) -> None:
    """What stands in ``STORE_OF``, below ``folder``."""
    listening, rhythm, sounds = (("--store", folder / name, "--quiet") for name in ("listening", "rhythm", "sounds"))
    tuned = ("--task", "classify", *_FOLDS)
    worked("pretrain", "mindmix-tiny", *listening, "--out", folder / "pretrained_mindmix", *FEW_STEPS, "--device", "cpu",
           "--set", "held_out_share=0")  # fmt: skip
    worked("align", "mindmix-tiny", *listening, "--out", folder / "aligned_mindmix", *FEW_ALIGN_STEPS, "--device", "cpu",
           "--start", folder / "pretrained_mindmix")  # fmt: skip
    worked(
        "finetune",
        "mindmix-tiny",
        *listening,
        "--task",
        "attention",
        *_FOLDS,
        *FEW_LISTENER_STEPS,
        "--out",
        folder / "tuned_listener",
    )
    worked("finetune", "mindmix-tiny", *rhythm, *tuned, *_set("mindmix.", _LEAF[:2]), "--out", folder / "tuned_mindmix")
    worked("finetune", "mindmix-tiny", *sounds, "--task", "emotion:label", *_FOLDS, *_set("mindmix.", (*_LEAF[:2], 'inputs="both"')),
           "--out", folder / "tuned_hearing")  # fmt: skip
    worked("pretrain", "leaf-tiny", *rhythm, "--out", folder / "pretrained_leaf", *_set("", _LEAF), "--device", "cpu")
    worked("align", "leaf-tiny", *rhythm, "--out", folder / "aligned_leaf", *_set("reader.", _WORDS), "--device", "cpu")
    worked("finetune", "leaf-tiny", *rhythm, *tuned, *_set("leaf.", _WORDS), "--out", folder / "tuned_leaf")
    worked("finetune", "leaf-tiny", *rhythm, *tuned, *_set("leaf.", (*_LEAF, "head=mlp")), "--out", folder / "tuned_leaf_mlp")
    worked("align", "both-tiny", *sounds, "--out", folder / "one_space", *_SPACE)


#: RUN -> the store it was trained on.
STORE_OF = {
    "pretrained_mindmix": "listening", "aligned_mindmix": "listening", "tuned_listener": "listening", "tuned_mindmix": "rhythm",
    "tuned_hearing": "sounds", "pretrained_leaf": "rhythm", "aligned_leaf": "rhythm", "tuned_leaf": "rhythm", "tuned_leaf_mlp": "rhythm",
    "one_space": "sounds",
}  # fmt: skip
PRETRAINED = ("pretrained_mindmix", "pretrained_leaf")
#: Those that score sounds, and the one that hears the sound of a window beside its EEG.
HEARING = ("aligned_mindmix", "tuned_listener", "tuned_hearing")
TUNED = ("tuned_listener", "tuned_mindmix", "tuned_hearing", "tuned_leaf", "tuned_leaf_mlp")
READING = tuple(name for name in STORE_OF if name not in (*PRETRAINED, *HEARING))


def noise(seconds: float = 9.0, sfreq: float = 250.0, names: tuple[str, ...] = NAMES, seed: int = 0) -> mne.io.RawArray:
    """A recording of nobody, in volts as MNE has it."""
    signal = 1e-5 * np.random.default_rng(seed).standard_normal((len(names), round(seconds * sfreq)))
    return mne.io.RawArray(signal, mne.create_info(list(names), sfreq, "eeg"), verbose="error")


def raw_of(store: Store, recording: str) -> mne.io.RawArray:
    """A recording of a store as a file of its own would hold it."""
    stored = store.recordings[recording]
    signal = 1e-6 * np.asarray(store.signal(recording)[: stored.n_times]).T.astype(float)
    return mne.io.RawArray(signal, mne.create_info(list(stored.montage.names), stored.sfreq, "eeg"), verbose="error")
