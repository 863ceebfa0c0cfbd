"""What mindleaf loads, one whole sample of each kind, and how each is loaded: the files that tests damage or replace."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import mindleaf as ml
from mindleaf.models.classifier import ClassifierConfig
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import save_model
from mindleaf.stages.export import ExportConfig, export
from mindleaf.store.zarr_export import export_zarr
from mindleaf.store.zarr_import import import_zarr
from mindleaf.training.checkpoints import newest, save
from tests.store.generated import prepared, sources

CONFIG = ClassifierConfig(encoder=None, power_filters=4, power_sources=2, power_kernel=40)
FACTS = ModelFacts(classes=("rest", "task"))


@dataclass(frozen=True)
class Kept:
    """place: a file or folder below the samples; load: what to call with it, and a text that is the same for the same content."""

    place: str
    load: Callable[[Path], str]


def _of_tensors(values: dict[str, Any]) -> str:
    return hashlib.sha256(b"".join(values[name].numpy().tobytes() for name in sorted(values))).hexdigest()


def _model(path: Path) -> str:
    return _of_tensors(ml.load_model(path).model.state_dict())


def _checkpoint(path: Path) -> str:
    found = newest(path)
    return "none" if found is None else _of_tensors(found)


def _exported(path: Path) -> str:
    return ml.load_exported(path).sha256


def _zarr(path: Path) -> str:
    return import_zarr(path, path.parent / "imported").content_sha256


KEPT = {
    "model": Kept("run", _model),
    "hub copy": Kept("copy", _model),
    "checkpoint": Kept("checkpoints", _checkpoint),
    "onnx": Kept("model.onnx", _exported),
    "torch": Kept("model.pt2", _exported),
    "zarr": Kept("store.zarr", _zarr),
}


def make_samples(folder: Path) -> Path:
    torch.manual_seed(0)
    model = CONFIG.build(FACTS)
    save_model(folder / "run", model, CONFIG, FACTS, "# Card\n")
    ml.push_to_hub(folder / "run", folder / "copy", licence="cc-by-4.0")
    save(folder / "checkpoints", 10, dict(model.state_dict()))
    channels = ExportConfig(channels=("Fz", "Cz"), window_s=1.0)
    export(folder / "run", "onnx", folder / "model.onnx", channels)
    export(folder / "run", "torch", folder / "model.pt2", channels)
    export_zarr(prepared(folder / "store", sources(1, seconds=2.0)), folder / "store.zarr")
    return folder


def copied(samples: Path, kept: Kept, to: Path) -> Path:
    """A copy of one sample that may be spoilt."""
    source, target = samples / kept.place, to / kept.place
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
    return target


def rehash(folder: Path) -> None:
    """Make sha256.json fit what lies in a model folder, as a forger would."""
    hashes = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("config.json", "model.safetensors", "card.md")
        if (folder / name).is_file()
    }
    (folder / "sha256.json").write_text(json.dumps(hashes))
