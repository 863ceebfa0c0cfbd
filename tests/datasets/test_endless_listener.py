"""The listener without end: deterministic, seamless, and turned by a word."""

from __future__ import annotations

import numpy as np
import pytest

from mindleaf.datasets.synthesis.settings import preset
from mindleaf.datasets.synthesis.stream import EndlessListener
from mindleaf.errors import BadInput

CONFIG = preset("easy").model_copy(
    update={"n_channels": 16, "background_uv": 0.0, "alpha_uv": 0.0, "blink_uv": 0.0, "line_uv": 0.0}
)
QUIET = CONFIG.model_copy(update={"sensor_uv": 0.0})


def taken(listener: EndlessListener, lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
    blocks = [listener.block(n) for n in lengths]
    return np.concatenate([eeg for eeg, _ in blocks]), np.concatenate([sound for _, sound in blocks])


def test_the_same_seed_gives_the_same_stream_however_it_is_cut():
    a = taken(EndlessListener(CONFIG, 3), [128] * 12)
    b = taken(EndlessListener(CONFIG, 3), [13] * 118 + [2])
    assert a[0].shape == (1536, 16) and a[1].shape == (1536 * 125, 2)
    assert np.abs(a[0] - b[0]).max() < 1e-5 and np.array_equal(a[1], b[1])
    assert not np.array_equal(a[0], taken(EndlessListener(CONFIG, 4), [1536])[0])


def test_speech_goes_on_past_what_was_made_ahead():
    _, sound = taken(EndlessListener(QUIET, 0), [128] * 45)
    loud = np.abs(sound).reshape(45, -1, 2).mean(axis=1)
    assert (loud > 0).all() and not np.array_equal(sound[:80_000], sound[-80_000:])


def test_attention_turns_when_told():
    """What the EEG says about each talker, by the listener's own kernels, changes sides within the kernel's half second."""
    listener = EndlessListener(QUIET, 1)
    parts = []
    for talker in (0, 1, -1):
        listener.attend(talker)
        parts.append(taken(listener, [64] * 20)[0])
    plain = EndlessListener(QUIET, 1)
    still = np.split(taken(plain, [64] * 60)[0], 3)
    assert np.array_equal(parts[0], still[0])
    difference = np.abs(parts[1] - still[1]).mean(axis=1)
    assert difference[64:].mean() > 0.1
    strength = [part[64:].std() for part in parts]
    assert strength[2] < 0.8 * min(strength[:2])


@pytest.mark.parametrize("talker", [2, -2])
def test_no_other_talker(talker):
    with pytest.raises(BadInput, match="talkers 0 and 1"):
        EndlessListener(QUIET, 0).attend(talker)


def test_a_rate_that_sound_does_not_follow_is_refused():
    with pytest.raises(BadInput, match="sfreq=300"):
        EndlessListener(QUIET.model_copy(update={"sfreq": 300}), 0)
