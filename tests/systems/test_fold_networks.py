"""The published networks as systems: each learns what it is built for, nothing else, and reads the training windows only."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from mindleaf.errors import BadInput
from mindleaf.evaluation.predict import Cell, run_system
from mindleaf.evaluation.refits import fit_on_train_only
from mindleaf.fold import Fold, spans
from mindleaf.protocols import BetweenTrial, RandomWindows
from mindleaf.recording import Stimulus
from mindleaf.store.writer import write_store
from mindleaf.systems.registry import build_system
from mindleaf.tasks import Attention, Classify, RetrievalPool
from tests.systems.listening import (
    attended_rows,
    halves,
    labelled_rows,
    listening_store,
    none_of,
    rhythm_store,
    simulated_listener,
)

CLASSIFIERS, LISTENERS = ("dbpnet", "darnet"), ("aadnet", "musicaad")
#: Steps of a few seconds in all that are enough for the generated relation, and how many windows a step takes.
ENOUGH = {
    "dbpnet": ("training.steps=24", "training.batch_size=16"),
    "darnet": ("training.steps=24", "training.batch_size=16", "training.optimiser.lr=0.002"),
    "aadnet": ("training.steps=20", "training.batch_size=16", "training.optimiser.lr=0.001"),
    "musicaad": ("training.steps=30", "training.batch_size=16", "training.optimiser.lr=0.01"),
}
ONE_STEP = ("training.steps=1", "training.batch_size=4", "training.device=cpu")
pytestmark = pytest.mark.filterwarnings("ignore:musicaad. the store keeps envelopes")


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    """Training and test windows for each system; whole trials are held out."""
    folder = tmp_path_factory.mktemp("networks")
    rhythms = halves(labelled_rows(rhythm_store(folder / "rhythm"), 1.0), ("t08", "t09", "t10", "t11"))
    listening = listening_store(folder / "listening", trial_s=20.0, gain=2.0)
    heard = {name: halves(attended_rows(listening, window_s), ("t3",)) for name, window_s in (("aadnet", 2.0), ("musicaad", 1.0))}
    return dict.fromkeys(CLASSIFIERS, rhythms) | heard


def built(name, *settings):
    return build_system(name, [*ONE_STEP, *settings])


@pytest.fixture(scope="module")
def begun(questions):
    """Each system after one step."""
    systems = {}
    for name, (train, _) in questions.items():
        systems[name] = built(name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            systems[name].fit(train.take(range(0, len(train), 6)), none_of(train), seed=0)
    return systems


def right(system, examples) -> float:
    truth = examples.answers if system.asks == "candidates" else examples.labels
    return float((system.predict(examples).argmax(axis=1) == truth).mean())


@pytest.mark.parametrize("name", ENOUGH)
def test_learns_the_relation_it_is_built_for(name, questions):
    train, test = questions[name]
    system = built(name, *ENOUGH[name])
    system.fit(train, none_of(train), seed=0)
    assert right(system, test) >= 0.85
    curve = system.findings()["curve"]
    assert len(curve) == len({line["step"] for line in curve}) and np.isfinite([line["loss"] for line in curve]).all()


@pytest.mark.parametrize("name", ENOUGH)
def test_a_row_depends_on_its_window_alone_and_not_on_the_answers(name, begun, questions):
    system, (_, test) = begun[name], questions[name]
    scores = system.predict(test)
    n_options = test.n_candidates if system.asks == "candidates" else len(test.classes)
    assert scores.shape == (len(test), n_options) and np.isfinite(scores).all()
    order = np.random.default_rng(0).permutation(len(test))
    np.testing.assert_allclose(system.predict(test.take(order)), scores[order], atol=1e-5)
    np.testing.assert_allclose(system.predict(test.take([3])), scores[[3]], atol=1e-5)
    hidden = test.with_rows(test.rows.assign(answer=-1, target=-1, attended=0, label=""))
    np.testing.assert_array_equal(system.predict(hidden), scores)
    assert system.predict(none_of(test)).shape == (0, n_options)
    assert np.isfinite(system.predict(replace(test, replace_eeg="zero"))).all()


@pytest.mark.parametrize("name", LISTENERS)
def test_exchanging_two_candidates_exchanges_their_scores(name, begun, questions):
    system, (_, test) = begun[name], questions[name]
    pairs = {f"{field}_{k}": f"{field}_{3 - k}" for field in ("stimulus", "side", "talker", "audio_start") for k in (1, 2)}
    swapped = test.with_rows(test.rows.rename(columns=pairs)[list(test.rows.columns)])
    np.testing.assert_allclose(system.predict(swapped), system.predict(test)[:, ::-1], atol=1e-6)


@pytest.mark.parametrize("name", ENOUGH)
def test_two_fits_with_one_seed_agree_and_see_the_training_windows_only(name, questions):
    """The second fit reads a store in which everything outside its windows is noise: spatial filters would show it."""
    train, test = (part.take(range(0, len(part), 4)) for part in questions[name])
    known = [
        spans(part.store.index, np.flatnonzero(part.store.index["trial"].isin(part.rows["trial"]))) for part in (train, test)
    ]
    fold = Fold("0", known[0], known[0].iloc[:0], known[1], "trial", ())
    system = built(name)
    task = Attention() if system.asks == "candidates" else Classify()
    cell = Cell(name, system, task, fold, train.window_s, train, none_of(train), test, np.zeros((len(test), 2)))
    row = fit_on_train_only(cell, lambda: built(name), seed=0)
    assert row.status == "pass", row


@pytest.mark.parametrize("name", LISTENERS)
def test_a_pool_of_any_size_is_ranked_by_a_system_that_learned_from_single_sounds(name, questions, begun):
    train, test = questions[name]
    pool = RetrievalPool("4")
    rows = pool.learned(train.store.windows(2.0), seed=0)
    alone = replace(train, rows=rows[rows["trial"] != "t3"].reset_index(drop=True).assign(answer=0))
    system = built(name)
    system.fit(alone.take(range(16)), none_of(alone), seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        asked = replace(test, rows=pool.prepare(test.store.windows(2.0), seed=0))
    assert asked.n_candidates == 4
    assert system.predict(asked.take(range(5))).shape == (5, 4)


def test_the_state_with_the_best_validation_loss_is_kept_and_patience_ends_training(questions):
    train, test = questions["aadnet"]
    # A rate at which nothing can be learned: no validation gains on the first ones for long.
    system = build_system("aadnet", ["training.device=cpu", "training.optimiser.lr=1.0", "training.patience=2", "epochs=50"])
    system.fit(train, test, seed=0)
    curve = system.findings()["curve"]
    losses = [line["validation_loss"] for line in curve if "validation_loss" in line]
    assert len(curve) < 100 and int(np.argmin(losses)) == len(losses) - 3
    assert [line["step"] for line in curve if "validation_loss" in line][:3] == [1, 3, 5], "60 windows are two batches of 32"


def test_without_steps_nothing_is_learned(questions):
    train, _ = questions["darnet"]
    first, other = (built("darnet").untrained() for _ in range(2))
    first.fit(train, none_of(train), seed=0)
    other.fit(train.take(range(0, len(train), 2)), none_of(train), seed=0)
    assert first.findings()["curve"] == []
    for one, two in zip(first.model.network.parameters(), other.model.network.parameters(), strict=True):
        np.testing.assert_array_equal(one.detach(), two.detach())


def test_the_classifiers_say_where_their_first_spatial_filter_listens(begun):
    for name in CLASSIFIERS:
        topography = begun[name].findings()["topography"]
        strongest = topography["channel_names"][int(np.argmax(np.abs(topography["values"])))]
        assert strongest in ("Oz", "C4")


def test_flat_channels_and_dependent_channels_are_borne(tmp_path):
    train, test = halves(labelled_rows(rhythm_store(tmp_path / "flat", flat=True), 1.0), ("t10", "t11"))
    for settings in ((), ("pipeline.reference=average",)):
        system = built("darnet", *settings)
        system.fit(train, none_of(train), seed=0)
        assert np.isfinite(system.predict(test)).all()
        assert not system.model.filters.filters[:, 1].any() or settings


def test_musicaad_hears_28_bands_of_a_waveform_and_says_that_an_envelope_has_none(tmp_path, questions):
    def as_sound(stimulus: Stimulus) -> Stimulus:
        loud = np.repeat(stimulus.load(), 125)
        noise = np.random.default_rng(0).standard_normal(len(loud))
        return Stimulus(stimulus.id, 8000.0, lambda: (loud * noise).astype(np.float32), "audio")

    recording = simulated_listener(0, 2, 6.0, 1.0)
    recording = replace(recording, stimuli=tuple(map(as_sound, recording.stimuli)))
    heard = attended_rows(write_store([recording], tmp_path / "store", "heard", {}), 2.0)
    system = built("musicaad")
    system.fit(heard, none_of(heard), seed=0)
    assert system.n_parameters == 34_566 - 32 * 7 * (20 - 6), "six channels in place of twenty"
    assert np.isfinite(system.predict(heard)).all()
    train, _ = questions["musicaad"]
    with pytest.warns(UserWarning, match="one band in place of 28"):
        built("musicaad").fit(train.take(range(4)), none_of(train), seed=0)


def test_what_cannot_be_done_is_said(questions):
    train, test = questions["aadnet"]
    with pytest.raises(BadInput, match="call fit first"):
        built("aadnet").predict(test)
    with pytest.raises(BadInput, match="known answer"):
        built("aadnet").fit(train.with_rows(train.rows.assign(answer=-1)), none_of(train), seed=0)
    short = attended_rows(train.store, 0.5)
    assert "34 frames" in built("musicaad").not_applicable(short)
    with pytest.raises(BadInput, match="longer --window"):
        built("musicaad").fit(short, none_of(short), seed=0)
    rhythms, _ = questions["darnet"]
    one = rhythms.take(np.flatnonzero(rhythms.labels == 0))
    with pytest.raises(BadInput, match="at least two classes"):
        built("darnet").fit(one, none_of(one), seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENOUGH)
def test_fingerprints_of_trials_teach_nothing_where_trials_are_kept_apart(name, tmp_path):
    """Every trial has a noise level of its own on each channel and nothing else; by it random windows are answered."""
    from tests.evaluation.toy_listeners import listening_store as toy_store

    store = toy_store(tmp_path / "store", n_subjects=4, n_trials=8, gain=0.0, trial_s=8.0, drift=0.5)
    protocols = [BetweenTrial(n_folds=2, val_fraction=0)] + [RandomWindows(n_folds=2, val_fraction=0)] * (name == "darnet")
    found = {}
    for protocol in protocols:
        folds = protocol.folds(store.index, seed=0)
        run = run_system(name, lambda: built(name, *ENOUGH[name]), store, None, Attention(), folds, [1.0], seed=0)
        trials = run.predictions().groupby(["recording", "trial"])["correct"].mean()
        found[protocol.name] = trials.mean() - 0.5, 1.96 * trials.std() / np.sqrt(len(trials))
    above, interval = found.pop("between_trial")
    assert abs(above) < interval
    assert all(above > interval for above, interval in found.values()), "one system shows that the fingerprints are there"
