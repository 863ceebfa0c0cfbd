"""Mutated EDF headers: every outcome is the same recording, a ReadError, or a load that names what is odd; never a crash."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mindleaf.errors import ReadError
from mindleaf.reading.signals import open_signal

from .written_files import write_edf

N_MUTATIONS = 50
_MARKS = [(0.5, 0.25, "T1"), (3.0, None, "T2")]


def mutate(content: bytes, header_bytes: int, rng: np.random.Generator) -> bytes:
    """One to four header bytes flipped, overwritten with digits, zeroed or shifted."""
    damaged = bytearray(content)
    kind, position = rng.integers(4), int(rng.integers(168, header_bytes - 8))
    if kind == 0:
        damaged[position] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        damaged[position] = int(rng.integers(48, 58))
    elif kind == 2:
        damaged[position : position + int(rng.integers(1, 5))] = bytes(int(rng.integers(1, 5)))
    else:
        end = min(position + 64, header_bytes)
        damaged[position:end] = damaged[position + 1 : end] + b" "
    return bytes(damaged[: len(content)])


@pytest.mark.parametrize("bdf", [False, True])
def test_no_mutation_changes_the_recording_silently(tmp_path: Path, bdf: bool):
    path = tmp_path / ("a.bdf" if bdf else "a.edf")
    write_edf(path, annotations=_MARKS, bdf=bdf)
    content, whole = path.read_bytes(), open_signal(path)
    values = whole.load()
    rng = np.random.default_rng(7)
    outcomes: Counter[str] = Counter()
    for number in range(N_MUTATIONS // 2):
        path.write_bytes(mutate(content, 256 * 6, rng))
        try:
            file = open_signal(path)
            loaded = file.load()
        except ReadError as error:
            assert path.name in str(error)
            outcomes["refused"] += 1
            continue
        if file.issues:
            outcomes["named"] += 1
            continue
        assert (file.sfreq, file.n_times, file.channel_names) == (whole.sfreq, whole.n_times, whole.channel_names), number
        assert [(event.onset, event.label) for event in file.events] == [(event.onset, event.label) for event in whole.events], (
            number
        )
        assert np.array_equal(loaded, values), number
        outcomes["identical"] += 1
    assert min(outcomes.values()) > 0
    assert len(outcomes) == 3, outcomes
