"""Encoders by name, as import strings: EEG to tokens (configs with ``build``), audio to frames (frontends)."""

ENCODERS: dict[str, str] = {
    "mindmix": "mindleaf.encoders.mindmix:MindMixConfig",
    "labram": "mindleaf.encoders.labram:LabramConfig",
    "cbramod": "mindleaf.encoders.cbramod:CBraModConfig",
    "eegnet": "mindleaf.encoders.eegnet:EEGNetConfig",
    "leaf": "mindleaf.encoders.leaf:LeafConfig",
}

#: Which channels may come in any order without a change of the outcome: all, or those that stand in the electrode table.
CHANNEL_ORDER: dict[str, str] = {"mindmix": "all", "labram": "all", "cbramod": "named", "eegnet": "all", "leaf": "all"}

FRONTENDS: dict[str, str] = {
    "envelope": "mindleaf.encoders.envelope:EnvelopeFrontend",
    "mel": "mindleaf.encoders.mel:MelFrontend",
    "mel_loudness": "mindleaf.encoders.mel_loudness:MelLoudnessFrontend",
    "samples": "mindleaf.encoders.samples:SamplesFrontend",
}

#: Frontends built from a checkpoint: NAME:FOLDER or NAME:hub:MODEL.
CHECKPOINT_FRONTENDS: dict[str, str] = {
    "hubert": "mindleaf.encoders.speech:HubertFrontend",
    "speech": "mindleaf.encoders.speech:SpeechFrontend",
    "wav2vec2": "mindleaf.encoders.speech:Wav2Vec2Frontend",
}
