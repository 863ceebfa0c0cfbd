"""Objectives by name, as import strings. Each is a frozen config that is called: objective(model, batch, seed) -> Losses."""

OBJECTIVES: dict[str, str] = {
    "codebook": "mindleaf.objectives.codebook:CodebookObjective",
    "contrastive": "mindleaf.objectives.contrastive:ContrastiveObjective",
    "classification": "mindleaf.objectives.classification:ClassificationObjective",
    "spectral_temporal": "mindleaf.objectives.spectral_temporal:SpectralTemporalObjective",
    "instruction": "mindleaf.objectives.instruction:InstructionObjective",
    "one_space": "mindleaf.objectives.one_space:OneSpaceObjective",
}
