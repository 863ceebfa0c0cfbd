"""Why is the amplitude no better than the mean spectrum? What codes could hold, how fast it is learned, what takes the codes.

    python docs/results/pretraining/amplitude.py STORES OUT.jsonl codes reader tokenizer

STORES holds eegmat, kalunga2016 and synthetic as `run.sh` takes them; the same quarter of the subjects is held out. Every figure
is the squared error of the amplitude on held-out subjects, bins 1 to 40 Hz, beside that of their own mean spectrum.
codes: k-means on the amplitudes themselves. reader: networks that see the patch and give the amplitude, nothing else.
tokenizer: the tokenizer of mindmix-small under other objectives. Lines that are already in the file are not made again.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.cluster import MiniBatchKMeans
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.encoders.mindmix import PATCH_SAMPLES, CodedTokens
from mindleaf.layers.patching import PatchEmbedding, cut_patches
from mindleaf.layers.spectrum import fourier_targets
from mindleaf.models.facts import ModelFacts
from mindleaf.models.pretraining import PretrainingConfig
from mindleaf.objectives.codebook import CodebookObjective
from mindleaf.objectives.losses import Losses
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.stages.held_out import subjects_held_out, without
from mindleaf.stages.held_out_codes import HeldOutCodes
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples
from mindleaf.store.store import Store
from mindleaf.training.loop import TrainingConfig, train
from mindleaf.training.optimiser import OptimiserConfig

SETS = ("eegmat", "kalunga2016", "synthetic")
IN_BAND = slice(1, 41)
TOKENIZER = CodebookObjective(branches="tokenizer")


class Weighed(CodebookObjective):
    """The tokenizer's losses, the phase weighed, and the amplitude's error divided by the variance of its bin in the batch."""

    phase_weight: float = 1.0
    per_bin: bool = False

    def __call__(self, model: nn.Module, batch: Batch, seed: int) -> Losses:
        said, _ = self.ask(model, batch, seed)
        errors = dict(zip(("amplitude", "phase"), self.spectrum_errors(said), strict=True))
        if self.per_bin:
            target, _ = fourier_targets(said.patches[said.present])
            errors["amplitude"] = errors["amplitude"] / target.var(dim=0).clamp_min(1e-3)
        first, last = self.bins or (0, PATCH_SAMPLES // 2)
        parts = {name: error[said.present][:, first : last + 1].mean() for name, error in errors.items()}
        parts = {**parts, "phase": self.phase_weight * parts["phase"], "codebook": said.commitment}
        return Losses(torch.stack(list(parts.values())).sum(), parts, {})


#: Name -> objective, steps, peak rate, whether tokens go through codes.
RUNS: dict[str, tuple[CodebookObjective, int, float, bool]] = {
    "as built": (TOKENIZER, 300, 1.5e-3, True),
    "bins 1-40": (CodebookObjective(branches="tokenizer", bins=(1, 40)), 300, 1.5e-3, True),
    "bins 1-40, error per bin": (Weighed(branches="tokenizer", bins=(1, 40), per_bin=True), 300, 1.5e-3, True),
    "bins 1-40, amplitude alone": (Weighed(branches="tokenizer", bins=(1, 40), phase_weight=0.0), 300, 1.5e-3, True),
    "bins 1-40, amplitude alone, no codes": (Weighed(branches="tokenizer", bins=(1, 40), phase_weight=0.0), 300, 1.5e-3, False),
    "bins 1-40, error per bin, rate 5e-3": (Weighed(branches="tokenizer", bins=(1, 40), per_bin=True), 300, 5e-3, True),
}  # fmt: skip


def parts_of(stores: Path) -> tuple[list[Examples], list[Examples]]:
    whole = [Examples(store, store.recording_windows(2.0)) for store in (Store(stores / name) for name in SETS)]
    subjects = subjects_held_out(whole, 0.25, 0)
    split = [without(part, subjects) for part in whole]
    return [kept for kept, _ in split], [held for _, held in split if len(held)]


def patches(parts: list[Examples], n_windows: int) -> Tensor:
    """All patches of at most ``n_windows`` windows of each set, (patch, sample)."""
    found = []
    for part in parts:
        reader = BatchReader([part], MINDMIX)
        ids = np.unique(np.linspace(0, len(reader) - 1, min(n_windows, len(reader))).astype(int))
        for k in range(0, len(ids), 64):
            batch = reader.read(ids[k : k + 64])
            found.append(cut_patches(batch.eeg, PATCH_SAMPLES)[batch.channel_mask].reshape(-1, PATCH_SAMPLES))
    return torch.cat(found)


def in_band(signal: Tensor) -> Tensor:
    return fourier_targets(signal)[0][:, IN_BAND]


def codes(signal: Tensor, held: Tensor) -> dict[str, float]:
    """Held-out error of the nearest of so many mean spectra."""
    seen, asked = in_band(signal).numpy(), in_band(held).numpy()
    some = seen[np.random.default_rng(0).permutation(len(seen))[:60_000]]
    found = {"the mean spectrum of these patches": float(asked.var(axis=0).mean())}
    for n_codes in (64, 1024):
        means = MiniBatchKMeans(n_codes, batch_size=4096, n_init=1, max_iter=15, random_state=0).fit(some)
        error = asked - means.cluster_centers_[means.predict(asked)]
        found[f"nearest of {n_codes} spectra"] = float(np.square(error).mean())
    return found


class Embedded(nn.Module):
    """The encoder's patch convolutions, then ``head``."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.embedding, self.head = PatchEmbedding(128), head

    def forward(self, signal: Tensor) -> Tensor:
        return self.head(self.embedding(signal[None, None])[0, 0])


