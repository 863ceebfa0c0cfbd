"""Any EEG data set in BIDS: signals, channels, electrodes, events and sounds become Recordings.

BIDS 1.9 (Gorgolewski et al. 2016; EEG-BIDS, Pernet et al. 2019). Beyond the standard, events.tsv may carry per trial the
columns trial, stimulus_1, stimulus_2 ... (sounds in stimuli/), side_k, talker_k, audio_start_k, attended (1-based), label
and condition. Without them a trial is a row with a duration, its label the trial_type, its sound the stim_file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.datasets.bids_trials import TrialReader
from mindleaf.datasets.dataset import Dataset, DatasetFacts, Source, existing_root, numbered, relative_names
from mindleaf.errors import BadInput, ReadError
from mindleaf.montage import Montage
from mindleaf.reading.signals import SignalFile, open_signal
from mindleaf.recording import Event, Issue, Recording

SIGNAL_SUFFIXES = (".vhdr", ".edf", ".bdf", ".set", ".fif", ".gdf")
_METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3}
#: Coordinate systems whose axes are MNE's head frame.
_HEAD_SYSTEMS = ("CapTrak",)


def bids_sources(root: Path, dataset: str = "bids") -> Iterator[Source]:
    """One source a signal file under sub-*/[ses-*/]eeg, in the order of subject, session, run.

    Raises BadInput where there is no subject folder or no signal file. Opening a source raises ReadError for a file that
    cannot be read or a sound that events.tsv names and stimuli/ does not hold.
    """
    root = existing_root(root, dataset)
    for path in _signal_files(root, dataset):
        yield Source(relative_names(root, path)[0], partial(_open, root, path, dataset))


def _open(root: Path, path: Path, dataset: str) -> list[Recording]:
    return [_recording(root, path, dataset)]


def _signal_files(root: Path, dataset: str) -> list[Path]:
    inside = [path for path in root.glob("sub-*/**/*_eeg.*") if path.suffix.lower() in SIGNAL_SUFFIXES]
    if inside:
        return sorted(inside, key=lambda path: numbered(path.relative_to(root)))
    wanted = ", ".join(f"*_eeg{suffix}" for suffix in SIGNAL_SUFFIXES)
    subjects = sorted(path.name for path in root.glob("sub-*") if path.is_dir())
    if not subjects:
        raise BadInput(f"{dataset}: {root} holds no folder sub-*, so it is no BIDS data set; give the folder above them.")
    raise BadInput(
        f"{dataset}: {root} has {len(subjects)} subject folders but no signal files (wanted {wanted}); "
        "fetch them, for example with datalad get or the archive's own downloader."
    )


def _recording(root: Path, path: Path, dataset: str) -> Recording:
    entities = _entities(path)
    events_file = _sidecar(root, path, "events.tsv")
    table = None if events_file is None else _table(events_file)
    events = () if table is None else _events(events_file, table)
    opened = open_signal(path)
    signal, issues = _eeg_only(root, path, opened)
    montage, position_issues = _montage(root, path, signal)
    seconds = signal.n_times / signal.sfreq
    reader = TrialReader(root / "stimuli", str(events_file or path), entities.get("task", ""), seconds)
    trials, stimuli, trial_issues = reader.read(table)
    beside = path.parent.glob(f"{path.name.removesuffix(path.suffix)}.*")
    used = [found for name in ("events.tsv", "channels.tsv", "electrodes.tsv") if (found := _sidecar(root, path, name))]
    return Recording(
        dataset=dataset,
        subject=entities["sub"],
        session=entities.get("ses", ""),
        run=entities.get("run", ""),
        id=path.name.removesuffix(f"_eeg{path.suffix}"),
        sfreq=signal.sfreq,
        montage=montage,
        n_times=signal.n_times,
        load=signal.load,
        events=events if table is not None else opened.events,
        stimuli=stimuli,
        trials=trials,
        issues=(*signal.issues, *issues, *position_issues, *trial_issues),
        source_files=relative_names(root, *sorted(beside), *used),
    )


def _entities(path: Path) -> dict[str, str]:
    """``sub-01_task-x_run-2_eeg.edf`` -> {"sub": "01", "task": "x", "run": "2"}."""
    parts = (part.partition("-") for part in path.name.split("_")[:-1])
    return {key: value for key, dash, value in parts if dash}


def _sidecar(root: Path, path: Path, name: str) -> Path | None:
    """The nearest file of that name that applies to ``path`` (BIDS inheritance: folder by folder up to the root)."""
    own = _entities(path)
    folder = path.parent
    while True:
        applying = []
        for candidate in sorted({*folder.glob(f"*_{name}"), *folder.glob(name)}):
            entities = {key: value for key, value in _entities(candidate).items() if key != "space"}
            if entities.items() <= own.items():
                applying.append((len(entities), candidate))
        if applying:
            return max(applying)[1]
        if folder == root:
            return None
        folder = folder.parent


def _table(path: Path) -> pd.DataFrame:
    """A BIDS table as text; "n/a" and empty cells are NaN."""
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, na_values=["n/a", "N/A", ""], encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ReadError(f"{path}: wanted a tab-separated table, cannot be read ({error}); mend the file.") from error
    return table.rename(columns=str.strip)


def _json(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ReadError(f"{path}: wanted a JSON file, cannot be read ({error}); mend the file.") from error
    return facts if isinstance(facts, dict) else {}


def _events(path: Path | None, table: pd.DataFrame) -> tuple[Event, ...]:
    if "onset" not in table:
        raise ReadError(f"{path}: wanted a column 'onset', found {', '.join(table.columns) or 'nothing'}; mend the table.")
    table["onset"] = pd.to_numeric(table["onset"], errors="coerce")
    table["duration"] = pd.to_numeric(table.get("duration", pd.Series(np.nan, table.index)), errors="coerce")
    label = table.get("trial_type", pd.Series(np.nan, table.index, dtype=object))
    label = label.fillna(table["value"]) if "value" in table else label
    placed = np.isfinite(table["onset"])
    rows = zip(table["onset"][placed], table["duration"][placed].fillna(0.0), label[placed].fillna("event"), strict=True)
    return tuple(Event(float(onset), max(float(duration), 0.0), str(text)) for onset, duration, text in rows)


def _eeg_only(root: Path, path: Path, signal: SignalFile) -> tuple[SignalFile, list[Issue]]:
    """The file with its good EEG channels; channels.tsv decides where it names a channel, the file otherwise."""
    types, bad, issues = _channel_states(root, path, signal)
    other = [name for name, kind in types.items() if kind != "EEG"]
    bad = [name for name in bad if types[name] == "EEG"]
    good = [name for name in types if name not in bad and name not in other]
    if not good:
        counts = f"{len(other)} channels of other types and {len(bad)} bad ones"
        raise BadInput(f"{path}: wanted at least one good EEG channel, found {counts}; check channels.tsv.")
    if other:
        kinds = ", ".join(f"{name} ({types[name]})" for name in other)
        issues.append(Issue("channels_dropped", f"{len(other)} channels are not EEG and were left out: {kinds}."))
    if bad:
        issues.append(Issue("channels_bad", f"{len(bad)} channels are marked bad and were left out: {', '.join(bad)}."))
    return (signal.pick(good) if other or bad else signal), issues


def _channel_states(root: Path, path: Path, signal: SignalFile) -> tuple[dict[str, str], list[str], list[Issue]]:
    """Type of every channel in the file's order, and the bad ones."""
    types = dict(zip(signal.channel_names, map(str.upper, signal.channel_types), strict=True))
    channels = _sidecar(root, path, "channels.tsv")
    if channels is None:
        return types, [], []
    table = _table(channels)
    if "name" not in table:
        raise ReadError(f"{channels}: wanted a column 'name', found {', '.join(table.columns) or 'nothing'}; mend the table.")
    described = table[table["name"].isin(types)].set_index("name")
    if described.empty:
        return types, [], [Issue("channels_unmatched", f"{channels.name} names none of the file's channels and was not used.")]
    if "type" in described:
        types |= {str(name): str(kind).upper() for name, kind in described["type"].dropna().items()}
    marked = described.index[described["status"].str.lower() == "bad"] if "status" in described else ()
    return types, [name for name in types if name in marked], []


