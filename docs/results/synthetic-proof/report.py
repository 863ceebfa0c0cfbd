"""Tables and figures of the proof from its predictions: numbers are computed here, never typed."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd

mpl.use("Agg")
import matplotlib.pyplot as plt

from mindleaf.metrics.intervals import careful_interval
from mindleaf.store.store import Store

TITLES = {
    "oracle": "oracle (true responses and noise)",
    "trf_subject": "TRF, one per subject",
    "trf": "TRF, pooled",
    "trf_bands": "TRF, pooled, 4 bands",
    "trf_onsets": "TRF, pooled, onsets",
    "cca": "CCA",
    "cca_bands": "CCA, 4 bands",
    "mindmix": "MindMix",
    "mindmix_calibrated": "MindMix, calibrated to the subject",
    "mindmix_cold": "MindMix without the closed-form start",
    "mindmix_cold_curriculum": "the same, 10-s and 5-s windows first",
    "mindmix_paper": "MindMix, pooled as in the paper",
    "mindmix_paper_curriculum": "pooled, 10-s and 5-s windows first",
    "mindmix_tokens": "MindMix, tokens attend to tokens",
    "mindmix_tokens_curriculum": "tokens, 10-s and 5-s windows first",
}
#: Stories that validate; the linear decoders train on them too.
N_VALIDATION = 2
KEYS = ["fold", "subject", "recording", "trial", "start"]
CASES = {
    "linear": "linear generator",
    "nonlinear": "nonlinear generator",
    "planted_leak": "planted leak, no relation",
    "planted_fresh": "no relation, fresh recordings",
}
_START, _END = "<!-- table: made by proof.py -->", "<!-- end of table -->"


def write_report(predictions: Path, folder: Path) -> None:
    """results.json, accuracy.png, learning_curve.png, and the table inside README.md."""
    folders = sorted({path.parent for path in predictions.rglob("*.parquet")})
    tables = {
        folder.relative_to(predictions).as_posix(): _with_stories(
            pd.concat([pd.read_parquet(p) for p in sorted(folder.glob("*.parquet"))]),
            folder.relative_to(predictions).parts[0],
            predictions.parent,
        )
        for folder in folders
    }
    rows = [row for name, table in tables.items() if not name.startswith("curve/") for row in _rows(name, table, tables)]
    curve = _curve(tables)
    (folder / "results.json").write_text(json.dumps({"accuracy": rows, "learning_curve": curve}, indent=1) + "\n")
    draw_accuracy(tables, folder / "accuracy.png")
    if curve:
        draw_curve(curve, tables, folder / "learning_curve.png")
    readme = folder / "README.md"
    if readme.exists():
        before, rest = readme.read_text().split(_START)
        readme.write_text(before + _START + "\n\n" + _markdown(rows) + "\n\n" + _END + rest.split(_END)[1])


def _with_stories(table: pd.DataFrame, case: str, runs: Path) -> pd.DataFrame:
    """The predictions with what was heard in each trial: the pair of stories, whatever its order."""
    path = runs / "store" / {"curve": "nonlinear"}.get(case, case)
    if not (path / "manifest.json").exists():
        return table.assign(story=table["recording"] + "/" + table["trial"])
    heard = Store(path).index[["recording", "trial", "stimulus_1", "stimulus_2"]].drop_duplicates()
    pairs = ["+".join(sorted(pair)) for pair in heard[["stimulus_1", "stimulus_2"]].to_numpy()]
    return table.merge(heard.assign(story=pairs)[["recording", "trial", "story"]], how="left", on=["recording", "trial"])


def compared(a: pd.DataFrame, b: pd.DataFrame, window_s: float) -> dict:
    """Accuracy of a minus b on the windows both scored: mean over subjects, 95 % interval over subjects."""
    both = a[a["window_s"] == window_s].merge(b[b["window_s"] == window_s], on=[*KEYS, "story"], suffixes=("_a", "_b"))
    both["gain"] = both["correct_a"] - both["correct_b"]
    differences = both.groupby("subject")["gain"].mean().to_numpy(float)
    return {
        "difference": float(differences.mean()), "ci95": interval(differences), "ci95_crossed": crossed_interval(both),
        "n_subjects": len(differences),
    }  # fmt: skip


def crossed_interval(both: pd.DataFrame, n_draws: int = 4000) -> list[float]:
    """95 % interval of the mean gain for other listeners *and* other stories: both are drawn anew, fold by fold.

    Listeners of a fold hear the same pairs of stories, one in each trial, so what a story does is no independent evidence in each of them.
    """
    draw = np.random.default_rng(0)
    total, weight = np.zeros(n_draws), np.zeros(n_draws)
    for _, fold in both.groupby("fold"):
        cells = fold.pivot_table(index="subject", columns="story", values="gain", aggfunc=["sum", "count"], fill_value=0)
        sums, counts = cells["sum"].to_numpy(float), cells["count"].to_numpy(float)
        listeners, stories = (draw.multinomial(n, np.full(n, 1 / n), size=n_draws) for n in sums.shape)
        total += np.einsum("dl,ls,ds->d", listeners, sums, stories)
        weight += np.einsum("dl,ls,ds->d", listeners, counts, stories)
    return [float(end) for end in np.quantile(total / weight, [0.025, 0.975])]


def interval(values: np.ndarray) -> list[float]:
    """95 % interval of the mean over subjects: the wider of bootstrap and Student's t."""
    return [float(end) for end in careful_interval(values, np.arange(len(values)), 0, 0.95)]


