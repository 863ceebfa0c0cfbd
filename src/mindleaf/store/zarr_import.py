"""The way back from ``zarr_export``: the same signals, stimuli and trials, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mindleaf.errors import BadInput, ReadError
from mindleaf.store.encoding import KINDS, ArrayFile, SignalWriter, scale_path
from mindleaf.store.files import array_sha256, need_space, replacing, safe_name, write_array
from mindleaf.store.integrity import content_sha256, signal_sha256
from mindleaf.store.lock import only_writer
from mindleaf.store.recording_entry import signal_place
from mindleaf.store.store import FORMAT_VERSION, Store
from mindleaf.store.table import table_sha256, trial_table
from mindleaf.store.writer import write_manifest
from mindleaf.store.zarr_export import from_volts, zarr_module

#: Fields that an entry of the manifest must bring along.
_RECORDING = ("id", "subject", "session", "run", "sfreq", "channel_names", "positions", "n_times", "dtype", "sha256", "issues")
_STIMULUS = ("id", "kind", "sample_rate", "auditory_type", "n_samples", "sha256")


def import_zarr(path: Path, out: Path, progress: Callable[[str], None] | None = None) -> Store:
    """Write the store ``out`` from the Zarr folder ``path``; its content hash is that of the exported store.

    Raises BadInput where ``path`` is no export of this program, ReadError where a part of it is damaged.
    """
    zarr, path, out = zarr_module(), Path(path), Path(out)
    root, told = _opened(zarr, path)
    with only_writer(out):
        try:
            table = _table(root["trials"])
            rows = {name: part.to_dict("records") for name, part in table.groupby("recording")}
            entries = {}
            for number, said in enumerate(told["recordings"]):
                entry = {key: said[key] for key in _RECORDING}
                entry["file"] = _signal(root[f"recording_{number}"], entry, out)
                entries[entry["id"]] = {**entry, "trials": rows.get(entry["id"], [])}
                if progress:
                    progress(entry["id"])
            stimuli = {}
            for number, said in enumerate(told["stimuli"]):
                stimulus = {key: said[key] for key in _STIMULUS}
                stimuli[stimulus["id"]] = {**stimulus, "file": _samples(root["stimuli"][f"stimulus_{number}"], stimulus, out)}
            _check_content(path, told, entries, stimuli)
            dataset, facts, left_out = str(told["dataset"]), dict(told["facts"]), list(told["left_out"])
        except (BadInput, OSError):
            raise
        except Exception as error:  # zarr and its codecs raise what their versions raise
            reason = " ".join(str(error).split())[:200]
            raise ReadError(
                f"{path}: this export is damaged ({type(error).__name__}: {reason}); export the store again."
            ) from error
        write_manifest(out, dataset, facts, str(told["fingerprint"]), entries, stimuli, left_out)
    return Store(out)


def _opened(zarr: Any, path: Path) -> tuple[Any, dict]:
    try:
        root = zarr.open_group(str(path), mode="r", zarr_format=3)
        told = dict(root.attrs)["mindleaf"]
        version = told["format_version"]
    except Exception as error:  # zarr raises what its version raises
        raise BadInput(
            f"{path}: wanted a Zarr folder that 'mindleaf store export' wrote, found none; give the folder that was exported to."
        ) from error
    if version != FORMAT_VERSION:
        raise BadInput(f"{path}: holds store format {version}, this version reads {FORMAT_VERSION}; export it again.")
    return root, told


def _signal(group: Any, entry: dict, out: Path) -> str:
    n_channels, n_times = len(entry["channel_names"]), int(entry["n_times"])
    need_space(out, n_channels * n_times * (2 if entry["dtype"] == "int16" else 4))
    with signal_place(out, safe_name(entry["id"])) as (unfinished, put_in_place):
        if entry["dtype"] == "int16":
            _write_codes(unfinished, group, (n_times, n_channels))
        else:
            _write_microvolts(unfinished, group, n_channels, n_times)
        if signal_sha256(unfinished) != entry["sha256"]:
            raise ReadError(f"{group.name}: this recording of the export is damaged; export the store again.")
        return put_in_place(entry["sha256"])


def _write_microvolts(path: Path, group: Any, n_channels: int, n_times: int) -> None:
    data, correction = group["data"], group["correction"]
    step = int(data.chunks[1])
    with SignalWriter(path, n_channels, n_times, "float32") as writer:
        for first in range(0, n_times, step):
            near = from_volts(np.asarray(data[:, first : first + step], np.float32))
            writer.append((near.view(np.int32) + np.asarray(correction[:, first : first + step], np.int32)).view(np.float32).T)


def _write_codes(path: Path, group: Any, shape: tuple[int, int]) -> None:
    codes, scales = group["codes"], np.asarray(group["scales"], np.float32)
    step = int(codes.chunks[0])
    with replacing(scale_path(path)) as temporary, temporary.open("wb") as handle:
        ArrayFile(handle, "<f4", scales.shape).write(scales)
    with replacing(path) as temporary, temporary.open("wb") as handle:
        file = ArrayFile(handle, KINDS["int16"], shape)
        for first in range(0, shape[0], step):
            file.write(np.asarray(codes[first : first + step], np.int16))


def _samples(array: Any, entry: dict, out: Path) -> str:
    samples = np.ascontiguousarray(array[:], np.float32)
    if array_sha256(samples) != entry["sha256"]:
        raise ReadError(f"{array.name}: this stimulus of the export is damaged; export the store again.")
    file = f"stimuli/{safe_name(entry['id'])}-{entry['sha256'][:12]}.npy"
    write_array(out / file, samples)
    return file


def _table(group: Any) -> pd.DataFrame:
    columns = {}
    for _, array in sorted(group.arrays()):
        attributes, values = dict(array.attrs), array[:]
        if "values" in attributes:
            values = np.array(attributes["values"], dtype=object)[values] if len(values) else np.array([], dtype=object)
        columns[str(attributes["column"])] = values
    return pd.DataFrame(columns)


def _check_content(path: Path, told: dict, entries: dict[str, dict], stimuli: dict[str, dict]) -> None:
    table = trial_table(row for id in sorted(entries) for row in entries[id]["trials"])
    recordings, ordered = [entries[id] for id in sorted(entries)], [stimuli[id] for id in sorted(stimuli)]
    if content_sha256(recordings, ordered, table_sha256(table)) != told["content_sha256"]:
        raise ReadError(f"{path}: this export's trials or channels are not what was exported; export the store again.")
