"""How late live decoding is through LSL, and whether a sample is lost: an amplifier in a process of its own, 64 channels at 512 Hz.

The outlet stamps its samples itself, with the moment at which each is taken, and sends 32 blocks a second; the sounds of two
candidates come in a second stream. A linear decoder reads all channels. Its weights are made by hand for the streams that are sent.
Prints a table, and writes it as JSON, from which ``live_promises.py`` takes it into docs/results/live/promises.md.
Run: python benchmarks/live_lsl.py [--minutes 10] [--out docs/results/live/latency.json]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from mindleaf.datasets.synthesis.head import CAPS  # noqa: E402
from mindleaf.live.decoder import Decoder  # noqa: E402
from mindleaf.live.events import Decision, Event  # noqa: E402
from mindleaf.live.lsl import LSLSource, library  # noqa: E402
from mindleaf.live.session import Session  # noqa: E402
from mindleaf.live.settings import LiveConfig  # noqa: E402
from mindleaf.live.stream import Block, StreamInfo  # noqa: E402
from tests.live.outlet import Amplifier, go, linear, told  # noqa: E402
from tests.live.tap import Tap  # noqa: E402

CHANNELS, SFREQ = CAPS[64], 512.0
#: What is timed, milliseconds of LSL's clock; the goal holds for the third line.
STAGES = {
    "transport": "last sample of a block taken -> the session has the block",
    "filter, judge, score": "the session has a block -> the decoder has said all about it",
    "transport + preprocessing": "last sample of a block taken -> the decoder has said all about it",
    "window's end to answer": "last sample of a window taken -> its answer (half a block of waiting and the filter's delay are part of it)",
}
#: Samples of a block as the amplifier sends it.
BLOCK = round(SFREQ * Amplifier.block_s)
GOAL = {"p50": 5.0, "p99": 20.0, "max": 100.0}
_GOAL_OF = "transport + preprocessing"


class Timed(Decoder):
    """A decoder that notes when it was given each block of EEG and when it was done."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._clock = library().local_clock
        self.took: dict[str, list[float]] = {name: [] for name in STAGES}

    def step(self, block: Block | None, now: float) -> list[Event]:
        begun = self._clock()
        events = super().step(block, now)
        done = self._clock()
        # LSL hands out what has come, of a block sometimes its first samples alone: it is there when its last one is.
        if block is not None and block.info.kind == "eeg" and (block.first + len(block.samples)) % BLOCK == 0:
            taken = block.stamp + (len(block.samples) - 1) / block.info.sfreq
            for name, ms in zip(STAGES, (begun - taken, done - begun, done - taken), strict=False):
                self.took[name].append(1e3 * ms)
        for decision in (event for event in events if isinstance(event, Decision)):
            self.took["window's end to answer"].append(1e3 * (done - decision.stop))
        return events


def measured(minutes: float) -> dict[str, Any]:
    """One run. Samples of both streams: sent, received, lost; whether the very bytes came that were sent."""
    name, config = f"mindleaf-benchmark-{os.getpid()}", LiveConfig(slope=5.0)
    # Filters are compiled by the first decoder of a process: no stream waits for that.
    Decoder(linear(CHANNELS), StreamInfo("eeg", CHANNELS, SFREQ), StreamInfo("audio", ("A", "B"), 16_000.0), config)
    process = Amplifier(name, CHANNELS, SFREQ, f"{name}-sound", seconds=60 * minutes).start()
    go(process)
    tap = Tap(LSLSource(name, f"{name}-sound"))
    decoder = Timed(linear(tap.eeg.channels), tap.eeg, tap.sound, config)
    session = Session(tap, decoder)
    reader = session.subscribe(10)
    session.start()
    sent = told(process, "sent")
    process.wait()
    session.stop()
    session.unsubscribe(reader)
    rows = {kind: account(track, n, digest == tap.digest[kind]) for (kind, track), n, digest in zip(
        (("eeg", decoder.eeg), ("audio", decoder.sound)), sent["samples"], sent["digest"], strict=True)}  # fmt: skip
    return {
        "minutes": minutes, "channels": len(CHANNELS), "sfreq": SFREQ, "decisions": decoder.number, "cores": os.cpu_count(),
        "load": round(os.getloadavg()[1], 1), "samples": rows,
        "ms": {stage: percentiles(values) for stage, values in decoder.took.items()},
    }  # fmt: skip


def account(track: Any, n_sent: int, same: bool) -> dict[str, Any]:
    kept = track.account
    unaccounted = n_sent - kept.received - kept.lost - kept.refused
    return {"sent": n_sent, "received": kept.received, "lost": kept.lost, "unaccounted": unaccounted, "same_bytes": same}


def percentiles(values: list[float]) -> dict[str, float]:
    p50, p95, p99 = np.percentile(values, [50, 95, 99])
    return {"n": len(values), "p50": round(p50, 2), "p95": round(p95, 2), "p99": round(p99, 2), "max": round(max(values), 2)}


def table(found: dict[str, Any]) -> str:
    """Markdown: milliseconds by stage, then samples by stream."""
    lines = ["| ms | from -> to | n | p50 | p95 | p99 | max |", "|---|---|---:|---:|---:|---:|---:|"]
    for stage, row in found["ms"].items():
        cells = [stage, STAGES[stage], str(row["n"]), *(f"{row[key]:.2f}" for key in ("p50", "p95", "p99", "max"))]
        lines.append("| " + " | ".join(cells) + " |")
    goal = ", ".join(f"{key} {ms:g}" for key, ms in GOAL.items())
    missed = [key for key, ms in GOAL.items() if found["ms"][_GOAL_OF][key] > ms]
    lines += ["", f"Goal of {_GOAL_OF}: {goal} ms: {'MISSED at ' + ', '.join(missed) if missed else 'reached'}.", ""]
    lines += ["| samples | sent | received | lost | unaccounted | same bytes |", "|---|---:|---:|---:|---:|---|"]
    for kind, row in found["samples"].items():
        numbers = " | ".join(str(row[key]) for key in ("sent", "received", "lost", "unaccounted"))
        lines.append(f"| {kind} | {numbers} | {'yes' if row['same_bytes'] else 'NO'} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results" / "live" / "latency.json")
    chosen = parser.parse_args()
    found = measured(chosen.minutes)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(found, indent=1) + "\n")
    print(
        f"{found['minutes']:g} minutes, {found['channels']} channels, {found['sfreq']:g} Hz, {found['cores']} cores, load {found['load']:g}"
    )
    print(table(found))
    return int(any(row["unaccounted"] for row in found["samples"].values()))


if __name__ == "__main__":
    sys.exit(main())
