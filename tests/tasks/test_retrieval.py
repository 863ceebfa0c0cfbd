"""Retrieval: the sound alone never tells which one was heard, in any part of any split, and EEG that follows it does."""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from mindleaf.errors import BadInput
from mindleaf.evaluation.audit import audit
from mindleaf.evaluation.predict import run_system
from mindleaf.evaluation.prepared_rows import PreparedRows
from mindleaf.evaluation.result import Result
from mindleaf.protocols import BetweenTrial, LeaveOneSubjectOut
from mindleaf.systems.registry import build_system
from mindleaf.tasks import build_task
from tests.protocols.tables import cocktail, cut, trial
from tests.tasks.sounds import sound_store

NAMES = ("retrieval_duo", "retrieval_trio", "retrieval_pool:9")


def heard(rows):
    """(stimulus, second) of each row's right candidate."""
    answers = rows["answer"] + 1
    return [(row[f"stimulus_{a}"], row[f"audio_start_{a}"]) for a, (_, row) in zip(answers, rows.iterrows(), strict=True)]


def candidates(row):
    return [(row[f"stimulus_{k}"], row[f"audio_start_{k}"]) for k in range(1, row["n_candidates"] + 1)]


def music(n_subjects=3, n_pieces=7, plays=lambda subject, piece: 1):
    """A table of trials with one piece each; ``plays``: how often a subject hears a piece."""
    rows = []
    for s in range(n_subjects):
        pieces = [p for p in range(n_pieces) for _ in range(plays(s, p))]
        rows += [trial(f"{s}", f"r{s}", k, 30.0 * k, 30.0 * k + 20, pair=(f"piece {p}",)) for k, p in enumerate(pieces)]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("title", NAMES)
def test_a_group_shares_its_sounds_and_each_is_heard_once(title):
    windows = cut(music(), 2.0)
    rows = build_task(title).prepare(windows, seed=1)
    own = heard(rows)
    assert len(rows) >= 0.9 * len(windows)
    for _, group in rows.groupby("pool"):
        pools = {frozenset(candidates(row)) for _, row in group.iterrows()}
        right = [own[k] for k in group.index]
        assert len(pools) == 1 and len(next(iter(pools))) == group["n_candidates"].iloc[0]
        assert len(set(right)) == len(right) and set(right) <= next(iter(pools))
        assert group["subject"].nunique() == 1
    source = windows.set_index(["recording", "trial", "start"])
    places = source.loc[list(rows[["recording", "trial", "start"]].itertuples(index=False, name=None))]
    assert own == list(zip(places["stimulus_1"], places["audio_start_1"], strict=True))


def best_by_memory(train, test):
    """Accuracy of whoever remembers how often each sound was right among its candidates in training, and hears nothing else."""
    right, seen = {}, {}
    for (_, row), own in zip(train.iterrows(), heard(train), strict=True):
        for sound in candidates(row):
            for memory in (sound, sound[0]):
                seen[memory] = seen.get(memory, 0) + 1
                right[memory] = right.get(memory, 0) + (sound == own)
    known = {memory: right[memory] / seen[memory] for memory in seen}

    def liked(sound):
        return known.get(sound, known.get(sound[0], 0.0)), sound

    return np.mean([max(candidates(row), key=liked) == own for (_, row), own in zip(test.iterrows(), heard(test), strict=True)])


@pytest.mark.parametrize("title", NAMES)
@pytest.mark.parametrize("sign", [1, -1])
def test_hearing_alone_is_chance_for_memory_loudness_and_place_in_the_stimulus(title, sign):
    """Uneven repetitions and the same pieces on both sides of the split: memory has all it could wish for."""
    windows = cut(music(4, 8, lambda s, p: 1 + (p * (s + 1)) % 3), 2.0)
    late = windows["trial"].astype(int) % 3 == 0
    task = build_task(title)
    train, test = (task.prepare(windows[part].reset_index(drop=True), seed=0) for part in (~late, late))
    chance = task.chance(test)
    loudness = {f"piece {p}": p for p in range(8)}
    loud = [max(candidates(row), key=lambda c: sign * (100 * loudness[c[0]] + c[1])) for _, row in test.iterrows()]
    by_loudness = np.mean([choice == own for choice, own in zip(loud, heard(test), strict=True)])
    full = test.groupby("pool")["pool"].transform("size") == test["n_candidates"]
    tolerance = 0.02 if full.all() else 0.08
    assert by_loudness == pytest.approx(chance, abs=tolerance)
    assert best_by_memory(train, test) == pytest.approx(chance, abs=tolerance)
    if "pool" not in title:
        assert by_loudness == pytest.approx(chance, abs=1e-12)


