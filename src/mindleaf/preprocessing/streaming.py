"""A recording through a pipeline, block by block: memory depends on the filter, not on the recording's length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mindleaf.preprocessing.gaps import ReadBlock, filled_blocks
from mindleaf.preprocessing.lanes import Blocks, in_lanes
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.preprocessing.resampling import Resampling
from mindleaf.preprocessing.zero_phase import ZeroPhase

#: Samples that are read at a time.
BLOCK = 8192


def stream_view(
    pipeline: Pipeline,
    read_block: ReadBlock,
    n_channels: int,
    n_times: int,
    sfreq: float,
    block: int = BLOCK,
    threads: int | None = None,
) -> Iterator[NDArray[np.float32]]:
    """The view of one recording in blocks, (time, channel) microvolts at ``pipeline.sfreq``.

    read_block  read_block(first, last): samples first to last of the recording, (time, channel) microvolts, gaps as NaN;
                called front to back, and ahead of its turn only to find the end of a gap
    sfreq       the recording's rate in Hz
    block       samples that are read at a time; the result does not depend on it
    threads     None: ``lanes.thread_count()``
    """
    blocks: Blocks = filled_blocks(read_block, n_times, block)
    if pipeline.reference == "average":
        blocks = (part - part.mean(axis=1, keepdims=True, dtype=np.float64) for part in blocks)

    def chain(blocks: Blocks) -> Blocks:
        if pipeline.band is not None:
            blocks = ZeroPhase(pipeline.band, pipeline.order, sfreq).filtered(blocks, n_times)
        else:
            blocks = (np.asarray(part, np.float64) for part in blocks)
        return Resampling(sfreq, pipeline.sfreq).resampled(blocks, n_times)

    yield from in_lanes(chain, blocks, n_channels, threads)


def view_length(pipeline: Pipeline, n_times: int, sfreq: float) -> int:
    """Samples of the view of a recording of ``n_times`` samples at ``sfreq`` Hz."""
    return Resampling(sfreq, pipeline.sfreq).n_out(n_times)


def resampled_blocks(
    read_block: ReadBlock,
    n_channels: int,
    n_times: int,
    from_hz: float,
    to_hz: float,
    block: int = BLOCK,
    threads: int | None = None,
) -> Iterator[NDArray[np.float32]]:
    """A recording at another rate in blocks, (time, channel); gaps stay gaps, as wide as the filter makes them.

    Equals ``scipy.signal.resample_poly`` over the whole recording in float64, rounded to float32; it has
    ceil(n_times x to_hz / from_hz) samples.
    """
    resampling = Resampling(from_hz, to_hz)
    # Offsets of millivolts are still in the signal: sums in float32 would cost its last digits.
    kind: type[np.floating] = np.float32 if resampling.up == resampling.down else np.float64
    parts = (read_block(first, min(first + block, n_times)) for first in range(0, n_times, block))
    blocks = (np.ascontiguousarray(part, kind) for part in parts)
    yield from in_lanes(lambda blocks: resampling.resampled(blocks, n_times), blocks, n_channels, threads)