def _montage(root: Path, path: Path, signal: SignalFile) -> tuple[Montage, list[Issue]]:
    positions, issues = _positions(root, path, signal.channel_names)
    try:
        return Montage.from_names(signal.channel_names, positions)[0], issues
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error


def _positions(root: Path, path: Path, names: tuple[str, ...]) -> tuple[NDArray[np.float64] | None, list[Issue]]:
    """Positions of electrodes.tsv in metres, (channel, 3), NaN where missing; None where there are none in the head frame."""
    electrodes, system = _sidecar(root, path, "electrodes.tsv"), _sidecar(root, path, "coordsystem.json")
    if electrodes is None:
        return None, []
    facts = {} if system is None else _json(system)
    frame, unit = str(facts.get("EEGCoordinateSystem", "none stated")), str(facts.get("EEGCoordinateUnits", "none stated"))
    if frame not in _HEAD_SYSTEMS or unit not in _METRES:
        text = f"Electrode positions are in system {frame}, unit {unit}, not in CapTrak metres; standard positions were used."
        return None, [Issue("positions_unused", text)]
    table = _table(electrodes)
    if not {"name", "x", "y", "z"} <= set(table.columns):
        raise ReadError(f"{electrodes}: wanted columns name, x, y, z, found {', '.join(table.columns)}; mend the table.")
    table = table.drop_duplicates("name").set_index("name").reindex(list(names))
    places = table[["x", "y", "z"]].apply(pd.to_numeric, errors="coerce").to_numpy(float) * _METRES[unit]
    return np.where(np.isfinite(places).all(axis=1, keepdims=True), places, np.nan), []


DATASET = Dataset(
    facts=DatasetFacts(
        name="bids",
        title="Any EEG data set in BIDS",
        citation="Pernet et al. 2019, EEG-BIDS, Scientific Data 6, 103",
        licence="the data set's own",
        access="private",
        n_subjects=None,
        n_recordings=None,
        n_channels=None,
        sfreq=None,
        hours=0.0,
        reference="as recorded",
        line_frequency=0.0,
        paradigm="as events.tsv describes it",
        files=("sub-*/**/*_eeg.*",),
        url="https://bids.neuroimaging.io",
    ),
    sources=partial(bids_sources, dataset="bids"),
)
