"""Fusions by name, as import strings: where EEG and sound meet. Every one scores each candidate by itself."""

FUSIONS: dict[str, str] = {
    "calra": "mindleaf.fusion.calra:Calra",
    "co_attention": "mindleaf.fusion.co_attention:CoAttention",
    "concat_mlp": "mindleaf.fusion.concat_mlp:ConcatMlp",
    "clip": "mindleaf.fusion.dual_tower:DualTower",
}
