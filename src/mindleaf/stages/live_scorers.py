"""Scorers for live decoding: the linear one that ships, one fitted on other data, any aligned RUN."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from mindleaf.errors import BadInput
from mindleaf.live.linear import CONFIG as LINEAR
from mindleaf.live.linear import LinearScorer, read_linear
from mindleaf.live.scorer import Scorer
from mindleaf.live.stream import StreamInfo

#: The decoder of generated listeners: for trying things out, not for anybody's head.
SHIPPED = "live/decoders/synthetic"


def scorer_for(model: str, eeg: StreamInfo, window_s: float) -> tuple[Scorer, float]:
    """The scorer bound to a stream, and the slope of its scores. ``model``: "" (the one that ships) or a folder.

    window_s: of a RUN; a linear decoder has its own. Raises BadInput where the folder holds neither.
    """
    folder = Path(model) if model else Path(str(files("mindleaf"))) / SHIPPED
    if (folder / LINEAR).is_file():
        config, weights = read_linear(folder)
        return LinearScorer(config, weights, eeg.channels), config.slope
    if not folder.is_dir():
        raise BadInput(f"--model wants an aligned RUN or the folder of a linear decoder, found no {folder}.")
    # Networks take seconds to import, and a page should be there before that.
    from mindleaf.stages.live_aligned import AlignedScorer

    return AlignedScorer(folder, eeg.channels, window_s), 1.0
