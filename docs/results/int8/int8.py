"""int8 on trained models: likeness to the float model, and balanced accuracy on windows that training did not see.

    mindleaf finetune mindmix-small --store STORE --task classify --protocol cross_subject --out RUN
    python docs/results/int8/int8.py --store STORE --run RUN

Each fold of a fine-tuned RUN is asked about its test windows, by torch in float32 and by ONNX Runtime in float32 and int8. One JSON line for each fold,
and one for all of them. Goal: twice as fast as float32, mean cosine of the logits .999 or more, balanced accuracy within half a point; else lossy.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mindleaf.evaluation.prepared_rows import PreparedRows
from mindleaf.metrics.scores import balanced_accuracy, confusion, decisions
from mindleaf.models.exported import FAITHFUL, ExportFacts, onnx_runner
from mindleaf.models.exporting import export_graph, onnx_file, onnx_model, quantized, traced
from mindleaf.models.folder import load_model
from mindleaf.protocols import read_folds
from mindleaf.stages.question import EvaluateConfig, cutting
from mindleaf.stages.run_folder import read_stage
from mindleaf.store.examples import Examples
from mindleaf.store.store import Store
from mindleaf.tasks import build_task

HALF_A_POINT, TIMED = 0.005, 30
Runner = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    store, config = Store(arguments.store), read_stage(arguments.run, EvaluateConfig)
    task = build_task(config.task, target=config.target)
    cut, windows_s = cutting(config, store)
    prepared = PreparedRows(store, None, task, config.seed, cut)
    answers, said = [], []
    for number, fold in enumerate(read_folds(arguments.run / "folds.json")):
        examples = prepared.examples(fold, "test", windows_s[0], "labels")
        runners, facts = runners_of(arguments.run / "folds" / f"{number:03d}", store, examples, windows_s[0])
        windows = read(examples, facts)
        logits = {name: run(windows) for name, run in runners.items()}
        ms = {name: milliseconds(run, windows[:1]) for name, run in runners.items()}
        answers.append(examples.labels)
        said.append(logits)
        told({"fold": fold.name, **compared(examples.labels, logits), "ms": ms})
    whole = {name: np.concatenate([logits[name] for logits in said]) for name in said[0]}
    told({"fold": "all", **compared(np.concatenate(answers), whole)})


def runners_of(folder: Path, store: Store, examples: Examples, window_s: float) -> tuple[dict[str, Runner], ExportFacts]:
    montage = next(iter(store.recordings.values())).montage.select(examples.channel_names)
    graph, facts = export_graph(load_model(folder), montage, window_s, "not stated", "")
    model = onnx_model(traced(graph, facts))
    threads = torch.get_num_threads()

    def in_torch(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            parts = np.array_split(windows, -(-len(windows) // 64))
            return np.concatenate([graph(torch.from_numpy(part)).numpy() for part in parts])

    float_file, int8_file = onnx_file(model, facts), onnx_file(quantized(model), facts)
    return {"torch": in_torch, "onnx": onnx_runner(float_file, threads), "int8": onnx_runner(int8_file, threads)}, facts


def read(examples: Examples, facts: ExportFacts) -> NDArray[np.float32]:
    """Windows as ``mindleaf export --store`` compares them."""
    scaled = facts.pipeline.normalise == "recording"
    pipeline = facts.pipeline if scaled else facts.pipeline.model_copy(update={"normalise": "none"})
    return np.nan_to_num(Examples(examples.store, examples.rows, channels=facts.channels).eeg(pipeline))


def compared(answers: NDArray[np.int64], logits: dict[str, NDArray[np.float32]]) -> dict[str, Any]:
    right = {name: float(balanced_accuracy(matrix(answers, values))) for name, values in logits.items()}
    one, other = logits["torch"].astype(float), logits["int8"].astype(float)
    cosines = (one * other).sum(axis=1) / (np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1))
    loss = right["int8"] - right["torch"]
    same = float((one.argmax(axis=1) == other.argmax(axis=1)).mean())
    faithful = cosines.mean() >= FAITHFUL and abs(loss) <= HALF_A_POINT
    return {
        "windows": len(answers), "cosine": float(cosines.mean()), "lowest cosine": float(cosines.min()), "same class": same,
        "balanced accuracy": right, "difference": loss, "label": "faithful" if faithful else "lossy",
    }  # fmt: skip


def matrix(answers: NDArray[np.int64], logits: NDArray[np.float32]) -> NDArray[np.float64]:
    return confusion(answers, decisions(logits))


def milliseconds(run: Runner, window: NDArray[np.float32]) -> float:
    """Of one window, median."""
    run(window)
    times = []
    for _ in range(TIMED):
        begun = time.perf_counter()
        run(window)
        times.append(1e3 * (time.perf_counter() - begun))
    return float(np.median(times))


def told(line: dict[str, Any]) -> None:
    print(json.dumps(line, default=float), flush=True)


if __name__ == "__main__":
    main()
