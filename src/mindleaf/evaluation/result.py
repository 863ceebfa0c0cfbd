"""Result: what one evaluation found, and its three files: results.json, predictions.parquet, report.html."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from mindleaf.evaluation.predict import SystemRun
from mindleaf.evaluation.report import render
from mindleaf.evaluation.statistics import results
from mindleaf.evaluation.verdict import AuditRow
from mindleaf.fold import Fold
from mindleaf.store.files import replacing


@dataclass(eq=False)
class Result:
    """Runs of all systems on the same folds, with their audit.

    ``notes`` are sentences printed at the top of the report (an easy setting, a known limit); ``provenance`` maps what the
    report should state at its end (versions, store sha256, command) to text. Neither may name a person or a local path.
    """

    runs: Sequence[SystemRun]
    folds: Sequence[Fold]
    dataset: str
    task: str
    protocol: str
    asks: str
    seed: int
    commit: str = ""
    audits: Mapping[str, Sequence[AuditRow]] = field(default_factory=dict)
    audit_depth: str = "none"
    notes: Sequence[str] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    title: str = ""

    @cached_property
    def _content(self) -> dict[str, Any]:
        return results(
            self.runs, self.folds, dataset=self.dataset, task=self.task, protocol=self.protocol, asks=self.asks, seed=self.seed,
            commit=self.commit, audit_depth=self.audit_depth,
            audits={name: [row.to_json() for row in rows] for name, rows in self.audits.items()},
        )  # fmt: skip

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """All predictions of all systems, one row per window."""
        tables = [table for run in self.runs if len(table := run.predictions())]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    @property
    def failures(self) -> list[tuple[str, AuditRow]]:
        """Every failed control with the system it failed."""
        return [(name, row) for name, rows in self.audits.items() for row in rows if row.status == "fail"]

    def to_json(self) -> dict[str, Any]:
        """The content of results.json."""
        return self._content

    def html(self) -> str:
        return render(self._content, self.runs, notes=self.notes, provenance=self.provenance, title=self.title)

    def report(self, path: Path | str) -> Path:
        """Write the one-file report; the old one stays until the new one is complete."""
        return _replace(Path(path), self.html().encode())

    def write(self, folder: Path | str) -> Path:
        """Write all three files into ``folder``; everything is computed before the first one is replaced."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        text, html = json.dumps(self._content, indent=1, allow_nan=False).encode() + b"\n", self.html().encode()
        with replacing(target / "predictions.parquet") as temporary:
            self.predictions.to_parquet(temporary, index=False)
        _replace(target / "report.html", html)
        _replace(target / "results.json", text)
        return target

    def __repr__(self) -> str:
        names = ", ".join(run.name for run in self.runs)
        return f"Result({self.dataset}, {self.task}, {self.protocol}: {names}; {len(self.failures)} failed controls)"


def _replace(path: Path, content: bytes) -> Path:
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return path
