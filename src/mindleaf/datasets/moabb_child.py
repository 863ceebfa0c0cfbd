"""What runs in the reader process for ``moabb:CLASS``: MOABB on local files, without a network and without the user's settings.

MOABB downloads whatever it misses, and writes where it keeps its data into the user's settings. Here a download ends with
the name of the missing file, every connection is refused, and settings go to a folder that is thrown away.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.errors import BadInput, ReadError

_MISSING = "reading data sets through MOABB wants MOABB, which is not installed; pip install 'mindleaf[baselines]'."
#: Python's audit events of everything that leaves the machine.
_NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg", "urllib.Request")
_NOT_SCALP = re.compile(r"(?i)([hv]?eo[gvh]?|emg|ecg|ekg|stim?|trig)[ _.\d-]*\w*|m[12]|a[12]")


def describe_class(class_name: str) -> dict[str, Any]:
    """What MOABB knows of a class. Raises BadInput where there is none of that name."""
    with alone(None, class_name):
        moabb, dataset = _dataset(class_name)
        said = getattr(dataset, "METADATA", None) or getattr(type(dataset), "METADATA", None)
        start, stop = (float(value) for value in dataset.interval)
        first_line = next((line.strip() for line in (type(dataset).__doc__ or "").splitlines() if line.strip()), "")
        return {
            "class": class_name,
            "version": moabb.__version__,
            "title": first_line.rstrip("."),
            "doi": str(dataset.doi or ""),
            "url": f"https://doi.org/{dataset.doi}" if dataset.doi else "",
            "n_subjects": len(dataset.subject_list),
            "events": [str(event) for event in dataset.event_id],
            "interval": [start, stop],
            "paradigm": str(dataset.paradigm),
            "sfreq": _number(said, "acquisition", "sampling_rate"),
            "reference": _text(said, "acquisition", "reference"),
            "line_frequency": _number(said, "acquisition", "line_freq"),
            "licence": _text(said, "documentation", "license"),
        }


def local_subjects(root: str, class_name: str) -> list[int | str]:
    """Subjects whose files MOABB finds below ``root``."""
    with alone(root, class_name):
        _, dataset = _dataset(class_name)
        return [subject for subject in dataset.subject_list if _is_local(dataset, subject)]


def describe_subject(root: str, class_name: str, subject: int | str) -> list[dict[str, Any]]:
    """All runs of a subject without their signals; onsets in seconds from a run's first sample."""
    with alone(root, class_name):
        _, dataset = _dataset(class_name)
        runs = _subject_runs(dataset, subject)
        return [
            {"session": session, "run": run, **_described(dataset, raw)}
            for session, found in runs.items()
            for run, raw in found.items()
        ]


def read_run(root: str, class_name: str, subject: int | str, session: str, run: str) -> NDArray[np.float32]:
    """One run, (channel, time) microvolts, rows in the order of ``describe_subject``."""
    with alone(root, class_name):
        _, dataset = _dataset(class_name)
        raw = _subject_runs(dataset, subject)[session][run]
        values = raw.get_data(picks=_rows(raw), verbose="ERROR") * float(dataset.unit_factor)
        return np.ascontiguousarray(values, np.float32)


@contextmanager
def alone(root: str | None, class_name: str) -> Iterator[None]:
    """No network, and settings of our own that name ``root`` as MOABB's folder; for a process that ends with its one task."""
    with tempfile.TemporaryDirectory(prefix="mindleaf-moabb-") as home:
        for key in [key for key in os.environ if key.startswith(("MNE_DATASETS_", "MOABB_", "AWS_"))]:
            del os.environ[key]
        os.environ |= {
            "HOME": home, "_MNE_FAKE_HOME_DIR": home, "MNE_DATA": root or home, "MOABB_RESULTS": home,
            "MOABB_DOWNLOAD_PROVIDER": "upstream", "MNE_LOGGING_LEVEL": "ERROR", "XDG_CACHE_HOME": home,
        }  # fmt: skip
        sys.addaudithook(_refuse_network)
        _refuse_downloads(root, class_name)
        yield


def _refuse_network(event: str, arguments: tuple) -> None:
    if event in _NETWORK:
        raise ReadError(
            "MOABB wanted to fetch a file, it may not; get the files with mindleaf data get moabb:CLASS, or check --root."
        )


