"""Windows with 8 to 128 channels in one batch: ours in buckets against padding and a mask, same encoder, same outputs.

The job: 2 windows of 2 s for each number of channels, one vector a window (the mean of its tokens). The peer pads all to 128
channels and masks. Ours takes the windows in buckets of like size (``buckets``). Goal: 2.5 times the padded run. The error column is against the
padded run in float64.
Run: python benchmarks/mixed_channels.py [--threads 1] [--repeats 5] [--preset base]
"""

from __future__ import annotations

import argparse
import copy
import sys
from dataclasses import replace

import torch
from encoder_timing import doubled, error, medians, mindmix, noise, table
from torch import Tensor

from mindleaf.batch import Batch
from mindleaf.encoders.mindmix import MindMixEncoder, masked_mean
from mindleaf.models.embedding import in_buckets

COUNTS, EACH, SECONDS, GOAL = (8, 16, 19, 32, 64, 128), 2, 2, 2.5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    encoder, batch = mindmix().eval(), mixed()
    with torch.inference_mode():
        wanted = padded(copy.deepcopy(encoder).double(), doubled(batch))
        runs = {"padded and masked": lambda: padded(encoder, batch), "ours, in buckets": lambda: bucketed(encoder, batch)}
        errors = {name: error(run(), wanted) for name, run in runs.items()}
        seconds = medians(runs, arguments.repeats)
    per_window = {name: value / len(batch) for name, value in seconds.items()}
    title = f"Windows of {', '.join(map(str, COUNTS))} channels x {SECONDS} s, ms a window"
    return 0 if table(title, per_window, "padded and masked", errors, {"ours, in buckets": GOAL}) else 1


def mixed() -> Batch:
    """All windows padded to the most channels, in no order of size."""
    batch = noise(EACH * len(COUNTS), max(COUNTS), SECONDS)
    counts = torch.tensor(COUNTS * EACH)
    mask = torch.arange(max(COUNTS)) < counts[:, None]
    return replace(batch, eeg=batch.eeg * mask.unsqueeze(-1), channel_mask=mask)


def padded(encoder: MindMixEncoder, batch: Batch) -> Tensor:
    return masked_mean(*encoder(batch))


def bucketed(encoder: MindMixEncoder, batch: Batch) -> Tensor:
    return in_buckets(lambda part: masked_mean(*encoder(part)), batch)


if __name__ == "__main__":
    sys.exit(main())
