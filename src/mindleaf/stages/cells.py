"""Cells: one system, one question, one data set; each is evaluated once, and a killed run goes on with the next one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindleaf.errors import BadInput
from mindleaf.stages.evaluate import evaluate
from mindleaf.stages.question import EvaluateConfig
from mindleaf.store.files import read_json, safe_name, write_json
from mindleaf.store.store import Store
from mindleaf.systems import SYSTEMS


@dataclass(frozen=True)
class Cell:
    """What is asked (``config``), of which system, on which store (and tested on which other one).

    ``title`` tells cells of one system apart ("no_type").
    """

    title: str
    system: str
    config: EvaluateConfig
    store: Path
    test_store: Path | None = None

    def name(self) -> str:
        """A folder name that two different cells never share."""
        config = self.config.fingerprint()[:8]
        return safe_name("-".join((self.title, self.config.task, str(self.config.protocol), self.store.name, config)))


@dataclass(frozen=True)
class Outcome:
    """``entries``: rows of results.json, one per window length; empty where ``status`` is not "ok" (``why`` says why)."""

    status: str
    why: str
    leaky: bool
    mark: str
    entries: tuple[dict[str, Any], ...]

    def at(self, window_s: float) -> dict[str, Any] | None:
        return next((entry for entry in self.entries if entry["window_s"] == window_s and entry["metrics"]), None)


def outcome_of(cell: Cell, out: Path) -> Outcome:
    """Evaluate the cell into ``out``/NAME, or read what an earlier call found there.

    A question that the data or the system cannot answer is an outcome ("not applicable"), as is a system that is not built.
    """
    if cell.system not in SYSTEMS and ":" not in cell.system:
        return Outcome("not built", "no such system yet", False, "", ())
    folder = out / cell.name()
    stores = [Store(path).content_sha256 for path in (cell.store, cell.test_store) if path]
    key = {"config": cell.config.fingerprint(), "system": cell.system, "stores": stores}
    done = read_json(folder / "cell.json")
    if done.get("key") != key:
        done = {"key": key, **_evaluated(cell, folder)}
        write_json(folder / "cell.json", done)
    if done["status"] != "ok":
        return Outcome(done["status"], done["why"], False, "", ())
    content = json.loads((folder / "results.json").read_text())
    entries = [entry for entry in content["systems"] if not entry["floor"]]
    told = next((entry for entry in entries if entry["metrics"]), entries[0])
    return Outcome(told["status"], told.get("why", ""), content["leaky"], content["mark"], tuple(entries))


def _evaluated(cell: Cell, folder: Path) -> dict[str, str]:
    try:
        evaluate(cell.config, cell.store, [cell.system], folder, test_store=cell.test_store, quiet=True)
    except BadInput as error:
        return {"status": "not applicable", "why": str(error)}
    return {"status": "ok", "why": ""}
