"""Statistics: from predictions to the numbers of results.json, each with chance level and interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.evaluation.calibration import ScoreKind, calibration_summary
from mindleaf.evaluation.clusters import cluster_ids, trial_ids
from mindleaf.evaluation.predict import SystemRun
from mindleaf.evaluation.ranking import ranked
from mindleaf.fold import Fold
from mindleaf.metrics import scores as score
from mindleaf.metrics.chance import binomial_limit, chance_levels
from mindleaf.metrics.comparisons import holm, paired_difference
from mindleaf.metrics.intervals import wide_interval

VERSION = 1
CONFUSION_METRICS: dict[str, Callable[[NDArray], NDArray]] = {
    "accuracy": score.accuracy,
    "balanced_accuracy": score.balanced_accuracy,
    "weighted_f1": score.weighted_f1,
    "kappa": score.kappa,
}
METRICS = {"candidates": ("accuracy", "balanced_accuracy", "weighted_f1"), "labels": tuple(CONFUSION_METRICS)}
#: The metric that tables sort by and comparisons use.
PRIMARY = {"candidates": "accuracy", "labels": "balanced_accuracy"}
_AUROC_DRAWS = 200
#: Metrics that compare classes, and so say nothing about a fold that lacks one.
_OF_CLASSES = ("balanced_accuracy", "weighted_f1", "kappa")


def score_columns(predictions: pd.DataFrame) -> list[str]:
    """Names of the score columns that hold anything, in the order of the options."""
    names = [c for c in predictions.columns if c.startswith("score_")]
    used = int(predictions["n_options"].max()) if len(predictions) else 0
    return sorted(names, key=lambda name: int(name.removeprefix("score_")))[:used]


def window_metrics(predictions: pd.DataFrame, asks: str, seed: int, score_kind: ScoreKind = "") -> tuple[dict, list[dict]]:
    """Metrics of one system at one window length: the summary, and the list of per-fold values.

    ``mean`` and ``sd`` are over folds, unless a fold of a label task lacks a class: metrics that compare classes are then
    computed once on the confusions pooled over folds (a fold of one class would turn them into plain accuracy), and that
    fold has none; ``over`` says which. ``ci95`` resamples subjects (where there are five or more) or trials, and takes the
    same average in each draw; a fold counts as often as its clusters were drawn. The primary metric also has
    ``ci95_trials``, which resamples trials however many subjects there are. Where scores are logits or probabilities
    (``score_kind``) the calibration error ``ece`` is added; it is lower for the better and never the primary metric.
    """
    clusters, unit = cluster_ids(predictions)
    fold_names = list(dict.fromkeys(predictions["fold"]))
    fold_number = predictions["fold"].map({name: k for k, name in enumerate(fold_names)}).to_numpy()
    cells = _cluster_confusions(predictions, clusters, fold_number)
    chance = chance_levels(predictions["answer"], predictions["n_options"], asks)
    n_independent = predictions[["dataset", "recording", "trial"]].drop_duplicates().shape[0]
    summary: dict[str, dict] = {}
    per_fold: list[dict] = [{} for _ in fold_names]
    for name in METRICS[asks]:
        values, whole, over = _over_folds_or_pooled(name, asks, cells)
        summary[name] = _summary(whole, _interval(name, asks, cells, seed), chance[name], over)
        for entry, value in zip(per_fold, values, strict=True):
            entry[name] = _number(value)
    trials = _cluster_confusions(predictions, trial_ids(predictions), fold_number)
    summary[PRIMARY[asks]]["ci95_trials"] = [_number(x) for x in _interval(PRIMARY[asks], asks, trials, seed)]
    summary[PRIMARY[asks]]["chance_luck95"] = binomial_limit(chance[PRIMARY[asks]], n_independent)
    if asks == "labels" and len(score_columns(predictions)) == 2:
        summary["auroc"], areas = _auroc_summary(predictions, clusters, fold_number, seed)
        for entry, area in zip(per_fold, areas, strict=True):
            entry["auroc"] = _number(area)
    for name, (values, interval, level) in ranked(predictions, score_columns(predictions), clusters, fold_number, seed).items():
        summary[name] = _summary(values, interval, level)
        for entry, value in zip(per_fold, values, strict=True):
            entry[name] = _number(value)
    summary |= calibration_summary(predictions, score_columns(predictions), clusters, score_kind, seed)
    for metric in summary.values():
        metric |= {"unit": unit, "n_units": int(clusters.max()) + 1}
    return summary, [{"fold": name, "metrics": entry} for name, entry in zip(fold_names, per_fold, strict=True)]


def claims_above_chance(predictions: pd.DataFrame, asks: str, seed: int) -> bool:
    """Whether the report says so of one system at one window length: its primary metric's ``ci95`` lies above chance."""
    clusters, _ = cluster_ids(predictions)
    _, fold_number = np.unique(predictions["fold"], return_inverse=True)
    name = PRIMARY[asks]
    low, _ = _interval(name, asks, _cluster_confusions(predictions, clusters, fold_number), seed)
    return bool(low > chance_levels(predictions["answer"], predictions["n_options"], asks)[name])


