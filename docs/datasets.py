"""Write docs/datasets.md: the table of data sets, from the facts of their recipes. Run it after changing a recipe."""

from __future__ import annotations

import sys
from pathlib import Path

from mindleaf.datasets import DATASETS
from mindleaf.datasets.facts import DatasetFacts
from mindleaf.reading.verified import FORMATS

PAGE = Path(__file__).with_name("datasets.md")
_HEAD = """# Data sets

Written by `python docs/datasets.py` from the recipes' facts; `mindleaf data show NAME` tells more: citation, stimuli, exclusions with
their reasons, and what nobody has verified. `mindleaf data get NAME` fetches where the terms allow, else it tells the steps to get
access; `mindleaf data check NAME --root PATH` holds your copy against the facts.

| name | what | access, licence | subjects | EEG channels | Hz | hours used | layout |
|---|---|---|---|---|---|---|---|
"""
_HOURS = """
## The hours of MindMix's Table 1

Added up from the recipes' facts (count x length of each part), beside what the paper prints. Equal figures
confirm little: for `esaa`, `pme4`, `eeg4emo`, `uhd255`, `eareeg`, `broderick2018`, `tuev` and `cap` no other count is known and the paper's
own stands in, and for `hgd` and `openbmi` the length of the pauses was chosen to meet it.

| name | stage | counted here, h | Table 1, h | why they differ |
|---|---|---|---|---|
"""
_FORMATS = """
## File formats

| suffix | format | tried on real recordings |
|---|---|---|
"""


def page() -> str:
    facts = {name: entry.facts for name, entry in DATASETS.items()}
    lines = [_row(name, fact) for name, fact in facts.items()]
    hours = [_hours(name, fact) for name, fact in sorted(facts.items(), key=lambda item: _stage(item[1])) if fact.table1]
    formats = [f"| {suffix} | {name} | {'yes' if verified else 'no'} |" for suffix, (name, verified) in FORMATS.items()]
    return _HEAD + "\n".join(lines) + "\n" + _HOURS + "\n".join(hours) + "\n" + _FORMATS + "\n".join(formats) + "\n"


def _stage(facts: DatasetFacts) -> int:
    return facts.table1.stage if facts.table1 else 0


def _row(name: str, facts: DatasetFacts) -> str:
    layout = "as published" if facts.layout == "published" else "your two tables"
    count = [f"{value:g}" if value else "" for value in (facts.n_subjects, facts.n_channels, facts.sfreq)]
    hours = f"{facts.hours:.1f}" if facts.hours else ""
    return f"| `{name}` | {facts.title}: {facts.paradigm} | {facts.access}, {facts.licence} | {' | '.join(count)} | {hours} | {layout} |"


def _hours(name: str, facts: DatasetFacts) -> str:
    assert facts.table1
    counted = sum(part.hours for part in facts.counted)
    return f"| `{name}` | {facts.table1.stage} | {counted:.1f} | {facts.table1.hours:.1f} | {facts.table1.why} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} written\n")
