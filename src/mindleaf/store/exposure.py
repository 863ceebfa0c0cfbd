"""Exposure: what a trained model has seen, precise enough to tell later whether a test is clean."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from mindleaf.config import Config
from mindleaf.store.store import Store
from mindleaf.store.table import n_candidate_columns


class SeenSpan(Config):
    """Seconds ``start`` to ``stop`` of the recording with this content."""

    recording_sha256: str
    start: float
    stop: float


class Exposure(Config):
    """Subjects ("dataset/subject"), stimuli (sha256 of the samples) and spans of signal that went into training."""

    subjects: tuple[str, ...] = ()
    stimuli: tuple[str, ...] = ()
    spans: tuple[SeenSpan, ...] = ()

    def __or__(self, other: Exposure) -> Exposure:
        return Exposure(
            subjects=tuple(sorted({*self.subjects, *other.subjects})),
            stimuli=tuple(sorted({*self.stimuli, *other.stimuli})),
            spans=_merged([*self.spans, *other.spans]),
        )

    def contaminates(self, store: Store, rows: pd.DataFrame, group: str) -> str:
        """Why a test on these rows would not be clean under a protocol that separates by ``group``; "" where it is.

        Signal that was trained on always counts. A subject counts where the protocol separates subjects, a stimulus
        where it separates stimuli.
        """
        test = exposure(store, rows)
        overlap = _overlap_s(self.spans, test.spans)
        if overlap > 0:
            return f"training has seen {overlap:.0f} s of the test signal"
        shared_subjects = sorted(set(self.subjects) & set(test.subjects))
        if "subject" in group and shared_subjects:
            return f"training has seen {len(shared_subjects)} test subject(s), for example {shared_subjects[0]}"
        shared_stimuli = set(self.stimuli) & set(test.stimuli)
        if ("stimulus" in group or "pair" in group) and shared_stimuli:
            return f"training has seen {len(shared_stimuli)} test stimuli"
        return ""


def exposure(store: Store, rows: pd.DataFrame) -> Exposure:
    """What training on these window rows shows a model."""
    subjects = {f"{d}/{s}" for d, s in zip(rows["dataset"], rows["subject"], strict=True)}
    names = {name for k in range(1, n_candidate_columns(rows) + 1) for name in rows[f"stimulus_{k}"] if name}
    spans = [
        SeenSpan(recording_sha256=store.recordings[recording].sha256, start=start, stop=stop)
        for recording, start, stop in zip(rows["recording"], rows["start"], rows["stop"], strict=True)
    ]
    return Exposure(
        subjects=tuple(sorted(subjects)), stimuli=tuple(sorted(store.stimuli[n].sha256 for n in names)), spans=_merged(spans)
    )


def _merged(spans: Iterable[SeenSpan]) -> tuple[SeenSpan, ...]:
    out: list[SeenSpan] = []
    for span in sorted(spans, key=lambda s: (s.recording_sha256, s.start)):
        last = out[-1] if out else None
        if last and last.recording_sha256 == span.recording_sha256 and span.start <= last.stop + 1e-3:
            out[-1] = SeenSpan(recording_sha256=last.recording_sha256, start=last.start, stop=max(last.stop, span.stop))
        else:
            out.append(span)
    return tuple(out)


def _overlap_s(a: Iterable[SeenSpan], b: Iterable[SeenSpan]) -> float:
    by_recording: dict[str, list[SeenSpan]] = {}
    for span in a:
        by_recording.setdefault(span.recording_sha256, []).append(span)
    return sum(max(0.0, min(x.stop, y.stop) - max(x.start, y.start)) for y in b for x in by_recording.get(y.recording_sha256, ()))
