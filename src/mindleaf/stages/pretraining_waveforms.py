"""What belongs to pretraining by spectral-temporal reconstruction (LEAF, stage 1): its page and its words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mindleaf.encoders.leaf import CHANNELS, TOKEN_SAMPLES
from mindleaf.encoders.projection import montage_projection
from mindleaf.interpret.spectra import pretraining_curves
from mindleaf.interpret.waveforms import reconstructed_waveforms, waveform_spectra
from mindleaf.preprocessing.pipeline import LEAF
from mindleaf.stages.held_out_waveforms import HeldOutWaveforms
from mindleaf.stages.pretraining_page import Captioned, EncoderKind, Look
from mindleaf.store.examples import Examples

_ANSWERS = {
    "filled": "all half seconds, drawn from the whole window",
    "hidden": "of these the hidden ones",
    "visible": "of these the visible ones",
    "visible_as_seen": "visible ones as they were given, without the band: to be beaten",
    "following": "next half second",
    "following_repeated": "next half second, the last one once more: to be beaten",
    "following_linear": "next half second, linear forecast of each electrode: to be beaten",
}
_ROWS = {
    **{f"{name}_explained": f"power explained, {words}" for name, words in _ANSWERS.items()},
    **{name: f"squared error, {words}" for name, words in _ANSWERS.items()},
    "ahead": "power explained of the next half second, more than the linear forecast, mean over subjects",
    "ahead_low": "its 95 % interval over subjects, from",
    "ahead_high": "to",
    "subjects": "subjects",
}
_NOTES = (
    "Every channel is clipped and scaled by what its whole recording looks like, without labels: transductive. Errors are in squared "
    "interquartile ranges; 'power explained' is 1 - error / power, 0 for an answer of zeros, and may be negative.",
    "All answers see the same signal, from which a band of 6 Hz was taken by a filter over the whole window. The linear forecast maps the last "
    "half second of an electrode to the next; it was fitted on training windows of the same data set.",
)


def _drawings(look: Look) -> Iterator[Captioned]:
    if look.lines:
        yield (
            "curves",
            "Training curves: faint lines are training batches, dots the held-out subjects, dotted what must be beaten.",
            pretraining_curves(look.lines),
        )
    measured = next(iter(look.measured.values()))
    yield (
        "waveforms",
        "Waveforms: stretches of held-out subjects, taken from the middle of their batch whatever their error. Grey half seconds were "
        "hidden from what fills in; what is foretold has seen the half seconds before. In interquartile ranges.",
        reconstructed_waveforms(measured.stretches(), LEAF.sfreq),
    )
    yield (
        "spectra",
        "Spectra: mean power of all held-out windows over electrodes; grey lies outside the pass band. What cannot be known is drawn flat: "
        "its power is missing. In squared interquartile ranges.",
        waveform_spectra(measured.mean_spectra(), LEAF.sfreq / TOKEN_SAMPLES, LEAF.band or (0.0, LEAF.sfreq / 2)),
    )


def _interpolated(parts: Sequence[Examples]) -> dict[str, object]:
    """How many of the electrodes no channel of the first recording stands for, of each store of a data set."""
    found: dict[str, list[str]] = {}
    for part in parts:
        montage = next(iter(part.store.recordings.values())).montage.select(part.channel_names)
        n_missing = len(montage_projection(montage, CHANNELS).report.interpolated)
        found.setdefault(f"electrodes interpolated in {part.store.dataset}", []).append(f"{n_missing} of {len(CHANNELS)}")
    return {name: ", ".join(dict.fromkeys(counts)) for name, counts in found.items()}


WAVEFORMS = EncoderKind(
    title="LEAF EEG encoder, stage 1",
    pipeline=LEAF,
    held_out=HeldOutWaveforms,
    rows=_ROWS,
    logged=("filled", "following", "filled_explained", "following_explained"),
    progress={"filled_explained": "filled", "following_explained": "foretold"},
    drawings=_drawings,
    notes=_NOTES,
    facts=_interpolated,
)
