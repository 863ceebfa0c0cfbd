"""Memory of preparing: recordings of 1x, 4x and 16x the length, and 1x, 4x, 16x as many of them; each run a process of its own.

Run: python benchmarks/prepare_memory.py [--minutes 15] [--dtype float32]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mindleaf.montage import Montage
from mindleaf.recording import Recording, Trial
from mindleaf.store.writer import StoreConfig, write_store

N_CHANNELS, SFREQ, LIMIT_MB = 64, 1024.0, 24.0


@dataclass(frozen=True)
class Long:
    """A source of one long recording."""

    name: str
    seconds: float

    def open(self) -> list[Recording]:
        n_times, montage = int(self.seconds * SFREQ), Montage.from_names([f"X{k}" for k in range(N_CHANNELS)])[0]
        whole = Trial("1", 0.0, self.seconds)
        load = partial(_span, n_times)
        return [Recording("long", self.name, self.name, SFREQ, montage, n_times, load, trials=(whole,))]


def _span(n_times: int, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
    """A pattern, (channel, time), made where it is asked for: this process holds no recording."""
    times = np.arange(start, n_times if stop is None else stop, dtype=np.int64)
    return ((times * 7919 % 641)[None, :] + np.arange(N_CHANNELS)[:, None]).astype(np.float32)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--one", nargs=2, type=float, metavar=("N", "SECONDS"), help="one run in this process")
    arguments = parser.parse_args()
    if arguments.one:
        return one_run(int(arguments.one[0]), arguments.one[1], arguments.dtype)
    print(f"prepare {N_CHANNELS} channels, {SFREQ:g} Hz -> 512 Hz, {arguments.dtype}; {arguments.minutes:g} min is 1x")
    print(f"{'recordings':>12}{'length':>8}{'signal MB':>12}{'seconds':>10}{'peak MB':>10}")
    peaks = []
    for n, length in ((1, 1), (1, 4), (1, 16), (4, 1), (16, 1)):
        seconds = 60.0 * arguments.minutes * length
        command = [sys.executable, __file__, "--dtype", arguments.dtype, "--one", str(n), str(seconds)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        took, peak = map(
            float, subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
        )
        megabytes = 4 * n * seconds * SFREQ * N_CHANNELS / 1e6
        print(f"{n:>12}{length:>7}x{megabytes:12.0f}{took:10.1f}{peak:10.1f}", flush=True)
        peaks.append(peak)
    growth = max(peaks) - peaks[0]
    print(f"growth from 1x to 16x: {growth:.1f} MB, limit {LIMIT_MB:g} MB: {'pass' if growth < LIMIT_MB else 'FAIL'}")
    return 0 if growth < LIMIT_MB else 1


def one_run(n: int, seconds: float, dtype: str) -> int:
    """Print how long it took and the peak of this process's memory, MB."""
    import resource

    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        config = StoreConfig.checked({"dtype": dtype})
        write_store([Long(f"r{k}", seconds) for k in range(n)], Path(folder) / "store", "long", {}, config)
        print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return 0


if __name__ == "__main__":
    sys.exit(main())
