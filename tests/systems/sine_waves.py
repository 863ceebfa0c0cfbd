"""Recordings of which every microvolt is known: one sine on the channels of the 10-20 system, of a size of its own on each."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from mindleaf.montage import Montage
from mindleaf.recording import Recording, Trial
from mindleaf.store.store import Store
from mindleaf.store.writer import write_store

TEN_TWENTY = tuple(
    ["Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz", "C4", "T8", "P7", "P3", "Pz", "P4", "P8", "O1", "O2"]
)
#: Peak of the 10-Hz sine, microvolts; no two neighbours of a derivation are alike.
PEAK_UV = {name: 20.0 + 7.0 * ((5 * k) % 19) for k, name in enumerate(TEN_TWENTY)}
_SFREQ, _TRIAL_S, _N_TRIALS = 512.0, 4.0, 4


def sine_store(
    folder: Path, names: tuple[str, ...] = TEN_TWENTY, evidence: float = 0.0, n_trials: int = _N_TRIALS, dataset: str = "sine"
) -> Store:
    """Trials of 4 s of two classes; ``evidence`` times noise of 20 microvolts is added to Oz's neighbours O1, O2 in one of them."""
    n_times = round(n_trials * _TRIAL_S * _SFREQ)
    time = np.arange(n_times) / _SFREQ
    signal = np.array([PEAK_UV[name] for name in names])[:, None] * np.sin(2 * np.pi * 10.0 * time)
    noise = 20.0 * evidence * np.random.default_rng(0).standard_normal(n_times)
    noise *= np.floor(time / _TRIAL_S) % 2
    for name in {"O1", "O2"} & set(names):
        signal[names.index(name)] += noise
    trials = tuple(Trial(f"t{k:02d}", k * _TRIAL_S, _TRIAL_S, {"label": f"class{k % 2}"}) for k in range(n_trials))
    recording = Recording(
        dataset=dataset, subject="s0", id="r0", sfreq=_SFREQ, montage=Montage.from_names(names)[0], n_times=n_times,
        load=partial(np.asarray, signal.astype(np.float32)), trials=trials,
    )  # fmt: skip
    return write_store([recording], folder, dataset, {})
