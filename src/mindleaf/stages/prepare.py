"""prepare: files of a data set -> a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from mindleaf.datasets import DATASETS, open_dataset
from mindleaf.datasets.synthesis.settings import preset
from mindleaf.datasets.synthetic import write_synthetic
from mindleaf.errors import BadInput
from mindleaf.preprocessing.pipeline import pipeline
from mindleaf.recording import Recording
from mindleaf.stages.progress import bar, console
from mindleaf.store.store import Store
from mindleaf.store.writer import StoreConfig, write_store


def prepare(
    name: str,
    root: Path,
    out: Path,
    pipelines: tuple[str, ...] = (),
    settings: tuple[str, ...] = (),
    seed: int = 0,
    quiet: bool = False,
) -> Store:
    """Write the store of a data set, skipping what is unchanged, then the views of the named pipelines.

    ``settings`` go to the store, those that begin with "synthetic." to the generator of that data set.

    Raises BadInput for an unknown data set, a root without its files, or files that do not fit together.
    """
    wanted = [pipeline(p) for p in pipelines]
    generator = [s.removeprefix("synthetic.") for s in settings if s.startswith("synthetic.")]
    config = StoreConfig().with_settings(s for s in settings if not s.startswith("synthetic."))
    if name == "synthetic" and not root.exists():
        _generate(root, generator, seed, quiet)
    recordings = open_dataset(name, root)
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


def prepare_recordings(recordings: Iterable[Recording], out: Path | str, facts: dict | None = None) -> Store:
    """Recordings from ``open_dataset`` or built by hand -> a store (the Python form of ``mindleaf prepare``)."""
    kept = list(recordings)
    names = sorted({recording.dataset for recording in kept})
    if len(names) != 1:
        raise BadInput(f"prepare wants recordings of one data set, got {', '.join(names) or 'none'}; write one store each.")
    known = DATASETS[names[0]].facts.to_dict() if names[0] in DATASETS else {}
    return write_store(kept, Path(out), names[0], facts or known)


def _generate(root: Path, settings: list[str], seed: int, quiet: bool) -> None:
    """Write the synthetic data set where it is asked for and not there yet: "preset=NAME" first, then its fields."""
    presets = [s.partition("=")[2] for s in settings if s.startswith("preset=")]
    config = preset(presets[-1] if presets else "easy").with_settings(s for s in settings if not s.startswith("preset="))
    with bar("generate", None, quiet) as advance:
        write_synthetic(root, config, seed, lambda *_: advance())


def _tell_issues(store: Store, tell) -> None:
    """One line per kind of issue: readers notice, people decide."""
    codes = Counter(issue["code"] for recording in store.recordings.values() for issue in recording.issues)
    for code, count in codes.most_common():
        example = next(i["message"] for r in store.recordings.values() for i in r.issues if i["code"] == code)
        tell.print(f"  noticed {code} in {count} recording(s), for example: {example}", markup=False)
