"""One window through the encoder: ours against braindecode's LaBraM of the same size, same threads, runs in turns.

The job: 64 channels x 2 s at 200 Hz, batch of 1, evaluation. Ours eager, and as the
files of ``mindleaf export``: torch compiled (which takes a minute first), ONNX, int8. Goal: 1.5 times as fast in float32 (the best of them), twice with int8. Errors: against
ours in float64; int8 prints its cosine as well, on random weights, which says nothing of a trained model.
Run: python benchmarks/inference.py [--threads 1] [--repeats 5]
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from encoder_timing import Labram, doubled, error, medians, mindmix, noise, table
from numpy.typing import NDArray

from mindleaf.encoders.mindmix import MindMixEncoder
from mindleaf.models.exported import ExportFacts, onnx_runner, torch_runner
from mindleaf.models.exporting import ExportGraph, onnx_model, quantized, traced
from mindleaf.montage import ELECTRODES, Montage
from mindleaf.preprocessing.pipeline import MINDMIX

CHANNELS, SECONDS, GOAL, GOAL_INT8 = 64, 2, 1.5, 2.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    peer, ours, batch = Labram(CHANNELS, SECONDS).eval(), mindmix().eval(), noise(1, CHANNELS, SECONDS)
    with torch.inference_mode():
        wanted = copy.deepcopy(ours).double()(doubled(batch))[0]
    runs: dict[str, Callable[[], torch.Tensor]] = {
        "LaBraM of braindecode": lambda: peer(batch.eeg), "ours, eager": lambda: ours(batch)[0],
    }  # fmt: skip
    runs |= {f"ours, {name}": run for name, run in exported(ours, batch.eeg).items()}
    with torch.inference_mode():
        errors = {name: error(run(), wanted) for name, run in runs.items() if "ours" in name}
        seconds = medians(runs, arguments.repeats, inner=3)
        small = runs["ours, ONNX int8"]().double().flatten()
    cosine = float(torch.nn.functional.cosine_similarity(small, wanted.flatten(), dim=0))
    best = min((name for name in seconds if "ours" in name and "int8" not in name), key=seconds.__getitem__)
    title = f"{CHANNELS} channels x {SECONDS} s, batch 1, int8 cosine {cosine:.4f}"
    return 0 if table(title, seconds, "LaBraM of braindecode", errors, {best: GOAL, "ours, ONNX int8": GOAL_INT8}) else 1


def exported(ours: MindMixEncoder, eeg: torch.Tensor) -> dict[str, Callable[[], torch.Tensor]]:
    """The encoder's tokens from the torch file, compiled, and from ONNX Runtime, float32 and int8."""
    montage = Montage.from_names(ELECTRODES[:CHANNELS])[0]
    graph = ExportGraph(ours, lambda model, batch: model(batch)[0], montage, z_scored=False).eval()
    facts = ExportFacts(
        type="pretraining", output="tokens", axes=("batch", "token", "width"), channels=montage.names, n_times=eeg.shape[-1],
        pipeline=MINDMIX, before="", by_runner="", in_graph="", licence="", weights_sha256="",
    )  # fmt: skip
    program = traced(graph, facts)
    model = onnx_model(program)
    files = {"ONNX": model.SerializeToString(), "ONNX int8": quantized(model).SerializeToString()}
    runners = {"torch compiled": torch_runner(program, compiled=True)}
    runners |= {name: onnx_runner(content, torch.get_num_threads()) for name, content in files.items()}
    return {name: partial(_tokens, run, eeg) for name, run in runners.items()}


def _tokens(run: Callable[[NDArray[np.float32]], NDArray[np.float32]], eeg: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(run(eeg.numpy()))


if __name__ == "__main__":
    sys.exit(main())
