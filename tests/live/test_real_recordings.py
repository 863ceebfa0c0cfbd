"""Real recordings, and stores, through the live path: the decisions are those of the causal pipeline over the whole trial at once."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mindleaf.live.events import Decision, Event, Gap, Mark
from mindleaf.live.linear import LinearConfig, LinearScorer, read_linear, write_linear
from mindleaf.live.scorer import Heard
from mindleaf.live.smoothing import Smoother, probabilities
from mindleaf.preprocessing.causal import causal
from mindleaf.stages.live import Asked, open_session
from mindleaf.stages.live_fit import Listened
from mindleaf.stages.prepare import prepare
from mindleaf.store.store import Store
from tests.live.promises import counted


def trials(store: Store) -> list[Listened]:
    """The trials of a store with two sounds, in the order of the live source; arrays as ``Block`` has them."""
    table = store.index[store.index["n_candidates"] >= 2].sort_values(["recording", "start"])
    found = []
    for _, row in table.iterrows():
        recording, stimuli = store.recordings[row["recording"]], [store.stimuli[row[f"stimulus_{k}"]] for k in (1, 2)]
        eeg = store.signal(recording.id)[round(row["start"] * recording.sfreq) : round(row["stop"] * recording.sfreq)]
        n = round((row["stop"] - row["start"]) * stimuli[0].sample_rate)
        sound = np.zeros((n, 2), np.float32)
        for k, stimulus in enumerate(stimuli):
            first = round(row[f"audio_start_{k + 1}"] * stimulus.sample_rate)
            part = store.samples(stimulus.id)[first : first + n]
            sound[: len(part), k] = part
        found.append(
            Listened(recording.id, np.asarray(eeg), recording.sfreq, sound, stimuli[0].sample_rate, stimuli[0].kind, int(row["attended"]) - 1)
        )  # fmt: skip
    return found


def drawn(channels: tuple[str, ...], folder: Path) -> Path:
    """A linear decoder with weights by lot: what it is worth is not the question here."""
    config = LinearConfig(channels=channels, slope=20.0)
    weights = np.random.default_rng(0).standard_normal((config.lags[1] - config.lags[0] + 1, len(channels)))
    write_linear(folder, config, weights)
    return folder


def offline(part: Listened, model: Path, channels: tuple[str, ...]) -> tuple[NDArray, NDArray]:
    """Probability and belief of every window of a trial, from the whole of it at once, all channels used."""
    config, weights = read_linear(model)
    live = open_session(Asked("synthetic")).decoder.config.model_copy(update={"slope": config.slope})
    scorer, smoother, rows = LinearScorer(config, weights, channels), Smoother(2, config.window_s, live), []
    sound = np.abs(part.sound.astype(np.float64)) ** config.power if part.kind == "audio" else part.sound
    brain, heard = causal(config.eeg, part.eeg, part.sfreq), causal(config.sound, sound, part.sound_rate)
    for stop in range(288, min(len(brain), len(heard)) + 1, 32):
        window = Heard(brain[stop - 256 : stop].T, np.ones(len(channels), bool), heard[stop - 256 : stop].T)
        smoother.take(probability := probabilities(scorer(window), config.slope))
        rows.append((probability, smoother.belief))
    return np.array([p for p, _ in rows]), np.array([b for _, b in rows])


def replayed(path: Path, model: Path, settings: tuple[str, ...] = ()) -> tuple[list[Event], object]:
    """All that is said about a store, as ``mindleaf live --source store:PATH --model MODEL --speed inf`` decides."""
    session = open_session(Asked(f"store:{path}", model=str(model), speed=float("inf"), settings=settings))
    reader = session.subscribe(1_000_000)
    session.run()
    assert reader.dropped == 0
    return reader.get(), session.decoder


def compared(said: list[Event], parts: list[Listened], model: Path, channels: tuple[str, ...], case: str) -> list[Decision]:
    """Every decision against the offline one of the same window; the decisions."""
    decided, starts = [d for d in said if isinstance(d, Decision)], [m.at for m in said if isinstance(m, Mark)]
    assert len(starts) == len(parts)
    with counted("replay", case) as count:
        for start, until, part in zip(starts, [*starts[1:], np.inf], parts, strict=True):
            mine = [d for d in decided if start < d.stop < until]
            probability, belief = offline(part, model, channels)
            # The last window waits for samples that a trial does not have any more.
            assert len(probability) - 1 <= len(mine) <= len(probability) and np.ptp(probability) > 0.05
            for k, d in enumerate(mine):
                assert d.choice >= 0 and not any(d.channels), (d.stop, d.reason, d.channels)
                assert d.stop - start == pytest.approx(4.5 + 0.5 * k, abs=1e-6)
                far = max(np.abs(np.array(d.probability) - probability[k]).max(), np.abs(np.array(d.belief) - belief[k]).max())
                count.add(far, f"{d.stop:g} s")
    return decided


#: No channel of these is left out: which ones the gate would take is a question of its own, asked in ``test_decoder``.
OPEN = (
    "live.gate.amplitude_uv=1e9",
    "live.gate.line_uv=1e9",
    "live.gate.muscle_uv=1e9",
    "live.gate.flat_uv=0",
    "live.gate.railed=1",
)


@pytest.mark.parametrize("dataset", ["two_speaker_minute", "cocktail"])
def test_a_real_recording_decides_live_as_offline(real_data, tmp_path, dataset):
    root = real_data / dataset
    if dataset == "cocktail":  # one trial is enough
        root = tmp_path / "one"
        root.mkdir()
        for name in ("1_1.mat", "F_env.mat", "M_env.mat", "competing_speaker_order.mat"):
            shutil.copy(real_data / dataset / name, root / name)
    store = prepare(dataset, root, tmp_path / "store", quiet=True)
    parts = trials(store)
    channels = next(iter(store.recordings.values())).montage.names
    model = drawn(channels, tmp_path / "model")
    said, machine = replayed(tmp_path / "store", model, OPEN)
    decided = compared(said, parts, model, channels, f"{dataset}, a trial of a minute")
    # With the gate as it is, whatever that leaves out, each window has its answer or its reason.
    judged = [d for d in replayed(tmp_path / "store", model)[0] if isinstance(d, Decision)]
    assert [d.stop for d in judged] == [d.stop for d in decided] and all((d.choice < 0) == bool(d.reason) for d in judged)
    assert machine.eeg.account.received == len(parts[0].eeg) and machine.eeg.account.lost == 0


def test_a_store_is_replayed_trial_by_trial(toy_store, tmp_path):
    """Sixteen trials of four subjects with a gap between any two; who was attended is told as each begins."""
    parts, channels = trials(toy_store), next(iter(toy_store.recordings.values())).montage.names
    model = drawn(channels, tmp_path / "model")
    said, machine = replayed(toy_store.path, model, OPEN)
    compared(said, parts, model, channels, "store of 16 generated trials with gaps")
    assert [m.label for m in said if isinstance(m, Mark)] == [f"attend:{part.attended}" for part in parts]
    gaps = [event for event in said if isinstance(event, Gap) and event.kind == "eeg"]
    account, n_sent = machine.eeg.account, sum(len(part.eeg) for part in parts)
    assert len(gaps) == len(parts) - 1 and account.received == n_sent and account.lost == sum(gap.lost for gap in gaps)
