"""Headline: the verdict of an evaluation in one sentence, for a reader who reads no further."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def headline(content: dict[str, Any], primary: str) -> tuple[str, str]:
    """(kind, sentence) of results.json's ``content``; kind is "bad", "good" or "plain".

    A system counts as above chance where its interval lies above chance at one window length or more.
    """
    tested = [entry for entry in content["systems"] if entry["metrics"]]
    if not tested:
        return "plain", "No system produced a score, so there is nothing to judge."
    names = list(dict.fromkeys(entry["name"] for entry in tested))
    above = [name for name in names if any(_above(e, primary) for e in tested if e["name"] == name)]
    audits = {entry["name"]: entry["audit"] for entry in tested}
    leaking = [name for name in names if any(row["status"] == "fail" for row in audits[name])]
    if content["mark"]:
        return "bad", f"Read no decoding into these scores: the split is {content['mark']}, training and test share trials."
    if leaking:
        sound = [name for name in above if name not in leaking]
        more = f" {_listed(sound)} {_verb(sound, 'is', 'are')} above chance without a failed control." if sound else ""
        return (
            "bad",
            f"Do not rely on the score of {_listed(leaking)}: the audit found a leak (a row marked FAIL below says which).{more}",
        )
    if not any(audits.values()):
        return "plain", f"{_claim(above, names)} No audit was run, so leaks are not ruled out."
    untold = {row["control"] for name in above for row in audits[name] if row["status"] == "skipped"}
    note = f" {len(untold)} of its controls could not tell." if untold else ""
    unaudited = [name for name in names if not audits[name]]
    note += f" {_listed(unaudited)} {_verb(unaudited, 'was', 'were')} not audited." if unaudited else ""
    return ("good" if above else "plain"), f"{_claim(above, names)} The audit found no leak.{note}"


def _above(entry: dict, primary: str) -> bool:
    low = entry["metrics"][primary]["ci95"][0]
    return low is not None and low > entry["metrics"][primary]["chance"]


def _claim(above: Sequence[str], names: Sequence[str]) -> str:
    if not above:
        return "No system scores above chance."
    others = len(names) - len(above)
    rest = "" if not others else f", the other {others if others > 1 else 'one'} {'do' if others > 1 else 'does'} not"
    return f"{_listed(above)} {_verb(above, 'scores', 'score')} above chance{rest}."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _verb(names: Sequence[str], one: str, many: str) -> str:
    return one if len(names) == 1 else many
