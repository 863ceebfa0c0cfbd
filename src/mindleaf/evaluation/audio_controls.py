"""Audio controls: change which audio the candidates carry, or in which order they stand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mindleaf.evaluation.controls import SAME, Subject, control_score, predicted, relative_difference
from mindleaf.evaluation.verdict import AuditRow, skipped
from mindleaf.metrics.scores import decisions
from mindleaf.store.examples import Examples
from mindleaf.store.table import CANDIDATE_COLUMNS

_EXPECT_SHIFT = "above chance where the system is"
_EXPECT_ORDER = "the same stream is chosen"


def audio_shifted(subject: Subject) -> AuditRow:
    """The attended audio against copies of itself from another time of the same stimulus.

    Voice, loudness and story are equal then; only timing is left. A system that decodes attention must still prefer the
    true time; one that recognises the speaker cannot.
    """
    if not subject.hears:
        return skipped("audio_shifted", _EXPECT_SHIFT, "this system hears no audio")
    kept, new = [], []
    for number, (cell, examples) in enumerate(zip(subject.cells, subject.examples, strict=True)):
        keep, shifted = shifted_copies(examples, np.random.default_rng([subject.seed, number]))
        kept.append(keep)
        new.append(predicted(cell, shifted) if len(keep) else np.empty((0, examples.n_candidates)))
    if sum(map(len, kept)) == 0:
        return skipped("audio_shifted", _EXPECT_SHIFT, "the stimuli are too short to hold a second window of the same length")
    score = control_score(subject, kept, new)
    low, high = score.interval(score.control, subject.seed)
    observed = f"{score.observed:.3f} [{low:.3f}, {high:.3f}], system {score.real.mean():.3f}"
    if score.beyond_chance(subject.seed) > 0:
        return AuditRow(
            "audio_shifted", _EXPECT_SHIFT, observed, "pass", "it tells the true time of one voice from another time of it"
        )
    if not score.real_beyond_chance(subject.seed):
        return AuditRow(
            "audio_shifted", _EXPECT_SHIFT, observed, "skipped", "the system itself is at chance: nothing to attribute"
        )
    if score.beyond_chance(subject.seed) < 0 or score.interval(score.real - score.control, subject.seed)[0] > 0:
        return AuditRow(
            "audio_shifted", _EXPECT_SHIFT, observed, "fail",
            "the score does not rest on the timing of the audio: it knows who speaks (or how loud), not what the brain follows",
        )  # fmt: skip
    return AuditRow("audio_shifted", _EXPECT_SHIFT, observed, "skipped", "too few independent trials to tell at 99 %")


def shifted_copies(examples: Examples, rng: np.random.Generator) -> tuple[np.ndarray, Examples]:
    """Examples whose wrong candidates are the right one's stimulus from a window at least one length away."""
    rows = examples.rows.reset_index(drop=True).copy()
    n = examples.n_candidates
    starts = np.full((len(rows), n), np.nan)
    columns = {name: rows[[f"{name}_{k}" for k in range(1, n + 1)]].to_numpy() for name in CANDIDATE_COLUMNS}
    answers = examples.answers
    for i, answer in enumerate(answers):
        stimulus = examples.store.stimuli[columns["stimulus"][i, answer]]
        last = stimulus.n_samples / stimulus.sample_rate - examples.window_s
        starts[i] = _elsewhere(float(columns["audio_start"][i, answer]), examples.window_s, last, n, rng)
        starts[i, answer] = columns["audio_start"][i, answer]
    for name in ("stimulus", "side", "talker"):
        for k in range(n):
            rows[f"{name}_{k + 1}"] = columns[name][np.arange(len(rows)), answers]
    for k in range(n):
        rows[f"audio_start_{k + 1}"] = starts[:, k]
    keep = np.flatnonzero(~np.isnan(starts).any(axis=1))
    return keep, examples.with_rows(rows).take(keep)


def order_swapped(subject: Subject) -> AuditRow:
    """Candidates in reverse order: every system must choose the same stream, now under its new number."""
    if not subject.has_candidates:
        return skipped("order_swapped", _EXPECT_ORDER, "this task has classes, not candidates")
    largest, changed, total = 0.0, 0, 0
    for cell, examples, scores in zip(subject.cells, subject.examples, subject.scores, strict=True):
        n = examples.n_candidates
        swapped = predicted(cell, examples.with_rows(reversed_candidates(examples.rows, n)))[:, ::-1]
        largest = max(largest, relative_difference(scores, swapped))
        gap = np.sort(np.nan_to_num(scores, nan=-np.inf), axis=1)
        decided = gap[:, -1] - gap[:, -2] > SAME * max(float(np.nanstd(scores[np.isfinite(scores)])), 1e-12)
        changed += int((decisions(scores)[decided].argmax(axis=1) != decisions(swapped)[decided].argmax(axis=1)).sum())
        total += len(scores)
    observed = f"{changed} of {total} choices changed, scores by {largest:.1e}"
    if changed == 0:
        return AuditRow(
            "order_swapped", _EXPECT_ORDER, observed, "pass", "the choice follows the stream, not its place in the list"
        )
    return AuditRow(
        "order_swapped",
        _EXPECT_ORDER,
        observed,
        "fail",
        "the choice depends on the place in the list, so the order carries the answer",
    )


def reversed_candidates(rows: pd.DataFrame, n: int) -> pd.DataFrame:
    """The same windows with candidate k renumbered n + 1 - k, in every column that speaks of candidates."""
    names = {f"{name}_{k}": f"{name}_{n + 1 - k}" for name in CANDIDATE_COLUMNS for k in range(1, n + 1)}
    out = rows.rename(columns=names)[rows.columns].copy()
    if "answer" in out:
        out["answer"] = np.where(out["answer"] >= 0, n - 1 - out["answer"], out["answer"])
    if "attended" in out:
        out["attended"] = np.where(out["attended"] > 0, n + 1 - out["attended"], 0)
    return out


def _elsewhere(start: float, window_s: float, last: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """``n`` starts in [0, last] at least one window from ``start``; NaN where there is no room."""
    before, after = max(0.0, start - window_s), max(0.0, last - (start + window_s))
    if before + after <= 0:
        return np.full(n, np.nan)
    draw = rng.uniform(0, before + after, size=n)
    return np.where(draw < before, draw, start + window_s + draw - before)
