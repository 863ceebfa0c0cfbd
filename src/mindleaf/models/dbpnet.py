"""DBPNet: one branch reads spatially filtered EEG over time, the other pictures of band power on the head."""

from __future__ import annotations

import torch
from einops import einsum, rearrange
from jaxtyping import Float
from torch import Tensor, nn

from mindleaf.layers.positions import sinusoids

#: Bands of the pictures, Hz, both ends included.
BANDS = ((1.0, 3.0), (4.0, 7.0), (8.0, 13.0), (14.0, 30.0), (31.0, 50.0))
#: Power below this is silence, squared microvolts.
_SILENCE = 1e-6


class _TemporalBranch(nn.Module):
    def __init__(self, n_components: int) -> None:
        super().__init__()
        width = n_components
        self.attention_norm, self.forward_norm, self.out_norm = (nn.LayerNorm(width) for _ in range(3))
        self.project, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed_forward = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.filter = nn.Sequential(nn.Conv1d(width, 64, 7), nn.ReLU())
        self.tell = nn.Sequential(nn.Linear(64, 16), nn.Sigmoid(), nn.Dropout(0.8), nn.Linear(16, 4), nn.ReLU())

    def forward(self, sources: Float[Tensor, "batch component time"]) -> Float[Tensor, "batch 4"]:
        tokens = rearrange(sources, "b c t -> b t c")
        _, n, width = tokens.shape
        tokens = tokens * width**0.5 + sinusoids(n, width).to(tokens)
        query, key, value = self.project(self.attention_norm(tokens)).chunk(3, dim=-1)
        # Beside the usual root of the width, the root of the number of time points.
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, scale=(width * n) ** -0.5)
        tokens = tokens + self.mix(mixed)
        tokens = self.out_norm(tokens + self.feed_forward(self.forward_norm(tokens)))
        return self.tell(self.filter(rearrange(tokens, "b t c -> b c t")).mean(dim=-1))


def _conv(n_in: int, n_out: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    """A convolution within each band's picture, normalised."""
    over = nn.Conv3d(
        n_in, n_out, (1, kernel, kernel), stride=(1, stride, stride), padding=(0, kernel // 2, kernel // 2), bias=False
    )
    return [over, nn.BatchNorm3d(n_out)]


class _Bottleneck(nn.Module):
    """Narrow, look around, widen; beside a projected shortcut."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        inner = n_out // 2
        self.way = nn.Sequential(
            *_conv(n_in, inner, 1), nn.ReLU(), *_conv(inner, inner, 3, stride), nn.ReLU(), *_conv(inner, n_out, 1)
        )
        self.shortcut = nn.Sequential(*_conv(n_in, n_out, 1, stride))
        self.dropout = nn.Dropout(0.3)

    def forward(self, maps: Float[Tensor, "batch feature band high wide"]) -> Float[Tensor, "batch more band higher wider"]:
        return self.dropout(torch.relu(self.way(maps) + self.shortcut(maps)))


def _between_bands(n_in: int, n_out: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv3d(n_in, n_out, kernel, padding=kernel // 2), nn.BatchNorm3d(n_out), nn.ReLU())


class DBPNet(nn.Module):
    """Dual-branch parallel network: 882,002 parameters at 32 components and two classes.

    Q. Ni, H. Zhang, C. Fan, S. Pei, C. Zhou, Z. Lv, "DBPNet: dual-branch parallel network with temporal-frequency fusion for
    auditory attention detection", IJCAI (2024). The published count, 882,020, holds 18 weights that nothing uses.
    """

    def __init__(self, n_components: int, n_classes: int) -> None:
        super().__init__()
        self.temporal = _TemporalBranch(n_components)
        self.frequency = nn.Sequential(
            *_conv(1, 32, 7, 2), nn.Tanh(), nn.MaxPool3d(3, stride=2, padding=1),
            _Bottleneck(32, 64, 1), _between_bands(64, 64, 3), _Bottleneck(64, 128, 2), _between_bands(128, 128, 3),
            _Bottleneck(128, 256, 2), _between_bands(256, 4, 1), nn.AdaptiveAvgPool3d(1), nn.Flatten(),
        )  # fmt: skip
        self.final_layer = nn.Linear(8, n_classes)

    def forward(
        self, sources: Float[Tensor, "batch component time"], pictures: Float[Tensor, "batch band high wide"]
    ) -> Float[Tensor, "batch class"]:
        """sources: spatially filtered EEG, of about unit deviation; pictures: log2 band power on the head."""
        frequency = self.frequency(rearrange(pictures, "b f y x -> b 1 f y x"))
        return self.final_layer(torch.cat((self.temporal(sources), frequency), dim=-1))


def band_pictures(
    eeg: Float[Tensor, "batch channel time"], weights: Float[Tensor, "high wide channel"], sfreq: float
) -> Float[Tensor, "batch band high wide"]:
    """log2 of the power in each of ``BANDS`` over the number of samples, spread over the head by ``weights``."""
    n = eeg.shape[-1]
    power = torch.fft.rfft(eeg.to(weights.dtype), dim=-1).abs().square()
    hz = torch.fft.rfftfreq(n, 1.0 / sfreq, device=eeg.device)
    inside = torch.stack([(hz >= low - 1e-6) & (hz <= high + 1e-6) for low, high in BANDS]).to(power)
    level = (einsum(power, inside, "b c f, band f -> b band c") / n).clamp_min(_SILENCE).log2()
    return einsum(level, weights, "b band c, y x c -> b band y x")
