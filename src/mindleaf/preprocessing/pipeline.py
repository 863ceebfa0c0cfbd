"""Pipeline: the named recipe from a broadband recording to the view a system reads."""

from __future__ import annotations

from typing import Literal

from mindleaf.config import Config
from mindleaf.errors import BadInput


class Pipeline(Config):
    """Filter and resample the continuous recording; normalise when a window is read.

    band        pass band in Hz of the zero-phase Butterworth filter; None leaves the recording broadband.
                Where the recorded rate is too low, the upper edge becomes 0.45 x rate.
    order       order of the Butterworth design, applied forward and backward
    sfreq       rate of the view in Hz, reached by polyphase resampling
    reference   "recorded" or "average" (over the EEG channels)
    normalise   on reading, "window": z-score per window and channel; "recording": clipped and divided by the interquartile range
                of the channel in the whole recording, which is transductive; "none": microvolts
    """

    name: str
    band: tuple[float, float] | None = (1.0, 40.0)
    order: int = 4
    sfreq: float = 200.0
    reference: Literal["recorded", "average"] = "recorded"
    normalise: Literal["window", "recording", "none"] = "none"


#: MindMix: paper, appendix A.2.
MINDMIX = Pipeline(name="mindmix", normalise="window")
#: Same band and rate in microvolts, for band power.
BROAD = Pipeline(name="broad")
#: The band in which a linear envelope decoder works best on the cocktail-party recordings.
ENVELOPE = Pipeline(name="envelope", band=(1.0, 9.0), order=3, sfreq=32.0)
#: LEAF, and its narrower band for motor imagery.
LEAF = Pipeline(name="leaf", band=(0.1, 70.0), normalise="recording")
LEAF_MOTOR = Pipeline(name="leaf_motor", band=(0.3, 40.0), normalise="recording")

PIPELINES = {pipeline.name: pipeline for pipeline in (MINDMIX, BROAD, ENVELOPE, LEAF, LEAF_MOTOR)}


def pipeline(name: str) -> Pipeline:
    """The pipeline of that name; raises BadInput listing those there are."""
    if name not in PIPELINES:
        raise BadInput(f"pipeline {name!r} is not known; there are: {', '.join(PIPELINES)}.")
    return PIPELINES[name]
