"""Cells: one system, one question, one data set; each is evaluated once, and a killed run goes on with the next one."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mindleaf.errors import BadInput
from mindleaf.models.folder import HASHES
from mindleaf.stages.evaluate import evaluate
from mindleaf.stages.question import EvaluateConfig
from mindleaf.store.files import read_json, safe_name, write_json
from mindleaf.store.integrity import bytes_sha256
from mindleaf.store.store import Store
from mindleaf.systems import SYSTEMS


@dataclass(frozen=True)
class Cell:
    """What is asked (``config``), of which system, on which store (and tested on which other one)."""

    system: str
    config: EvaluateConfig
    store: Path
    test_store: Path | None = None

    def name(self) -> str:
        """A folder name that two different cells never share, and equal ones do, whatever table they stand in."""
        stores = [store.name for store in (self.store, self.test_store) if store]
        asked = (self.system, self.config.task, str(self.config.protocol), *stores, self.config.fingerprint()[:8])
        return safe_name("-".join(asked))

    def key(self) -> dict[str, Any]:
        """What the outcome depends on: settings, data, RUNs and weights that settings name, the version of the code."""
        stores = [Store(path).content_sha256 for path in (self.store, self.test_store) if path]
        return {
            "config": self.config.fingerprint(), "system": self.system, "stores": stores, "version": version("mindleaf"),
            "named": [_content(setting.partition("=")[2].strip('"')) for setting in self.config.settings],
        }  # fmt: skip


def _content(value: str) -> str:
    """The hash of what a setting's value names on this disk; "" where it names nothing."""
    # os.path says no to what cannot be a path at all, such as a whole config; pathlib raises.
    path = Path(value.partition(":")[2] or value)
    listed = [path / HASHES, *sorted(path.glob("*.safetensors"))] if value and os.path.isdir(path) else [path]
    found = [file for file in listed if value and os.path.isfile(file)]
    return bytes_sha256(found[0]) if found else ""


@dataclass(frozen=True)
class Outcome:
    """``entries``: rows of results.json, one per window length; empty where ``status`` is not "ok" (``why`` says why)."""

    status: str
    why: str
    mark: str
    entries: tuple[dict[str, Any], ...]

    def at(self, window_s: float) -> dict[str, Any] | None:
        return next((entry for entry in self.entries if entry["window_s"] == window_s and entry["metrics"]), None)


def is_built(system: str) -> bool:
    """Whether there is such a system: in the table, or one's own as ``package.module:Class``."""
    return system in SYSTEMS or ":" in system


def is_finished(cell: Cell, out: Path) -> bool:
    """Whether an earlier call has evaluated the cell into ``out``/NAME, with the settings, data and code of today."""
    return bool(read_json(out / cell.name() / "cell.json").get("key") == cell.key())


def outcome_of(cell: Cell, out: Path) -> Outcome:
    """Evaluate the cell into ``out``/NAME, or read what an earlier call found there.

    A question that the data or the system cannot answer is an outcome ("not applicable"; it is asked again the next time), as is a
    system that is not built.
    """
    if not is_built(cell.system):
        return Outcome("not built", "", "", ())
    folder = out / cell.name()
    if not is_finished(cell, out):
        # Gone first: a kill must never leave an old key beside new results.
        (folder / "cell.json").unlink(missing_ok=True)
        try:
            evaluate(cell.config, cell.store, [cell.system], folder, test_store=cell.test_store, quiet=True)
        except BadInput as error:
            return Outcome("not applicable", str(error), "", ())
        write_json(folder / "cell.json", {"key": cell.key()})
    content = json.loads((folder / "results.json").read_text())
    entries = [entry for entry in content["systems"] if not entry["floor"]]
    told = next((entry for entry in entries if entry["metrics"]), entries[0])
    return Outcome(told["status"], told.get("why", ""), content["mark"], tuple(entries))
