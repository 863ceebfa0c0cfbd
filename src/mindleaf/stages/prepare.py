"""prepare: files of a data set -> a store."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mindleaf.datasets import DATASETS
from mindleaf.datasets.dataset import existing_root
from mindleaf.datasets.in_unit import in_unit
from mindleaf.datasets.registry import dataset_named
from mindleaf.errors import BadInput
from mindleaf.preprocessing.pipeline import Pipeline, pipeline
from mindleaf.recording import Recording
from mindleaf.stages.lag_check import check_lags, lag_sentences
from mindleaf.stages.progress import bar, console
from mindleaf.store.source_work import Outcome
from mindleaf.store.store import Store
from mindleaf.store.workers import results
from mindleaf.store.writer import StoreConfig, write_store


def prepare(
    name: str,
    root: Path,
    out: Path,
    pipelines: tuple[str, ...] = (),
    settings: tuple[str, ...] = (),
    seed: int | None = None,
    quiet: bool = False,
    workers: int = 1,
    scheduler: str = "",
) -> Store:
    """Write the store of a data set, skipping what is unchanged, then the views of the named pipelines.

    settings   go to the store, those that begin with "synthetic." to the generator of a synthetic data set
    seed       of the generator, 0 where none is given; generated data that are there are read as they are, but where a seed or
               a setting of the generator is given they must have been made with it
    workers    processes of this machine; scheduler: address of a Dask scheduler instead

    Raises BadInput for an unknown data set, a root without its files, files that do not fit together, and what
    ``write_store`` raises.
    """
    dataset = dataset_named(name)
    if scheduler and workers != 1:
        raise BadInput("--workers starts processes here and --scheduler uses those of a cluster; give one of them.")
    wanted = [pipeline(p) for p in pipelines]
    generator = [s.removeprefix("synthetic.") for s in settings if s.startswith("synthetic.")]
    if generator and not dataset.generate:
        raise BadInput(
            f"--set synthetic.{generator[0]} is for the generator of a synthetic data set, got {name}; drop the setting."
        )
    config = StoreConfig().with_settings(s for s in settings if not s.startswith("synthetic."))
    if dataset.generate and (generator or seed is not None or not root.exists()):
        with bar("generate", None, quiet) as advance:
            dataset.generate(root, generator, seed or 0, lambda *_: advance())
    # Workers elsewhere have another working folder.
    root, out = (existing_root(root, name).absolute(), out.absolute()) if scheduler else (existing_root(root, name), out)
    sources = [in_unit(s, config.unit) if config.unit else s for s in dataset.sources(root)]
    tally = _Tally()
    with bar(f"prepare {name}", len(sources), quiet) as advance:

        def report(outcome: Outcome) -> None:
            tally.take(outcome)
            advance(f"{tally.speed} {outcome.source}")

        store = write_store(sources, out, name, dataset.facts.to_dict(), config, report, root, workers, scheduler)
    for view in wanted:
        _make_view(store, view, quiet, workers, scheduler)
    tell = console(quiet)
    tell.print(f"{store!r} at {out} ({tally.n_prepared} prepared, {tally.n_unchanged} unchanged)")
    if store.manifest["left_out"]:
        tell.print(f"  left out as damaged: {', '.join(store.manifest['left_out'])}", markup=False)
    _tell_issues(store, tell)
    for sentence in lag_sentences(check_lags(store)):
        tell.print(f"  sound and EEG do not line up in {sentence}", markup=False)
    return store


def prepare_recordings(
    recordings: Iterable[Recording], out: Path | str, facts: dict | None = None, workers: int = 1, root: Path | None = None
) -> Store:
    """Recordings from ``open_dataset`` or built by hand -> a store (the Python form of ``mindleaf prepare``).

    ``root``: folder below which their source files lie, so that a rerun notices a changed file.
    """
    kept = list(recordings)
    names = sorted({recording.dataset for recording in kept})
    if len(names) != 1:
        raise BadInput(f"prepare wants recordings of one data set, got {', '.join(names) or 'none'}; write one store each.")
    known = DATASETS[names[0]].facts.to_dict() if names[0] in DATASETS else {}
    return write_store(kept, Path(out), names[0], facts or known, root=root, workers=workers)


class _Tally:
    """What has been done so far, and how quickly."""

    def __init__(self) -> None:
        self.n_prepared = self.n_unchanged = self._n_bytes = 0
        self._since = time.monotonic()

    def take(self, outcome: Outcome) -> None:
        self.n_prepared += len(outcome.recordings) - outcome.n_unchanged
        self.n_unchanged += outcome.n_unchanged
        self._n_bytes += outcome.n_bytes

    @property
    def speed(self) -> str:
        return f"{self._n_bytes / 1e6 / max(time.monotonic() - self._since, 1e-3):.0f} MB/s"


@dataclass(frozen=True)
class _ViewWork:
    """One recording of which a view is wanted."""

    store: Path
    content: str
    pipeline: Pipeline
    recording: str

    @property
    def name(self) -> str:
        return f"{self.pipeline.name}: {self.recording}"


def _make_view(store: Store, view: Pipeline, quiet: bool, workers: int, scheduler: str) -> None:
    work = [_ViewWork(store.path, store.content_sha256, view, recording) for recording in store.recordings]
    with bar(f"view {view.name}", len(work), quiet) as advance, closing(results(_view, work, workers, scheduler)) as ready:
        for name in ready:
            advance(name)


def _view(work: _ViewWork) -> str:
    _opened(work.store, work.content).view(work.pipeline).signal(work.recording)
    return work.name


@lru_cache(maxsize=1)
def _opened(path: Path, content: str) -> Store:
    """The store, read once per worker; ``content`` sets a store apart from an earlier one at the same place."""
    return Store(path)


def _tell_issues(store: Store, tell) -> None:
    """One line per kind of issue: readers notice, people decide."""
    codes = Counter(issue["code"] for recording in store.recordings.values() for issue in recording.issues)
    for code, count in codes.most_common():
        example = next(i["message"] for r in store.recordings.values() for i in r.issues if i["code"] == code)
        tell.print(f"  noticed {code} in {count} recording(s), for example: {example}", markup=False)
