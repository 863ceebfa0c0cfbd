"""Batch: what models see. Window: one row of a window table, by name."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Window:
    """A fixed-length slice the model sees; belongs to one trial. ``start`` and ``stop`` in seconds of the recording."""

    dataset: str
    subject: str
    session: str
    run: str
    recording: str
    trial: str
    start: float
    stop: float


@dataclass(eq=False)
class Batch:
    """Windows collated for a model. Not frozen: Fabric maps over dataclasses and refuses frozen ones.

    eeg              z-scored per window and channel (or microvolts where the pipeline does not normalise); zeros where masked
    channel_index    row of the electrode table (``montage.electrode_index``), the "other" row for unknown names
    positions        metres, head coordinates; zeros where unknown
    channel_mask     True for a real, usable channel; False for padding, flat or NaN channels
    audio            frames of each candidate stream; in contrastive training stream 0 is the attended one
    audio_id, audio_start   which stimulus plays in each stream, and from which second: equal audio is never a negative
    auditory_type    index into ``fusion.calra.AUDITORY_TYPES``
    subject          index of the subject in the model's own table, -1 for an unknown one
    labels           class index, within the window's task
    task             index of the task in the model's own table
    n_times          samples of each window that were recorded, where windows of several lengths stand padded side by side
    instruction      what is asked of each window, as a text encoder writes it
    """

    eeg: Float[Tensor, "batch channel time"]
    channel_index: Int[Tensor, "batch channel"]
    positions: Float[Tensor, "batch channel 3"]
    channel_mask: Bool[Tensor, "batch channel"]
    audio: Float[Tensor, "batch stream feature frame"] | None = None
    audio_id: Int[Tensor, "batch stream"] | None = None
    audio_start: Float[Tensor, "batch stream"] | None = None
    auditory_type: Int[Tensor, " batch"] | None = None
    subject: Int[Tensor, " batch"] | None = None
    labels: Int[Tensor, " batch"] | None = None
    task: Int[Tensor, " batch"] | None = None
    window_ids: Int[Tensor, " batch"] | None = None
    n_times: Int[Tensor, " batch"] | None = None
    instruction: Float[Tensor, "batch text"] | None = None

    def __len__(self) -> int:
        return self.eeg.shape[0]

    def to(self, device: torch.device | str) -> Batch:
        return replace(self, **{name: tensor.to(device) for name, tensor in self._tensors()})

    def rows(self, start: int, stop: int) -> Batch:
        """Some of the windows."""
        return replace(self, **{name: tensor[start:stop] for name, tensor in self._tensors()})

    def _tensors(self) -> list[tuple[str, Tensor]]:
        return [(f.name, value) for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)]

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in self._tensors())
        return f"Batch({shapes})"
