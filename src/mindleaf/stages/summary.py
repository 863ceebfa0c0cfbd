"""The few lines an evaluation prints; everything else is in its report."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from mindleaf.evaluation.result import Result
from mindleaf.stages.progress import console


def tell(result: Result, out: Path, quiet: bool) -> None:
    """A short table for the terminal; everything else is in the report."""
    content = result.to_json()
    primary = "accuracy" if result.asks == "candidates" else "balanced_accuracy"
    mark = f" [bold red]{content['mark']}[/]" if content.get("mark") else ""
    table = Table(title=f"{result.dataset} · {result.task} · {result.protocol}{mark}", title_justify="left")
    for heading in ("system", "window", primary.replace("_", " "), "95 % interval", "chance", "status", "audit"):
        table.add_column(heading)
    for system in content["systems"]:
        rows = result.audits.get(system["name"], ())
        failed = sum(row.status == "fail" for row in rows)
        verdict = f"{failed} failed" if failed else f"{sum(row.status == 'pass' for row in rows)} passed"
        metric = system["metrics"].get(primary)
        numbers = (
            (_number(metric["mean"]), " … ".join(map(_number, metric["ci95"])), _number(metric["chance"]))
            if metric
            else ("–",) * 3
        )
        status = system["status"] + (", transductive" if system["transductive"] else "")
        table.add_row(system["name"], f"{system['window_s']:g} s" if system["window_s"] else "–", *numbers, status, verdict)
    terminal = console(quiet)
    terminal.print(table)
    for name, row in result.failures:
        terminal.print(f"  {name}: {row.control} FAILED. {row.why}", markup=False)
    terminal.print(f"report: {out / 'report.html'}", markup=False)


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"