def results(
    runs: Sequence[SystemRun],
    folds: Sequence[Fold],
    *,
    dataset: str,
    task: str,
    protocol: str,
    asks: str,
    seed: int,
    commit: str = "",
    audit_depth: str = "none",
    audits: dict[str, list[dict]] | None = None,
) -> dict[str, Any]:
    """The content of results.json, version 1. ``audits`` maps a system's name to its audit rows."""
    tables = {run.name: run.predictions() for run in runs}
    known = [table for table in tables.values() if len(table)]
    subjects = pd.concat(known)[["dataset", "subject"]].drop_duplicates() if known else pd.DataFrame()
    groups = {fold.name: [str(group) for group in fold.groups_test] for fold in folds}
    marks = sorted({fold.mark for fold in folds} - {""})
    share = {run.name: run.share for run in runs}
    systems = [
        entry
        for run in runs
        for entry in _system_entries(run, tables[run.name], asks, seed, groups, (audits or {}).get(run.name, []))
    ]
    return {
        "version": VERSION, "dataset": dataset, "task": task, "protocol": protocol, "leaky": "LEAKY" in marks,
        "mark": " ".join(marks), "seed": seed, "n_subjects": len(subjects), "commit": commit, "audit_depth": audit_depth,
        "systems": systems, "comparisons": comparisons(tables, asks, seed, share),
    }  # fmt: skip


def comparisons(tables: dict[str, pd.DataFrame], asks: str, seed: int, share: Mapping[str, float] | None = None) -> list[dict]:
    """Each pair of systems on the windows both scored, per window length; p corrected by Holm within each test.

    ``share``: of the training trials that each learned from; only equals are compared.
    """
    rows = []
    share = share or dict.fromkeys(tables, 1.0)
    named = [name for name, table in tables.items() if len(table)]
    for a, b in ((a, b) for a, b in combinations(named, 2) if share[a] == share[b]):
        for window_s in sorted(set(tables[a]["window_s"]) & set(tables[b]["window_s"])):
            rows += _pair(a, b, tables, window_s, asks, seed)
    for test in ("wilcoxon", "paired t"):
        family = [row for row in rows if row["test"] == test]
        corrected = holm(np.array([np.nan if row["p"] is None else row["p"] for row in family]))
        for row, p in zip(family, corrected, strict=True):
            row["p_corrected"] = _number(p)
    return rows


def balanced_credit(answers: NDArray, correct: NDArray, asks: str) -> NDArray:
    """Credit per window whose mean is the primary metric: accuracy of candidates, balanced accuracy of labels."""
    if asks == "candidates":
        return np.asarray(correct, dtype=float)
    counts = np.bincount(answers)
    weight = len(answers) / ((counts > 0).sum() * counts[answers])
    return np.asarray(correct, dtype=float) * weight


def _pair(a: str, b: str, tables: dict[str, pd.DataFrame], window_s: float, asks: str, seed: int) -> list[dict]:
    keys = ["fold", "dataset", "subject", "recording", "trial", "start"]
    left, right = (tables[name][tables[name]["window_s"] == window_s] for name in (a, b))
    both = left[[*keys, "answer", "correct"]].merge(right[[*keys, "correct"]], on=keys, suffixes=("_a", "_b"))
    if both.empty:
        return []
    clusters, unit = cluster_ids(both)
    answers = both["answer"].to_numpy(dtype=int)
    first, second = (balanced_credit(answers, both[f"correct_{side}"].to_numpy(), asks) for side in "ab")
    found = paired_difference(first, second, clusters, seed)
    shared = {
        "a": a, "b": b, "metric": PRIMARY[asks], "window_s": window_s, "difference": found.difference,
        "ci95": [_number(x) for x in found.ci95], "unit": unit, "n": found.n_clusters,
    }  # fmt: skip
    tests = {"wilcoxon": found.p_wilcoxon, "paired t": found.p_t}
    return [{**shared, "p": _number(p), "p_corrected": None, "test": test} for test, p in tests.items()]


def _system_entries(
    run: SystemRun, table: pd.DataFrame, asks: str, seed: int, groups: dict[str, list[str]], audit: list[dict]
) -> list[dict]:
    shared = {
        "name": run.name, "asks": run.asks, "floor": run.floor, "n_parameters": run.n_parameters, "weights": run.weights,
        "seconds": round(run.seconds, 3), "status": run.status, "why": run.why, "train_share": run.share,
        "transductive": run.transductive,
    }  # fmt: skip
    if run.cells and (labels := run.cells[0].system.findings().get("language", {}).get("labels_in_training")):
        shared["labels_in_training"] = labels
    nothing = {"n_windows": 0, "metrics": {}, "folds": [], "audit": audit}
    if table.empty:
        return [{**shared, "window_s": None, **nothing}]
    entries = []
    for window_s, part in table.groupby("window_s", sort=True):
        metrics, fold_rows = window_metrics(part.reset_index(drop=True), asks, seed, run.score_kind)
        fold_rows = [
            {"fold": row["fold"], "groups_test": groups.get(row["fold"], []), "metrics": row["metrics"]} for row in fold_rows
        ]
        fold_rows += [
            {"fold": fold, "groups_test": groups.get(fold, []), "metrics": {}, "why": why}
            for (length, fold), why in run.left_out.items()
            if length == window_s
        ]
        counts = {"n_windows": len(part), "n_options": _range(part["n_options"])}
        entries.append({**shared, "window_s": window_s, **counts, "metrics": metrics, "folds": fold_rows, "audit": audit})
    for window_s, why in run.missing.items():
        entries.append({**shared, "window_s": window_s, **nothing, "status": "not applicable", "why": why})
    return entries


