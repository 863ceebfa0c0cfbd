from __future__ import annotations

import pytest
import torch
from torch import nn

from mindleaf.batch import Batch
from mindleaf.errors import BadInput
from mindleaf.objectives.pairs import PairObjective


class Noted(nn.Module):
    """Keeps the pairs it is shown; the louder sound wins."""

    def compare(self, eeg, pair):
        self.pair = pair
        return pair.mean(dim=(2, 3))


def batch(audio: torch.Tensor, ids: torch.Tensor | None = None) -> Batch:
    n = len(audio)
    ids = torch.arange(audio[:, :, 0, 0].numel()).reshape(audio.shape[:2]) if ids is None else ids
    return Batch(
        eeg=torch.zeros(n, 2, 8), channel_index=torch.zeros(n, 2, dtype=torch.long), positions=torch.zeros(n, 2, 3),
        channel_mask=torch.ones(n, 2, dtype=torch.bool), audio=audio, audio_id=ids, audio_start=torch.zeros(ids.shape),
    )  # fmt: skip


def sounds(n: int, streams: int) -> torch.Tensor:
    """The attended sound has a number of 10,000 or more, the others' numbers tell window and stream."""
    numbers = torch.arange(n * streams, dtype=torch.float32).reshape(n, streams)
    numbers[:, 0] += 10_000
    return numbers[:, :, None, None].expand(n, streams, 1, 8)


def test_the_attended_sound_stands_in_either_place_and_is_the_answer():
    model, audio = Noted(), sounds(200, 3)
    losses = PairObjective()(model, batch(audio), seed=1)
    assert float(losses["accuracy"]) == 1.0 and float(losses.total) < 0.01
    numbers = model.pair[:, :, 0, 0]
    assert 70 < int((numbers[:, 0] >= 10_000).sum()) < 130
    others = {int(value) % 3 for value in numbers.flatten() if value < 10_000}
    assert others == {1, 2}, "each of the other streams is shown"
    again = Noted()
    PairObjective()(again, batch(audio), seed=1)
    torch.testing.assert_close(again.pair, model.pair)
    PairObjective()(again, batch(audio), seed=2)
    assert not torch.equal(again.pair, model.pair)


def test_a_window_with_one_sound_is_shown_that_of_another_window_and_equal_sounds_do_not_count():
    model = Noted()
    audio = sounds(4, 1)
    PairObjective()(model, batch(audio), seed=0)
    pairs = model.pair[:, :, 0, 0].sort(dim=1).values
    assert (pairs[:, 0] != pairs[:, 1]).all()
    same = PairObjective()(model, batch(audio, torch.zeros(4, 1, dtype=torch.long)), seed=0)
    assert float(same.total) == 0.0
    assert float(PairObjective()(model, batch(audio[:1]), seed=0).total) == 0.0


def test_a_batch_without_sounds_is_refused():
    silent = batch(sounds(2, 2))
    silent.audio = None
    with pytest.raises(BadInput, match="candidates"):
        PairObjective()(Noted(), silent, 0)