def by_subject(table: pd.DataFrame, window_s: float) -> pd.Series:
    chosen = table[table["window_s"] == window_s]
    return chosen.groupby("subject")["correct"].mean()


def _rows(name: str, table: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> list[dict]:
    case, system = name.split("/")
    rows = []
    for window_s in sorted(table["window_s"].unique()):
        means = by_subject(table, window_s)
        row = {"case": case, "system": system, "window_s": float(window_s), "accuracy": float(means.mean()),
               "ci95": interval(means.to_numpy(float)), "n_subjects": len(means), "n_windows": int((table["window_s"] == window_s).sum()),
               "cpu_seconds_per_fold": float(table["seconds"].iloc[0])}  # fmt: skip
        if case.startswith("planted"):
            row["by_seed"] = {
                seed: float(part.mean()) for seed, part in means.groupby(means.index.str.partition("-").get_level_values(0))
            }
            row["ci95_over_seeds"] = interval(np.array(list(row["by_seed"].values())))
        if system != "mindmix" and f"{case}/mindmix" in tables:
            row["mindmix_minus_this"] = compared(tables[f"{case}/mindmix"], table, window_s)
        if f"{case}/mindmix_calibrated" in tables and system not in ("mindmix", "mindmix_calibrated"):
            row["calibrated_minus_this"] = compared(tables[f"{case}/mindmix_calibrated"], table, window_s)
        rows.append(row)
    return rows


def _curve(tables: dict[str, pd.DataFrame]) -> list[dict]:
    """MindMix minus the pooled TRF by the minutes both were trained on."""
    points = []
    for name in tables:
        if not (name.startswith("curve/mindmix-") and name.replace("mindmix", "trf") in tables):
            continue
        amount = name.rsplit("-", 1)[1]
        subjects, stories = (int(x) for x in amount.split("x"))
        points.append(_point(subjects, stories, tables[name], tables[name.replace("mindmix", "trf")]))
    if {"nonlinear/mindmix", "nonlinear/trf"} <= tables.keys():
        points.append(_point(12, 10, tables["nonlinear/mindmix"], tables["nonlinear/trf"]))
    return sorted(points, key=lambda point: point["minutes"])


def _point(subjects: int, stories: int, mindmix: pd.DataFrame, trf: pd.DataFrame) -> dict:
    scores = {name: float(by_subject(table, 2.0).mean()) for name, table in (("mindmix", mindmix), ("trf", trf))}
    stories += N_VALIDATION
    return {
        "subjects": subjects,
        "stories": stories,
        "minutes": subjects * stories,
        **scores,
        "paired": compared(mindmix, trf, 2.0),
    }


def _markdown(rows: list[dict]) -> str:
    lines = [
        "| data | decoder | listeners | 2 s | 95 % interval | 5 s | 10 s | MindMix minus this, 2 s | MindMix calibrated minus this, 2 s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    order = {name: k for k, name in enumerate(TITLES)}
    for case, title in CASES.items():
        for system in sorted({row["system"] for row in rows if row["case"] == case}, key=order.__getitem__):
            mine = {row["window_s"]: row for row in rows if row["case"] == case and row["system"] == system}
            scores = [f"{mine[w]['accuracy']:.3f}" for w in (2.0, 5.0, 10.0)]
            scores.insert(1, "[{:.3f}, {:.3f}]".format(*mine[2.0]["ci95"]))
            told = " | ".join(_difference(mine[2.0].get(f"{which}_minus_this")) for which in ("mindmix", "calibrated"))
            lines.append(f"| {title} | {TITLES[system]} | {mine[2.0]['n_subjects']} | {' | '.join(scores)} | {told} |")
    return "\n".join([*lines, "", *_crossed(rows)])


def _crossed(rows: list[dict]) -> list[str]:
    """The same differences with intervals that hold for other listeners and other stories."""
    lines = [
        "Intervals above resample listeners. With stories resampled as well (both drawn anew, since listeners share stories), MindMix minus the other, 2 s:", "",
        "| data | decoder | difference | over listeners | over listeners and stories |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for row in rows:
        if row["window_s"] == 2.0 and (paired := row.get("mindmix_minus_this")):
            ends = ["[{:+.3f}, {:+.3f}]".format(*paired[name]) for name in ("ci95", "ci95_crossed")]
            lines.append(f"| {CASES[row['case']]} | {TITLES[row['system']]} | {paired['difference']:+.3f} | {' | '.join(ends)} |")
    return lines


def _difference(paired: dict | None) -> str:
    return f"{paired['difference']:+.3f} [{paired['ci95'][0]:+.3f}, {paired['ci95'][1]:+.3f}]" if paired else ""


def draw_accuracy(tables: dict[str, pd.DataFrame], path: Path) -> None:
    """Every decoder at 2 s: a dot for each subject, the mean, and its 95 % interval."""
    figure, axes = plt.subplots(1, len(CASES), figsize=(13, 4), sharey=True, sharex=True, layout="constrained")
    systems = [name for name in TITLES if any(f"{case}/{name}" in tables for case in CASES)][::-1]
    for axis, (case, title) in zip(axes, CASES.items(), strict=True):
        for height, system in enumerate(systems):
            if f"{case}/{system}" not in tables:
                continue
            values = by_subject(tables[f"{case}/{system}"], 2.0).to_numpy()
            colour = "#c2410c" if system.startswith("mindmix") else "#9a9a9a" if system == "oracle" else "#1f4e79"
            axis.plot(values, height + np.linspace(-0.22, 0.22, len(values)), ".", color=colour, alpha=0.35, markersize=4)
            axis.plot(interval(values), [height, height], "-", color=colour, linewidth=2.5, solid_capstyle="round")
            axis.plot([values.mean()], [height], "o", color=colour, markersize=6)
        axis.axvline(0.5, color="black", linewidth=0.8, linestyle=":")
        axis.set(
            title=title, xlabel="accuracy, 2-s windows", yticks=range(len(systems)), yticklabels=[TITLES[s] for s in systems]
        )
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=160)
    plt.close(figure)


def draw_curve(curve: list[dict], tables: dict[str, pd.DataFrame], path: Path) -> None:
    """Accuracy over training data, and the paired difference with its interval below."""
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(5.2, 5.2), sharex=True, layout="constrained", height_ratios=[3, 2])
    minutes = [point["minutes"] for point in curve]
    for system, colour in (("trf", "#1f4e79"), ("mindmix", "#c2410c")):
        top.plot(minutes, [point[system] for point in curve], "o-", color=colour, label=TITLES[system])
    for system, style in (("trf_onsets", "--"), ("oracle", ":")):
        if f"nonlinear/{system}" in tables:
            level = by_subject(tables[f"nonlinear/{system}"], 2.0).mean()
            top.axhline(level, color="#777777", linestyle=style, linewidth=1, label=f"{TITLES[system]}, all data")
    top.set(ylabel="accuracy, 2-s windows", title="nonlinear generator, new listeners and new stories")
    top.legend(frameon=False, fontsize=8)
    differences = np.array([point["paired"]["difference"] for point in curve])
    ends = np.array([point["paired"]["ci95"] for point in curve])
    bottom.errorbar(minutes, differences, np.abs(ends.T - differences), fmt="o-", color="black", capsize=3)
    bottom.axhline(0, color="black", linewidth=0.8, linestyle=":")
    bottom.set(xscale="log", xlabel="training and validation data (subjects x minutes each)", ylabel="MindMix minus\npooled TRF")
    bottom.set_xticks(minutes, [f"{point['minutes']} min\n({point['subjects']} x {point['stories']})" for point in curve])
    bottom.minorticks_off()
    for axis in (top, bottom):
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=160)
    plt.close(figure)
