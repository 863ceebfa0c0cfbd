"""Hold the sound of every recording against its EEG, and say where the two do not line up."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.encoders.envelope import EnvelopeFrontend
from mindleaf.metrics.lag import Lag, audio_lag
from mindleaf.preprocessing.filtering import apply
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.store.files import write_json
from mindleaf.store.store import Store

SFREQ = 64.0
#: Minutes of a recording that are enough to tell.
_ENOUGH_S = 15 * 60.0
_PIECE_S = 60.0
_PIPELINE = Pipeline(name="lag", band=(1.0, 9.0), order=3, sfreq=SFREQ)
_ENVELOPE = EnvelopeFrontend(frame_rate=SFREQ)


def check_lags(store: Store) -> dict[str, Lag]:
    """Lag of every recording with sound; kept in ``checks/audio_lag.json`` by content, so that it is worked out once.

    Sound is the attended stimulus of a trial, or all of its stimuli together where none is known to be attended. Where no
    recording of a subject tells anything and there are several, "subject NAME" stands for all of them together.
    """
    path = store.path / "checks" / "audio_lag.json"
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    table = store.index[store.index["n_candidates"] > 0]
    found: dict[str, Lag] = {}
    for subject, of_subject in table.groupby("subject", sort=True):
        groups = {str(name): trials for name, trials in of_subject.groupby("recording", sort=True)}
        lags = {name: _lag(store, {name: trials}, known) for name, trials in groups.items()}
        if len(groups) > 1 and not any(lag.told for lag in lags.values()):
            lags[f"subject {subject}"] = _lag(store, groups, known)
        found |= lags
    if found:
        write_json(path, known)
    return found


def _lag(store: Store, groups: dict[str, pd.DataFrame], known: dict[str, Any]) -> Lag:
    """Lag over these recordings' trials, looked up by what they hold or worked out and noted."""
    digest = hashlib.sha256(f"{_PIPELINE.fingerprint()}{_ENVELOPE.fingerprint()}".encode())
    for name, trials in groups.items():
        digest.update(f"{store.recordings[name].sha256}{trials.to_json(orient='split')}".encode())
        # The trials name sounds by id: another sound under the same id is another question.
        heard = {row[column] for _, row in trials.iterrows() for column in trials.columns if column.startswith("stimulus_")}
        digest.update("".join(sorted(store.stimuli[name].sha256 for name in heard if name in store.stimuli)).encode())
    key = digest.hexdigest()
    if key not in known:
        pieces = [piece for name, trials in groups.items() for piece in _pieces(store, name, trials)]
        known[key] = asdict(audio_lag(pieces, SFREQ))
    return Lag(**known[key])


def lag_sentences(lags: dict[str, Lag]) -> list[str]:
    """One sentence for each recording whose sound and EEG do not line up."""
    told = {
        "misaligned": "EEG follows its sound by {lag:+.2f} s, expected 0 to 0.5 s; check the onsets and audio_offset",
        "drifting": "EEG and sound drift apart by {lag:+.2f} s between its first and second half; check the clocks",
    }
    return [f"{name}: {told[lag.status].format(lag=lag.lag_s)}." for name, lag in lags.items() if lag.status in told]


def _pieces(store: Store, recording: str, trials: pd.DataFrame) -> list[tuple[NDArray, NDArray]]:
    pieces: list[tuple[NDArray, NDArray]] = []
    signal, sfreq = store.signal(recording), store.recordings[recording].sfreq
    left = _ENOUGH_S
    for _, row in trials.sort_values("start").iterrows():
        if left <= 0:
            break
        start, stop = row["start"], min(row["stop"], row["start"] + left)
        left -= stop - start
        eeg = apply(_PIPELINE, np.asarray(signal[round(start * sfreq) : round(stop * sfreq)]).T, sfreq)
        sound = _sound(store, row, eeg.shape[1])
        step = round(_PIECE_S * SFREQ)
        count = max(1, eeg.shape[1] // step)
        edges = np.linspace(0, eeg.shape[1], count + 1).astype(int)
        pieces += [(eeg[:, a:b], sound[a:b]) for a, b in pairwise(edges)]
    return pieces


def _sound(store: Store, row: pd.Series, n_frames: int) -> NDArray[np.float32]:
    numbers = [row["attended"]] if row["attended"] else range(1, int(row["n_candidates"]) + 1)
    features = store.features(_ENVELOPE)
    total = np.zeros(n_frames, np.float32)
    for k in numbers:
        total += features.read([row[f"stimulus_{k}"]], [row[f"audio_start_{k}"]], n_frames)[0, 0]
    return total
