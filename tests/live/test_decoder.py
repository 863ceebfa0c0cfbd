"""The decoder as a state machine: any cutting gives the same decisions, every sample is accounted for, nothing bad decides."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from mindleaf.errors import BadInput
from mindleaf.live.events import Gap, Refused, State, StateChanged
from mindleaf.live.settings import LiveConfig
from mindleaf.live.smoothing import Smoother, probabilities
from mindleaf.live.stream import Block, StreamInfo
from mindleaf.preprocessing.causal import causal
from tests.live.promises import counted
from tests.live.streams import BAND, CHANNELS, EEG, SOUND, MeanMatch, chunks, cut, decisions, decoder, ends, follows, play

CONFIG = LiveConfig(slope=5.0)


def offline(eeg: np.ndarray, sound: np.ndarray, config: LiveConfig = CONFIG) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and beliefs of every window, from the whole recording at once."""
    brain, heard = causal(BAND, eeg, 128.0), causal(BAND, sound, 64.0)
    scorer, smoother, length = MeanMatch(), Smoother(2, 4.0, config), 256
    rows = []
    for stop in range(9 * 32, min(len(brain), len(heard)) + 1, 32):
        mean = brain[stop - length : stop].mean(axis=1)
        scores = np.array([np.corrcoef(mean, heard[stop - length : stop, k])[0, 1] for k in range(2)])
        probability = probabilities(scores, config.slope)
        smoother.take(probability)
        rows.append((probability, smoother.belief))
    assert scorer.window_s * BAND.sfreq == length
    return np.array([p for p, _ in rows]), np.array([b for _, b in rows])


@pytest.mark.parametrize("replay", range(100))
def test_stream_equals_batch(replay):
    """Random cuttings of both streams, empty blocks among them, in the order of time."""
    rng = np.random.default_rng(replay)
    eeg, sound = follows(rng.uniform(8, 16), attended=replay % 2, seed=replay)
    blocks = []
    for info, samples in ((EEG, eeg), (SOUND, sound)):
        # No block is longer than 0.4 s: what comes later than that is late, and rightly treated as such.
        steady = np.arange(0, len(samples), round(0.4 * info.sfreq))
        edges = np.sort(np.r_[steady, rng.integers(0, len(samples), rng.integers(0, 300)), len(samples)])
        blocks += cut(info, samples, [int(edge) for edge in edges])
    said = decisions(play(decoder(CONFIG), sorted(blocks, key=ends)))
    probability, belief = offline(eeg, sound)
    # The last window may wait for samples that never come.
    assert len(probability) - 1 <= len(said) <= len(probability) and len(said) > 5
    told = np.array([d.probability + d.belief for d in said])
    with counted("batch", "state machine, 100 replays of 8 to 16 s cut at random") as count:
        count.add(np.abs(told - np.hstack([probability, belief])[: len(said)]).max())
    assert [d.choice for d in said[4:]] == [replay % 2] * (len(said) - 4)


def test_decisions_come_at_their_second_and_soon():
    eeg, sound = follows(20)
    machine = decoder(CONFIG)
    said = decisions(play(machine, chunks(eeg, sound)))
    assert [d.stop for d in said] == pytest.approx([4.5 + 0.5 * k for k in range(len(said))])
    assert max(d.at - d.stop for d in said) <= machine.delay_s + 0.11
    assert machine.delay_s < 0.15


def test_what_it_says_from_start_to_answer():
    eeg, sound = follows(8)
    states = [(e.state, e.reason) for e in play(decoder(), chunks(eeg, sound)) if isinstance(e, StateChanged)]
    assert states == [(State.RUNNING, "")]
    fresh = decoder()
    assert (fresh.state, fresh.reason) == (State.STARTING, "waits for 4.5 s of EEG")


def lossy(blocks: list[Block], lost: slice) -> list[Block]:
    eeg = [block for block in blocks if block.info.kind == "eeg"]
    gone = {id(block) for block in eeg[lost]}
    return [block for block in blocks if id(block) not in gone]


