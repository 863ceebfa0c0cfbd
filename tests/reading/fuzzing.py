"""Fuzz one format: mutate, read, judge, count. Shared by the tests and by ``benchmarks/reader_fuzz.py``."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .fuzz_batch import LIMIT_S, READERS, outcomes_of
from .fuzz_formats import FORMATS, FuzzedFormat
from .fuzz_mutations import Touched, judge, mutate, write_parts

#: In the order of the report; the first four must not happen. "stopped" is how many of the refused the guard had to end.
OUTCOMES = ("crash", "hang", "untyped", "silent", "refused", "named", "erased", "payload", "identical")
_BATCH = 25
#: Seconds that ending a child may take.
_GRACE_S = 5.0


@dataclass
class Fuzzed:
    """What came of ``count`` mutations of a format; ``worst`` describes outcomes that must not happen."""

    name: str
    count: int
    outcomes: Counter[str] = field(default_factory=Counter)
    worst: list[str] = field(default_factory=list)
    stopped: int = 0
    seconds: float = 0.0
    slowest_s: float = 0.0

    def row(self) -> dict[str, Any]:
        counts = {outcome: self.outcomes[outcome] for outcome in OUTCOMES}
        return {
            "format": self.name,
            "mutations": self.count,
            **counts,
            "stopped": self.stopped,
            "seconds": round(self.seconds, 1),
            "slowest_s": round(self.slowest_s, 2),
        }


def fuzz(name: str, count: int, folder: Path, reader: Callable[[str], dict[str, Any]] | None = None, first: int = 0) -> Fuzzed:
    """Mutations ``first`` to ``first + count`` of a format, read by mindleaf or by ``reader`` of another library."""
    form = FORMATS[name]
    guarded_reader = reader or READERS[form.reader]
    parts = form.build()
    write_parts(folder / "clean", parts)
    clean = next(iter(outcomes_of([folder / "clean" / form.opened], guarded_reader)))
    assert "result" in clean, f"{name}: the undamaged file is not read: {clean}"
    result = Fuzzed(name, count)
    start = time.perf_counter()
    for begin in range(first, first + count, _BATCH):
        mutations = [mutate(name, number, parts) for number in range(begin, min(begin + _BATCH, first + count))]
        paths = []
        for number, (_, which, content, _) in enumerate(mutations, begin):
            write_parts(folder / str(number), parts, which, content)
            paths.append(folder / str(number) / form.opened)
        for number, (mutation, outcome) in enumerate(
            zip(mutations, outcomes_of(paths, guarded_reader, _BATCH), strict=True), begin
        ):
            kind, which, _, touched = mutation
            verdict, told = verdict_of(clean["result"], outcome, form, parts, touched, reader is None)
            if reader is None and "ended" in outcome and outcome["seconds"] < LIMIT_S + _GRACE_S:
                verdict = "refused"  # the guard ended the child in time and said so in a ReadError
                result.stopped += 1
            result.outcomes[verdict] += 1
            result.slowest_s = max(result.slowest_s, outcome["seconds"])
            if verdict in OUTCOMES[:4]:
                result.worst.append(f"{name} {number} ({kind} in {which}): {verdict}: {told}")
            shutil.rmtree(folder / str(number))
    result.seconds = time.perf_counter() - start
    return result


def verdict_of(
    clean: dict[str, Any], outcome: dict[str, Any], form: FuzzedFormat, parts: Collection[str], touched: Touched, guarded: bool
) -> tuple[str, str]:
    """The word of ``fuzz_mutations`` for what came of one file, and more about it."""
    if "ended" in outcome:
        return outcome["ended"], outcome["sentence"]
    if outcome["seconds"] > LIMIT_S:
        return "hang", f"{outcome['seconds']:.1f} s"
    if "sentence" in outcome:
        named = any(Path(name).name in outcome["sentence"] for name in (*parts, form.opened))
        return ("refused", "") if named else ("untyped", f"the file is not named: {outcome['sentence']}")
    if "result" not in outcome:
        # mindleaf's guard makes a ReadError of it that names the file; other readers leave the user with it.
        return ("refused", "") if guarded else ("untyped", str(outcome.get("error", "MemoryError")))
    return judge(clean, outcome["result"], touched, form.events_counted)
