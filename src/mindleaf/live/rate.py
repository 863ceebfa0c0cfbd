"""Whether samples come at the rate their stream claims, told from a clock that the stream does not set.

LSL hands on a changed rate under the same id silently, with stamps made up from the old one. Samples cannot come before
they exist, so the lead (seconds of samples minus seconds of clock) has a ceiling that a steady stream touches again and
again, whatever it is held up by in between. A rate that is too high lifts it further and further, one that is too low leaves
it for good; what was held up and comes all at once lifts the lead as well, but to the ceiling and no further.
"""

from __future__ import annotations

import math
from collections import deque

#: Lead gained or lost beyond the ceiling that counts, seconds, and how fast it must still go that way, as a share of the rate.
_TOLERANCE_S, _DIFFERENCE = 0.25, 0.08
#: The highest leads of the last two spans of so many seconds are held against the ceiling from before them.
_SPAN_S = 0.75
#: How long it must look like another rate, and how soon after a silence of some length a slower one is not told.
_HELD_S, _SILENT_S = 0.25, 0.6
#: What is told stays until the rate differs from it by such a share, or until nothing is suspected for both spans.
_ANOTHER = 0.15
#: So many gaps in so many seconds are no accidents, unless they are as long as a silence.
_GAPS, _GAPS_S = 3, 2.0
#: The ceiling is that of the last so many seconds: clocks that drift apart by parts in a million raise no alarm.
_REMEMBERED_S = 30.0


class RateWatch:
    """Feed it (now, received, missed): samples so far. A change by a fifth or more is told within three seconds, a smaller one later.

    Missed ones, lost or refused, were sent, so they count for the lead: a gap neither hides a change nor looks like one. Gaps that
    follow one another soon do not count: at a lower rate a stream whose stamps are made up from the old one misses some in every block.
    """

    def __init__(self, sfreq: float) -> None:
        self.sfreq = sfreq
        self._leads: deque[tuple[float, float]] = deque()
        self._missed, self._credited, self._gaps = 0, 0, deque([-math.inf] * _GAPS, _GAPS)
        self.restart()

    def restart(self) -> None:
        self._leads.clear()
        self._silent_until = -math.inf
        self._calm()

    def _calm(self) -> None:
        self._suspect_from, self._suspect_at = math.inf, -math.inf
        self._ceiling, self._told = math.inf, 0.0

    def told(self, now: float, received: int, missed: int) -> float:
        """Samples a second where they are not those of the stream's rate; 0 where all is well or nothing can be told."""
        if more := missed - self._missed:
            counts = now - self._gaps[0] > _GAPS_S or more > _SILENT_S * self.sfreq
            self._credited, self._missed = self._credited + more * counts, missed
            self._gaps.append(now)
        lead = (received + self._credited) / self.sfreq - now
        if self._leads and now == self._leads[-1][0]:
            self._leads[-1] = now, lead
            return self._told
        # What comes at one moment comes together: it is judged once all of it is there.
        if self._leads:
            self._judge(self._leads[-1][0])
            if now - self._leads[-1][0] > _SILENT_S:
                self._silent_until = now
        self._leads.append((now, lead))
        while self._leads[0][0] < now - _REMEMBERED_S:
            self._leads.popleft()
        return self._told

    def _judge(self, now: float) -> None:
        rate = self._suspected(now)
        if rate:
            self._suspect_from, self._suspect_at = min(self._suspect_from, now), now
            differs = abs(rate - self._told) > _ANOTHER * max(rate, self._told, self.sfreq)
            if now - self._suspect_from >= _HELD_S and (differs or not self._told):
                self._told = rate
        elif not self._told or now - self._suspect_at >= 2 * _SPAN_S:
            self._calm()

    def _suspected(self, now: float) -> float:
        """Samples a second as the last two spans have them, where both say that it is another rate; else 0."""
        before, earlier, latest = (
            self._highest(now - a, now - b) for a, b in ((math.inf, 2 * _SPAN_S), (2 * _SPAN_S, _SPAN_S), (_SPAN_S, 0))
        )
        if not math.isfinite(before + earlier):
            return 0.0
        # What a rate too high has lifted since is no ceiling.
        self._ceiling = min(self._ceiling, before)
        beyond, faster = latest - self._ceiling, (latest - earlier) / _SPAN_S
        if abs(beyond) <= _TOLERANCE_S or faster * math.copysign(1, beyond) <= _DIFFERENCE:
            return 0.0
        catching_up = beyond < 0 and now - self._silent_until < _SPAN_S
        return 0.0 if catching_up else self.sfreq * (1 + faster)

    def _highest(self, after: float, until: float) -> float:
        return max((lead for then, lead in self._leads if after < then <= until), default=-math.inf)
