"""zenodo 4518754: Curry 7 recordings (.dat, .dap, .rs3, .ceo), stories, and a table of electrode angles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from .expected import Expected, ExpectedTrial, audio, eeg

RATE, SOUND_RATE, STORY_S, BUMP_S = 1000, 44_100, 3.0, 1.2
#: 253 scalp channels in rows from front to back: names of the 10-5 system where it has them, numbers beyond them.
NAMES = [
    f"{row}{k}"
    for row in ("AFp", "AF", "AFF", "F", "FFC", "FC", "FCC", "C", "CCP", "CP", "CPP", "P")
    for k in [*range(1, 11), "z"]
]
NAMES += [f"{row}{k}h" for row in ("FFC", "FCC", "CCP", "CPP") for k in range(1, 11)]
NAMES += [f"X{k}" for k in range(1, 253 - len(NAMES) + 1)]
ALL = [*NAMES, "XtraL", "XtraR"]
#: Recording and sample of the first pulse.
PLAYED = {"S0_AAD_1L": 811, "S0_AAD_2R": 1017, "S1_AAD_1R": 640}


def write(root: Path) -> Expected:
    """Two listeners, three recordings."""
    trials = []
    for number, (stem, first) in enumerate(PLAYED.items()):
        write_recording(root / stem.split("_")[0] / f"{stem}.dat", first, number)
        subject, part, letter = stem[1].zfill(2), stem[-2], stem[-1]
        names = (f"part{part}_track1", f"part{part}_track2")
        labels = {"attended_side": "left" if letter == "L" else "right", "part": part}
        trials.append(
            ExpectedTrial(f"sub-{subject}_run-{part}{letter}", f"{part}{letter}", first / RATE, STORY_S, labels, names, 0, BUMP_S)
        )
    for seed, name in enumerate(f"part{part}_track{track}_dry" for part in (1, 2) for track in (1, 2)):
        (root / "stimuli").mkdir(exist_ok=True)
        soundfile.write(root / "stimuli" / f"{name}.wav", audio(STORY_S, SOUND_RATE, [BUMP_S], seed), SOUND_RATE)
    write_locations(root)
    return Expected(("00", "01"), 3, 253, float(RATE), tuple(trials))


def write_locations(root: Path) -> None:
    (root / "misc").mkdir(exist_ok=True)
    turn = 360.0 * 0.381966
    lines = [
        "Channel Name,Theta,Phi",
        *(f"{name},{5 + 110 * k / 254:.1f},{k * turn % 360 - 180:.1f}" for k, name in enumerate(ALL)),
    ]
    (root / "misc" / "eeg255ch_locs.csv").write_text("\n".join(lines) + "\n")


def write_recording(path: Path, first: int, seed: int, n_times: int = 5200) -> None:
    """Samples of 255 electrodes and the trigger line, which rests at 65280 and changes for 20 ms at each pulse."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.full((n_times, len(ALL) + 1), 65280.0, "<f4")
    values[:, :-1] = eeg(len(ALL), n_times, RATE, [first / RATE + BUMP_S], seed).T
    for start in (first, first + int(STORY_S * RATE)):
        values[start : start + 20, -1] = 65281.0
    values.tofile(path)
    facts = {
        "NumSamples": n_times, "NumChannels": len(ALL) + 1, "NumTrials": 1, "SampleFreqHz": RATE, "TriggerOffsetUsec": 0,
        "DataFormat": "FLOAT", "DataSampOrder": "SAMP", "DataByteOrder": "INTEL", "SampleTimeUsec": 1_000_000 // RATE,
    }  # fmt: skip
    head = _section("DATA_PARAMETERS", facts)
    labels, place = "", 1
    for group, names in (("", ALL), ("_OTHERS", ["Trigger"])):
        told = {"DataUnit": "uV", "NumSensorsThisGroup": len(names), "NumChanThisGroup": len(names)}
        head += _section(f"DEVICE_PARAMETERS{group}", told)
        head += _list(f"CHAN_IN_FILE{group}", [str(place + k) for k in range(len(names))])
        labels += _list(f"LABELS{group}", names)
        place += len(names)
    path.with_suffix(".dap").write_text(head)
    path.with_suffix(".rs3").write_text(labels)
    path.with_suffix(".ceo").write_text(_list("NUMBER_LIST", []) + _list("REMARK_LIST", []))


def _section(name: str, facts: dict[str, object]) -> str:
    lines = "".join(f"   {key:<20} =  {value}\n" for key, value in facts.items())
    return f"{name} START  # Do not edit!\n{lines}{name} END\n\n"


def _list(name: str, rows: list[str]) -> str:
    return f"{name} START_LIST  # Do not edit!\n" + "".join(f"{row}\n" for row in rows) + f"{name} END_LIST\n\n"