def test_every_sample_is_accounted_for_and_no_window_reaches_over_a_gap():
    eeg, sound = follows(30)
    machine, blocks = decoder(CONFIG), chunks(eeg, sound)
    kept = lossy(blocks, slice(100, 103))
    said = play(machine, kept)
    account = machine.eeg.account
    n_lost = sum(len(b.samples) for b in blocks) - sum(len(b.samples) for b in kept)
    assert (account.lost, account.received + account.lost, account.sent) == (n_lost, len(eeg), len(eeg))
    [gap] = [event for event in said if isinstance(event, Gap)]
    assert gap.lost == n_lost
    stops = np.array([d.stop for d in decisions(said)])
    assert not ((stops > gap.stamp) & (stops - 4.0 < gap.stamp)).any()
    assert [e.state for e in said if isinstance(e, StateChanged)] == [State.RUNNING, State.RECOVERING, State.RUNNING]


def test_repeated_samples_count_once():
    eeg, sound = follows(10)
    machine = decoder(CONFIG)
    blocks = chunks(eeg, sound)
    again = [twice for block in blocks for twice in ((block, block) if block.info.kind == "eeg" else (block,))]
    said = decisions(play(machine, again))
    assert said == decisions(play(decoder(CONFIG), blocks))
    assert machine.eeg.account.repeated == machine.eeg.account.received == len(eeg)


def test_a_source_that_goes_is_stale_within_a_second_and_back_within_five():
    eeg, sound = follows(40)
    blocks = [b for b in chunks(eeg, sound) if b.info.kind == "envelope" or not 10 < ends(b) <= 18]
    said = play(decoder(CONFIG), blocks)
    stale = next(e for e in said if isinstance(e, StateChanged) and e.state == State.STALE)
    back = next(e for e in said if isinstance(e, StateChanged) and e.state == State.RUNNING and e.at > stale.at)
    assert 10 < stale.at <= 11 and 18 < back.at <= 23
    assert not [d for d in decisions(said) if stale.at < d.at < back.at]


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.25, 2.0, 4.0])
def test_a_changed_rate_is_told_within_three_seconds(factor):
    """The same id, the same claims, stamps made up from them: only the clock knows."""
    eeg, sound = follows(60)
    machine, said, changed = decoder(CONFIG), [], 12.0
    for block in chunks(eeg, sound):
        end = ends(block)
        now = end if end <= changed or block.info.kind != "eeg" else changed + (end - changed) / factor
        if now > changed + 6:
            continue
        said.append((now, block))
    events = [event for now, block in sorted(said, key=lambda pair: pair[0]) for event in machine.step(block, now)]
    told = [e for e in events if isinstance(e, StateChanged) and "samples a second" in e.reason]
    with counted("rate", "state machine, 128 Hz becomes 64, 102.4, 160, 256 or 512 Hz") as count:
        count.add(told[0].at - changed, f"factor {factor:g}")
    assert told[0].at > changed and {e.state for e in told} == {State.NO_DECISION}
    assert not [d for d in decisions(events) if d.at > told[0].at]
    # The first word is said before much is known; it is corrected as more comes.
    rate = float([e for e in told if e.at <= changed + 3][-1].reason.split("about ")[1].split()[0])
    assert abs(rate / (128 * factor) - 1) < 0.15
    assert len(told) <= 3


def test_a_lower_rate_whose_blocks_look_like_gaps_is_told():
    """Half the rate: between blocks of 8 samples as many seem to be missing, which is noticed at every second block."""
    eeg, sound = follows(20)
    blocks = [(ends(b), b) for b in chunks(eeg, sound, step_s=0.0625) if b.info.kind == "envelope" or ends(b) <= 10]
    for k in range(40):
        first = 1280 + 16 * k - 8 * (k % 2)
        blocks.append((10 + 0.125 * (k + 1), Block(EEG, first, first / 128, eeg[first : first + 8])))
    machine = decoder(CONFIG)
    events = [e for now, block in sorted(blocks, key=lambda pair: pair[0]) if now < 15 for e in machine.step(block, now)]
    assert machine.eeg.account.lost > 128
    with counted("rate", "state machine, half the rate, told as gaps") as count:
        count.add(next(e.at for e in events if isinstance(e, StateChanged) and "samples a second" in e.reason) - 10)


