"""EEG of descriptions that training did not have: among all texts, and among the unseen ones.

python docs/results/one-space/unseen.py STORE RUN SPLIT
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from mindleaf.metrics.searches import Search
from mindleaf.stages.align_both import part_of_told, told_sounds
from mindleaf.stages.selecting import one_fold
from mindleaf.store.store import Store
from mindleaf.systems.one_space import OneSpace, OneSpaceSettings
from mindleaf.tasks.wording import kind_of, sentence


def main(store_path: Path, run: Path, split: Path) -> None:
    store, model = Store(store_path), OneSpace(OneSpaceSettings())
    model.load(run)
    tested = part_of_told(told_sounds(store, "classify", None), one_fold(split, store), "test")
    texts = [sentence(kind_of(store.facts["paradigm"]), label) for label in tested.classes]
    unseen = np.array([all(text not in task.texts for task in model.facts.tasks) for text in texts])
    own = tested.take(np.flatnonzero(unseen[tested.labels]))
    right, subject = own.labels[:, None] == np.arange(len(texts)), own.rows["subject"].to_numpy(str)[:, None]
    for name, examples in (("EEG", own), ("noise", replace(own, replace_eeg="noise"))):
        likeness = model.place(examples).eeg @ model.describe(*texts).T
        for options, wrong in (("all", ~right), ("the unseen", ~right & unseen)):
            mean, low, high, chance = Search.of(likeness, right, wrong, subject).measured()["recall@1"]
            sys.stdout.write(f"{name}, {len(own)} windows, {options}: {mean:.3f} [{low:.3f}, {high:.3f}], chance {chance:.3f}\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
