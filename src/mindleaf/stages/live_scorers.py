"""Scorers for live decoding: the linear one that ships, one fitted on other data, any aligned RUN."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from mindleaf.batch import Batch
from mindleaf.errors import BadInput
from mindleaf.fusion.calra import UNKNOWN_TYPE
from mindleaf.live.linear import CONFIG as LINEAR
from mindleaf.live.linear import LinearScorer, read_linear
from mindleaf.live.scorer import WAVEFORM, Heard, Scorer
from mindleaf.live.stream import StreamInfo
from mindleaf.models.alignment import AlignedConfig, AlignedModel
from mindleaf.models.folder import load_model
from mindleaf.montage import OTHER, Montage
from mindleaf.preprocessing.filtering import z_score
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.systems.neural import audio_frontend

#: The decoder of generated listeners: for trying things out, not for anybody's head.
SHIPPED = "live/decoders/synthetic"


def scorer_for(model: str, eeg: StreamInfo, window_s: float) -> tuple[Scorer, float]:
    """The scorer bound to a stream, and the slope of its scores. ``model``: "" (the one that ships) or a folder.

    window_s: of a RUN; a linear decoder has its own. Raises BadInput where the folder holds neither.
    """
    folder = Path(model) if model else Path(str(files("mindleaf"))) / SHIPPED
    if (folder / LINEAR).is_file():
        config, weights = read_linear(folder)
        return LinearScorer(config, weights, eeg.channels), config.slope
    if not folder.is_dir():
        raise BadInput(f"--model wants an aligned RUN or the folder of a linear decoder, found no {folder}.")
    return AlignedScorer(folder, eeg.channels, window_s), 1.0


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
