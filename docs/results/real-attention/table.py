"""The table inside README.md and accuracy.png, from the two results.json beside this script: numbers are copied, never typed.

A fold tests one trial (cocktail) or one block of the only trial (two_speaker_minute). A fold's score is the mean over seeds;
intervals are over folds, the wider of the bootstrap and Student's t.
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

mpl.use("Agg")
import matplotlib.pyplot as plt

from mindleaf.metrics.intervals import careful_interval

HERE = Path(__file__).parent
SETS = {"cocktail": "cocktail, between trials", "two_speaker_minute": "two_speaker_minute, blocks WITHIN-TRIAL"}
TITLES = {
    "trf": "TRF",
    "cca": "CCA",
    "mindmix, from scratch": "MindMix from scratch",
    "mindmix, aligned": "MindMix aligned on synthetic + training part",
}
#: What each decoder is compared with.
OTHERS = ("trf", "cca", "mindmix, from scratch")
CHANCE = 0.5
_START, _END = "<!-- table: made by table.py -->", "<!-- end of table -->"


def scores(dataset: str) -> dict[float, dict[str, NDArray[np.float64]]]:
    """window -> system -> (seed, fold) accuracy."""
    found: dict[float, dict[str, list[list[float]]]] = {}
    for system in json.loads((HERE / dataset / "results.json").read_text())["systems"]:
        if system["window_s"] is not None and system["folds"]:
            name = system["name"].partition(", seed")[0]
            values = [fold["metrics"]["accuracy"] for fold in sorted(system["folds"], key=lambda fold: fold["fold"])]
            found.setdefault(system["window_s"], {}).setdefault(name, []).append(values)
    return {w: {name: np.array(values) for name, values in systems.items()} for w, systems in sorted(found.items())}


def interval(values: NDArray[np.float64], low: float) -> tuple[float, float]:
    ends = careful_interval(values, np.arange(len(values)), 0, 0.95)
    return max(low, ends[0]), min(1.0, ends[1])


def _difference(values: NDArray[np.float64]) -> str:
    low, high = interval(values, -1.0)
    return f"{values.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


def rows() -> list[str]:
    lines = [
        "| data | window | decoder | seeds | accuracy | lowest and highest seed | minus TRF | minus CCA | minus MindMix from scratch |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for dataset, title in SETS.items():
        for window_s, systems in scores(dataset).items():
            for name in [name for name in TITLES if name in systems]:
                folds, seeds = systems[name].mean(axis=0), systems[name].mean(axis=1)
                low, high = interval(folds, 0.0)
                spread = f"{seeds.min():.3f}, {seeds.max():.3f}" if len(seeds) > 1 else ""
                minus = [_difference(folds - systems[other].mean(axis=0)) if name != other else "" for other in OTHERS]
                lines.append(
                    f"| {title} | {window_s:g} s | {TITLES[name]} | {len(seeds)} | {folds.mean():.3f} [{low:.3f}, {high:.3f}] "
                    f"| {spread} | {' | '.join(minus)} |"
                )
    return lines


def draw(path: Path) -> None:
    """A dot for each trial or block (mean over seeds), the mean and its interval; one panel for each set and window."""
    found = {dataset: scores(dataset) for dataset in SETS}
    columns = max(len(windows) for windows in found.values())
    figure, axes = plt.subplots(len(SETS), columns, figsize=(13, 5.6), sharex=True, sharey=True, layout="constrained")
    names = list(TITLES)[::-1]
    for line, (dataset, windows) in zip(axes, found.items(), strict=True):
        for axis, (window_s, systems) in zip(line, windows.items(), strict=False):
            for height, name in [(k, name) for k, name in enumerate(names) if name in systems]:
                folds = systems[name].mean(axis=0)
                colour = "#c2410c" if name.startswith("mindmix") else "#1f4e79"
                axis.plot(folds, height + np.linspace(-0.22, 0.22, len(folds)), ".", color=colour, alpha=0.45, markersize=5)
                axis.plot(interval(folds, 0.0), [height, height], "-", color=colour, linewidth=2, solid_capstyle="round")
                axis.plot([folds.mean()], [height], "o", color=colour, markersize=6)
            axis.axvline(CHANCE, color="black", linewidth=0.8, linestyle=":")
            axis.set(title=f"{SETS[dataset].split(',')[0]}, {window_s:g} s", xlim=(-0.03, 1.03))
            axis.set_yticks(range(len(names)), [TITLES[name] for name in names])
            axis.spines[["top", "right"]].set_visible(False)
        for axis in line[len(windows) :]:
            axis.set_visible(False)
        # The panel above an empty place has no axis below it to read from.
        line[-1].tick_params(labelbottom=True)
        line[0].set_ylabel("trials" if dataset == "cocktail" else "blocks of one trial")
    figure.supxlabel("accuracy (dotted: chance)")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    draw(HERE / "accuracy.png")
    page = HERE / "README.md"
    before, _, rest = page.read_text().partition(_START)
    after = rest.partition(_END)[2]
    page.write_text(before + _START + "\n\n" + "\n".join(rows()) + "\n\n" + _END + after)


if __name__ == "__main__":
    main()