@pytest.mark.parametrize("seed", range(5))
def test_late_and_bunched_blocks_raise_no_alarm(seed):
    """Held up by up to 0.7 s, then all at once; a clock that drifts by 200 parts in a million."""
    rng = np.random.default_rng(seed)
    eeg, sound = follows(120, seed=seed)
    machine, now, events = decoder(CONFIG), 0.0, []
    for block in chunks(eeg, sound):
        due = ends(block) * (1 + 2e-4) + (rng.uniform(0, 0.7) if rng.random() < 0.05 else rng.uniform(0, 0.03))
        now = max(now, due)
        events += machine.step(block, now)
    with counted("calm", "state machine, 5 streams of 2 minutes, blocks up to 0.7 s late, 200 ppm of drift") as count:
        count.add(len([e for e in events if isinstance(e, StateChanged) and e.state != State.RUNNING]))
    assert machine.state == State.RUNNING


#: What ends after the first moment and not after the second arrives at the third, all at once.
STALLS = {
    "from the beginning": [(0.0, 0.31, 0.58), (0.31, 0.9, 0.92), (0.9, 1.33, 1.34)],
    "one after another": [(10.0, 10.45, 10.71), (10.45, 10.52, 10.91), (10.52, 11.5, 11.53)],
    "with a block of another stream in the middle": [(10.0, 10.31, 10.6), (10.31, 10.9, 10.92), (10.9, 11.33, 11.34)],
}


@pytest.mark.parametrize("when", STALLS)
def test_stalls_that_follow_one_another_raise_no_alarm(when):
    other = replace(EEG, channels=CHANNELS[::-1])
    eeg, sound = follows(20)
    machine, now, events = decoder(CONFIG), 0.0, []
    for block in chunks(eeg, sound, step_s=0.03):
        at = ends(block)
        now = max(now, next((then for first, last, then in STALLS[when] if first < at <= last), at))
        foreign = "another stream" in when and block.info.kind == "eeg" and 10.0 < at < 10.04
        events += machine.step(replace(block, info=other) if foreign else block, now)
    with counted("calm", f"state machine, stalls of half a second {when}") as count:
        count.add(sum("samples a second" in e.reason for e in events if isinstance(e, StateChanged)))
    assert machine.eeg.account.sent == len(eeg)


CHANGED = {
    "count": (StreamInfo("eeg", CHANNELS[:3], 128.0), "3 channels in place of 4, without Oz"),
    "order": (StreamInfo("eeg", CHANNELS[::-1], 128.0), "the same channels in another order: channel 1 is Oz in place of Fz"),
    "labels": (StreamInfo("eeg", (*CHANNELS[:3], "O1"), 128.0), "other channels: channel 4 is O1 in place of Oz"),
    "unit": (StreamInfo("eeg", CHANNELS, 128.0, "mV"), "unit mV in place of uV"),
    "rate": (StreamInfo("eeg", CHANNELS, 256.0), "256 samples a second in place of 128"),
}


@pytest.mark.parametrize("what", CHANGED)
def test_a_changed_stream_is_refused_with_the_difference(what):
    info, difference = CHANGED[what]
    eeg, sound = follows(30)
    machine = decoder(CONFIG)
    blocks = []
    for block in chunks(eeg, sound):
        other = block.info.kind == "eeg" and 10 < ends(block) <= 15
        blocks.append(replace(block, info=info, samples=block.samples[:, : len(info.channels)]) if other else block)
    said = play(machine, blocks)
    refused = [e for e in said if isinstance(e, Refused)]
    halted = next(e for e in said if isinstance(e, StateChanged) and difference in e.reason)
    with counted("changed", "state machine: count, order, labels, unit, rate") as count:
        count.holds({e.reason for e in refused} == {difference} and halted.state == State.NO_DECISION, what)
    account = machine.eeg.account
    assert account.refused == sum(e.n_samples for e in refused) > 0 and account.sent == len(eeg)
    stops = [d.stop for d in decisions(said)]
    assert not [s for s in stops if 10.2 < s < 19] and stops[-1] > 29


def test_what_was_lost_before_a_refused_block_and_what_of_it_came_twice_is_counted():
    other = StreamInfo("eeg", CHANNELS[::-1], 128.0)
    machine, block = decoder(CONFIG), np.zeros((10, 4))
    for first, info in ((0, EEG), (15, other), (15, other), (30, EEG)):
        machine.step(Block(info, first, first / 128, block), first / 128 + 0.1)
    account = machine.eeg.account
    assert (account.received, account.lost, account.refused, account.repeated) == (20, 10, 10, 10) and account.sent == 40


