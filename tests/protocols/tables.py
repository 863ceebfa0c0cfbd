"""Small trial tables for the tests of splits and tasks."""

from __future__ import annotations

import pandas as pd


def trial(subject="01", recording="r01", trial="1", start=0.0, stop=60.0, session="", label="", pair=(), attended=0, dataset="d"):
    """One row of a trial table; ``pair`` holds the stimuli, named "man ..." by a talker "man" and so on, from left to right."""
    row = dict(dataset=dataset, subject=subject, session=session, run="", recording=recording, trial=str(trial))
    row |= dict(start=float(start), stop=float(stop), attended=attended, n_candidates=len(pair), label=label)
    for k, (stimulus, side) in enumerate(zip(pair, ("left", "right", "front"), strict=False), start=1):
        row |= {f"stimulus_{k}": stimulus, f"side_{k}": side, f"talker_{k}": stimulus.split()[0], f"audio_start_{k}": 0.0}
    return row


def eegmat(n_subjects=14):
    """Two recordings a subject, one trial each: rest and arithmetic."""
    return pd.DataFrame(
        [
            trial(f"{s:02d}", f"{s:02d}_{k}", "0", stop=length, label=label)
            for s in range(n_subjects)
            for k, label, length in ((1, "rest", 182.0), (2, "arithmetic", 62.0))
        ]
    )


def kalunga(n_subjects=3, n_recordings=2):
    """32 trials a recording, four classes."""
    labels = ["rest", "13", "21", "17"]
    return pd.DataFrame(
        [
            trial(f"{s}", f"{s}-{r}", k, 7.0 * k, 7.0 * k + 5, label=labels[k % 4])
            for s in range(n_subjects)
            for r in range(n_recordings)
            for k in range(32)
        ]
    )


def cocktail():
    """One subject, four one-minute recordings, always the woman attended."""
    return pd.DataFrame([trial("1", f"trial{k}", k, pair=(f"man {k}", f"woman {k}"), attended=2) for k in range(4)])


def two_speaker_minute():
    return pd.DataFrame([trial("1", "minute", "0", pair=("male1 story", "male2 story"), attended=2)])


def audiobooks(n_subjects=4, n_stories=4):
    """Every subject hears each pair of stories in two trials, with attention on either side."""
    return pd.DataFrame(
        [
            trial(f"{s}", f"{s}", f"{k}-{half}", 120.0 * k + 60 * half, 120.0 * k + 60 * half + 60,
                  pair=(f"man {k}", f"woman {k}"), attended=1 + (s + k + half) % 2)
            for s in range(n_subjects)
            for k in range(n_stories)
            for half in range(2)
        ]
    )  # fmt: skip


def cut(table, window_s, hop_s=None):
    """Windows of each trial, with the audio that plays in them."""
    windows = []
    for row in table.to_dict(orient="records"):
        begin, start = row["start"], row["start"]
        while start + window_s <= row["stop"] + 1e-9:
            moved = {name: value + start - begin for name, value in row.items() if name.startswith("audio_start_")}
            windows.append(row | moved | dict(start=start, stop=start + window_s))
            start += hop_s or window_s
    return pd.DataFrame(windows)
