"""AdamW with linear warm-up and cosine decay (MindMix, appendix A.3)."""

from __future__ import annotations

import math

import torch
from torch import nn

from mindleaf.config import Config


class OptimiserConfig(Config):
    """lr is the peak; ``warmup`` the share of all steps spent rising; ``floor`` the last rate as a share of the peak."""

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.05
    warmup: float = 0.1
    floor: float = 0.01
    clip_norm: float = 1.0

    def build(self, model: nn.Module) -> torch.optim.AdamW:
        """AdamW; vectors (biases, norms, scales) are not decayed."""
        parameters = [p for p in model.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": self.weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW([g for g in groups if g["params"]], lr=self.lr, betas=self.betas)

    def lr_at(self, step: int, n_steps: int) -> float:
        """Learning rate of a step: linear rise, then half a cosine."""
        rise = max(1, round(self.warmup * n_steps))
        if step < rise:
            return self.lr * (step + 1) / rise
        progress = (step - rise) / max(1, n_steps - rise)
        return self.lr * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * progress)))
