"""Whether samples come at the rate their stream claims, told from a clock that the stream does not set.

LSL hands on a changed rate under the same id silently, with stamps made up from the old one. Samples cannot come before
they exist, so the lead (seconds of samples minus seconds of clock) has a ceiling that a steady stream touches again and
again, whatever it is held up by in between. A rate that is too high lifts it, one that is too low leaves it for good.
"""

from __future__ import annotations

import math
from collections import deque

#: Lead gained or lost beyond the ceiling that counts, seconds; differences of rate that count; how long an untouched ceiling is waited for.
_TOLERANCE_S, _DIFFERENCE, _UNTOUCHED_S = 0.25, 0.08, 1.5
#: A silence that counts as one; what comes after it says nothing about the rate of what came before.
_SILENT_S = 0.8
#: The ceiling is that of the last so many seconds: clocks that drift apart by parts in a million raise no alarm.
_REMEMBERED_S = 30.0


class RateWatch:
    """Feed it (now, received, lost): samples so far. A change by a fifth or more is told within three seconds, a smaller one later.

    Lost samples were sent, so they count for the lead: a gap neither hides a change nor looks like one. What comes late after a
    silence catches up with the ceiling from before it.
    """

    def __init__(self, sfreq: float) -> None:
        self.sfreq = sfreq
        self._leads: deque[tuple[float, int, float]] = deque()
        self._silent_from = -math.inf

    def restart(self) -> None:
        self._leads.clear()
        self._silent_from = -math.inf

    def told(self, now: float, received: int, lost: int) -> float:
        """Samples a second where they are not those of the stream's rate; 0 where all is well or nothing can be told."""
        lead = (received + lost) / self.sfreq - now
        if self._leads and now - self._leads[-1][0] > _SILENT_S:
            self._silent_from = self._leads[-1][0]
        self._leads.append((now, received, lead))
        while self._leads[0][0] < now - _REMEMBERED_S:
            self._leads.popleft()
        recent = now - _UNTOUCHED_S
        before = [lead for then, _, lead in self._leads if then <= recent]
        if not before:
            return 0.0
        ceiling, latest = max(before), max(lead for _, _, lead in list(self._leads)[len(before) :])
        if abs(latest - ceiling) <= _TOLERANCE_S:
            return 0.0
        measured = self._slope(max(recent, self._silent_from))
        # Samples that were held up and come all at once are fast while they catch up with the ceiling, not beyond it.
        difference = (measured / self.sfreq - 1) * (1 if latest > ceiling else -1)
        return measured if difference > _DIFFERENCE else 0.0

    def _slope(self, since: float) -> float:
        """Samples a second after that moment; the stream's own where that is too short to tell.

        No row from before it: where samples were lost in between, the slope would be that of the gap.
        """
        rows = [(then, n) for then, n, _ in self._leads if then > since]
        (first, n_first), (last, n_last) = rows[0], rows[-1]
        return (n_last - n_first) / (last - first) if last - first > _UNTOUCHED_S / 2 else self.sfreq