def test_wrong_sounds_come_from_other_stimuli_of_the_same_subject_and_kind():
    windows = cut(music(), 2.0).assign(kind_1=lambda w: np.where(w["stimulus_1"] < "piece 3", "speech", "music"))
    for title in NAMES[:2]:
        rows = build_task(title).prepare(windows, seed=0)
        for _, row in rows.iterrows():
            names = [name for name, _ in candidates(row)]
            assert len(set(names)) == len(names) and len({name < "piece 3" for name in names}) == 1


def test_sounds_of_a_pool_do_not_overlap_even_where_windows_do():
    rows = build_task("retrieval_pool:12").prepare(cut(music(1, 3), 2.0, 0.5), seed=0)
    for _, row in rows.iterrows():
        sounds = sorted(candidates(row))
        assert all(a[0] != b[0] or b[1] - a[1] >= 2.0 - 1e-9 for a, b in pairwise(sounds))


def test_a_pool_is_as_large_as_asked_or_as_there_are_sounds():
    windows = cut(music(1, 3), 2.0)
    task = build_task("retrieval_pool")
    with pytest.warns(UserWarning, match="wanted pools of 50 sounds, but 30 is what") as told:
        assert set(task.prepare(windows)["n_candidates"]) == {30}
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(task.prepare(cut(music(2, 10), 2.0))["n_candidates"]) == {50}
        rows = build_task("retrieval_pool:8").prepare(windows)
    assert len(rows) == 30 and task.chance(rows) == 1 / 8
    learned = task.learned(windows, seed=0)
    assert set(learned["n_candidates"]) == {1} and (learned["answer"] == 0).all() and len(learned) == 30
    for wrong in ("many", "1", "-3"):
        with pytest.raises(BadInput, match="number of sounds to rank"):
            build_task(f"retrieval_pool:{wrong}")


def test_a_trial_with_its_own_sounds_needs_no_drawn_ones():
    """Duos and trios of instruments: each question is asked of the trials that pose it."""
    duo = [trial(trial=f"d{k}", start=60 * k, stop=60 * k + 40, pair=("flute 1", "oboe 1"), attended=1 + k % 2) for k in range(4)]
    trio = [
        trial(trial=f"t{k}", start=600 + 60 * k, stop=640 + 60 * k, pair=("flute 2", "oboe 2", "horn 2"), attended=1 + k % 3)
        for k in range(3)
    ]
    windows = cut(pd.DataFrame([*duo, *trio]), 10.0)
    for title, letter in (("retrieval_duo", "d"), ("retrieval_trio", "t")):
        task = build_task(title)
        rows = task.prepare(windows, seed=0)
        assert set(rows["trial"].str[0]) == {letter} and "pool" not in rows and rows["answer"].nunique() > 1
    assert build_task("retrieval_duo").constant_attribute(build_task("retrieval_duo").prepare(cut(cocktail(), 10.0))) == [
        "talker",
        "side",
    ]


def test_one_stimulus_cannot_be_told_from_another():
    for title, table in (("retrieval_duo", music(2, 1)), ("retrieval_trio", music(2, 2))):
        with pytest.raises(BadInput, match=rf"{title}: wanted subjects who attended to \d stimuli or more.*Tasks that can: "):
            build_task(title).prepare(cut(table, 2.0))
    with pytest.raises(BadInput, match="takes no column"):
        build_task("retrieval_duo:left")


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    return {
        "related": sound_store(folder / "related", gain=3.0, trial_s=16.0),
        "unrelated": sound_store(folder / "unrelated", repeats=2, n_clips=4, trial_s=8.0),
    }


