"""Small speech models with random weights, saved as transformers saves them."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from mindleaf.encoders.speech_checkpoint import import_transformers

SMALL = {
    "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "conv_dim": [16] * 7,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4, "vocab_size": 8, "mask_time_length": 4,
}  # fmt: skip
LAYER_NORM = {"feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True}


def speech_folder(folder: Path, kind: str = "Wav2Vec2", *, do_normalize: bool = True, seed: int = 0, **settings) -> Path:
    """A model ``kind``Model of transformers in ``folder``, with its preprocessor_config.json."""
    transformers = import_transformers()
    config = getattr(transformers, f"{kind}Config")(**{**SMALL, **settings})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = getattr(transformers, f"{kind}Model")(config)
        for parameter in model.parameters():  # at the library's start attention is all but even
            parameter.data += 0.2 * torch.randn_like(parameter) if parameter.ndim == 2 else 0.0
    model.save_pretrained(folder)
    listening = {"do_normalize": do_normalize, "sampling_rate": 16_000, "feature_extractor_type": "Wav2Vec2FeatureExtractor"}
    (folder / "preprocessor_config.json").write_text(json.dumps(listening | {"return_attention_mask": False, "feature_size": 1}))
    return folder
