"""Models by name, as import strings of the configs that build them; the name is what a model folder says it holds."""

MODELS: dict[str, str] = {
    "pretraining": "mindleaf.models.pretraining:PretrainingConfig",
    "aligned": "mindleaf.models.alignment:AlignedConfig",
    "classifier": "mindleaf.models.classifier:ClassifierConfig",
    "multimodal": "mindleaf.models.multimodal:MultimodalConfig",
    "spectral_temporal": "mindleaf.models.spectral_temporal:SpectralTemporalConfig",
    "language": "mindleaf.models.language:LanguageConfig",
    "tower_classifier": "mindleaf.models.tower_classifier:TowerClassifierConfig",
    "one_space": "mindleaf.models.one_space:OneSpaceConfig",
}