def _refuse_downloads(root: str | None, class_name: str) -> None:
    """Make pooch, by which MOABB downloads, hand out files that are there and name those that are not.

    Must run before MOABB is imported: its modules take the function by name. Hashes are not computed: a wrong file would
    only be fetched again, and reading it shows the damage.
    """
    import pooch

    def retrieve(
        url: str, known_hash: str | None, fname: str | None = None, path: str | None = None, processor: Any = None, **_: Any
    ) -> Any:
        target = Path(path or ".") / (fname or pooch.utils.unique_file_name(url))
        if not target.exists():
            name = target.relative_to(root).as_posix() if root and target.is_relative_to(root) else target.name
            raise ReadError(
                f"{root}: wanted the file {name}, it is not there; get it with mindleaf data get moabb:{class_name}, or check --root."
            )
        return processor(str(target), "fetch", None) if processor else str(target)

    pooch.retrieve = retrieve
    pooch.file_hash = lambda *arguments, **options: "0" * 64


def _dataset(class_name: str) -> tuple[Any, Any]:
    """MOABB and an instance of its class."""
    try:
        import moabb
        import moabb.datasets
        from moabb.datasets.base import BaseDataset
    except ImportError as error:
        raise BadInput(_MISSING) from error
    found = getattr(moabb.datasets, class_name, None)
    if not isinstance(found, type) or not issubclass(found, BaseDataset):
        known = [name for name, item in vars(moabb.datasets).items() if isinstance(item, type) and issubclass(item, BaseDataset)]
        near = difflib.get_close_matches(class_name, known, 5, 0.5) or sorted(known)[:10]
        raise BadInput(f"MOABB {moabb.__version__} has no data set {class_name!r}; it has {', '.join(near)} and others.")
    try:
        return moabb, found()
    except TypeError as error:
        raise BadInput(f"MOABB's {class_name} wants arguments that moabb:{class_name} cannot give ({error}).") from error


def _is_local(dataset: Any, subject: int | str) -> bool:
    try:
        dataset.data_path(subject)
    except (ReadError, OSError, AttributeError, AssertionError):
        # A licence that has to be accepted before a download (AttributeError) comes up only where files are missing.
        return False
    return True


def _subject_runs(dataset: Any, subject: int | str) -> dict[str, dict[str, Any]]:
    return dataset.get_data(subjects=[subject])[subject]


def _rows(raw: Any) -> list[int]:
    """EEG channels by type, without those whose name is another thing's; BioSemi's A1 and A2 are electrodes."""
    from mindleaf.montage import is_biosemi

    biosemi = is_biosemi(raw.ch_names)
    kinds = raw.get_channel_types()
    keep = [
        row
        for row, (name, kind) in enumerate(zip(raw.ch_names, kinds, strict=True))
        if kind == "eeg" and ((biosemi and re.fullmatch(r"[AB]\d+", name)) or not _NOT_SCALP.fullmatch(name))
    ]
    if not keep:
        raise ReadError("MOABB gives no EEG channel in a run of this set; it cannot be used here.")
    return keep


def _described(dataset: Any, raw: Any) -> dict[str, Any]:
    rows = _rows(raw)
    places = np.array([raw.info["chs"][row]["loc"][:3] for row in rows], float)
    places[~np.isfinite(places).all(axis=1) | (places == 0).all(axis=1)] = np.nan
    trial_s = float(dataset.interval[1])
    n_times = int(raw.n_times)
    sfreq = float(raw.info["sfreq"])
    return {
        "sfreq": sfreq,
        "n_times": n_times,
        "channels": [raw.ch_names[row] for row in rows],
        "positions": places,
        "trial_s": trial_s,
        "trials": [[onset, event] for onset, event in _onsets(dataset, raw) if onset + trial_s <= n_times / sfreq + 1e-6],
    }


def _onsets(dataset: Any, raw: Any) -> list[tuple[float, str]]:
    """(onset, event) in time, from the trigger channel where there is one, else from the annotations."""
    import mne

    sfreq = float(raw.info["sfreq"])
    if "stim" in raw.get_channel_types():
        by_code = {
            int(code): str(event)
            for event, codes in dataset.event_id.items()
            for code in (codes if isinstance(codes, (list, tuple)) else [codes])
        }
        found = mne.find_events(raw, shortest_event=0, initial_event=True, verbose="ERROR")
        return [(float((s - raw.first_samp) / sfreq), by_code[int(code)]) for s, _, code in found if int(code) in by_code]
    events = {str(event) for event in dataset.event_id}
    marks = raw.annotations
    pairs = zip(marks.onset, marks.description, strict=True)
    return sorted((float(onset - raw.first_time), str(text)) for onset, text in pairs if str(text) in events)


def _part(said: Any, part: str, field: str) -> Any:
    return getattr(getattr(said, part, None), field, None)


def _text(said: Any, part: str, field: str) -> str:
    value = _part(said, part, field)
    return value if isinstance(value, str) else ""


def _number(said: Any, part: str, field: str) -> float:
    value = _part(said, part, field)
    return float(value) if isinstance(value, (int, float)) else 0.0
