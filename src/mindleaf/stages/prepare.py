"""prepare: files of a data set -> a store."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from mindleaf.datasets import DATASETS, open_dataset
from mindleaf.preprocessing.pipeline import pipeline
from mindleaf.stages.progress import bar, console
from mindleaf.store.store import Store
from mindleaf.store.writer import StoreConfig, write_store


def prepare(
    name: str,
    root: Path,
    out: Path,
    pipelines: tuple[str, ...] = (),
    settings: tuple[str, ...] = (),
    unit: str | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Store:
    """Write the store of a data set, skipping what is unchanged, then the views of the named pipelines.

    Raises BadInput for an unknown data set, a root without its files, or files that do not fit together.
    """
    wanted = [pipeline(p) for p in pipelines]
    config = StoreConfig().with_settings(settings)
    options = {"unit": unit} if unit else {}
    recordings = open_dataset(name, root, **options)
    facts = DATASETS[name].facts.to_dict()
    tell = console(quiet)
    skipped: Counter[bool] = Counter()
    with bar(f"prepare {name}", None, quiet) as advance:

        def report(recording: str, unchanged: bool) -> None:
            skipped[unchanged] += 1
            advance(recording)

        store = write_store(recordings, out, name, facts, config, report, root)
        for view in wanted:
            for recording in store.recordings:
                store.view(view).signal(recording)
                advance(f"{view.name}: {recording}")
    tell.print(f"{store!r} at {out} ({skipped[False]} prepared, {skipped[True]} unchanged)")
    _tell_issues(store, tell)
    return store


def _tell_issues(store: Store, tell) -> None:
    """One line per kind of issue: readers notice, people decide."""
    codes = Counter(issue["code"] for recording in store.recordings.values() for issue in recording.issues)
    for code, count in codes.most_common():
        example = next(i["message"] for r in store.recordings.values() for i in r.issues if i["code"] == code)
        tell.print(f"  noticed {code} in {count} recording(s), for example: {example}", markup=False)
