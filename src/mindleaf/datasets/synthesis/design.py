"""Who hears what: pairs of stories, and which talker, side and story each subject attends to, counterbalanced."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TALKERS = ("male", "female")
SIDES = ("left", "right")
STORIES = ("A", "B")
_BLOCK = 4


@dataclass(frozen=True)
class Pair:
    """Two story parts presented together. ``stories[t]`` is the story that talker ``TALKERS[t]`` reads."""

    number: int
    stories: tuple[str, str]

    def stimulus(self, talker: str) -> str:
        """Stimulus id, for example ``storyA_part03_female``; no stimulus belongs to two pairs."""
        return f"story{self.stories[TALKERS.index(talker)]}_part{self.number + 1:02d}_{talker}"

    def story(self, talker: str) -> str:
        return f"story{self.stories[TALKERS.index(talker)]}"


@dataclass(frozen=True)
class Presentation:
    """One trial of one subject. ``order`` lists the talkers as the events table numbers them (1, 2)."""

    pair: Pair
    attended_talker: str
    attended_side: str
    order: tuple[str, str]

    @property
    def attended(self) -> int:
        """1-based number of the attended stream."""
        return self.order.index(self.attended_talker) + 1

    def side(self, talker: str) -> str:
        same = talker == self.attended_talker
        return self.attended_side if same else SIDES[1 - SIDES.index(self.attended_side)]


def pairs(n_trials: int) -> list[Pair]:
    """Pairs 0 .. n_trials - 1; who reads which story changes every second pair."""
    return [Pair(number, STORIES if (number >> 1) & 1 == 0 else STORIES[::-1]) for number in range(n_trials)]


def presentations(subject: int, n_trials: int, rng: np.random.Generator) -> list[Presentation]:
    """The trials of one subject in the order of presentation.

    With bits b of the pair's number: attended talker = b0, the male voice's story = b1, attended side = b1 xor b2, so
    that within a subject talker, side and story are pairwise orthogonal in every four pairs and jointly balanced in every
    eight. Subjects flip: odd ones attend the other talker of each pair, and the side flips in the order 0, 1, 1, 0.
    Neither the audio of a pair, nor the side, nor the voice alone tells who is attended. The order of presentation is
    shuffled in balanced blocks, and the numbering of the two streams is balanced and shuffled too.
    """
    talker_flip, side_flip = subject & 1, (subject & 1) ^ ((subject >> 1) & 1)
    attended_first = rng.permutation(np.arange(n_trials) % 2)
    everything = pairs(n_trials)
    trials = []
    for position, number in enumerate(_block_shuffled(n_trials, rng)):
        bits = [(number >> bit) & 1 for bit in range(3)]
        attended, other = TALKERS[bits[0] ^ talker_flip], TALKERS[1 - (bits[0] ^ talker_flip)]
        side = SIDES[bits[1] ^ bits[2] ^ side_flip]
        order = (attended, other) if attended_first[position] else (other, attended)
        trials.append(Presentation(everything[number], attended, side, order))
    return trials


def _block_shuffled(n: int, rng: np.random.Generator) -> list[int]:
    blocks = [np.arange(start, min(start + _BLOCK, n)) for start in range(0, n, _BLOCK)]
    return [int(number) for block in rng.permutation(len(blocks)) for number in rng.permutation(blocks[block])]
