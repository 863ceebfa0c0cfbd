"""EEG and sound to classes: whatever the fusion is built of, both sides reach the head, and each window stands alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mindleaf.encoders.mindmix import MindMixConfig
from mindleaf.encoders.stem import StemConfig
from mindleaf.errors import BadInput
from mindleaf.models.alignment import AlignedConfig
from mindleaf.models.classifier import ClassifierConfig
from mindleaf.models.multimodal import MultimodalConfig
from tests.models.small_batches import FACTS, noise_batch

TINY = MindMixConfig.preset("tiny").model_copy(update={"vq_input": "bypass"})
READER = ClassifierConfig(encoder=TINY, power_filters=4, power_sources=4)
ALIGNED = {
    "frames": AlignedConfig(encoder=TINY, dims=8, hidden=8, rank=4, stem=StemConfig(sources=4, hidden=8)),
    "pooled": AlignedConfig(encoder=TINY, stem=None, alignment="pooled", dims=8, hidden=8, rank=4),
    "tokens": AlignedConfig(encoder=TINY, stem=None, alignment="tokens", dims=8, hidden=8, rank=4),
    "linear": AlignedConfig.preset("linear"),
    "none": None,
}
CLASSES = FACTS.model_copy(update={"classes": ("a", "b", "c")})


@pytest.mark.parametrize("form", ALIGNED)
def test_both_sides_reach_the_head_and_a_window_stands_alone(form):
    torch.manual_seed(0)
    model = MultimodalConfig(reader=READER, aligned=ALIGNED[form], dims=8).build(CLASSES)
    batch = noise_batch(context=0)
    model(batch).square().sum().backward()
    heard = [p for name, p in model.named_parameters() if "audio_tower.linear" in name]
    read = [p for name, p in model.named_parameters() if name.startswith("eeg.stem")]
    assert heard and read and all(p.grad is not None and p.grad.abs().sum() > 0 for p in [*heard, *read])
    model.eval()
    with torch.inference_mode():
        logits = model(batch)
        assert logits.shape == (len(batch), 3)
        silent = replace(batch, audio=torch.zeros_like(batch.audio))
        assert (model(silent) - logits).abs().max() > 1e-4
        other = batch.audio.clone()
        other[1:] = other[1:].flip(-1)
        torch.testing.assert_close(model(replace(batch, audio=other))[0], logits[0], atol=1e-4, rtol=1e-4)


def test_sound_alone_reads_no_eeg_and_wants_sound():
    model = MultimodalConfig(reader=None, dims=8).build(CLASSES).eval()
    batch = noise_batch(context=0)
    with torch.inference_mode():
        torch.testing.assert_close(model(batch), model(replace(batch, eeg=torch.randn_like(batch.eeg))))
    with pytest.raises(BadInput, match="the sound that was heard"):
        model(replace(batch, audio=None))
