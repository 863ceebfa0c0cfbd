"""Small batches with and without a relation between EEG and sound."""

from __future__ import annotations

import numpy as np
import torch

from mindleaf.batch import Batch
from mindleaf.models.facts import ModelFacts
from mindleaf.tasks.wording import Wording

_QUESTION = Wording(name="work", phrases=("at work?", "busy?"), classes=("rest", "task"), texts=("at rest", "at work"))
FACTS = ModelFacts(
    n_audio_features=3,
    classes=("rest", "task"),
    subjects=("s1", "s2"),
    text="minilm",
    text_width=6,
    tasks=(_QUESTION,),
    n_tokens=4,
)


def random_texts(*texts: str) -> np.ndarray:
    """Six numbers for each text, the same for the same text."""
    draws = [np.random.default_rng(list(text.encode())).standard_normal(6) for text in texts]
    return np.stack([draw / np.linalg.norm(draw) for draw in draws]).astype(np.float32)


def noise_batch(n: int = 4, channels: int = 5, seconds: float = 2.0, streams: int = 2, context: int = 80, seed: int = 0) -> Batch:
    """EEG and audio drawn independently. Electrodes are the first of the table, each stream its own stimulus."""
    draw = torch.Generator().manual_seed(seed)
    n_frames = round(seconds * 50)
    eeg = torch.randn(n, channels, 4 * n_frames + context, generator=draw)
    return Batch(
        eeg=(eeg - eeg.mean(-1, keepdim=True)) / eeg.std(-1, keepdim=True),
        channel_index=torch.arange(channels).repeat(n, 1),
        positions=0.1 * torch.randn(1, channels, 3, generator=draw).expand(n, -1, -1),
        channel_mask=torch.ones(n, channels, dtype=torch.bool),
        audio=torch.rand(n, streams, 3, n_frames, generator=draw),
        audio_id=torch.arange(n * streams).reshape(n, streams),
        audio_start=torch.zeros(n, streams),
        auditory_type=torch.arange(n) % 2,
        subject=torch.arange(n) % 3 - 1,
        labels=torch.arange(n) % 2,
        task=torch.zeros(n, dtype=torch.long),
        window_ids=torch.arange(n) + 100,
    )


def heard_batch(n: int = 8, seed: int = 0, **sizes: float) -> Batch:
    """As ``noise_batch``, but every channel follows feature 0 of stream 0 with a delay of 100 ms, at half the noise's size."""
    from dataclasses import replace

    batch = noise_batch(n, seed=seed, **sizes)  # type: ignore[arg-type]
    assert batch.audio is not None
    heard = batch.audio[:, 0, 0].repeat_interleave(4, dim=-1) - 0.5
    response = torch.zeros_like(batch.eeg)
    length = min(heard.shape[-1], response.shape[-1] - 20)
    gains = torch.linspace(-1, 1, batch.eeg.shape[1]).reshape(1, -1, 1)
    response[..., 20 : 20 + length] = gains * heard[:, None, :length]
    return replace(batch, eeg=batch.eeg + 2.0 * response)
