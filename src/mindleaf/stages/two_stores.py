"""Two stores: what the report says where one trains and the other tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mindleaf.evaluation.predict import SystemRun
from mindleaf.evaluation.prepared_rows import PreparedRows
from mindleaf.store.examples import Examples
from mindleaf.store.store import Store


def comparison_notes(prepared: PreparedRows, runs: Sequence[SystemRun], windows_s: Sequence[float]) -> Iterator[str]:
    """Channels that only one of the stores has, and classes that nobody could learn; nothing where there is one store."""
    if not prepared.two_stores:
        return
    here, there = prepared.store, prepared.test_store
    counts = [len(_channels(store)) for store in (here, there)]
    n_shared = len(prepared.shared_channels)
    yield f"Trained on {here.dataset}, tested on {there.dataset}; nothing was fitted to the test data."
    if not n_shared == counts[0] == counts[1]:
        equal = ", ".join(run.name for run in runs if run.cells and run.cells[0].test.channels)
        others = ", ".join(run.name for run in runs if run.cells and not run.cells[0].test.channels)
        yield (
            f"The stores have {counts[0]} and {counts[1]} channels, {n_shared} of them by the same name."
            + (f" These were read for {equal}, which needs equal channels." if equal else "")
            + (f" {others} read all channels of either store." if others else "")
        )
    unknown = {name for run in runs for window_s in run.windows_s for name in prepared.unknown_classes(window_s)}
    if unknown and prepared.task.asks == "labels":
        n = sum(
            int((prepared.table(there, window_s)["target"] < 0).sum())
            for window_s in windows_s
            if any(r.at(window_s) for r in runs)
        )
        yield f"{n} test windows of {', '.join(sorted(unknown))} were left out: the training store has no such class."


def _channels(store: Store) -> tuple[str, ...]:
    return Examples(store, store.index.iloc[:0]).channel_names
