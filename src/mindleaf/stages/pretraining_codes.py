"""What belongs to pretraining with codes and spectra (MindMix, stage 1): its page and its words."""

from __future__ import annotations

from collections.abc import Iterator

from mindleaf.interpret.spectra import code_usage, pretraining_curves, reconstructed_spectra, spectrum_errors
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.stages.held_out_codes import HeldOutCodes
from mindleaf.stages.pretraining_page import Captioned, EncoderKind, Look

_ROWS = {
    "perplexity": "perplexity of the codes",
    "usage": "share of the codes in use",
    "masked": "loss of naming hidden codes (nats)",
    "unigram": "entropy of these codes (nats): to be beaten",
    "masked_accuracy": "hidden codes named rightly",
    "masked_chance": "share of the most frequent code: to be beaten",
    "amplitude": "amplitude error",
    "amplitude_of_mean": "amplitude error of the mean spectrum: to be beaten",
    "amplitude_in_band": "amplitude error in the pass band",
    "amplitude_of_mean_in_band": "amplitude error of the mean spectrum in the pass band: to be beaten",
    "phase": "phase error",
    "phase_in_band": "phase error in the pass band",
    "phase_of_guessing": "phase error of guessing: to be beaten",
}


def _drawings(look: Look) -> Iterator[Captioned]:
    kind = {"both": "", "tokenizer": "tokenizer_", "masked": "naming_"}[look.objective.branches]
    if look.lines:
        yield (
            f"{kind}curves",
            "Training curves: faint lines are training batches, dots the held-out subjects, dotted what must be beaten.",
            pretraining_curves(look.lines),
        )
    if look.objective.branches == "masked":
        return
    measured = next(iter(look.measured.values()))
    counts = {name: one.codes.numpy() for name, one in look.measured.items()}
    yield "codes", "Use of the codes: how many tokens of held-out subjects take each code.", code_usage(counts)
    band = MINDMIX.band or (0.0, MINDMIX.sfreq / 2)
    yield (
        "spectra",
        "Reconstructed spectra: patches of held-out subjects, taken from the middle of their batch whatever their error; "
        "grey lies outside the pass band.",
        reconstructed_spectra(measured.patches(), band),
    )
    yield (
        "errors",
        "Error at each frequency: mean over all held-out patches.",
        spectrum_errors(measured.error_per_frequency(), measured.phase_of_guessing, band),
    )


CODES = EncoderKind(
    title="MindMix EEG encoder, stage 1",
    pipeline=MINDMIX,
    held_out=HeldOutCodes,
    rows=_ROWS,
    logged=("masked_accuracy", "masked_chance", "usage"),
    progress={"usage": "codes"},
    drawings=_drawings,
)