@pytest.mark.parametrize(("title", "window_s"), [*((name, 2.0) for name in NAMES), ("match_mismatch", 8.0)])
def test_each_part_of_a_fold_draws_from_itself(stores, title, window_s):
    store = stores["unrelated"]
    prepared = PreparedRows(store, None, build_task(title), seed=0)
    for fold in BetweenTrial(n_folds=3).folds(store.index, seed=0):
        for part in ("train", "test"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                rows = prepared.examples(fold, part, window_s, "candidates").rows
            spans = getattr(fold, part)
            played = store.index.merge(spans[["recording", "trial"]], on=["recording", "trial"])
            for subject, own in rows.groupby("subject"):
                allowed = set(played.loc[played["subject"] == subject, "stimulus_1"])
                assert {name for _, row in own.iterrows() for name, _ in candidates(row)} <= allowed


def run_and_audit(title, name, store, settings=(), folds=None):
    task = build_task(title)
    folds = folds or BetweenTrial(n_folds=2, only=(0,)).folds(store.index, seed=0)
    run = run_system(name, lambda: build_system(name, settings, "candidates"), store, None, task, folds, [2.0], seed=0)
    return run, audit([run], folds, store, None, task, seed=0)


@pytest.mark.parametrize(("title", "name"), [(NAMES[0], "trf"), (NAMES[1], "cca"), (NAMES[2], "trf"), (NAMES[2], "cca")])
def test_the_floor_finds_the_sound_that_eeg_follows(stores, title, name):
    run, audits = run_and_audit(title, name, stores["related"])
    rows = {row.control: row for row in audits[name]}
    predictions = run.predictions()
    chance = float((1 / predictions["n_options"]).mean())
    assert predictions["correct"].mean() > chance + 0.15
    assert not [row for row in rows.values() if row.status == "fail"], rows
    for control in ("eeg_permuted", "eeg_noise", "eeg_zeroed", "answers_hidden", "audio_shifted", "order_swapped", "batch_size"):
        assert rows[control].status == "pass", rows[control]


TINY = ("training.steps=3", "training.batch_size=8", "training.device=cpu", "warm_start=false", "form=tiny")


@pytest.mark.parametrize("title", NAMES)
@pytest.mark.parametrize(("name", "settings"), [("trf", ()), ("mindmix", TINY)])
def test_without_a_relation_everything_stays_at_chance(stores, title, name, settings):
    store = stores["unrelated"]
    folds = LeaveOneSubjectOut().folds(store.index, seed=0)[:1]
    run, audits = run_and_audit(title, name, store, settings, folds)
    predictions = run.predictions()
    chance = float((1 / predictions["n_options"]).mean())
    spread = np.sqrt(chance * (1 - chance) / len(predictions))
    assert abs(predictions["correct"].mean() - chance) < 4 * spread
    assert not [row for row in audits[name] if row.status == "fail"]


def test_a_pool_is_reported_with_its_ranks(stores):
    store = stores["related"]
    folds = BetweenTrial(n_folds=2).folds(store.index, seed=0)
    run, audits = run_and_audit("retrieval_pool:20", "trf", store, folds=folds)
    result = Result([run], folds, "sounds", "retrieval_pool:20", "between_trial", "candidates", 0, audits=audits)
    metrics = result.to_json()["systems"][0]["metrics"]
    expected = {
        "accuracy": 1 / 20,
        "recall@5": 5 / 20,
        "recall@10": 0.5,
        "mrr": np.mean(1 / np.arange(1, 21)),
        "median_rank": 10.5,
    }
    for name, chance in expected.items():
        assert metrics[name]["chance"] == pytest.approx(chance), name
        low, high = metrics[name]["ci95"]
        assert low <= metrics[name]["mean"] <= high
        assert metrics[name]["mean"] < chance if name == "median_rank" else metrics[name]["mean"] > chance
    assert metrics["accuracy"]["mean"] <= metrics["recall@5"]["mean"] <= metrics["recall@10"]["mean"]
    page = result.html()
    assert result.to_json()["systems"][0]["n_options"] == [20] and "<td>20</td>" in page
    assert "mean reciprocal rank" in page and "(chance 10.500)" in page


def test_a_test_part_of_one_stimulus_says_why_it_is_empty(tmp_path):
    store = sound_store(tmp_path / "two", n_subjects=1, n_clips=3, trial_s=6.0)
    folds = BetweenTrial(n_folds=3).folds(store.index, seed=0)
    run = run_system("trf", lambda: build_system("trf"), store, None, build_task("retrieval_duo"), folds, [2.0], seed=0)
    assert run.status == "not applicable" and "cannot serve retrieval_duo: wanted subjects who attended to 2 stimuli" in run.why
