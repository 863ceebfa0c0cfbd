"""A spatial matrix for a listener the model has not met, learned from minutes of that listener's own data."""

from __future__ import annotations

import numpy as np
import torch

from mindleaf.errors import BadInput
from mindleaf.models.alignment import AlignedModel
from mindleaf.objectives.contrastive import ContrastiveObjective
from mindleaf.store.batches import BatchReader

_RATE, _BATCH = 1e-2, 32


def calibrate(model: AlignedModel, reader: BatchReader, unattended: float, steps: int, seed: int) -> None:
    """Train the matrices of the subjects that ``reader`` names, and nothing else of the model.

    The matrix of a new subject starts at zero, which is the model without one. It has few numbers, so minutes of windows
    with a known answer are enough. Matrices of other subjects get no gradient and stay as they are to the last bit.
    Raises BadInput where the model's stem has no matrices.
    """
    if model.stem is None or model.stem.spatial.subjects is None:
        raise BadInput(
            "calibration wants a model with a spatial matrix per subject, got one without; set model.stem in its config."
        )
    matrices = model.stem.spatial.subjects
    objective = ContrastiveObjective(unattended_weight=unattended)
    trained = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    model.requires_grad_(False)
    matrices.requires_grad_(True)
    optimiser = torch.optim.Adam([matrices], lr=_RATE)
    rng = np.random.default_rng(seed)
    model.eval()  # few data: what is random in training (dropout) would only blur the one matrix
    for step in range(steps):
        ids = rng.permutation(len(reader))[:_BATCH]
        optimiser.zero_grad()
        objective(model, reader.read(np.sort(ids)), seed + step).total.backward()
        optimiser.step()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(trained.get(name, True))
