"""Exposure: what a trained model has seen, precise enough to tell later whether a test is clean."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.config import Config
from mindleaf.store.fingerprint import Fingerprint, fingerprint
from mindleaf.store.store import Store
from mindleaf.store.table import n_candidate_columns

#: Windows that share less than this with what was seen touch it at most (seconds).
_TOUCH_S = 1e-3
#: What training may have seen of a window, the worse the further behind: ``Exposure.levels`` counts along it.
LEVELS = ("nothing", "subject", "sound", "signal")


class SeenSpan(Config):
    """Seconds ``start`` to ``stop`` of the recording with this content."""

    recording_sha256: str
    start: float
    stop: float


@dataclass(frozen=True)
class Shared:
    """What training and test have in common: subjects, stimuli (sha256) and seconds of signal."""

    subjects: tuple[str, ...]
    stimuli: tuple[str, ...]
    seconds: float

    def spoils(self, group: str) -> str:
        """Why a test under a protocol that separates by ``group`` is not clean; "" where it is.

        Signal that was trained on always counts. A subject counts where the protocol separates subjects, a stimulus
        where it separates stimuli; one that separates data sets separates both.
        """
        if self.seconds > 0:
            return f"training has seen {self.seconds:.0f} s of the test signal"
        if any(word in group for word in ("subject", "dataset")) and self.subjects:
            return f"training has seen {len(self.subjects)} test subject(s), for example {self.subjects[0]}"
        if any(word in group for word in ("stimulus", "pair", "dataset")) and self.stimuli:
            return f"training has seen {len(self.stimuli)} test stimuli"
        return ""


class Exposure(Config):
    """Subjects ("dataset/subject"), stimuli (sha256 of the samples) and spans of signal that went into training.

    ``fingerprints`` know a recording again that was prepared at another rate, in another encoding, or cut.
    """

    subjects: tuple[str, ...] = ()
    stimuli: tuple[str, ...] = ()
    spans: tuple[SeenSpan, ...] = ()
    fingerprints: tuple[Fingerprint, ...] = ()

    def __or__(self, other: Exposure) -> Exposure:
        prints = {f.recording_sha256: f for f in (*self.fingerprints, *other.fingerprints)}
        return Exposure(
            subjects=tuple(sorted({*self.subjects, *other.subjects})),
            stimuli=tuple(sorted({*self.stimuli, *other.stimuli})),
            spans=_merged([*self.spans, *other.spans]),
            fingerprints=tuple(prints[sha] for sha in sorted(prints)),
        )

    def shared_with(self, store: Store, rows: pd.DataFrame) -> Shared:
        """What a test on these rows has in common with the training."""
        test = exposure(store, rows)
        return Shared(
            subjects=tuple(sorted(set(self.subjects) & set(test.subjects))),
            stimuli=tuple(sorted(set(self.stimuli) & set(test.stimuli))),
            seconds=_overlap_s(self.spans, self._in_training_time(test)),
        )

    def contaminates(self, store: Store, rows: pd.DataFrame, group: str) -> str:
        """Why a test on these rows would not be clean under a protocol that separates by ``group``; "" where it is."""
        return self.shared_with(store, rows).spoils(group)

    def levels(self, store: Store, rows: pd.DataFrame, whole: bool = False) -> NDArray[np.int64]:
        """What training has seen of each window, as a place in ``LEVELS``, (window,): the worst that is true of it.

        ``whole``: a recording that training has seen any part of counts as seen throughout.
        """
        level = np.array(
            [int(f"{d}/{s}" in self.subjects) for d, s in zip(rows["dataset"], rows["subject"], strict=True)], np.int64
        )
        known = {name for name, stimulus in store.stimuli.items() if stimulus.sha256 in self.stimuli}
        for k in range(1, n_candidate_columns(rows) + 1):
            level[rows[f"stimulus_{k}"].isin(known).to_numpy()] = LEVELS.index("sound")
        for at in rows.groupby("recording").indices.values():
            everything = rows.iloc[[at[0]]].assign(start=0.0, stop=rows["stop"].iloc[at].max())
            span = self._in_training_time(exposure(store, everything))[0]
            starts, stops = (rows[name].to_numpy(float)[at] + span.start for name in ("start", "stop"))
            for seen in self.spans:
                if seen.recording_sha256 == span.recording_sha256:
                    shared = np.minimum(stops, seen.stop) - np.maximum(starts, seen.start)
                    level[at[(shared > _TOUCH_S) | whole]] = LEVELS.index("signal")
        return level

    def _in_training_time(self, test: Exposure) -> list[SeenSpan]:
        """The test's spans; those of copies of a training recording are named and timed as that recording."""
        known = {span.recording_sha256 for span in self.spans}
        copies = {
            theirs.recording_sha256: (ours.recording_sha256, shift)
            for theirs in test.fingerprints
            if theirs.recording_sha256 not in known
            for ours in self.fingerprints
            if (shift := theirs.shift_to(ours)) is not None
        }
        moved = ((span, *copies.get(span.recording_sha256, (span.recording_sha256, 0.0))) for span in test.spans)
        return [SeenSpan(recording_sha256=sha, start=span.start + shift, stop=span.stop + shift) for span, sha, shift in moved]


def exposure(store: Store, rows: pd.DataFrame) -> Exposure:
    """What training on these window rows shows a model."""
    subjects = {f"{d}/{s}" for d, s in zip(rows["dataset"], rows["subject"], strict=True)}
    names = {name for k in range(1, n_candidate_columns(rows) + 1) for name in rows[f"stimulus_{k}"] if name}
    spans = [
        SeenSpan(recording_sha256=store.recordings[recording].sha256, start=start, stop=stop)
        for recording, start, stop in zip(rows["recording"], rows["start"], rows["stop"], strict=True)
    ]
    return Exposure(
        subjects=tuple(sorted(subjects)),
        stimuli=tuple(sorted(store.stimuli[name].sha256 for name in names)),
        spans=_merged(spans),
        fingerprints=tuple(fingerprint(store, recording) for recording in sorted(set(rows["recording"]))),
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
