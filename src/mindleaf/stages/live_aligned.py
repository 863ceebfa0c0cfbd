"""An aligned RUN as a scorer of live decoding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from mindleaf.batch import Batch
from mindleaf.errors import BadInput
from mindleaf.fusion.calra import UNKNOWN_TYPE
from mindleaf.live.scorer import WAVEFORM, Heard
from mindleaf.models.alignment import AlignedConfig, AlignedModel
from mindleaf.models.folder import load_model
from mindleaf.montage import OTHER, Montage
from mindleaf.preprocessing.filtering import z_score
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.systems.neural import audio_frontend


class AlignedScorer:
    """An aligned RUN on one stream. EEG goes through the causal form of its pipeline, sound is heard as it is.

    Frames of sound that EEG within the window cannot have followed yet are not scored. Mel bands are taken relative to the
    window's loudest moment, where training took the whole stimulus': a stream knows no more.
    """

    eeg, sound, power = MINDMIX, WAVEFORM, None

    def __init__(self, folder: Path, channels: tuple[str, ...], window_s: float) -> None:
        loaded = load_model(folder)
        if not isinstance(loaded.model, AlignedModel) or not isinstance(loaded.config, AlignedConfig):
            raise BadInput(f"{folder}: wanted a model aligned with sound, found a {loaded.type_name}; run align mindmix first.")
        if loaded.config.pairing == "paper_paired":
            raise BadInput(f"{folder}: pairs as the paper prints them must be told the answer; align with pairing=all_pairs.")
        self.name, self.window_s = f"aligned {folder.name}", window_s
        self._model, self._frontend = loaded.model, audio_frontend(loaded.facts.audio)
        stem = loaded.config.stem if loaded.config.alignment == "frames" else None
        self._unheard_s = stem.context / MINDMIX.sfreq if stem is not None else 0.0
        if window_s - self._unheard_s < 1.0:
            raise BadInput(
                f"{folder} reads {self._unheard_s:g} s of EEG after the sound, a window of {window_s:g} s is too short; make it longer."
            )
        montage = Montage.from_names(channels)[0]
        rows = montage.nearest_indices
        if (rows == OTHER).all():
            raise BadInput(
                f"no electrode of the stream has a known name ({', '.join(channels[:6])}); name them as in the 10-20 system."
            )
        self.used: NDArray[np.bool_] = np.ones(len(channels), bool)
        self._index = torch.tensor(rows)[None]
        self._positions = torch.tensor(np.nan_to_num(montage.positions), dtype=torch.float32)[None]

    @torch.no_grad()
    def __call__(self, heard: Heard) -> Float[np.ndarray, " candidate"]:
        n_heard = round((self.window_s - self._unheard_s) * WAVEFORM.sfreq)
        sound = np.stack([self._frontend(wave[:n_heard].astype(np.float32), WAVEFORM.sfreq, "audio") for wave in heard.sound])
        batch = Batch(
            eeg=torch.from_numpy(z_score(heard.eeg.astype(np.float32))[None]), channel_index=self._index, positions=self._positions,
            channel_mask=torch.from_numpy(heard.usable)[None], audio=torch.from_numpy(sound)[None],
            auditory_type=torch.tensor([UNKNOWN_TYPE]), subject=torch.tensor([-1]),
        )  # fmt: skip
        return self._model.score(batch)[0].double().numpy()
