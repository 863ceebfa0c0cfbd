"""One step of training, batch of 16: ours against braindecode's LaBraM of the same size, same threads, runs in turns.

The job: 64 channels x 2 s at 200 Hz, forward, mean square of what comes out, backward, AdamW; drop-path 0.1 in both. Goal: 1.3 times the
windows a second. The error column is that of ours: the gradient of all weights against float64, without drop-path.
Run: python benchmarks/training_step.py [--threads 1] [--repeats 5] [--batch 16]
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Callable

import torch
from encoder_timing import Labram, doubled, error, medians, mindmix, noise, table
from torch import Tensor, nn

CHANNELS, SECONDS, GOAL = 64, 2, 1.3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    peer, ours, batch = Labram(CHANNELS, SECONDS).train(), mindmix().train(), noise(arguments.batch, CHANNELS, SECONDS)
    exact = copy.deepcopy(ours).double().eval()
    wanted, came = gradient(exact, lambda: exact(doubled(batch))[0]), gradient(ours.eval(), lambda: ours(batch)[0])
    ours.train()
    runs = {"LaBraM of braindecode": step(peer, lambda: peer(batch.eeg)), "ours": step(ours, lambda: ours(batch)[0])}
    seconds = medians(runs, arguments.repeats)
    print(", ".join(f"{name}: {arguments.batch / value:.1f} windows/s" for name, value in seconds.items()))
    title = f"Training step, {CHANNELS} channels x {SECONDS} s, batch {arguments.batch}"
    return 0 if table(title, seconds, "LaBraM of braindecode", {"ours": error(came, wanted)}, {"ours": GOAL}) else 1


def step(model: nn.Module, forward: Callable[[], Tensor]) -> Callable[[], None]:
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def run() -> None:
        optimiser.zero_grad()
        forward().square().mean().backward()
        optimiser.step()

    return run


def gradient(model: nn.Module, forward: Callable[[], Tensor]) -> Tensor:
    model.zero_grad()
    # Not the mean square: after the last norm that hardly depends on the weights.
    out = forward()
    (out * torch.linspace(-1, 1, out.shape[-1], dtype=out.dtype)).sum().backward()
    found = torch.cat([parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None])
    model.zero_grad()
    return found


if __name__ == "__main__":
    sys.exit(main())
