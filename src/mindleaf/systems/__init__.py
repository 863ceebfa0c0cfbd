"""The table of systems, and the linear floor of each task."""

from mindleaf.systems.system import SystemEntry

SYSTEMS = {
    "trf": SystemEntry("Backward TRF (ridge)", candidates="mindleaf.systems.trf:TRFSystem"),
    "cca": SystemEntry("Canonical correlation", candidates="mindleaf.systems.cca:CCASystem"),
    "bandpower_lr": SystemEntry("Band power + logistic regression", labels="mindleaf.systems.bandpower:BandPowerSystem"),
    "mdm": SystemEntry("Riemannian minimum distance to mean", labels="mindleaf.systems.riemann:MDMSystem"),
    "ts_lr": SystemEntry("Tangent space + logistic regression", labels="mindleaf.systems.riemann:TangentSpaceSystem"),
    "csp_lda": SystemEntry("CSP + LDA", labels="mindleaf.systems.csp:CSPSystem"),
    "sound_lr": SystemEntry(
        "Statistics of the sound alone + logistic regression", labels="mindleaf.systems.sound_lr:SoundSystem"
    ),
    "mindmix": SystemEntry(
        "MindMix",
        trained=True,
        candidates="mindleaf.systems.mindmix:MindMixListener",
        labels="mindleaf.systems.mindmix_emotion:MindMixReader",
    ),
    "mindmix_eeg": SystemEntry("MindMix, EEG alone", labels="mindleaf.systems.mindmix_classifier:MindMixEEG", trained=True),
    "leaf": SystemEntry("LEAF", labels="mindleaf.systems.leaf:LeafReader", trained=True),
    "eegnet": SystemEntry("EEGNet", labels="mindleaf.systems.braindecode_system:eegnet", trained=True),
    "eegconformer": SystemEntry("EEGConformer", labels="mindleaf.systems.braindecode_system:eegconformer", trained=True),
    "labram": SystemEntry("LaBraM", labels="mindleaf.systems.braindecode_system:labram", trained=True, large=True),
    "cbramod": SystemEntry("CBraMod", labels="mindleaf.systems.braindecode_system:cbramod", trained=True),
    "biot": SystemEntry("BIOT", labels="mindleaf.systems.braindecode_system:biot", trained=True),
    "bendr": SystemEntry("BENDR", labels="mindleaf.systems.braindecode_system:bendr", trained=True, large=True),
    "eegpt": SystemEntry("EEGPT", labels="mindleaf.systems.braindecode_system:eegpt", trained=True, large=True),
    "dbpnet": SystemEntry("DBPNet", labels="mindleaf.systems.dbpnet:DBPNetSystem", trained=True),
    "darnet": SystemEntry("DARNet", labels="mindleaf.systems.darnet:DARNetSystem", trained=True),
    "aadnet": SystemEntry("AADNet", candidates="mindleaf.systems.aadnet:AADNetSystem", trained=True),
    "musicaad": SystemEntry("MusicAAD", candidates="mindleaf.systems.musicaad:MusicAADSystem", trained=True),
}

FLOOR = {
    "attention": ("trf",),
    "match_mismatch": ("trf",),
    "retrieval_duo": ("trf",),
    "retrieval_trio": ("trf",),
    "retrieval_pool": ("trf", "cca"),
    "classify": ("bandpower_lr", "ts_lr"),
    "emotion": ("bandpower_lr", "sound_lr"),
}
