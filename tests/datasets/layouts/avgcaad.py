"""AV-GC-AAD on Zenodo: one MATLAB 5 file a listener with cells of trials, envelopes and struct arrays."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import scipy.io

from .caps import BIOSEMI64
from .expected import EEG_BUMP_S, Expected, ExpectedTrial, eeg

RATE, TRIAL_S, SWITCH_S, BUMP_S = 128, 12.0, 6.0, 1.5
NAMES = [*BIOSEMI64, "EXG1", "EXG2", "EXG3", "EXG4"]
#: Condition, side attended first, talks attended and ignored. The listeners share the talks of the first trial.
TRIALS = {
    "01": (("NoVisuals1", "left", 0, 1), ("FixedVideo1", "right", 2, 3)),
    "03": (("MovingVideo2", "right", 0, 1), ("NoVisuals1", "left", 4, 5)),
}


def write(root: Path) -> Expected:
    """Two listeners with two trials; attention moves to the other side in the middle of each."""
    trials = []
    for subject, played in TRIALS.items():
        write_listener(root, subject, played)
        for number, (condition, side, attended, ignored) in enumerate(played, start=1):
            for half, onset in (("a", 0.0), ("b", SWITCH_S)):
                left = (side == "left") == (half == "a")
                names = (_name(attended), _name(ignored)) if left else (_name(ignored), _name(attended))
                labels = {"condition": condition[:-1], "attended_side": "left" if left else "right"}
                trials.append(
                    ExpectedTrial(
                        f"sub-{subject}_run-{number}", f"{number}{half}", onset, SWITCH_S, labels, names, 1 if left else 2, BUMP_S
                    )
                )
    return Expected(tuple(TRIALS), 4, 64, float(RATE), tuple(trials))


def envelope(talk: int) -> np.ndarray:
    """Slow positive noise, and a bump where the EEG has one in each half."""
    times = np.arange(int(TRIAL_S * RATE)) / RATE
    noise = np.abs(np.random.default_rng(talk).standard_normal(len(times)))
    for moment in (BUMP_S, SWITCH_S + BUMP_S):
        noise += 40.0 * np.exp(-0.5 * ((times - moment) / EEG_BUMP_S) ** 2)
    return noise.astype(np.float32)


def _name(talk: int) -> str:
    start = envelope(talk)[: 30 * RATE].astype(float)
    return "env-" + hashlib.sha256(np.round(1000 * start / start.max()).astype("<i2").tobytes()).hexdigest()[:12]


def write_listener(root: Path, subject: str, played: tuple, switch_s: float = SWITCH_S) -> None:
    count = len(played)
    header = {"Channels": np.array([(name, "uV") for name in NAMES], dtype=[("Label", object), ("PhysicalDimension", object)])}
    data, conditions, sides = (np.empty((1, count), object) for _ in range(3))
    attended, ignored, left, right = (np.empty((1, count), object) for _ in range(4))
    randomization = np.empty(
        (1, count), dtype=[(name, object) for name in ("left", "right", "first_attended_side", "switch_times")]
    )
    metadata = np.empty((1, count), dtype=[("FileHeader", object)])
    for k, (condition, side, talk, other) in enumerate(played):
        signal = eeg(len(NAMES), int(TRIAL_S * RATE), RATE, [BUMP_S, SWITCH_S + BUMP_S], seed=10 * int(subject) + k)
        data[0, k] = signal.T.astype(np.float32)
        conditions[0, k], sides[0, k] = condition, side
        attended[0, k], ignored[0, k] = envelope(talk)[:, None], envelope(other)[:, None]
        left[0, k], right[0, k] = (attended[0, k], ignored[0, k]) if side == "left" else (ignored[0, k], attended[0, k])
        randomization[0, k] = (f"talk{talk}.wav", f"talk{other}.wav", side, switch_s)
        metadata[0, k] = (header,)
    stimulus = {"attendedEnvelopes": attended, "unattendedEnvelopes": ignored, "leftEnvelopes": left, "rightEnvelopes": right}
    values = {
        "data": data, "fs": float(RATE), "subjID": f"2024-AV-GC-AAD-sub{subject}", "conditionID": conditions, "initAttention": sides,
        "randomization": randomization, "metadata": metadata, "stimulus": stimulus,
    }  # fmt: skip
    scipy.io.savemat(root / f"2024-AV-GC-AAD-sub{subject}_preprocessed.mat", values, do_compression=True)
