"""A store as one Zarr v3 folder, for other tools and other machines.

    zarr.json           n_datasets, dataset_type "RawDataset", and what the manifest says, under "mindleaf"
    recording_0/        data (channel, time), float32 volts; attributes "description" and "info" (MNE's measurement info)
    trials/             one array per column of the trial table; text columns are numbers into the attribute "values"
    stimuli/stimulus_0  samples (n_samples,)

This is the layout in which braindecode keeps raw data sets on the Hugging Face Hub (read by its version 1.8.1). What it has
no place for stands beside ``data``: volts in float32 are not microvolts in float32 to the last bit, so ``correction`` (int32)
holds what is to be added to the bit pattern of 1e6 x data; an int16 store also gives its ``codes`` and ``scales``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.errors import BadInput
from mindleaf.store.encoding import StoredSignal
from mindleaf.store.files import replacing

if TYPE_CHECKING:
    from mindleaf.montage import Montage
    from mindleaf.store.store import Store

#: Values in a chunk of a signal: 4 MB of float32.
_CHUNK_VALUES = 1 << 20
VOLTS = np.float32(1e-6)


def zarr_module() -> Any:
    """The zarr package; BadInput saying how to get it where it is missing or too old."""
    try:
        import zarr
    except ImportError as error:
        raise BadInput(
            "Zarr export and import want the package zarr, which is not installed; run pip install 'zarr>=3'."
        ) from error
    if int(zarr.__version__.split(".")[0]) < 3:
        raise BadInput(f"Zarr export and import want zarr 3 or newer, got {zarr.__version__}; run pip install 'zarr>=3'.")
    return zarr


def export_zarr(store: Store, path: Path, progress: Callable[[str], None] | None = None) -> None:
    """Write ``store`` to the folder ``path``, whole or not at all; raises BadInput where ``path`` exists."""
    zarr, path = zarr_module(), Path(path)
    if path.exists():
        raise BadInput(f"--zarr wants a folder that does not exist yet, {path} does; remove it or choose another.")
    manifest = store.manifest
    kept = {key: value for key, value in manifest.items() if key != "sha256"}
    with replacing(path) as temporary:
        root = zarr.open_group(str(temporary), mode="w", zarr_format=3)
        for number, entry in enumerate(manifest["recordings"]):
            _write_recording(root.create_group(f"recording_{number}"), store, entry)
            if progress:
                progress(entry["id"])
        _write_table(root.create_group("trials"), store.index)
        stimuli = root.create_group("stimuli")
        for number, entry in enumerate(manifest["stimuli"]):
            stimuli.create_array(f"stimulus_{number}", data=np.asarray(store.samples(entry["id"])))
        root.attrs.update({"n_datasets": len(manifest["recordings"]), "dataset_type": "RawDataset", "mindleaf": kept})


def _write_recording(group: Any, store: Store, entry: dict) -> None:
    signal = store.signal(entry["id"])
    shape = (signal.n_channels, signal.n_times)
    chunk = (signal.n_channels, max(1, min(signal.n_times, _CHUNK_VALUES // signal.n_channels)))
    data = group.create_array("data", shape=shape, chunks=chunk, dtype="float32")
    correction = group.create_array("correction", shape=shape, chunks=chunk, dtype="int32") if signal.scales is None else None
    for first in range(0, signal.n_times, chunk[1]):
        last = min(first + chunk[1], signal.n_times)
        microvolts = np.ascontiguousarray(signal.read(first, last).T)
        volts = microvolts * VOLTS
        data[:, first:last] = volts
        if correction is not None:
            correction[:, first:last] = microvolts.view(np.int32) - from_volts(volts).view(np.int32)
    if signal.scales is not None:
        _write_codes(group, signal, chunk)
    named = {key: entry[key] for key in ("subject", "session", "run")}
    group.attrs.update({
        "description": {"recording": entry["id"], **named},
        "info": _measurement_info(store.recordings[entry["id"]].montage, entry["sfreq"]),
    })  # fmt: skip


def from_volts(volts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Microvolts, right but for the last bits."""
    with np.errstate(over="ignore", invalid="ignore"):
        return volts / VOLTS


def _write_codes(group: Any, signal: StoredSignal, chunk: tuple[int, int]) -> None:
    codes = group.create_array("codes", shape=signal.shape, chunks=chunk[::-1], dtype="int16")
    for first in range(0, signal.n_times, chunk[1]):
        codes[first : first + chunk[1]] = np.asarray(signal.values[first : first + chunk[1]])
    group.create_array("scales", data=np.asarray(signal.scales))


def _measurement_info(montage: Montage, sfreq: float) -> dict[str, Any]:
    """MNE's measurement info as JSON values: names, rate, places of the electrodes. Nothing about a person."""
    import mne

    info = mne.create_info(list(montage.names), sfreq, "eeg")
    known = {n: place for n, place in zip(montage.names, montage.positions, strict=True) if np.isfinite(place).all()}
    if known:
        info.set_montage(mne.channels.make_dig_montage(known, coord_frame="head"), on_missing="ignore")
    if not hasattr(info, "to_json_dict"):
        raise BadInput(f"Zarr export wants MNE-Python 1.11 or newer, got {mne.__version__}; run pip install -U mne.")
    return _finite(info.to_json_dict())


def _finite(value: Any) -> Any:
    """JSON has no NaN: null stands for it, as in braindecode's own files."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _write_table(group: Any, table: pd.DataFrame) -> None:
    for name in table.columns:
        column = table[name]
        if column.dtype.kind in "if":
            group.create_array(_array_name(table, name), data=column.to_numpy(), attributes={"column": name})
            continue
        codes, values = pd.factorize(column)
        group.create_array(
            _array_name(table, name), data=codes.astype(np.int32), attributes={"column": name, "values": [str(v) for v in values]}
        )


def _array_name(table: pd.DataFrame, name: str) -> str:
    """A label column may be called anything; an array's name may not."""
    return f"column_{list(table.columns).index(name):03d}"
