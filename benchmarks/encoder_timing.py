"""What the benchmarks of encoders share: braindecode's LaBraM as the peer, batches of ours, runs taken in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.encoders.braindecode import braindecode_models
from mindleaf.encoders.mindmix import MindMixConfig, MindMixEncoder
from mindleaf.models.facts import ModelFacts

SFREQ = 200


class Labram(nn.Module):
    """LaBraM-base as braindecode has it, 12 layers of width 200, asked for the first channels of its list."""

    def __init__(self, channels: int, seconds: int) -> None:
        super().__init__()
        models = braindecode_models("the peer of this benchmark", "install it")
        self.names = list(models.labram.LABRAM_CHANNEL_ORDER[:channels])
        self.network = models.Labram(n_times=seconds * SFREQ, n_chans=channels, n_outputs=2, patch_size=SFREQ, sfreq=SFREQ)

    def forward(self, eeg: Tensor) -> Tensor:
        return self.network(eeg, ch_names=self.names)


def mindmix() -> MindMixEncoder:
    """The encoder of the same size; its tokens go straight to the transformer, as in alignment."""
    config = MindMixConfig.preset("base").model_copy(update={"vq_input": "bypass"})
    return config.build(ModelFacts().n_electrodes)


def noise(rows: int, channels: int, seconds: int, seed: int = 0) -> Batch:
    eeg = torch.randn(rows, channels, seconds * SFREQ, generator=torch.Generator().manual_seed(seed))
    return Batch(
        eeg=eeg, channel_index=torch.arange(channels).expand(rows, -1), positions=torch.zeros(rows, channels, 3),
        channel_mask=torch.ones(rows, channels, dtype=torch.bool),
    )  # fmt: skip


def doubled(batch: Batch) -> Batch:
    return replace(batch, eeg=batch.eeg.double(), positions=batch.positions.double())


def medians(runs: dict[str, Callable[[], object]], repeats: int = 5, inner: int = 1) -> dict[str, float]:
    """Median seconds of each, taken in turns so that a busy machine meets all of them; one round beforehand does not count."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            for _ in range(inner):
                run()
            if turn:
                times[name].append((time.perf_counter() - start) / inner)
    return {name: statistics.median(values) for name, values in times.items()}


def error(came: Tensor, wanted: Tensor) -> float:
    """Largest difference, relative to the largest value."""
    return float((came.double() - wanted.double()).abs().max() / wanted.double().abs().max())


def table(title: str, seconds: dict[str, float], peer: str, errors: dict[str, float], limits: dict[str, float]) -> bool:
    """Print a line for each; True where every limit is reached."""
    print(f"{title}, {torch.get_num_threads()} thread(s)\n{'':28}{'ms':>9}{'ratio':>8}{'limit':>8}{'error':>10}")
    passed = True
    for name, value in seconds.items():
        ratio, limit = seconds[peer] / value, limits.get(name)
        passed &= limit is None or ratio >= limit
        told = "" if limit is None else f"{limit:.1f}x"
        print(f"{name:28}{1e3 * value:9.1f}{ratio:7.2f}x{told:>8}{errors.get(name, float('nan')):10.1e}")
    print("  " + ("reached" if passed else "MISSED"))
    return passed
