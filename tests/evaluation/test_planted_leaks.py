"""For every row of the audit a leak that it catches, and a clean counterpart that it lets through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from planted import (
    Bursts,
    CspOnAllTrials,
    HearsTheLabel,
    KnowsThePerson,
    PowersBesideSound,
    ReadsTheClock,
    TestStatistics,
    UntrainedPeeker,
    UntrainedSilent,
    clocked_store,
    labelled_store,
)
from toy_listeners import (
    Decoder,
    FirstInList,
    LeansOnNeighbours,
    LouderVoice,
    Peeker,
    Powers,
    ReadsEverything,
    listening_store,
)

from mindleaf.evaluation.audit import audit, split_rows
from mindleaf.evaluation.permutation import trial_permutation
from mindleaf.evaluation.plain_words import CONTROLS
from mindleaf.evaluation.predict import run_system
from mindleaf.evaluation.verdict import AuditRow
from mindleaf.fold import Fold, spans
from mindleaf.protocols import BetweenTrial, LeaveOneSubjectOut, RandomWindows
from mindleaf.store.exposure import exposure
from mindleaf.store.store import Store
from mindleaf.store.writer import StoreConfig, write_store
from mindleaf.tasks import Attention, Classify, Emotion, MatchMismatch, RetrievalPool
from tests.conftest import make_recording

BETWEEN = BetweenTrial(n_folds=4, val_fraction=0)
ONE_OUT = LeaveOneSubjectOut(val_fraction=0)
ATTENTION, CLASSIFY, EMOTION, MATCH, POOL = Attention(), Classify(), Emotion(), MatchMismatch(), RetrievalPool()


def fixed_order(subject: int, n_trials: int) -> list[str]:
    return ["a"] * (n_trials // 2) + ["b"] * (n_trials // 2)


def own_order(subject: int, n_trials: int) -> list[str]:
    return fixed_order(subject, n_trials)[:: 1 if subject % 2 else -1]


def one_class(number: int, n_trials: int) -> list[str]:
    return ["ab"[number % 2]] * n_trials


def drifting(subject: int, trial: int, label: str) -> float:
    return 1.0 + 0.3 * trial


#: Every store that a leak is planted in, by name.
STORES: dict[str, Callable[..., Store]] = {
    "listening": lambda path: listening_store(path, 4, 6, trial_s=16),
    "one voice": lambda path: listening_store(path, 4, 6, trial_s=16, always_attend="F", distinct_loudness=True, gain=0.0),
    "own voice": lambda path: listening_store(
        path, 6, 6, trial_s=16, always_attend="FM", distinct_loudness=True, gain=0.0, strength=(1.0, 3.0)
    ),
    "fingerprints": lambda path: listening_store(path, 3, 4, drift=0.5),
    "classes": lambda path: labelled_store(path, evidence=1.0),
    "no relation": lambda path: labelled_store(path),
    "fixed order": lambda path: labelled_store(path, fixed_order, strength=drifting),
    "own order": lambda path: labelled_store(path, own_order, evidence=1.0),
    "strength": lambda path: labelled_store(path, strength=lambda s, t, label: 1.0 + (label == "b")),
    "length": lambda path: labelled_store(path, evidence=1.0, length=lambda label: 8.0 if label == "a" else 12.0),
    "sounds": lambda path: labelled_store(path, evidence=1.0, sound=lambda trial, label: f"{label}{trial % 2}"),
    "neutral sounds": lambda path: labelled_store(path, evidence=1.0, sound=lambda trial, label: f"s{trial % 2}"),
    "diagnosis": lambda path: labelled_store(path, one_class, evidence=1.0, n_trials=2, n_subjects=14),
    "sessions": lambda path: labelled_store(path, one_class, evidence=1.0, n_trials=4, n_sessions=2),
    "clock": clocked_store,
    "bursts": lambda path: labelled_store(path, burst=True),
    "pretraining": lambda path: write_store([make_recording(k) for k in range(4)], path, "toy", {}),
    "pretraining at half the rate": lambda path: write_store(
        [make_recording(k) for k in range(4)], path, "toy", {}, StoreConfig(max_sfreq=64.0)
    ),
    "copied": lambda path: write_store([make_recording(0), copied(0)], path, "toy", {}),
    "not copied": lambda path: write_store([make_recording(0), make_recording(1)], path, "toy", {}),
}


def copied(number: int):
    original = make_recording(number)
    return replace(original, id="copy", subject="another", load=lambda: 1000.0 * original.load())


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    made: dict[str, Store] = {}

    def named(name: str) -> Store:
        if name not in made:
            made[name] = STORES[name](tmp_path_factory.mktemp("planted") / "store")
        return made[name]

    return named


Rows = Callable[[Callable[[str], Store]], dict[str, AuditRow]]


def audited(store: str, system, task=ATTENTION, protocol=BETWEEN, depth="quick", seen: str = "") -> Rows:
    """All rows of one system. ``seen``: name of the store that it was pretrained on, whole."""

    def rows(stores) -> dict[str, AuditRow]:
        there = stores(store)
        folds = protocol.folds(there.index, seed=0)
        run = run_system("x", system, there, None, task, folds, [2.0], seed=0)
        run.exposure = exposure(stores(seen), stores(seen).windows(2.0)) if seen else None
        found = audit([run], folds, there, None, task, seed=0, depth=depth, builds={"x": system})["x"]
        return {row.control: row for row in found}

    return rows


def split(store: str, group: str, train: Callable, test: Callable) -> Rows:
    """The rows that look at a split only; ``train`` and ``test`` choose rows of the trial table."""

    def rows(stores) -> dict[str, AuditRow]:
        there = stores(store)
        index = there.index
        parts = [spans(index, np.flatnonzero(choose(index))) for choose in (train, test)]
        fold = Fold("0", parts[0], parts[0].iloc[:0], parts[1], group, ("x",))
        return {row.control: row for row in split_rows([fold], there, None, 2.0, 0, "quick")}

    return rows


def steady(right_shares: tuple[float, ...]) -> Rows:
    """Predictions of five people with means a window apart; ``right_shares``: how many windows of each of a person's trials are right."""

    def rows(stores) -> dict[str, AuditRow]:
        table = pd.DataFrame(
            {
                "subject": f"{s}",
                "recording": f"{s}",
                "trial": f"{t}",
                "start": float(w),
                "score_1": float(w < 20 * share + (s % 2 and t == 0)),
            }
            for s in range(5)
            for t, share in enumerate(right_shares)
            for w in range(20)
        ).assign(dataset="d", fold="0", n_options=2, answer=0)
        table["score_2"] = 1.0 - table["score_1"]
        return {"trial_permutation": trial_permutation(table, "candidates", 0.5, seed=0)}

    return rows


