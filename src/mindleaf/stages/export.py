"""export: the model of a RUN as one file for other programs, with what it must be told standing in it."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from mindleaf.config import Config
from mindleaf.encoders.leaf import CHANNELS
from mindleaf.errors import BadInput
from mindleaf.models.exported import FAITHFUL, ExportFacts, onnx_runner
from mindleaf.models.exporting import ExportGraph, export_graph, onnx_file, onnx_model, quantized, torch_file, traced
from mindleaf.models.folder import WEIGHTS, LoadedModel, load_model
from mindleaf.models.shipped import run_folder
from mindleaf.models.tower_classifier import TowerClassifier
from mindleaf.montage import Montage
from mindleaf.store.examples import Examples
from mindleaf.store.store import Store

FORMATS = ("onnx", "onnx-int8", "torch")
#: The 10-20 system: what is taken where nobody says which channels there are.
TEN_TWENTY = tuple(
    ["Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz", "C4", "T8", "P7", "P3", "Pz", "P4", "P8", "O1", "O2"]
)
_WINDOW_S, _COMPARED = 2.0, 256


class ExportConfig(Config):
    """channels: by name, in the order of the file's input; empty for those of the store, else the tower's 65 (LEAF) or the 19 of
    10-20. window_s: length of the windows; 0 for the one that the model was made for, else 2 s. licence: of the weights."""

    channels: tuple[str, ...] = ()
    window_s: float = 0.0
    licence: str = "not stated"


def export(run: Path, kind: str, out: Path, config: ExportConfig | None = None, store: Path | None = None) -> str:
    """Write the file; returns a sentence on what it holds. ``store``: whose windows int8 is held against, and whose channels are taken.

    Raises BadInput for an unknown format, a RUN of several folds, a model that cannot be exported, and what ``load_model`` raises.
    """
    if kind not in FORMATS:
        raise BadInput(f"--format wants {', '.join(FORMATS)}, got {kind!r}.")
    if out.is_dir():
        raise BadInput(f"--out wants a file, {out} is a folder; give a name in it, such as {out / 'model.onnx'}.")
    run = run_folder(run)
    config, loaded = config or ExportConfig(), _loaded(run)
    seen = None if store is None else Store(store)
    montage = _montage(loaded, config, seen)
    graph, facts = export_graph(loaded, montage, _window_s(loaded, config), config.licence, _weights_sha256(run))
    program = traced(graph, facts)
    if kind == "torch":
        _write(out, torch_file(program, facts))
        return _told(out, facts)
    model = onnx_model(program)
    if kind == "onnx-int8":
        model = quantized(model)
        facts = _judged(graph, model, facts, seen)
    _write(out, onnx_file(model, facts))
    return _told(out, facts)


def _loaded(run: Path) -> LoadedModel:
    if not (run / "config.json").is_file() and (run / "folds.json").is_file():
        raise BadInput(
            f"{run}: holds a model for each fold, and a file holds one; give one of them, such as {run / 'folds' / '000'}."
        )
    return load_model(run)


def _montage(loaded: LoadedModel, config: ExportConfig, store: Store | None) -> Montage:
    whole = None if store is None else next(iter(store.recordings.values())).montage
    if config.channels:
        named = Montage.from_names(config.channels)[0]
        return named if whole is None else whole.select(named.names)
    if store is not None and whole is not None:
        return whole.select(Examples(store, store.windows(_WINDOW_S)).channel_names)
    of_leaf = loaded.facts.pipeline or loaded.type_name == "spectral_temporal"
    return Montage.from_names(CHANNELS if of_leaf else TEN_TWENTY)[0]


def _window_s(loaded: LoadedModel, config: ExportConfig) -> float:
    made_for = loaded.model.n_tokens / 2 if isinstance(loaded.model, TowerClassifier) else 0.0
    if made_for and config.window_s not in (0.0, made_for):
        raise BadInput(f"this head reads windows of {made_for:g} s, --window says {config.window_s:g}; leave it out.")
    return config.window_s or made_for or _WINDOW_S


def _judged(graph: ExportGraph, model: Any, facts: ExportFacts, store: Store | None) -> ExportFacts:
    """The facts with int8's likeness to the float model: the mean cosine over windows of the store."""
    facts = facts.model_copy(update={"precision": "int8", "fidelity": "unmeasured"})
    if store is None:
        return facts
    windows = _windows(store, facts)
    with torch.inference_mode():
        wanted = graph(torch.from_numpy(windows)).flatten(1).double()
    came = torch.from_numpy(onnx_runner(onnx_file(model, facts))(windows)).flatten(1).double()
    cosine = float(torch.nn.functional.cosine_similarity(wanted, came).mean())
    return facts.model_copy(update={"cosine": cosine, "fidelity": "faithful" if cosine >= FAITHFUL else "lossy"})


def _windows(store: Store, facts: ExportFacts) -> Float[np.ndarray, "window channel time"]:
    """Windows of the whole store as the graph takes them; channels that are missing there stay zeros."""
    rows = store.windows(facts.n_times / facts.pipeline.sfreq)
    if not len(rows):
        raise BadInput(
            f"{store.path}: no window of {facts.n_times / facts.pipeline.sfreq:g} s to compare by; give a shorter --window."
        )
    at = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _COMPARED)).astype(int))
    scaled = facts.pipeline.normalise == "recording"
    pipeline = facts.pipeline if scaled else facts.pipeline.model_copy(update={"normalise": "none"})
    return np.nan_to_num(Examples(store, rows, channels=facts.channels).eeg(pipeline, 0.0, at))


def _weights_sha256(run: Path) -> str:
    return str(json.loads((run / "sha256.json").read_text())[WEIGHTS])


def _write(out: Path, content: bytes) -> None:
    """The whole file or none of it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{out.name}-", dir=out.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        os.replace(name, out)
    finally:
        Path(name).unlink(missing_ok=True)


def _told(out: Path, facts: ExportFacts) -> str:
    length = facts.n_times / facts.pipeline.sfreq
    likeness = (
        ""
        if facts.precision == "float32"
        else f" int8 ({facts.fidelity}{'' if facts.cosine is None else f', cosine {facts.cosine:.4f}'});"
    )
    return (
        f"{out}: {facts.output} ({' x '.join(facts.axes)}) of windows of {length:g} s;{likeness} channels {' '.join(facts.channels)}; "
        f"{facts.pipeline.sfreq:g} Hz, {facts.unit}; before it: {facts.before}; licence: {facts.licence}"
    )
