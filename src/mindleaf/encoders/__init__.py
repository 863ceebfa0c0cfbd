"""Encoders by name, as import strings: EEG to tokens (configs with ``build``), audio to frames (frontends)."""

ENCODERS: dict[str, str] = {
    "mindmix": "mindleaf.encoders.mindmix:MindMixConfig",
}

FRONTENDS: dict[str, str] = {
    "envelope": "mindleaf.encoders.envelope:EnvelopeFrontend",
    "mel": "mindleaf.encoders.mel:MelFrontend",
    "wav2vec2": "mindleaf.encoders.wav2vec2:Wav2Vec2Frontend",
}