@dataclass(frozen=True)
class Leak:
    """``alone``: no other row fails. ``says``: what the failed row names.

    ``may_skip``: the clean counterpart may also come out as unable to tell, as where one of 19 refits is lucky.
    """

    control: str
    what: str
    leaky: Rows
    clean: Rows
    says: str = ""
    alone: bool = False
    may_skip: bool = False


HONEST = audited("listening", Decoder)
HONEST_FULL = audited("listening", Decoder, depth="full")
LOUDER = audited("one voice", LouderVoice)
PEEKER = audited("listening", Peeker)
DIAGNOSIS = audited("diagnosis", Powers, CLASSIFY, depth="full")
CLASSES = audited("classes", Powers, CLASSIFY)
CLASSES_FULL = audited("classes", Powers, CLASSIFY, depth="full")
LEAKS = [
    Leak("eeg_permuted", "the answer is read", PEEKER, HONEST),
    Leak("eeg_noise", "the louder voice is the attended one", LOUDER, HONEST),
    Leak("eeg_zeroed", "the louder voice is the attended one", LOUDER, HONEST),
    Leak("eeg_zeroed", "each sound has one label, and zeros merely silence the system", audited("sounds", HearsTheLabel, EMOTION),
         audited("neutral sounds", PowersBesideSound, EMOTION), "zeros merely silence"),
    Leak("answers_hidden", "the answer is read", PEEKER, HONEST),
    Leak("audio_shifted", "the person says the voice", audited("own voice", KnowsThePerson), HONEST),
    Leak("order_swapped", "the first in the list", audited("listening", FirstInList), HONEST),
    Leak("order_swapped", "the first in a pool", audited("listening", FirstInList, POOL), audited("listening", Decoder, POOL)),
    Leak("batch_size", "scores lean on the windows beside", audited("listening", LeansOnNeighbours), HONEST, alone=True),
    Leak("shortcuts", "classes in a fixed order", audited("fixed order", Powers, CLASSIFY, ONE_OUT),
         audited("classes", Powers, CLASSIFY, ONE_OUT), "time in the session", alone=True),
    Leak("shortcuts", "classes in blocks", audited("own order", Powers, CLASSIFY), CLASSES, "neighbours in time", alone=True),
    Leak("shortcuts", "an amplifier per class", audited("strength", Powers, CLASSIFY, ONE_OUT),
         audited("classes", Powers, CLASSIFY, ONE_OUT), "strength of the EEG", alone=True),
    Leak("shortcuts", "trials of one class are longer", audited("length", Powers, CLASSIFY), CLASSES, "length of the trial", alone=True),
    Leak("shortcuts", "each sound has one label", audited("sounds", Powers, CLASSIFY),
         audited("neutral sounds", Powers, CLASSIFY), "which sound it is", alone=True),
    Leak("shortcuts", "each sound has one emotion", audited("sounds", Powers, EMOTION),
         audited("neutral sounds", Powers, EMOTION), "which sound it is", alone=True),
    Leak("shortcuts", "the louder voice is the attended one", LOUDER, HONEST, "loudness of the sound"),
    Leak("shortcuts", "one class per person", DIAGNOSIS, CLASSES, "which subject it is"),
    Leak("shortcuts", "the time in the trial says the sound", audited("clock", ReadsTheClock, MATCH),
         audited("listening", Decoder, MATCH), "position in the sound", alone=True),
    Leak("window_evidence", "the louder voice is the attended one", LOUDER, HONEST),
    Leak("aggregation", "one marked window in each trial", audited("bursts", Bursts, CLASSIFY), CLASSES, alone=True),
    Leak("trial_permutation", "people agree, their trials do not", steady((0.95, 0.25)), steady((0.95, 0.9)), alone=True),
    Leak("pretraining_contamination", "the test was pretrained on", audited("pretraining", Powers, CLASSIFY, seen="pretraining"),
         audited("pretraining", Powers, CLASSIFY, seen="classes"), "of the test signal", alone=True),
    Leak("pretraining_contamination", "the test was pretrained on at half the rate",
         audited("pretraining", Powers, CLASSIFY, seen="pretraining at half the rate"),
         audited("pretraining", Powers, CLASSIFY), "of the test signal", alone=True),
    Leak("labels_permuted", "nothing is learnt from the labels", audited("one voice", LouderVoice, depth="full"), CLASSES_FULL, may_skip=True),
    Leak("untrained", "the untrained network knows", audited("listening", UntrainedPeeker, depth="full"),
         audited("listening", UntrainedSilent, depth="full"), alone=True),
    Leak("fit_on_train_only", "channels weighted by whole recordings", audited("listening", ReadsEverything, depth="full"),
         HONEST_FULL, alone=True),
    Leak("fit_on_train_only", "standardised with the test windows", audited("classes", TestStatistics, CLASSIFY, depth="full"),
         CLASSES_FULL, alone=True),
    Leak("fit_on_train_only", "spatial filters of the test trials", audited("classes", CspOnAllTrials, CLASSIFY, depth="full"),
         CLASSES_FULL, alone=True),
    Leak("trial_identifiability", "windows of a trial on both sides",
         audited("fingerprints", Powers, CLASSIFY, RandomWindows(n_folds=2, val_fraction=0), "full"),
         audited("fingerprints", Powers, CLASSIFY, depth="full")),
    Leak("subject_identifiability", "one class per person", DIAGNOSIS, CLASSES_FULL),
    Leak("session_identifiability", "one class per session", audited("sessions", Powers, CLASSIFY, depth="full"), CLASSES_FULL),
    Leak("duplicate_signals", "a person twice", split("copied", "subject", lambda t: t["subject"] == "s0", lambda t: t["subject"] != "s0"),
         split("not copied", "subject", lambda t: t["subject"] == "s0", lambda t: t["subject"] != "s0"), "copy = rec0"),
]  # fmt: skip


@pytest.fixture(scope="module")
def rows_of(stores):
    """The rows of a scene, worked out once."""
    known: dict[int, dict[str, AuditRow]] = {}

    def rows(scene: Rows) -> dict[str, AuditRow]:
        return known.setdefault(id(scene), known.get(id(scene)) or scene(stores))

    return rows


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: f"{leak.control}: {leak.what}")
def test_the_leak_is_caught_and_its_clean_counterpart_passes(leak, rows_of):
    rows = rows_of(leak.leaky)
    failed = {name for name, row in rows.items() if row.status == "fail"}
    assert leak.control in failed, rows[leak.control]
    assert leak.says in rows[leak.control].why
    if leak.alone:
        assert failed == {leak.control}
    assert rows_of(leak.clean)[leak.control].status in {"pass", "skipped" if leak.may_skip else "pass"}


def test_every_row_that_an_audit_has_is_planted_and_told_in_plain_words(rows_of):
    rows = set(rows_of(HONEST_FULL))
    assert rows == set(CONTROLS)
    assert rows - {leak.control for leak in LEAKS} == {"group_overlap"}, "the leaks of splits are in test_overlap"
