"""data check: a user's copy held against the published facts, source by source; a damaged file is told, the rest goes on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mindleaf.datasets.dataset import Dataset, existing_root
from mindleaf.datasets.facts import DatasetFacts
from mindleaf.datasets.registry import dataset_named
from mindleaf.errors import BadInput
from mindleaf.recording import Recording
from mindleaf.stages.progress import bar

#: Issues of recordings that rightly have fewer channels than the set: some are marked bad, or were never recorded.
_FEWER_CHANNELS = frozenset({"channels_bad", "channel_missing"})


@dataclass
class Copy:
    """What was found in a copy: header facts of its recordings, and one sentence for each source that cannot be read."""

    subjects: Counter[str] = field(default_factory=Counter)
    channels: Counter[int] = field(default_factory=Counter)
    told_fewer: Counter[int] = field(default_factory=Counter)
    rates: Counter[float] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    issues: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    seconds: float = 0.0
    trial_seconds: float = 0.0

    def add(self, recording: Recording) -> None:
        self.subjects[recording.subject] += 1
        self.channels[len(recording.channel_names)] += 1
        if any(issue.code in _FEWER_CHANNELS for issue in recording.issues):
            self.told_fewer[len(recording.channel_names)] += 1
        self.rates[recording.sfreq] += 1
        self.labels.update(trial.labels["label"] for trial in recording.trials if "label" in trial.labels)
        self.seconds += recording.n_times / recording.sfreq
        self.trial_seconds += sum(trial.duration for trial in recording.trials)
        for issue in recording.issues:
            self.issues[issue.code] += 1
            self.examples.setdefault(issue.code, f"{recording.id}: {issue.message}")


def check_copy(name: str, root: Path, quiet: bool = False) -> dict[str, Any]:
    """The copy in ``root`` beside the facts: "missing" and "contradictions" are empty where it is whole.

    Raises BadInput for an unknown data set or a folder without its files.
    """
    dataset = dataset_named(name)
    copy = _look(dataset, existing_root(root, name), quiet)
    facts = dataset.facts
    return {
        "subjects": _of(len(copy.subjects), facts.n_subjects),
        "recordings": _of(copy.subjects.total(), facts.n_recordings),
        "channels": f"{sorted(copy.channels)}, published {facts.n_channels or 'unknown'}",
        "rates_hz": f"{sorted(copy.rates)}, published {facts.sfreq or 'unknown'}",
        "hours": f"{copy.seconds / 3600:.2f} recorded, {copy.trial_seconds / 3600:.2f} in trials, published {facts.hours or 'unknown'}",
        "labels": dict(sorted(copy.labels.items())),
        "issues": [f"{code} in {count}, for example {copy.examples[code]}" for code, count in copy.issues.items()] or ["none"],
        "missing": _missing(copy, facts),
        "damaged": copy.damaged,
        "contradictions": _contradictions(copy, facts),
        "unverified": list(facts.unverified),
    }


def verdict(name: str, root: Path, found: dict[str, Any]) -> str:
    """One sentence. Raises BadInput where files are damaged or contradict the facts; a partial copy is fine."""
    wrong = [*found["damaged"], *found["contradictions"]]
    if wrong:
        raise BadInput(
            f"{name}: {len(wrong)} of its files or facts are not as published, the first: {wrong[0].rstrip('.')}; "
            "mend or replace them (prepare with --set on_damage=skip leaves damaged files out)."
        )
    facts = dataset_named(name).facts
    if facts.n_subjects is facts.n_channels is facts.sfreq is None:
        return f"{name}: all {found['recordings'].split()[0]} recordings in {root} can be read; nothing is published to hold them against."
    missing = f"; missing: {'; '.join(found['missing'])}" if found["missing"] else ""
    return f"{name}: what is in {root} agrees with the published facts{missing}."


def _look(dataset: Dataset, root: Path, quiet: bool) -> Copy:
    copy = Copy()
    sources = list(dataset.sources(root))
    with bar(f"check {dataset.facts.name}", len(sources), quiet) as advance:
        for source in sources:
            try:
                for recording in source.open():
                    copy.add(recording)
            except BadInput as error:
                copy.damaged.append(str(error) if source.name in str(error) else f"{source.name}: {error}")
            advance(source.name)
    return copy


def _of(found: int, published: int | None) -> str:
    return f"{found} of {published or 'unknown'}"


def _missing(copy: Copy, facts: DatasetFacts) -> list[str]:
    counts = (
        ("subjects", len(copy.subjects), facts.n_subjects),
        ("recordings", copy.subjects.total(), facts.n_recordings),
    )
    missing = [
        f"{published - found} of {published} {what}" for what, found, published in counts if published and found < published
    ]
    labels = [label for label in facts.labels if label not in copy.labels]
    return missing + ([f"trials labelled {', '.join(labels)}"] if labels and copy.labels else [])


def _contradictions(copy: Copy, facts: DatasetFacts) -> list[str]:
    found = []
    if facts.n_channels and _wrong_channels(copy, facts.n_channels):
        found.append(f"published are {facts.n_channels} channels, recordings have {sorted(copy.channels)}")
    if facts.sfreq and set(copy.rates) - {facts.sfreq, *facts.other_sfreqs}:
        found.append(f"published are {facts.sfreq:g} Hz, recordings have {sorted(copy.rates)}")
    if facts.n_subjects and len(copy.subjects) > facts.n_subjects:
        found.append(f"published are {facts.n_subjects} subjects, the folder holds {len(copy.subjects)}")
    if facts.labels and set(copy.labels) - set(facts.labels):
        found.append(f"published labels are {', '.join(facts.labels)}, trials carry {', '.join(sorted(copy.labels))}")
    return found


def _wrong_channels(copy: Copy, published: int) -> bool:
    """Whether a recording has more channels than published, or fewer without an issue that says why."""
    return any(found > published or (found < published and copy.told_fewer[found] < n) for found, n in copy.channels.items())