def _range(counts: pd.Series) -> list[int]:
    """Fewest and most; one number where they are equal."""
    return sorted({int(counts.min()), int(counts.max())})


def _cluster_confusions(predictions: pd.DataFrame, clusters: NDArray, fold_number: NDArray) -> NDArray:
    """Confusion mass by (fold, cluster, answer, decision)."""
    shares = score.decisions(predictions[score_columns(predictions)].to_numpy(dtype=float))
    n_options = shares.shape[1]
    out = np.zeros((fold_number.max() + 1, clusters.max() + 1, n_options, n_options))
    np.add.at(out, (fold_number, clusters, predictions["answer"].to_numpy(dtype=int)), shares)
    return out


def _over_folds_or_pooled(name: str, asks: str, cells: NDArray) -> tuple[NDArray, NDArray, str]:
    """Values per fold (NaN where a fold lacks a class), the values that the summary averages, and "folds" or "pooled"."""
    measure, folds = CONFUSION_METRICS[name], cells.sum(axis=1)
    occurs = folds.sum(axis=2) > 0
    lacking = (~occurs & occurs.any(axis=0)).any(axis=1)
    values = measure(folds)
    if asks != "labels" or name not in _OF_CLASSES or not lacking.any():
        return values, values, "folds"
    return np.where(lacking, np.nan, values), measure(folds.sum(axis=0))[None], "pooled"


def _interval(name: str, asks: str, cells: NDArray, seed: int) -> tuple[float, float]:
    """95 % interval of the summary's mean over the clusters (axis 1) of ``cells``."""
    _, _, over = _over_folds_or_pooled(name, asks, cells)
    averaged = cells.sum(axis=0, keepdims=True) if over == "pooled" else cells
    statistic = partial(_fold_means, averaged, measure=CONFUSION_METRICS[name])
    return wide_interval(statistic, cells.shape[1], seed, (-1.0 if name == "kappa" else 0.0, 1.0))


def _fold_means(cells: NDArray, counts: NDArray, measure: Callable[[NDArray], NDArray]) -> NDArray:
    """Average over folds of a metric in each bootstrap draw; ``counts`` (draw, cluster)."""
    present = cells.sum(axis=(2, 3)) > 0
    drawn = counts.astype(float) @ present.T / present.sum(axis=1)
    draws, (n_clusters, k) = len(counts), cells.shape[1:3]
    values = np.stack([measure((counts @ fold.reshape(n_clusters, k * k)).reshape(draws, k, k)) for fold in cells], axis=1)
    weight = np.where(np.isnan(values), 0.0, drawn)
    total = weight.sum(axis=1)
    return np.divide((np.nan_to_num(values) * weight).sum(axis=1), total, out=np.full(draws, np.nan), where=total > 0)


def _auroc_summary(predictions: pd.DataFrame, clusters: NDArray, folds: NDArray, seed: int) -> tuple[dict, list[float]]:
    truth = predictions["answer"].to_numpy() == 1
    names = score_columns(predictions)
    margin = (predictions[names[1]] - predictions[names[0]]).to_numpy(dtype=float)
    parts = [folds == k for k in range(folds.max() + 1)]

    def averaged(counts: NDArray) -> NDArray:
        values = [[score.auroc(truth[p], margin[p], draw[clusters[p]]) for p in parts] for draw in counts]
        weights = [[draw[clusters[p]].mean() for p in parts] for draw in counts]
        kept = np.where(np.isnan(values), 0.0, weights)
        total = kept.sum(axis=1)
        return np.divide((np.nan_to_num(values) * kept).sum(axis=1), total, out=np.full(len(counts), np.nan), where=total > 0)

    values = [score.auroc(truth[p], margin[p]) for p in parts]
    interval = wide_interval(averaged, int(clusters.max()) + 1, seed, n_draws=_AUROC_DRAWS)
    return _summary(np.array(values), interval, 0.5), values


def _summary(values: NDArray, interval: tuple[float, float], chance: float, over: str = "folds") -> dict:
    known = values[~np.isnan(values)]
    return {
        "mean": _number(known.mean()) if len(known) else None,
        "sd": _number(known.std(ddof=1)) if len(known) > 1 else None,
        "ci95": [_number(x) for x in interval],
        "chance": _number(chance),
        "over": over,
    }


def _number(value: float) -> float | None:
    """A JSON number; null where there is none."""
    return float(value) if np.isfinite(value) else None
