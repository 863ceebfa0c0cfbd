"""MusicAAD inside a fold."""

from __future__ import annotations

import warnings
from typing import ClassVar

from mindleaf.encoders.envelope import EnvelopeFrontend
from mindleaf.models.musicaad import MIN_FRAMES, MusicAAD
from mindleaf.store.examples import Examples
from mindleaf.systems.fold_network import as_published
from mindleaf.systems.stream_network import StreamNetwork, StreamNetworkConfig
from mindleaf.training.loop import TrainingConfig


class MusicAADConfig(StreamNetworkConfig):
    """Published: Adam at 1e-3 on envelopes of 28 gammatone bands; here the bands are Butterworth's. Epochs and patience are ours."""

    envelope: EnvelopeFrontend = EnvelopeFrontend(
        frame_rate=64.0, band=None, power=0.6, n_bands=28, audio_band=(50.0, 5000.0), pooled=False
    )
    epochs: int = 100
    training: TrainingConfig = as_published(lr=1e-3, weight_decay=0.0, steps=2000, patience=10)


class MusicAADSystem(StreamNetwork):
    """See ``models.musicaad``. Sounds that are kept as envelopes have no bands: they are heard as one."""

    name = "musicaad"
    config_class: ClassVar[type[StreamNetworkConfig]] = MusicAADConfig

    def network(self, n_channels: int, n_bands: int) -> MusicAAD:
        return MusicAAD(n_channels, n_bands)

    def frontend(self, examples: Examples) -> EnvelopeFrontend:
        envelope: EnvelopeFrontend = self.config.envelope
        if {stimulus.kind for stimulus in examples.store.stimuli.values()} <= envelope.accepts:
            return envelope
        warnings.warn("musicaad: the store keeps envelopes, which have no bands; it hears one band in place of 28", stacklevel=2)
        return envelope.model_copy(update={"pooled": True})

    def not_applicable(self, examples: Examples) -> str:
        n_frames = round(examples.window_s * self.config.envelope.frame_rate) if len(examples) else MIN_FRAMES
        if n_frames >= MIN_FRAMES:
            return ""
        return f"musicaad wants windows of {MIN_FRAMES} frames or more, got {n_frames}; give a longer --window."
