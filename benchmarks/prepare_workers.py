"""Preparing with one worker and with two: processes of this machine, and Dask workers of one thread.

Every run writes a new store of the same generated EDF files and must give the same content hash. Beside the ratio stands what
this machine gives two processes that do nothing but hash memory, and two that do nothing but write: preparing cannot scale
better than the scarcer of the two.

Run: python benchmarks/prepare_workers.py [--files 8] [--minutes 10] [--repeats 3] [--dask]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from edfio import Edf, EdfSignal

from mindleaf.datasets import DATASETS
from mindleaf.store.writer import StoreConfig, write_store

N_CHANNELS, SFREQ, LIMIT = 32, 1024, 1.3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--dask", action="store_true", help="also with dask.distributed")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "data"
        megabytes = write_files(root, arguments.files, arguments.minutes)
        print(
            f"prepare {arguments.files} EDF files of {N_CHANNELS} channels, {SFREQ} Hz, {arguments.minutes:g} min, to 512 Hz int16"
        )
        print(f"{'':14}{'1 worker s':>12}{'2 workers s':>13}{'ratio':>8}{'MB/s of two':>13}")
        runs: dict[str, Callable[[int], float]] = {"processes": lambda n: prepared(root, Path(folder) / "store", workers=n)}
        if arguments.dask:
            runs["dask"] = lambda n: on_dask(root, Path(folder) / "store", n)
        ratios = [compared(name, run, arguments.repeats, megabytes) for name, run in runs.items()]
        machine = [
            compared(name, lambda n, work=work: together(work, n, folder), arguments.repeats, 0.0)
            for name, work in {"hash only": hashes, "write only": writes}.items()
        ]
    if min(ratios) < LIMIT and min(machine) < LIMIT:
        print(f"limit {LIMIT:g} x: cannot be measured here, where two processes that share nothing gain {min(machine):.2f} x")
        return 0
    passed = min(ratios) >= LIMIT
    print(f"limit {LIMIT:g} x with the same content: {'pass' if passed else 'FAIL'}")
    return 0 if passed else 1


def write_files(root: Path, n_files: int, minutes: float) -> float:
    """EDF files of noise and labels.csv; returns their megabytes."""
    root.mkdir()
    noise = np.random.default_rng(0).standard_normal(round(60 * minutes) * SFREQ)
    for k in range(n_files):
        signals = [
            EdfSignal(
                np.roll(20 * noise, 977 * c + k), SFREQ, label=f"EEG {c + 1}", physical_dimension="uV", physical_range=(-200, 200)
            )
            for c in range(N_CHANNELS)
        ]
        Edf(signals).write(root / f"{k}.edf")
    (root / "labels.csv").write_text("file,label,subject\n" + "".join(f"{k}.edf,a,s{k}\n" for k in range(n_files)))
    return sum(path.stat().st_size for path in root.iterdir()) / 1e6


_found: set[str] = set()


def prepared(root: Path, out: Path, **how) -> float:
    """Seconds from the list of sources to the manifest."""
    shutil.rmtree(out, ignore_errors=True)
    began = time.perf_counter()
    store = write_store(DATASETS["folder"].sources(root), out, "folder", {}, StoreConfig(dtype="int16"), root=root, **how)
    seconds = time.perf_counter() - began
    _found.add(store.content_sha256)
    if len(_found) > 1:
        raise SystemExit("the stores differ")
    return seconds


def on_dask(root: Path, out: Path, n_workers: int) -> float:
    """With so many Dask workers of one thread, which have started already."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=n_workers, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        return prepared(root, out, scheduler=cluster.scheduler_address)


def compared(name: str, run: Callable[[int], float], repeats: int, megabytes: float) -> float:
    """Print the medians of both and return by how much two are quicker; runs alternate, so that a busy moment hits both."""
    pairs = [(run(1), run(2)) for _ in range(repeats)]
    one, two = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{name:14}{one:12.2f}{two:13.2f}{one / two:8.2f}" + (f"{megabytes / two:13.0f}" if megabytes else ""), flush=True)
    return one / two


def together(work: Callable[[str], None], n_processes: int, folder: str) -> float:
    """Seconds for four pieces of this work with so many processes."""
    with ProcessPoolExecutor(n_processes, mp_context=get_context("forkserver")) as pool:
        list(pool.map(abs, range(2 * n_processes)))  # started
        began = time.perf_counter()
        list(pool.map(work, [folder] * 4))
        return time.perf_counter() - began


def hashes(_: str) -> None:
    block = bytes(16 << 20)
    for _ in range(32):
        hashlib.sha256(block).digest()


def writes(folder: str) -> None:
    block = os.urandom(16 << 20)
    with tempfile.TemporaryFile(dir=folder) as handle:
        for _ in range(16):
            handle.write(block)
        os.fsync(handle.fileno())


if __name__ == "__main__":
    sys.exit(main())
