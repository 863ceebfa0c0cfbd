"""The table of trials, and windows of any length cut from it.

Columns: dataset, subject, session, run, recording, trial, start, stop (seconds of the recording), attended (1-based, 0 for
none), n_candidates, label columns, and for candidate k = 1, 2, ...: stimulus_k, side_k, talker_k, audio_start_k (the second of
stimulus k that plays at ``start``). Windows add ``trial_stop`` and ``window`` (a running number).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import pandas as pd

from mindleaf.errors import BadInput
from mindleaf.recording import Recording, Trial

TEXT_COLUMNS = ["dataset", "subject", "session", "run", "recording", "trial"]
CANDIDATE_COLUMNS = ("stimulus", "side", "talker", "audio_start")
RESERVED = {*TEXT_COLUMNS, "start", "stop", "trial_stop", "window", "attended", "n_candidates", "answer", "target"}


def trial_rows(recording: Recording) -> list[dict]:
    """One row per trial of the recording."""
    return [_row(recording, trial) for trial in recording.trials]


def _row(recording: Recording, trial: Trial) -> dict:
    taken = RESERVED & set(trial.labels)
    if taken:
        raise BadInput(f"trial {trial.id}: label column {sorted(taken)[0]!r} has a reserved name; rename it.")
    row: dict = {
        "dataset": recording.dataset,
        "subject": recording.subject,
        "session": recording.session,
        "run": recording.run,
        "recording": recording.id,
        "trial": trial.id,
        "start": float(trial.onset),
        "stop": float(trial.onset + trial.duration),
        "attended": trial.attended,
        "n_candidates": len(trial.candidates),
        "label": "",
        **{name: str(value) for name, value in trial.labels.items()},
    }
    for k, candidate in enumerate(trial.candidates, 1):
        row[f"stimulus_{k}"] = candidate.stimulus
        row[f"side_{k}"] = candidate.side
        row[f"talker_{k}"] = candidate.talker
        row[f"audio_start_{k}"] = float(candidate.offset)
    return row


def trial_table(rows: Iterable[dict]) -> pd.DataFrame:
    """Rows to a table with a stable order and without holes: missing text is "", missing audio starts are 0."""
    table = pd.DataFrame(list(rows))
    if table.empty:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in [*TEXT_COLUMNS, "label"]}).assign(
            start=0.0, stop=0.0, attended=0, n_candidates=0
        )
    for column in table.columns:
        number = column in ("start", "stop", "attended", "n_candidates") or column.startswith("audio_start_")
        table[column] = table[column].fillna(0.0) if number else table[column].fillna("").astype(object)
    table["attended"] = table["attended"].astype(np.int64)
    table["n_candidates"] = table["n_candidates"].astype(np.int64)
    table = table[_in_order(table)]
    return table.sort_values(["recording", "start", "trial"], kind="stable").reset_index(drop=True)


def table_sha256(table: pd.DataFrame) -> str:
    """Hash of what the table says, the same before and after it lay on disk."""
    return hashlib.sha256(table.to_json(orient="split", double_precision=9).encode()).hexdigest()


def _in_order(table: pd.DataFrame) -> list[str]:
    """The columns in one order, whether the rows come from a reader or from a file: the content hash depends on it."""
    fixed = [*TEXT_COLUMNS, "start", "stop", "attended", "n_candidates", "label"]
    candidates = [f"{name}_{k}" for k in range(1, n_candidate_columns(table) + 1) for name in CANDIDATE_COLUMNS]
    return [*fixed, *sorted(set(table.columns) - {*fixed, *candidates}), *candidates]


def n_candidate_columns(table: pd.DataFrame) -> int:
    """How many candidates the table has columns for."""
    return sum(column.startswith("stimulus_") for column in table.columns)


def cut_windows(
    index: pd.DataFrame,
    window_s: float,
    hop_s: float | None = None,
    start_s: float = 0.0,
    first_only: bool = False,
    stop_s: float | None = None,
) -> pd.DataFrame:
    """Windows of ``window_s`` seconds, every ``hop_s`` (default: end to end), from ``start_s`` to ``stop_s`` into each trial.

    The incomplete rest of a trial is left out; raises BadInput when no trial is long enough.
    """
    if not window_s > 0 or (hop_s is not None and not hop_s > 0):
        raise BadInput(f"window length and hop must be above 0 s, got {window_s} and {hop_s}.")
    hop = hop_s or window_s
    lengths = (index["stop"] - index["start"]).to_numpy(dtype=float)
    usable = (lengths if stop_s is None else np.minimum(lengths, stop_s)) - start_s
    counts = np.floor((usable - window_s) / hop + 1 + 1e-6).astype(int).clip(min=0)
    if first_only:
        counts = counts.clip(max=1)
    if counts.sum() == 0:
        longest = usable.max(initial=0.0)
        raise BadInput(
            f"no trial holds a window of {window_s:g} s (longest: {longest:.2f} s); ask for shorter windows with --window."
        )
    rows = index.loc[np.repeat(index.index.to_numpy(), counts)].reset_index(drop=True)
    number = np.concatenate([np.arange(n) for n in counts])
    shift = start_s + number * hop
    rows["trial_stop"] = rows["stop"]
    rows["start"] = rows["start"] + shift
    rows["stop"] = rows["start"] + window_s
    for k in range(1, n_candidate_columns(rows) + 1):
        rows[f"audio_start_{k}"] = rows[f"audio_start_{k}"] + shift
    rows["window"] = np.arange(len(rows))
    return rows