def test_samples_that_do_not_fit_their_own_description_are_refused():
    machine = decoder()
    [refused] = [e for e in machine.step(Block(EEG, 0, 0.0, np.zeros((10, 3))), 0.1) if isinstance(e, Refused)]
    assert "(10, 3)" in refused.reason
    [refused] = [e for e in machine.step(Block(EEG, 10, math.nan, np.zeros((10, 4))), 0.2) if isinstance(e, Refused)]
    assert "stamp" in refused.reason


BAD = {
    "missing": lambda x: np.full_like(x, np.nan),
    "infinite": lambda x: np.full_like(x, np.inf),
    "flat": lambda x: np.full_like(x, 7.0),
    "railed": lambda x: np.clip((x - x.mean()) * 30, -90, 90),
    "amplitude": lambda x: 1e6 * x,
    "huge": lambda x: 1e300 * np.sign(x - x.mean()),
    "in volts": lambda x: 1e-6 * x,
    "one sample missing": lambda x: np.where(np.arange(len(x))[:, None] % 50 == 0, np.nan, x),
    "line noise": lambda x: x + 200 * np.sin(2 * np.pi * 50 * np.arange(len(x))[:, None] / 128),
    "muscle": lambda x: x + 150 * np.random.default_rng(0).standard_normal(x.shape),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_channels_give_no_decision_and_finite_output(what):
    eeg, sound = follows(30)
    spoilt = eeg.copy()
    spoilt[128 * 10 : 128 * 15] = BAD[what](spoilt[128 * 10 : 128 * 15])
    said = decisions(play(decoder(CONFIG), chunks(spoilt, sound)))
    case = f"state machine, all channels one of {len(BAD)} ways bad for 5 s"
    with counted("damage", case) as count:
        count.holds(bool(np.isfinite([d.scores + d.probability + d.belief for d in said]).all()), what)
    with counted("undecided", case) as count:
        spoilt_windows = [d for d in said if 10.5 <= d.stop <= 19]
        count.add(sum(d.choice >= 0 or "0 of 4 channels usable" not in d.reason for d in spoilt_windows), what)
    after = [d for d in said if d.stop >= 20]
    assert {d.choice for d in after} == {0} and after[0].probability[0] > 0.6


@pytest.mark.parametrize("start", [10.0, 10.15, 10.3, 10.4])
def test_rails_for_a_part_of_a_hop_are_found(start):
    eeg, sound = follows(20)
    span = slice(round(128 * start), round(128 * (start + 0.2)))
    eeg[span] = BAD["railed"](eeg[span])
    said = decisions(play(decoder(CONFIG), chunks(eeg, sound)))
    with counted("undecided", "state machine, all channels railed for 0.2 s, wherever in the hop") as count:
        count.add(sum(d.choice >= 0 for d in said if d.stop - 4 < start and d.stop > start + 0.2), f"{start:g} s")
    assert {d.choice for d in said if d.stop < start or d.stop - 4 > start + 0.7} == {0}


@pytest.mark.parametrize("what", BAD)
def test_one_bad_channel_is_left_out_and_the_others_decide(what):
    eeg, sound = follows(20)
    spoilt = eeg.copy()
    spoilt[:, 2:3] = BAD[what](spoilt[:, 2:3])
    said = decisions(play(decoder(CONFIG), chunks(spoilt, sound)))
    assert all(d.channels[2] and not any(d.channels[k] for k in (0, 1, 3)) for d in said)
    assert {d.choice for d in said[3:]} == {0}
    without = decisions(play(decoder(CONFIG.model_copy(update={"left_out": ("Pz",)})), chunks(eeg, sound)))
    assert [d.probability for d in without] == [d.probability for d in said]


def test_sound_that_stops_or_is_silent_gives_no_decision():
    eeg, sound = follows(30)
    quiet = sound.copy()
    quiet[64 * 10 : 64 * 20, 1] = 3.0
    reasons = {d.reason for d in decisions(play(decoder(CONFIG), chunks(eeg, quiet)))}
    assert reasons == {""}  # a filter still rings a little; only a stream without any sound is exactly constant
    quiet[:, 1] = 0.0
    assert {d.reason for d in decisions(play(decoder(CONFIG), chunks(eeg, quiet)))} == {"nothing plays in B"}
    gone = [b for b in chunks(eeg, sound) if b.info.kind == "eeg" or not 10 < ends(b) <= 15]
    said = decisions(play(decoder(CONFIG), gone))
    assert {d.reason for d in said if 10.6 < d.stop < 19} == {"no sound for the whole window"}
    assert {d.reason for d in said if d.stop > 20 or d.stop < 10} == {""}


def test_missing_samples_of_sound_keep_the_output_finite():
    eeg, sound = follows(12)
    sound[300:310] = np.nan
    said = decisions(play(decoder(CONFIG), chunks(eeg, sound)))
    assert said and np.isfinite([d.belief for d in said]).all()


def test_one_great_block_is_as_good_as_many():
    eeg, sound = follows(60)
    machine = decoder(CONFIG)
    said = decisions(
        machine.step(Block(SOUND, 0, 0.0, sound[: 64 * 5]), 5.0) + machine.step(Block(EEG, 0, 0.0, eeg[: 128 * 5]), 5.0)
    )
    assert said == decisions(play(decoder(CONFIG), chunks(eeg[: 128 * 5], sound[: 64 * 5])))[: len(said)] and said
    # All the EEG before any sound: windows are given up, none is decided from the wrong sound, nothing breaks.
    machine = decoder(CONFIG)
    said = decisions(machine.step(Block(EEG, 0, 0.0, eeg), 60.0) + machine.step(Block(SOUND, 0, 0.0, sound), 60.0))
    assert {d.choice for d in said[:-2]} == {-1}


@pytest.mark.parametrize("turn", [64.0, 200.0, 250.0, 300.0, 512.0, 1000.0])
def test_any_rate_of_eeg(turn):
    eeg, sound = follows(15, sfreq=turn)
    info = StreamInfo("eeg", CHANNELS, turn)
    said = decisions(play(decoder(CONFIG, info), chunks(eeg, sound, info=info)))
    assert len(said) > 15 and {d.choice for d in said[2:]} == {0}


def test_stamps_of_two_clocks_line_up():
    """Sound that began 3.3 s before the EEG, both from a clock that began long ago."""
    eeg, sound = follows(30)
    late = 128 * 3
    blocks = sorted(
        [*cut(SOUND, sound, [*range(0, len(sound), 7), len(sound)], 1e6),
         *(replace(b, first=b.first + 50) for b in cut(EEG, eeg[late:], [*range(0, len(eeg) - late, 13), len(eeg) - late], 1e6 + 3.0))],
        key=ends,
    )  # fmt: skip
    said = decisions(play(decoder(CONFIG), blocks))
    assert {d.choice for d in said[2:]} == {0} and len(said) > 40
    shifted = decisions(play(decoder(CONFIG.model_copy(update={"lag_s": 1.0})), blocks))
    assert np.mean([d.probability[0] for d in shifted]) < np.mean([d.probability[0] for d in said]) - 0.2


REFUSED = {
    "one sound": (EEG, StreamInfo("envelope", ("A",), 64.0), LiveConfig(), "two sounds"),
    "a hop between frames": (EEG, SOUND, LiveConfig(hop_s=0.33), "whole number of frames"),
    "an unknown channel": (EEG, SOUND, LiveConfig(left_out=("Xx",)), "Xx"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused_at_once(what):
    eeg, sound, config, word = REFUSED[what]
    with pytest.raises(BadInput, match=word):
        decoder(config, eeg, sound)


def test_a_stream_without_a_known_unit_is_refused():
    with pytest.raises(BadInput, match="--unit"):
        StreamInfo("eeg", CHANNELS, 128.0, "bananas")


def test_smoothing_follows_a_switch_and_dwells():
    smoother = Smoother(2, 2.0, LiveConfig(hop_s=0.5, dwell_s=1.0, turn_s=30.0))
    for _ in range(60):
        smoother.take(np.array([0.7, 0.3]))
    assert smoother.choice == 0 and smoother.belief[0] > 0.9
    hops = 0
    while smoother.choice == 0:
        smoother.take(np.array([0.3, 0.7]))
        hops += 1
    assert 5 < hops < 40
    smoother.take(np.array([0.0, 1.0]))
    assert np.isfinite(smoother.belief).all()
