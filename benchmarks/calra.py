"""CALRA over all pairs: per-item maps and broadcasting against a loop over rows, same threads, same run.

Goal: at least 3x the row loop, at most 160 MB of extra memory, equal to 1e-6 (errors against float64).
Usage: python benchmarks/calra.py [items]
"""

from __future__ import annotations

import copy
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from mindleaf.fusion.calra import Calra
from mindleaf.fusion.similarity import cosine

GOAL_RATIO, GOAL_MB, GOAL_ERROR = 3.0, 160.0, 1e-6


def row_loop(calra: Calra, eeg: Tensor, audio: Tensor) -> Tensor:
    """The obvious way: one EEG item against all sounds at a time, every map computed for every pair."""
    rows = [calra.fuse(item.expand(len(audio), -1, -1), audio) for item in eeg]
    return torch.stack([cosine(*pair, centre=calra.centre) for pair in rows])


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def extra_memory_mb(run: Callable[[], Tensor]) -> float:
    """Highest resident memory while ``run`` works, above that before it."""
    before, peak, done = resident_mb(), [0.0], threading.Event()

    def watch() -> None:
        while not done.is_set():
            peak[0] = max(peak[0], resident_mb())
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    run()
    done.set()
    watcher.join()
    return max(0.0, peak[0] - before)


def median_ms(runs: list[Callable[[], Tensor]], repeats: int = 5) -> list[float]:
    """Median of each, taken in turns so that a busy moment of the machine meets all of them."""
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(repeats):
        for run, into in zip(runs, times):
            start = time.perf_counter()
            run()
            into.append(1e3 * (time.perf_counter() - start))
    return [statistics.median(into) for into in times]


@torch.inference_mode()
def main() -> int:
    items = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    torch.manual_seed(0)
    calra = Calra(aligner=False).eval()
    # At the start of training what crosses the modalities is zero; measure a model in which it is not.
    for parameter in calra.parameters():
        parameter.copy_(torch.randn_like(parameter) * 0.05 + (parameter.mean() if parameter.ndim == 1 else 0.0))
    eeg, audio = torch.randn(items, 1, 256), torch.randn(items, 1, 256)
    exact = row_loop(copy.deepcopy(calra).double(), eeg.double(), audio.double())
    memory = extra_memory_mb(lambda: calra.all_pairs(eeg, audio))
    errors = [float((run(eeg, audio) - exact).abs().max()) for run in (lambda e, a: row_loop(calra, e, a), calra.all_pairs)]
    peer, ours = median_ms([lambda: row_loop(calra, eeg, audio), lambda: calra.all_pairs(eeg, audio)])
    print(f"CALRA, {items} x {items} pairs, {torch.get_num_threads()} threads")
    print(f"  row loop   {peer:8.0f} ms   error {errors[0]:.1e}")
    print(f"  all pairs  {ours:8.0f} ms   error {errors[1]:.1e}   extra memory {memory:.0f} MB")
    passed = peer / ours >= GOAL_RATIO and memory <= GOAL_MB and errors[1] <= GOAL_ERROR
    print(f"  ratio {peer / ours:.2f} (goal {GOAL_RATIO:g}), memory goal {GOAL_MB:g} MB, error goal {GOAL_ERROR:g}: ", end="")
    print("reached" if passed else "MISSED")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
