"""Shuffled windows out of a view: ours against HDF5, same windows, same batches, runs in turns.

The job: batches of 64 windows of 2 s, 64 channels at 200 Hz, at random places of several recordings, as float32
(window, channel, time). The peer is h5py, the recording lying as (channel, time) in chunks of one window's length, the
faster of the two orders; its int16 variant holds codes with one scale for all. Files are in the system's cache.
Goal: at least 4 times the float32 peer for float32 and for int16, the latter with half the bytes. The error column is
the relative rms difference from the float32 view. The last row copies as many neighbouring bytes in one
piece: no reader can be faster, and reading is that far from the memory's limit.
Run: python benchmarks/store_reads.py [--minutes 10] [--recordings 4] [--batches 60] [--repeats 9] [--threads 1 2]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.montage import Montage
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.recording import Recording
from mindleaf.store.places import Places
from mindleaf.store.rooms import Rooms
from mindleaf.store.store import Store
from mindleaf.store.writer import StoreConfig, write_store

N_CHANNELS, SFREQ, WINDOW, BATCH, GOAL, BYTES_GOAL = 64, 200.0, 400, 64, 4.0, 0.51
PLAIN = Pipeline(name="plain", band=None, sfreq=SFREQ)
SCORED = Pipeline(name="scored", band=None, sfreq=SFREQ, normalise="window")
Read = Callable[[Places], NDArray[np.float32]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--recordings", type=int, default=4)
    parser.add_argument("--batches", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stores = {
            dtype: write_store(
                recordings(arguments.recordings, arguments.minutes), Path(folder) / dtype, "noise", {}, StoreConfig(dtype=dtype)
            )
            for dtype in ("float32", "int16")
        }
        runs: dict[str, Read] = {
            "HDF5 float32": hdf5(stores["float32"], Path(folder) / "float32.h5", "float32"),
            "HDF5 int16": hdf5(stores["float32"], Path(folder) / "int16.h5", "int16"),
            "ours float32": ours(stores["float32"], PLAIN),
            "ours int16": ours(stores["int16"], PLAIN),
            "ours float32 z-scored": ours(stores["float32"], SCORED),
        }
        batches = shuffled(stores["float32"], arguments.batches)
        errors = {name: error(run, runs["ours float32"], batches[0]) for name, run in runs.items()}
        runs["plain copy"], errors["plain copy"] = plain_copy(stores["float32"]), float("nan")
        share = bytes_of(stores["int16"]) / bytes_of(stores["float32"])
        print(
            f"{N_CHANNELS} channels x 2 s at {SFREQ:g} Hz, batch {BATCH}, int16 views take {share:.3f} of the bytes (goal {BYTES_GOAL:g})"
        )
        print(f"{'':24}{'threads':>8}{'windows/s':>11}{'ratio':>8}{'error':>10}")
        passed = [compared(runs, batches, errors, threads, arguments.repeats) for threads in arguments.threads]
    return 0 if all(passed) and share <= BYTES_GOAL else 1


def compared(runs: dict[str, Read], batches: list[Places], errors: dict[str, float], threads: int, repeats: int) -> bool:
    times: dict[str, list[float]] = {name: [] for name in runs}
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(repeats):
            for name, run in runs.items():
                start = time.perf_counter()
                # One reader reads where the batch is used, as a training loop does; several read ahead of it.
                for batch in map(run, batches) if threads == 1 else pool.map(run, batches):
                    del batch
                times[name].append(time.perf_counter() - start)
    n_windows = BATCH * len(batches)
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, seconds in medians.items():
        ratio = medians["HDF5 float32"] / seconds
        print(f"{name:24}{threads:8}{n_windows / seconds:11.0f}{ratio:7.1f}x{errors[name]:10.1e}")
    ratios = {name: medians["HDF5 float32"] / medians[name] for name in ("ours float32", "ours int16")}
    reached = min(ratios.values()) >= GOAL
    print("  " + ", ".join(f"{k} {v:.1f}" for k, v in ratios.items()) + f" (goal {GOAL:g}): {'reached' if reached else 'MISSED'}")
    return reached


def noise(number: int, n_times: int) -> NDArray[np.float32]:
    return 20 * np.random.default_rng(number).standard_normal((N_CHANNELS, n_times), np.float32)


def recordings(count: int, minutes: float) -> list[Recording]:
    names = [*(f"{row}{column}" for row in ("F", "C", "P", "O", "FC", "CP", "PO", "AF") for column in (*range(1, 9), "z"))][
        :N_CHANNELS
    ]
    montage, n_times = Montage.from_names(names)[0], round(minutes * 60 * SFREQ)
    return [
        Recording(
            dataset="noise", subject=f"s{k}", id=f"r{k}", sfreq=SFREQ, montage=montage, n_times=n_times,
            load=partial(noise, k, n_times),
        )
        for k in range(count)
    ]  # fmt: skip


def shuffled(store: Store, count: int) -> list[Places]:
    """Batches of windows at random places of random recordings, taken from one table as training does."""
    rng, names = np.random.default_rng(0), list(store.recordings)
    last = min(r.n_times for r in store.recordings.values()) - WINDOW
    start = rng.integers(0, last, count * BATCH) / SFREQ
    table = {"recording": rng.choice(names, count * BATCH), "start": start, "stop": start + WINDOW / SFREQ}
    places = Places.of(pd.DataFrame(table))
    return [places[np.arange(k * BATCH, (k + 1) * BATCH)] for k in range(count)]


def ours(store: Store, pipeline: Pipeline) -> Read:
    view, names = store.view(pipeline), next(iter(store.recordings.values())).montage.names
    return lambda places: view.read(places, names)


def plain_copy(store: Store) -> Read:
    """As many bytes as a batch has, in one piece from somewhere in as much memory as the views take."""
    size = BATCH * N_CHANNELS * WINDOW
    memory, rooms = np.ones(max(bytes_of(store) // 4, 2 * size), np.float32), Rooms()

    def read(places: Places) -> NDArray[np.float32]:
        out = rooms.room((BATCH, N_CHANNELS, WINDOW))
        first = round(places.starts[0] * 1e6) % (len(memory) - size)
        out.reshape(-1)[:] = memory[first : first + size]
        return out

    return read


def hdf5(store: Store, path: Path, dtype: str) -> Read:
    with h5py.File(path, "w") as file:
        for name in store.recordings:
            signal = np.asarray(store.signal(name)).T
            values = signal if dtype == "float32" else np.rint(signal * 100).astype(np.int16)
            file.create_dataset(name, data=values, chunks=(N_CHANNELS, WINDOW))
    file = h5py.File(path)
    parts = {name: file[name] for name in store.recordings}

    def read(places: Places) -> NDArray[np.float32]:
        out = np.empty((len(places), N_CHANNELS, WINDOW), np.float32)
        firsts = np.rint(places.starts * SFREQ).astype(int).tolist()
        for target, name, first in zip(out, places.recordings, firsts, strict=True):
            # Slicing is h5py's fast way; reading straight into the batch takes several times as long.
            values = parts[name][:, first : first + WINDOW]
            if dtype == "float32":
                target[:] = values
            else:
                np.multiply(values, np.float32(0.01), out=target)
        return out

    return read


def error(run: Read, exact: Read, places: Places) -> float:
    wanted, came = exact(places).astype(np.float64), run(places).astype(np.float64)
    if abs(came.std() - 1) < 1e-3:
        wanted = (wanted - wanted.mean(-1, keepdims=True)) / wanted.std(-1, keepdims=True)
    return float(np.sqrt(np.mean((came - wanted) ** 2) / np.mean(wanted**2)))


def bytes_of(store: Store) -> int:
    view = store.view(PLAIN)
    for name in store.recordings:
        view.signal(name)
    return sum(path.stat().st_size for path in view._folder.glob("*.npy"))


if __name__ == "__main__":
    sys.exit(main())