def perceptron(width: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(width, 256), nn.GELU(), nn.Linear(256, 256), nn.GELU(), nn.Linear(256, PATCH_SAMPLES // 2 + 1)
    )  # fmt: skip


def reader(signal: Tensor, held: Tensor) -> dict[str, float]:
    """Held-out error of networks that learn nothing but the amplitude, 1024 patches a step."""
    target, asked, found = in_band(signal), in_band(held), {}
    kinds: dict[str, Callable[[], nn.Module]] = {
        "samples, perceptron": lambda: perceptron(PATCH_SAMPLES),
        "patch convolutions, perceptron": lambda: Embedded(nn.Sequential(nn.LayerNorm(128), perceptron(128))),
        "patch convolutions, linear": lambda: Embedded(nn.Linear(128, PATCH_SAMPLES // 2 + 1)),
    }
    for name, build in kinds.items():
        torch.manual_seed(0)
        network, draw = build(), torch.Generator().manual_seed(0)
        optimiser = torch.optim.AdamW(network.parameters(), 1.5e-3)
        for step in range(1, 401):
            chosen = torch.randint(len(signal), (1024,), generator=draw)
            loss = (network(signal[chosen])[:, IN_BAND] - target[chosen]).square().mean()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            if step in (100, 400):
                with torch.inference_mode():
                    found[f"{name}, {step} steps"] = float((network(held)[:, IN_BAND] - asked).square().mean())
    return found


def without_codes(tokens: Tensor, present: Tensor) -> CodedTokens:
    """In the place of the quantiser: tokens as they are."""
    return CodedTokens(tokens, torch.where(present, 0, -1), tokens.new_zeros(()))


def tokenizer(parts: list[Examples], held: list[Examples], name: str) -> dict[str, float]:
    """Held-out figures of the tokenizer of mindmix-small trained so; all bins are measured, whatever it learned from."""
    objective, steps, lr, coded = RUNS[name]
    torch.manual_seed(0)
    model: Any = PretrainingConfig.preset("small").build(ModelFacts(sfreq=MINDMIX.sfreq))
    if not coded:
        model.encoder.code = without_codes
    training = TrainingConfig(steps=steps, batch_size=32, device="cpu", optimiser=OptimiserConfig(lr=lr))
    seen = BatchReader(parts, MINDMIX)
    train(model, objective, seen, training)
    measured = HeldOutCodes(held, TOKENIZER, seen, model)
    return measured.measure(model, list(measured.readers)).figures()


def main() -> None:
    stores, out, *asked = Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]
    parts, held = parts_of(stores)
    known = {json.loads(line)["name"] for line in out.read_text().splitlines()} if out.exists() else set()
    jobs: dict[str, Callable[[], dict[str, float]]] = {}
    if "codes" in asked:
        jobs["codes"] = lambda: codes(patches(parts, 600), patches(held, 192))
    if "reader" in asked:
        jobs["reader"] = lambda: reader(patches(parts, 600), patches(held, 192))
    if "tokenizer" in asked:
        jobs |= {name: (lambda name=name: tokenizer(parts, held, name)) for name in RUNS}
    for name, job in jobs.items():
        if name not in known:
            began = time.process_time()
            line = {"name": name, **job(), "cpu_s": round(time.process_time() - began)}
            with out.open("a") as handle:
                handle.write(json.dumps(line) + "\n")
            print(line, flush=True)


if __name__ == "__main__":
    main()
