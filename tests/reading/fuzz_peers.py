"""Other people's readers in the harness's clothes: what each returns for a file, with its warnings and log as issues.

An exception counts as a refusal where its message names the file, else as untyped: in a batch of a thousand files nobody knows
which one it was. These readers run here in a child process; at a user's desk a crash would take the session with it.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mindleaf.errors import ReadError

from .fuzz_batch import MAT_VARIABLES, flattened

_MNE = {".edf": "edf", ".bdf": "bdf", ".gdf": "gdf", ".vhdr": "brainvision", ".set": "eeglab", ".fif": "fif"}


class _Log(logging.Handler):
    """What a library logs as a warning or worse, which Python prints where nobody says otherwise."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.told.add(record.getMessage())


def _held(path: str, read: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    log = _Log()
    logging.getLogger().addHandler(log)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = read(path)
        except MemoryError:
            raise
        except Exception as error:
            if any(part.name in str(error) for part in Path(path).parent.iterdir()):
                raise ReadError(f"{path}: {type(error).__name__}") from None
            raise
    told = {str(item.message) for item in caught if not issubclass(item.category, (DeprecationWarning, FutureWarning))} | log.told
    logging.getLogger().removeHandler(log)
    found["notes"] = [{"code": "warning", "message": text, "channels": []} for text in sorted(told)]
    return found


def mne_python(path: str) -> dict[str, Any]:
    return _held(path, _mne_python)


def _mne_python(path: str) -> dict[str, Any]:
    import mne

    raw = getattr(mne.io, f"read_raw_{_MNE[Path(path).suffix]}")(path, preload=False, verbose="WARNING")
    kinds = raw.get_channel_types()
    rows = [row for row, kind in enumerate(kinds) if kind != "stim"]
    marks = raw.annotations
    events = [
        [float(a - raw.first_time), float(b), str(c)]
        for a, b, c in zip(marks.onset, marks.duration, marks.description, strict=True)
    ]
    if "stim" in kinds:
        found = mne.find_events(raw, shortest_event=1, mask=0xFFFF, mask_type="and", verbose="WARNING")
        events += [[float((sample - raw.first_samp) / raw.info["sfreq"]), 0.0, str(code)] for sample, _, code in found]
    return _found(
        [raw.ch_names[row] for row in rows],
        [kinds[row] for row in rows],
        float(raw.info["sfreq"]),
        raw.get_data(picks=rows),
        events,
    )


def edfio(path: str) -> dict[str, Any]:
    return _held(path, _edfio)


def _edfio(path: str) -> dict[str, Any]:
    from edfio import read_bdf, read_edf

    file = (read_bdf if path.endswith(".bdf") else read_edf)(path)
    signals = [signal for signal in file.signals if signal.label != "Status"]
    values = np.stack([signal.data for signal in signals])
    events = [[float(mark.onset), float(mark.duration or 0), mark.text] for mark in file.annotations]
    names = [f"{signal.label} {signal.physical_dimension}" for signal in signals]
    return _found(names, [], float(signals[0].sampling_frequency), values, events)


def pyxdf(path: str) -> dict[str, Any]:
    return _held(path, _pyxdf)


def _pyxdf(path: str) -> dict[str, Any]:
    import pyxdf as library

    streams, _ = library.load_xdf(path)
    eeg = next(stream for stream in streams if stream["info"]["type"][0] == "EEG")
    channels = eeg["info"]["desc"][0]["channels"][0]["channel"]
    names = [f"{channel['label'][0]} {channel['unit'][0]}" for channel in channels]
    start = eeg["time_stamps"][0]
    events = [
        [float(time - start), 0.0, str(mark[0])]
        for stream in streams if stream["info"]["type"][0] == "Markers"
        for time, mark in zip(stream["time_stamps"], stream["time_series"], strict=True)
    ]  # fmt: skip
    return _found(names, [], float(eeg["info"]["nominal_srate"][0]), eeg["time_series"].T, events)


def scipy_io(path: str) -> dict[str, Any]:
    return _held(path, _scipy_io)


def _scipy_io(path: str) -> dict[str, Any]:
    import scipy.io

    values = scipy.io.loadmat(path, variable_names=MAT_VARIABLES, simplify_cells=True)
    return flattened({name: values[name] for name in MAT_VARIABLES})


def pymatreader(path: str) -> dict[str, Any]:
    return _held(path, _pymatreader)


def _pymatreader(path: str) -> dict[str, Any]:
    import pymatreader as library

    values = library.read_mat(path, variable_names=MAT_VARIABLES)
    return flattened(
        {
            name: np.asarray(value) if isinstance(value, float) else value
            for name, value in ((name, values[name]) for name in MAT_VARIABLES)
        }
    )


def numpy_files(path: str) -> dict[str, Any]:
    return _held(path, _numpy_files)


def _numpy_files(path: str) -> dict[str, Any]:
    if path.endswith(".npy"):
        return _found([], [], 1.0, np.load(path))
    with np.load(path) as parts:
        return _found(parts["channel_names"].tolist(), [], float(parts["sfreq"]), parts["signal"])


def pandas_csv(path: str) -> dict[str, Any]:
    return _held(path, _pandas_csv)


def _pandas_csv(path: str) -> dict[str, Any]:
    import pandas

    table = pandas.read_csv(path)
    values = table.drop(columns="time").to_numpy(float).T
    return _found([str(name) for name in table.columns], [], float(1 / np.median(np.diff(table["time"]))), values)


def soundfile(path: str) -> dict[str, Any]:
    return _held(path, _soundfile)


def _soundfile(path: str) -> dict[str, Any]:
    import soundfile as library

    values, rate = library.read(path, always_2d=True)
    return _found([str(values.shape[1])], [], float(rate), values.mean(axis=1)[None])


def _found(
    names: list[str], types: list[str], sfreq: float, values: np.ndarray, events: list[list[Any]] | None = None
) -> dict[str, Any]:
    return {
        "names": names,
        "types": types,
        "sfreq": sfreq,
        "n_times": int(values.shape[-1]),
        "events": events or [],
        "values": values,
    }


#: Name and reader of the libraries that read each format without mindleaf.
PEERS: dict[str, tuple[tuple[str, Callable[[str], dict[str, Any]]], ...]] = {
    "edf": (("MNE-Python", mne_python), ("edfio", edfio)),
    "bdf": (("MNE-Python", mne_python), ("edfio", edfio)),
    "gdf": (("MNE-Python", mne_python),),
    "gdf_1": (("MNE-Python", mne_python),),
    "brainvision": (("MNE-Python", mne_python),),
    "eeglab": (("MNE-Python", mne_python),),
    "eeglab_73": (("MNE-Python", mne_python),),
    "fif": (("MNE-Python", mne_python),),
    "xdf": (("pyxdf", pyxdf),),
    "mat_5": (("scipy", scipy_io), ("pymatreader", pymatreader)),
    "mat_73": (("pymatreader", pymatreader),),
    "csv": (("pandas", pandas_csv),),
    "npy": (("numpy", numpy_files),),
    "npz": (("numpy", numpy_files),),
    "wav": (("soundfile", soundfile),),
    "flac": (("soundfile", soundfile),),
}
