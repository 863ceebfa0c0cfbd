"""For every task and every protocol there is, the quick audit gives each of its rows a status."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from toy_listeners import Decoder, Powers, listening_recordings

from mindleaf.evaluation.audit import audit
from mindleaf.evaluation.plain_words import CONTROLS
from mindleaf.evaluation.predict import run_system
from mindleaf.protocols import PROTOCOLS, with_test_trials
from mindleaf.store.writer import write_store
from mindleaf.tasks import TASKS, build_task

FULL_ONLY = {
    "labels_permuted", "untrained", "fit_on_train_only", "trial_identifiability", "subject_identifiability", "session_identifiability",
}  # fmt: skip


def made(path, dataset, seed):
    """Three people at two visits, six trials each, two sounds in each trial, a label and an emotion."""
    recordings = []
    for visit in ("1", "2"):
        for original in listening_recordings(n_subjects=3, n_trials=6, trial_s=8.0, seed=seed):
            kinds = ("calm", "calm", "tense", "tense") * 2
            trials = tuple(replace(t, labels={"label": k, "emotion": k}) for t, k in zip(original.trials, kinds, strict=False))
            recordings.append(replace(original, dataset=dataset, id=f"{original.id}-{visit}", session=visit, trials=trials))
    return write_store(recordings, path, dataset, {"interval": None})


@pytest.fixture(scope="module")
def two_stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("everywhere")
    return made(folder / "one", "one", 0), made(folder / "two", "two", 1)


class Cheating:
    """Wraps an honest system and answers by ``how``.

    answer      reads the answer of the window it is asked about
    neighbours  adds what stands beside the window
    first       leans towards the first option
    memory      remembers from the table of all trials what was attended or felt in every one, and when
    voice       remembers which sound was attended in every trial, but not when
    """

    def __init__(self, honest, how):
        self.honest, self.how = honest, how

    def __getattr__(self, name):
        return getattr(self.honest, name)

    def fit(self, train, validation, seed):
        self.honest.fit(train, validation, seed)
        self.classes = train.classes
        if self.how in ("memory", "voice"):
            self.table = {(row["recording"], row["trial"]): row for row in train.store.index.to_dict("records")}

    def untrained(self):
        return Cheating(self.honest, self.how)

    def predict(self, examples):
        scores = np.array(self.honest.predict(examples), float)
        if self.how == "neighbours":
            return scores + np.roll(scores, 1, axis=0) if len(scores) > 1 else scores
        if self.how == "first":
            return scores + np.eye(scores.shape[1])[0]
        if self.how == "answer":
            right = examples.answers if self.honest.asks == "candidates" else examples.labels
            return np.eye(scores.shape[1])[right]
        return np.stack([self._remembered(examples, row, scores.shape[1]) for row in examples.rows.to_dict("records")])

    def _remembered(self, examples, row, n):
        trial = self.table[row["recording"], row["trial"]]
        if self.honest.asks == "labels":
            return np.array([float(name == trial["label"]) for name in self.classes])
        ids, starts = ([row[f"{field}_{k}"] for k in range(1, n + 1)] for field in ("stimulus", "audio_start"))
        attended = trial[f"stimulus_{int(trial['attended'])}"]
        when = row["start"] - trial["start"] if self.how == "memory" else None
        return np.array([
            float(name == attended and (when is None or abs(start - when) < 1e-6)) for name, start in zip(ids, starts, strict=True)
        ])  # fmt: skip


def statuses(stores, task_name, protocol_name, cheat="", depth="quick"):
    """Control -> status of the quick audit on the first two folds, of an honest system or of one that cheats."""
    kind = PROTOCOLS[protocol_name]
    store, test_store = stores if kind.takes_test_store else (stores[0], None)
    index = with_test_trials(store.index, test_store.index) if test_store else store.index
    wishes = {"n_folds": 2, "k": 2, "gap_s": 0.5, "val_fraction": 0}
    protocol = kind(**{name: value for name, value in wishes.items() if name in kind.model_fields})
    task = build_task("retrieval_pool:8" if task_name == "retrieval_pool" else task_name)
    folds = protocol.folds(index, seed=0)[:2]
    honest = Decoder if task.asks == "candidates" else Powers
    system = (lambda: Cheating(honest(), cheat)) if cheat else honest
    run = run_system("x", system, store, test_store, task, folds, [1.0], seed=0)
    assert run.cells, run.why
    rows = audit([run], folds, store, test_store, task, 0, depth, {"x": system}, max_windows=100)["x"]
    assert len({row.control for row in rows}) == len(rows)
    assert all(row.why and row.expected and (row.observed or row.status == "skipped") for row in rows)
    return {row.control: row.status for row in rows}


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_audited(two_stores, task):
    found = statuses(two_stores, task, "between_trial")
    assert set(found) == set(CONTROLS) - FULL_ONLY
    assert found["answers_hidden"] == found["batch_size"] == "pass"


#: What must fail for a system that cheats in this way.
CAUGHT_BY = {
    "answer": {"answers_hidden"},
    "neighbours": {"batch_size"},
    "first": {"order_swapped"},
    "memory": {"eeg_permuted", "eeg_noise", "eeg_zeroed", "window_evidence", "aggregation"},
    "voice": {"audio_shifted"},
}
HEARING = [name for name in TASKS if build_task(name).asks == "candidates"]
#: Both sounds of a match are of one voice.
CHEATS = [(task, cheat) for task in TASKS for cheat in ("answer", "neighbours", "memory")] + [
    (task, cheat) for task in HEARING for cheat in ("first", "voice") if (task, cheat) != ("match_mismatch", "voice")
]


@pytest.mark.parametrize(("task", "cheat"), CHEATS)
def test_a_system_that_cheats_is_caught_in_every_task(two_stores, task, cheat):
    found = statuses(two_stores, task, "between_trial", cheat)
    assert {found[control] for control in CAUGHT_BY[cheat]} == {"fail"}, found


@pytest.mark.parametrize("task", TASKS)
def test_refits_catch_a_system_that_knows_all_answers_in_every_task(two_stores, task):
    found = statuses(two_stores, task, "between_trial", "memory", "full")
    assert set(found) == set(CONTROLS)
    assert found["labels_permuted"] == found["untrained"] == found["fit_on_train_only"] == "fail"


#: What is remembered is one store's table.
UNDER = [
    (task, protocol, cheat)
    for task, cheats in (("attention", ("answer", "neighbours", "memory")), ("classify", ("answer", "neighbours")))
    for protocol, kind in PROTOCOLS.items()
    for cheat in cheats
    if not (cheat == "memory" and kind.takes_test_store)
]


@pytest.mark.parametrize(("task", "protocol", "cheat"), UNDER)
def test_a_system_that_cheats_is_caught_under_every_protocol(two_stores, task, protocol, cheat):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = statuses(two_stores, task, protocol, cheat)
    assert {found[control] for control in CAUGHT_BY[cheat]} == {"fail"}, found


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("task", ["attention", "classify"])
def test_every_protocol_is_audited(two_stores, task, protocol):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = statuses(two_stores, task, protocol)
    assert set(found) == set(CONTROLS) - FULL_ONLY
    if PROTOCOLS[protocol].mark:
        assert found["group_overlap"] == "fail"
