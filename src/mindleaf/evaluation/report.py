"""Report: one HTML file that works offline, on a phone, in the dark, without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from mindleaf.evaluation.headline import headline
from mindleaf.evaluation.illustrations import illustrations
from mindleaf.evaluation.plain_words import CONTROLS, HOW_TO_READ, LANGUAGE_CONTROLS, MARKS, STATUS, TRANSDUCTIVE, ZERO_SHOT
from mindleaf.evaluation.predict import SystemRun
from mindleaf.evaluation.statistics import PRIMARY
from mindleaf.metrics.retrieval import RANK_METRICS

_FOLDER = Path(__file__).parent
_METRIC_NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "weighted_f1": "weighted F1",
    "kappa": "kappa",
    "auroc": "AUROC",
    "recall@5": "recall at 5",
    "recall@10": "recall at 10",
    "mrr": "mean reciprocal rank",
    "median_rank": "median rank",
    "ece": "calibration error",
}

_WORDS = CONTROLS | LANGUAGE_CONTROLS


def render(
    content: dict[str, Any],
    runs: Sequence[SystemRun],
    notes: Sequence[str] = (),
    provenance: Mapping[str, str] | None = None,
    title: str = "",
) -> str:
    """The report of ``content`` (results.json); ``runs`` give the findings to draw. All text is escaped."""
    environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["score"] = _score
    environment.filters["p"] = _p_value
    environment.filters["count"] = _count
    asks = next((run.cells[0].task.asks for run in runs if run.cells), "labels")
    tested = [entry for entry in content["systems"] if entry["metrics"]]
    return environment.get_template("report.html.j2").render(
        css=Markup((_FOLDER / "report.css").read_text()),
        title=title or f"{content['dataset']}: {content['task']}",
        content=content,
        marks=[MARKS[mark] for mark in content["mark"].split()],
        notes=list(notes),
        primary=PRIMARY[asks],
        headline=headline(content, PRIMARY[asks]),
        metric_names=_METRIC_NAMES,
        ranks=tuple(RANK_METRICS),
        tables=_tables(tested, PRIMARY[asks]),
        transductive=list(dict.fromkeys(entry["name"] for entry in tested if entry["transductive"])),
        transductive_means=TRANSDUCTIVE,
        zero_shot=[_zero_shot(entry) for entry in tested if "labels_in_training" in entry],
        untested=[entry for entry in content["systems"] if not entry["metrics"]],
        verdicts=_verdicts(tested, PRIMARY[asks]),
        drawings=[(d, Markup(d.svg)) for d in illustrations(content, runs)],
        pairs=_pairs(content["comparisons"]),
        tests=list(dict.fromkeys(row["test"] for row in content["comparisons"])),
        audits=_audits(content),
        controls=_WORDS,
        tally=_tally(content),
        status_words=STATUS,
        how_to_read=HOW_TO_READ,
        provenance=dict(provenance or {}),
    )


def _tables(tested: list[dict], primary: str) -> list[dict]:
    """One table per window length, best system first."""
    lengths = sorted({entry["window_s"] for entry in tested})
    out = []
    for window_s in lengths:
        rows = [entry for entry in tested if entry["window_s"] == window_s]
        rows.sort(key=lambda entry: -(entry["metrics"][primary]["mean"] or 0.0))
        extra = [name for name in _METRIC_NAMES if name != primary and any(name in row["metrics"] for row in rows)]
        out.append({"window_s": window_s, "rows": rows, "extra": extra})
    return out


def _verdicts(tested: list[dict], primary: str) -> list[dict]:
    """A few sentences per system: above chance or not, below the floor or not, and what its audit says."""
    out = []
    for name in dict.fromkeys(entry["name"] for entry in tested):
        entries = [entry for entry in tested if entry["name"] == name]
        above = [
            e for e in entries if (low := e["metrics"][primary]["ci95"][0]) is not None and low > e["metrics"][primary]["chance"]
        ]
        failures = [row for row in entries[0]["audit"] if row["status"] == "fail"]
        out.append(
            {
                "name": name,
                "above": [f"{entry['window_s']:g} s" for entry in above],
                "n_lengths": len(entries),
                "unknown": all(entry["metrics"][primary]["ci95"][0] is None for entry in entries),
                "failures": [_WORDS.get(row["control"], (row["control"],))[0] for row in failures],
                "audited": bool(entries[0]["audit"]),
                "below": [] if entries[0]["floor"] else _below_floor(entries, tested, primary),
            }
        )
    return out


def _zero_shot(entry: dict) -> dict[str, Any]:
    """What the labels of a system that was asked without training have to do with those it was trained on."""
    labels = entry["labels_in_training"]
    share = sum(labels.values()) / len(labels)
    words = next(words for least, words in ZERO_SHOT if share >= least)
    return {"name": entry["name"], "share": share, "labels": labels, "words": words}


def _below_floor(entries: list[dict], tested: list[dict], primary: str) -> list[str]:
    """Where the best floor row of the same window length scores higher: "2 s (ts_lr .649 against .544)"."""
    out = []
    for entry in entries:
        floors = [e for e in tested if e["floor"] and e["window_s"] == entry["window_s"]]
        best = max(floors, key=lambda e: e["metrics"][primary]["mean"] or 0.0, default=None)
        score = entry["metrics"][primary]["mean"]
        if best and score is not None and best["metrics"][primary]["mean"] > score:
            out.append(f"{entry['window_s']:g} s ({best['name']} {best['metrics'][primary]['mean']:.3f} against {score:.3f})")
    return out


def _pairs(comparisons: list[dict]) -> list[tuple[dict, dict[str, dict]]]:
    """One row per pair and window length, with its tests side by side."""
    found: dict[tuple, dict[str, dict]] = {}
    for row in comparisons:
        found.setdefault((row["a"], row["b"], row["window_s"]), {})[row["test"]] = row
    return [(next(iter(tests.values())), tests) for tests in found.values()]


def _audits(content: dict[str, Any]) -> list[dict]:
    """Audit rows by control, each with the systems that have it, so that equal rows are told once."""
    by_control: dict[str, list[tuple[str, dict]]] = {}
    seen = set()
    for entry in content["systems"]:
        for row in entry["audit"]:
            if (entry["name"], row["control"]) not in seen:
                seen.add((entry["name"], row["control"]))
                by_control.setdefault(row["control"], []).append((entry["name"], row))
    out = []
    for control, rows in by_control.items():
        groups: dict[tuple, list[str]] = {}
        for name, row in rows:
            groups.setdefault((row["status"], row["expected"], row["observed"], row["why"]), []).append(name)
        everyone = len(groups) == 1 and len(rows) > 1
        lines = [
            {"systems": "all systems" if everyone else ", ".join(names), "status": s, "expected": e, "observed": o, "why": w}
            for (s, e, o, w), names in groups.items()
        ]
        worst = next((s for s in ("fail", "skipped", "pass") if any(line["status"] == s for line in lines)), "pass")
        out.append({"control": control, "lines": lines, "worst": worst})
    return sorted(out, key=lambda item: ("fail", "skipped", "pass").index(item["worst"]))


def _tally(content: dict[str, Any]) -> list[dict]:
    """How many controls of each system failed, passed and were skipped."""
    audits = {entry["name"]: entry["audit"] for entry in content["systems"] if entry["audit"]}
    return [
        {"name": name, **{status: sum(row["status"] == status for row in rows) for status in STATUS}}
        for name, rows in audits.items()
    ]


def _score(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _p_value(value: float | None) -> str:
    if value is None:
        return "n/a"
    return "< .001" if value < 0.001 else f"{value:.3f}"


def _count(value: int) -> str:
    return f"{value:,}".replace(",", " ")
