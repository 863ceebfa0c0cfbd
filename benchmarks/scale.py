"""What 100,000 hours of EEG would take: constants measured here, arithmetic from there.

Measured on this machine: bytes of an hour as stored, channel-hours prepared and windows read a second by one thread, multiply-accumulates of
a training step (counted by torch, forward and backward, as built), windows trained a second. Everything else is arithmetic from these and from the
assumptions below, each of which is an option: none of it has been run at that size.
Run: python benchmarks/scale.py [--hours 100000] [--channels 64] [--passes 50] [--share 0.2] [--peak 788]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from mindleaf.batch import Batch
from mindleaf.encoders.speech_checkpoint import import_transformers
from mindleaf.models.facts import ModelFacts
from mindleaf.models.pretraining import PretrainingConfig
from mindleaf.montage import ELECTRODES, Montage
from mindleaf.objectives.codebook import CodebookObjective
from mindleaf.preprocessing.pipeline import BROAD
from mindleaf.preprocessing.streaming import stream_view, view_length
from mindleaf.store.encoding import Encoding, SignalWriter, open_signal_array
from mindleaf.store.gather import open_view, write_view

SFREQ, WINDOW_S, MINUTES = 512.0, 2.0, 3.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=1e5)
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--passes", type=int, default=50, help="over all windows, in stage 1")
    parser.add_argument(
        "--share", type=float, default=0.2, help="of the accelerator's peak that training reaches: a goal, not a measurement"
    )
    parser.add_argument("--peak", type=float, default=788.0, help="TFLOP/s of the accelerator")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    windows = asked.hours * 3600 / WINDOW_S
    with tempfile.TemporaryDirectory() as folder:
        signal_bytes, prepared, read = measured_store(Path(folder), asked.channels)
    rows = [("windows of 2 s, side by side", f"{windows:.3g}", "counted")]
    for dtype, size in signal_bytes.items():
        rows.append(
            (f"signals and one view, {dtype}", f"{asked.hours * size / 1e12:.1f} TB", f"{size / 1e6:.0f} MB an hour, measured")
        )
    core_hours = asked.hours * asked.channels / prepared / 3600
    rows += [
        ("preparing", f"{core_hours:.0f} core-hours", f"{prepared:.1f} channel-hours a second and thread, measured"),
        (
            "reading one pass",
            f"{windows / read / 3600:.1f} thread-hours",
            f"{read:.0f} windows a second and thread, measured, files in the cache",
        ),
    ]
    for title, flops, per_second in measured_training(asked.channels):
        total = flops * windows * asked.passes
        rows += [
            (f"{title}: of a window", f"{flops / 1e9:.2f} GFLOP", "forward and backward, counted"),
            (f"{title}: here, one thread", f"{windows * asked.passes / per_second / 3600 / 24 / 365:.0f} years", f"{per_second:.2f} windows a second, measured"),
            (f"{title}: accelerator-hours", f"{total / (asked.peak * 1e12 * asked.share) / 3600:.0f}", f"{asked.passes} passes, {asked.share:.0%} of {asked.peak:g} TFLOP/s, assumed"),
            (f"{title}: reading at that speed", f"{asked.peak * 1e12 * asked.share / flops / read:.1f} threads an accelerator", "arithmetic"),
        ]  # fmt: skip
    print(f"| {asked.hours:,.0f} hours, {asked.channels} channels, {SFREQ:g} Hz | | how known |\n|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    return 0


def measured_store(folder: Path, n_channels: int) -> tuple[dict[str, float], float, float]:
    """Bytes of an hour (signals and view) by dtype; channel-hours prepared and windows read a second."""
    rng = np.random.default_rng(0)
    n = int(60 * MINUTES * SFREQ)
    signal = (10 * rng.standard_normal((n_channels, n))).astype(np.float32).T
    sizes, prepared, read = {}, 0.0, 0.0
    for dtype in ("float32", "int16"):
        raw, view = folder / f"raw-{dtype}.npy", folder / f"view-{dtype}.npy"
        with SignalWriter(raw, n_channels, n, dtype) as writer:
            writer.append(signal)
            writer.close()
        seconds = timed(lambda raw=raw, view=view, dtype=dtype: prepare(raw, view, dtype))  # type: ignore[misc]
        sizes[dtype] = size_of(raw, view) * 60 / MINUTES
        if dtype == "float32":
            prepared, read = n_channels * MINUTES / 60 / seconds, read_speed(view, view_length(BROAD, n, SFREQ))
    return sizes, prepared, read


def prepare(raw: Path, view: Path, dtype: Encoding) -> None:
    signal = open_signal_array(raw)
    n_times = view_length(BROAD, signal.n_times, SFREQ)
    blocks = stream_view(BROAD, signal.read, signal.n_channels, signal.n_times, SFREQ, threads=1)
    write_view(view, blocks, signal.n_channels, n_times, dtype)


def read_speed(view: Path, n_times: int) -> float:
    """Windows a second, at random places, one after the other."""
    signal, length = open_view(view, n_times), int(200 * WINDOW_S)
    starts = np.random.default_rng(1).integers(0, n_times - length, 2000)
    return len(starts) / timed(lambda: [signal.read(int(start), int(start) + length) for start in starts])


def measured_training(n_channels: int) -> list[tuple[str, float, float]]:
    """Title, operations of a window (forward and backward) and windows a second of each stage at the paper's size."""
    batch = windows_of(list(ELECTRODES)[:n_channels], 4)
    facts = ModelFacts(sfreq=200.0, n_audio_features=768, frame_rate=50.0, audio="wav2vec2")
    pretrained, objective = PretrainingConfig.preset("base").build(facts), CodebookObjective()
    transformers = import_transformers()
    speech, sound = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config()), torch.randn(len(batch), int(16_000 * WINDOW_S))

    def both() -> torch.Tensor:
        return pretrained.encoder(batch)[0].square().mean() + speech(sound).last_hidden_state.square().mean()

    return [
        ("stage 1", *cost(lambda: objective(pretrained, batch, 0).total, len(batch))),
        ("stage 2, wav2vec 2.0 trained", *cost(both, len(batch))),
    ]


def windows_of(names: list[str], n: int) -> Batch:
    montage = Montage.from_names(names)[0]
    return Batch(
        eeg=torch.randn(n, len(names), int(200 * WINDOW_S)),
        channel_index=torch.tensor(montage.nearest_indices).expand(n, -1),
        positions=torch.tensor(montage.positions, dtype=torch.float32).expand(n, -1, -1),
        channel_mask=torch.ones(n, len(names), dtype=torch.bool),
        window_ids=torch.arange(n),
    )


def cost(loss: Callable[[], torch.Tensor], n: int) -> tuple[float, float]:
    """Operations of a window, forward and backward, and windows a second."""
    with FlopCounterMode(display=False) as counter:
        loss().backward()
    return counter.get_total_flops() / n, n / timed(lambda: loss().backward())


def timed(job: Callable[[], object], repeats: int = 3) -> float:
    """Seconds, the best of a few turns after a first one that compiles and opens files."""
    seconds = []
    for _ in range(repeats + 1):
        begun = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - begun)
    return min(seconds[1:])


def size_of(*paths: Path) -> int:
    """Bytes of the files and of what lies beside them (scales, checksums)."""
    return sum(file.stat().st_size for path in paths for file in path.parent.glob(f"{path.stem}*"))


if __name__ == "__main__":
    sys.exit(main())
