"""Settings of the live decoder and of its quality gate."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from mindleaf.config import Config


class GateConfig(Config):
    """When a channel is left out. Each is judged over one hop; microvolts.

    flat_uv         range below which nothing is connected
    railed          share of samples at the very highest or the very lowest value
    amplitude_uv    range after a straight line is taken out: no brain, and no blink, reaches it
    line_uv         RMS at ``line_hz``
    muscle_uv       RMS above 30 Hz, without the line
    usable          share of the channels the scorer reads that must be left
    """

    flat_uv: float = 0.1
    railed: float = 0.25
    amplitude_uv: float = 1500.0
    line_hz: float = 50.0
    line_uv: float = 60.0
    muscle_uv: float = 40.0
    usable: float = Field(default=0.5, gt=0.0, le=1.0)


class LiveConfig(Config):
    """How often and how steadily the decoder answers; seconds.

    hop_s         an answer is due this often
    settle_s      what the filter needs after a start, a gap or a bad channel
    stale_s       without EEG for this long the stream counts as gone; the session looks ten times a second
    patience_s    how far EEG may run ahead of the sound before a window is given up
    turn_s        mean time for which attention stays where it is: the prior of the smoothing
    dwell_s       another candidate must lead for this long before the choice changes
    slope         scores times this are log odds between candidates
    lag_s         what EEG comes later than its stamps say, against sound (measured by ``calibrate``)
    left_out      channels that are never used
    """

    hop_s: float = Field(default=0.5, gt=0.0)
    settle_s: float = Field(default=0.5, ge=0.0)
    stale_s: float = Field(default=0.8, gt=0.0)
    patience_s: float = Field(default=0.5, gt=0.0)
    turn_s: float = Field(default=30.0, gt=0.0)
    dwell_s: float = Field(default=1.0, ge=0.0)
    slope: float = Field(default=1.0, gt=0.0)
    lag_s: float = 0.0
    left_out: tuple[str, ...] = ()
    gate: GateConfig = GateConfig()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.turn_s < 2 * self.hop_s:
            raise ValueError(f"turn_s must be at least two hops, got {self.turn_s:g} s with a hop of {self.hop_s:g} s")
        return self
