"""Contamination: what a RUN had seen of the test part before this evaluation began, in any of its stages."""

from __future__ import annotations

from collections.abc import Sequence

from mindleaf.evaluation.predict import Cell
from mindleaf.evaluation.verdict import AuditRow, skipped
from mindleaf.store.exposure import Exposure

CONTROL = "pretraining_contamination"
#: What a row says of weights that no earlier training has made; "none" where a system has none.
FROM_SCRATCH = "from scratch"
_NEVER_TRAINED = ("none", FROM_SCRATCH)
_EXPECTED = "nothing that this split keeps apart was seen before"


def pretraining_contamination(seen: Exposure | None, cells: Sequence[Cell], weights: str = "none") -> AuditRow:
    """Subjects, sounds and signal of the earlier stages against the test parts of all folds, by content.

    ``weights``: where they came from at the start; a file of them does not say what it has seen, so nothing can be told.
    Fails where the test is not clean under the protocol (``Exposure.contaminates``). What is shared and allowed is said.
    """
    if seen is None and weights not in _NEVER_TRAINED:
        return skipped(CONTROL, _EXPECTED, f"{weights} does not say what it was trained on before: it may have seen the test")
    if seen is None:
        return AuditRow(CONTROL, _EXPECTED, "trained inside each fold only", "pass", "there was no earlier training")
    subjects: set[str] = set()
    stimuli: set[str] = set()
    seconds, reason = 0.0, ""
    for cell in cells:
        shared = seen.shared_with(cell.test.store, cell.test.rows)
        subjects |= set(shared.subjects)
        stimuli |= set(shared.stimuli)
        seconds += shared.seconds
        reason = reason or shared.spoils(cell.fold.group)
    observed = f"of the test, earlier training saw {len(subjects)} subject(s), {len(stimuli)} sound(s), {seconds:.0f} s of signal"
    if reason:
        why = f"{reason} (in the fold where this was first found): the score is no evidence for what was not seen"
        return AuditRow(CONTROL, _EXPECTED, observed, "fail", why)
    allowed = subjects or stimuli
    why = "what was seen before is shared by training and test of this protocol anyway" if allowed else "the test is new to it"
    return AuditRow(CONTROL, _EXPECTED, observed, "pass", why)
