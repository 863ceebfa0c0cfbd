"""Prints the table of proof.jsonl: mean over subjects with and without pretraining, the difference and its 95 % interval.

    python docs/results/pretraining/table.py docs/results/pretraining/proof.jsonl

A subject's score is the mean over seeds; the interval of the paired difference is over subjects (Student's t).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

WORDS = {"probe": "frozen, linear probe", "tune": "fine-tuned, encoder alone", "tune_power": "fine-tuned, beside band power"}
WORDS |= {"leaf_probe": "LEAF's tower frozen, linear probe", "leaf_tune": "LEAF's tower fine-tuned, published head"}


def main() -> None:
    lines = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    rows = [
        {**{name: line[name] for name in ("way", "dataset", "seed", "pretrained")}, "subject": subject, "score": score}
        for line in lines
        for subject, score in line["subjects"].items()
    ]
    table = pd.DataFrame(rows)
    print("| data | way | seeds | subjects | from scratch | pretrained | difference | 95 % interval | seeds that gain |")
    print("|---|---|---|---|---|---|---|---|---|")
    for (dataset, way), part in table.groupby(["dataset", "way"], sort=False):
        # Only what was scored with and without.
        pairs = (
            part.pivot_table(index=["subject", "seed"], columns="pretrained", values="score")
            .reindex(columns=[False, True])
            .dropna()
        )
        if pairs.empty:
            continue
        gain = pairs[True] - pairs[False]
        mean = gain.groupby("subject").mean()
        half = stats.t.ppf(0.975, len(mean) - 1) * mean.std(ddof=1) / np.sqrt(len(mean))
        by_seed = gain.groupby("seed").mean()
        print(
            f"| {dataset} | {WORDS[str(way)]} | {len(by_seed)} | {len(mean)} | {pairs[False].groupby('subject').mean().mean():.3f} "
            f"| {pairs[True].groupby('subject').mean().mean():.3f} | {mean.mean():+.3f} "
            f"| {mean.mean() - half:+.3f} … {mean.mean() + half:+.3f} | {(by_seed > 0).sum()} of {len(by_seed)} |"
        )


if __name__ == "__main__":
    main()
