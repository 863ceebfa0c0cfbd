"""The page of a benchmark: who leads under sound splits, what leaking adds, every question, every failed control, what it cost."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mindleaf.evaluation.sheets import Drawing, Page, Sheet
from mindleaf.evaluation.statistics import PRIMARY
from mindleaf.interpret.published import Bars, comparison_figure
from mindleaf.interpret.ranks import rank_figure
from mindleaf.metrics.ranks import mean_ranks, ranking
from mindleaf.metrics.switching import information_transfer_rate, minimum_expected_switch_duration
from mindleaf.stages.benchmark import Answer, BenchmarkConfig, Question, Suite
from mindleaf.stages.reproduce import number_text, verdict
from mindleaf.systems import SYSTEMS
from mindleaf.tasks import build_task

_COLUMNS = (
    "system",
    "score",
    "95 % interval",
    "chance",
    "calibration error",
    "audit",
    "status",
    "fitting and scoring, s",
    "parameters",
    "peak memory, MB",
)
_SPEED = ("bits a minute", "switch followed in, s")
_NONE = "–"
Found = Mapping[tuple[Question, str], Sequence[Answer]]


def page(suite: Suite, answers: Sequence[Answer], config: BenchmarkConfig) -> Page:
    """Everything on one page; ``answers`` as ``stages.benchmark.answers`` gives them."""
    found: dict[tuple[Question, str], list[Answer]] = {}
    for answer in answers:
        found.setdefault((answer.question, answer.system), []).append(answer)
    sound = [question for question in suite.questions if not question.mark]
    sheets = [
        *_leaderboard(suite, sound, found), *_leaks(suite, found), *(_sheet(question, suite, found) for question in suite.questions),
        _controls(suite, found), _unanswered(answers),
    ]  # fmt: skip
    drawings = [*_ranks(suite, sound, found), *(_drawing(number, q, suite, found) for number, q in enumerate(suite.questions))]
    return Page(
        suite.title, [sheet for sheet in sheets if sheet.rows], (*suite.notes, *_notes(suite, config)), [d for d in drawings if d]
    )


def _notes(suite: Suite, config: BenchmarkConfig) -> tuple[str, ...]:
    seeds = "one seed" if config.seeds == 1 else f"{config.seeds} seeds, scores are their mean, intervals those of the first"
    budget = (
        f"Every system that is trained by gradient descent has {config.budget_s:g} s of training for each question, over all folds; "
        '"undertrained" says that the time ended before its planned steps did. Such a score says what this much time gives, not what the system can do.'
        if config.budget_s
        else "No limit of training time."
    )
    known = [SYSTEMS[name] for name in suite.systems if name in SYSTEMS]
    learns = len(known) < len(suite.systems) or any(entry.trained for entry in known)
    large = [entry.title for entry in known if entry.large]
    probed = (
        f"Of systems above five million parameters ({', '.join(large)}) a linear probe is trained, in three folds."
        if large
        else ""
    )
    return tuple(note for note in (budget if learns else "", probed, f"Begun with seed {config.seed}: {seeds}.") if note)


def _entry(answer: Answer) -> Mapping[str, Any] | None:
    """The row of results.json at the shortest window, None where there is no score."""
    scored = [entry for entry in answer.outcome.entries if entry["metrics"]]
    return min(scored, key=lambda entry: entry["window_s"]) if scored else None


def _metric(question: Question) -> str:
    return PRIMARY[build_task(question.task).asks]


def _score(found: Found, question: Question, system: str) -> float:
    """Mean over seeds of the primary metric; NaN where a seed has none."""
    entries = [_entry(answer) for answer in found.get((question, system), ())]
    if not entries or not all(entries):
        return math.nan
    return float(np.mean([entry["metrics"][_metric(question)]["mean"] for entry in entries if entry]))


def _leaderboard(suite: Suite, sound: Sequence[Question], found: Found) -> list[Sheet]:
    """A table for each split: the score on each data set, best first by mean rank among the systems that answered as many."""
    sheets = []
    for protocol in dict.fromkeys(question.protocol for question in sound):
        asked = [question for question in sound if question.protocol == protocol]
        scores = {system: [_score(found, question, system) for question in asked] for system in suite.systems}
        known = {system: values for system, values in scores.items() if not all(map(math.isnan, values))}
        ranks = dict(zip(known, mean_ranks(np.array(list(known.values())).T), strict=True)) if known else {}
        order = sorted(known, key=lambda system: (ranks[system], system))
        rows = tuple((_title(system), f"{ranks[system]:.1f}", *map(number_text, known[system])) for system in order)
        columns = ("system", "mean rank", *(f"{question.dataset} ({question.task})" for question in asked))
        note = "Ranks are among the systems that answered the question. Read them with the intervals below, and not where an audit fails."
        sheets.append(Sheet(f"Leaderboard: {protocol}", columns, rows, note=note))
    return sheets


def _leaks(suite: Suite, found: Found) -> list[Sheet]:
    """Sound and leaking splits of one question side by side."""
    pairs = [
        (one, other)
        for one in suite.questions
        for other in suite.questions
        if not one.mark
        and other.mark == "LEAKY"
        and (one.dataset, one.test_dataset, one.task) == (other.dataset, other.test_dataset, other.task)
    ]
    rows = []
    for one, other in pairs:
        for system in suite.systems:
            sound, leaky = _score(found, one, system), _score(found, other, system)
            if not math.isnan(sound) and not math.isnan(leaky):
                rows.append(
                    (
                        one.dataset,
                        one.task,
                        _title(system),
                        one.protocol,
                        number_text(sound),
                        number_text(leaky),
                        f"{leaky - sound:+.3f}",
                    )
                )
    columns = ("data set", "task", "system", "sound split", "score", "random windows", "what leaking adds")
    return [Sheet("What leaking adds", columns, tuple(rows))]


def _sheet(question: Question, suite: Suite, found: Found) -> Sheet:
    in_time = question.task == "attention"
    scored = [system for system in suite.systems if not math.isnan(_score(found, question, system))]
    scored.sort(key=lambda system: -_score(found, question, system))
    rows = tuple(_row(question, system, found[question, system], in_time) for system in scored)
    note = f"Score: {_metric(question).replace('_', ' ')}, windows of {_window(found, question, scored)}."
    return Sheet(question.title, (*_COLUMNS, *(_SPEED if in_time else ())), rows, question.mark, note if scored else "")


def _window(found: Found, question: Question, scored: Sequence[str]) -> str:
    entry = _entry(found[question, scored[0]][0]) if scored else None
    return f"{entry['window_s']:g} s" if entry else _NONE


def _row(question: Question, system: str, answers: Sequence[Answer], in_time: bool) -> tuple[str, ...]:
    first = _entry(answers[0])
    assert first is not None
    metric = first["metrics"][_metric(question)]
    mean = float(np.mean([entry["metrics"][_metric(question)]["mean"] for answer in answers if (entry := _entry(answer))]))
    low, high = metric["ci95"]
    interval = _NONE if low is None else f"{low:.3f} … {high:.3f} ({metric['n_units']} {metric['unit']}s)"
    status = first["status"] + (f": {first['why']}" if first["why"] else "") + (", transductive" if first["transductive"] else "")
    seconds = np.mean([entry["seconds"] for answer in answers if (entry := _entry(answer))])
    peak = max((answer.peak_mb or 0 for answer in answers), default=0)
    cost = (f"{seconds:.0f}", f"{first['n_parameters']:,}", f"{peak:.0f}" if peak else _NONE)
    speed = _speed(answers[0], question) if in_time else ()
    return (
        _title(system, first),
        f"{mean:.3f}",
        interval,
        number_text(metric["chance"]),
        _calibration(first),
        verdict(first["audit"]),
        status,
        *cost,
        *speed,
    )


def _calibration(entry: Mapping[str, Any]) -> str:
    """The error, and what a perfectly calibrated system would show once in twenty times; ranks and order never look at it."""
    found = entry["metrics"].get("ece")
    return f"{found['mean']:.3f} (noise to {found['if_calibrated95']:.3f})" if found else _NONE


def _speed(answer: Answer, question: Question) -> tuple[str, str]:
    """What the accuracy is worth in time, over the lengths of the window that were asked."""
    entries = [entry for entry in answer.outcome.entries if entry["metrics"]]
    shares = {entry["window_s"]: entry["metrics"][_metric(question)]["mean"] for entry in entries}
    rate = max(
        information_transfer_rate(share, max(entry["n_options"]), s)
        for (s, share), entry in zip(shares.items(), entries, strict=True)
    )
    switch = minimum_expected_switch_duration(list(shares), list(shares.values()))
    return f"{rate:.2f}", f"{switch:.0f}" if math.isfinite(switch) else "never"


def _controls(suite: Suite, found: Found) -> Sheet:
    """Which controls failed, on which questions."""
    rows = []
    for system in suite.systems:
        failed: dict[str, list[str]] = {}
        passed: Counter[str] = Counter()
        for question in suite.questions:
            entry = _entry(answers[0]) if (answers := found.get((question, system))) else None
            for row in entry["audit"] if entry else ():
                passed[row["status"]] += 1
                if row["status"] == "fail":
                    failed.setdefault(row["control"], []).append(question.title)
        if passed:
            told = "; ".join(f"{control}: {', '.join(where)}" for control, where in failed.items())
            rows.append((_title(system), str(passed["pass"]), str(passed["skipped"]), str(passed["fail"]), told or _NONE))
    return Sheet("Audit", ("system", "passed", "skipped", "failed", "what failed, and where"), tuple(rows))


def _unanswered(answers: Sequence[Answer]) -> Sheet:
    rows = dict.fromkeys(
        (a.question.title, _title(a.system), a.outcome.status if not a.outcome.entries else a.outcome.entries[0]["status"],
         a.outcome.why or (a.outcome.entries[0]["why"] if a.outcome.entries else ""))
        for a in answers if _entry(a) is None
    )  # fmt: skip
    return Sheet("Not answered", ("question", "system", "status", "why"), tuple(rows))


def _ranks(suite: Suite, sound: Sequence[Question], found: Found) -> list[Drawing]:
    """The systems that answered every sound question, where there are two questions or more."""
    drawings = []
    for kind in ("labels", "candidates"):
        asked = [question for question in sound if build_task(question.task).asks == kind]
        scores = {system: [_score(found, question, system) for question in asked] for system in suite.systems}
        whole = {system: values for system, values in scores.items() if values and not any(map(math.isnan, values))}
        if len(asked) < 2 or len(whole) < 2:
            continue
        ranked = ranking(np.array(list(whole.values())).T)
        svg = rank_figure([_title(system) for system in whole], ranked.mean_ranks, ranked.critical_difference, f"ranks-{kind}")
        p = "" if math.isnan(ranked.p_friedman) else f" Friedman's test over all of them: p = {ranked.p_friedman:.2g}."
        caption = f"Mean rank over {ranked.n_sets} sound questions (1 is best); systems joined by a bar lie within the critical difference (Nemenyi, 5 %).{p}"
        drawings.append(Drawing(f"Ranks: {'classes' if kind == 'labels' else 'sounds'}", svg, caption))
    return drawings


def _drawing(number: int, question: Question, suite: Suite, found: Found) -> Drawing | None:
    bars = []
    for system in suite.systems:
        entry = _entry(answers[0]) if (answers := found.get((question, system))) else None
        if entry:
            metric = entry["metrics"][_metric(question)]
            low, high = (math.nan if end is None else end for end in metric["ci95"])
            bars.append(
                Bars(_title(system), _score(found, question, system), low, high, math.nan, "FAILS" in verdict(entry["audit"]))
            )
            chance = metric["chance"]
    if not bars:
        return None
    bars.sort(key=lambda bar: -bar.mean)
    caption = "Points with 95 % interval; crossed where the audit fails. Dashed: chance."
    return Drawing(question.title, comparison_figure(bars, chance, _metric(question), f"question-{number}"), caption)


def _title(system: str, entry: Mapping[str, Any] | None = None) -> str:
    title = SYSTEMS[system].title if system in SYSTEMS else system
    return title if entry is None or entry["weights"] == "none" else f"{title}, {entry['weights']}"
