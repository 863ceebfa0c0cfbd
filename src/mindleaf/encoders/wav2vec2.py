"""Frozen wav2vec2 frames from a local folder; nothing is downloaded."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mindleaf.encoders.mel import AUDIO_RATE, to_rate
from mindleaf.errors import BadInput

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
#: Samples between frames and samples one frame sees: 20 ms and 25 ms at 16 kHz.
_STRIDE, _FIELD = 320, 400


class Wav2Vec2Frontend:
    """Last hidden states of a wav2vec2 model, 50 frames a second (Baevski et al. 2020; MindMix, section 3.2).

    Frame f reads the 25 ms from second f / 50. ``folder`` is a model saved by transformers (config.json, weights,
    preprocessor_config.json). Long stimuli are encoded in pieces of ``piece_s`` with ``overlap_s`` heard on both sides.
    Raises BadInput where transformers, the folder or a file in it is missing, or the model's frames are not 20 ms apart.
    """

    accepts = frozenset({"audio"})
    frame_rate = 50.0

    def __init__(self, folder: str | Path, piece_s: float = 20.0, overlap_s: float = 2.0) -> None:
        self.folder = Path(folder)
        self._weights = _weights_file(self.folder)
        self.do_normalize = _do_normalize(self.folder)
        self._model = _load(self.folder)
        self.n_features = int(self._model.config.hidden_size)
        self._piece, self._overlap = round(piece_s * self.frame_rate), round(overlap_s * self.frame_rate)
        stride = int(np.prod(self._model.config.conv_stride))
        if stride != _STRIDE:
            raise BadInput(f"{self.folder}: wanted a model with frames {_STRIDE} samples apart, got {stride}; use wav2vec2-base.")

    def fingerprint(self) -> str:
        """Changes when the weights, the normalisation or the cutting into pieces change."""
        with self._weights.open("rb") as file:
            weights = hashlib.file_digest(file, "sha256").hexdigest()
        settings = f"wav2vec2-1:{weights}:{self.do_normalize}:{self._piece}:{self._overlap}"
        return hashlib.sha256(settings.encode()).hexdigest()[:16]

    def __call__(self, samples: NDArray[np.floating], sample_rate: float, kind: str) -> NDArray[np.float32]:
        """(n_samples,) at ``sample_rate`` Hz to (feature, frame)."""
        if kind not in self.accepts:
            raise BadInput(f"wav2vec2 wants a waveform, got a stimulus of kind {kind!r}; use the envelope frontend for it.")
        n_frames = int(np.ceil(len(samples) / sample_rate * self.frame_rate - 1e-9))
        audio = to_rate(samples, sample_rate, AUDIO_RATE)
        if self.do_normalize:
            audio = (audio - audio.mean()) / np.sqrt(audio.var() + 1e-7)
        audio = np.pad(audio, (0, max(0, n_frames * _STRIDE + _FIELD - _STRIDE - len(audio))))
        pieces = [self._piece_frames(audio, start, n_frames) for start in range(0, n_frames, self._piece)]
        return np.concatenate(pieces, axis=1) if pieces else np.zeros((self.n_features, 0), np.float32)

    @torch.inference_mode()
    def _piece_frames(self, audio: NDArray[np.float64], start: int, n_frames: int) -> NDArray[np.float32]:
        stop = min(start + self._piece, n_frames)
        first, last = max(0, start - self._overlap), min(stop + self._overlap, n_frames)
        heard = audio[first * _STRIDE : last * _STRIDE + _FIELD - _STRIDE]
        states = self._model(torch.from_numpy(heard.astype(np.float32))[None]).last_hidden_state[0]
        return states[start - first : stop - first].T.contiguous().numpy()


def _weights_file(folder: Path) -> Path:
    if not (folder / "config.json").is_file():
        raise BadInput(f"wav2vec2 wants a folder with config.json and weights, found none at {folder}; save a model there first.")
    for name in _WEIGHTS:
        if (folder / name).is_file():
            return folder / name
    raise BadInput(f"{folder}: wanted {' or '.join(_WEIGHTS)}, found neither; copy the model's weights there.")


def _do_normalize(folder: Path) -> bool:
    path = folder / "preprocessor_config.json"
    if not path.is_file():
        raise BadInput(f"{folder}: wanted preprocessor_config.json (it says how audio is normalised), found none; copy it there.")
    return bool(json.loads(path.read_text()).get("do_normalize", True))


def _load(folder: Path) -> Any:
    try:
        from transformers import Wav2Vec2Model
    except ImportError as error:
        raise BadInput(
            "wav2vec2 wants the package transformers, which is not installed; pip install 'mindleaf[audio]'."
        ) from error
    try:
        loaded: Any = Wav2Vec2Model.from_pretrained(folder, local_files_only=True, output_loading_info=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise BadInput(
            f"{folder}: wanted a wav2vec2 model saved by transformers, got one that does not load ({error})."
        ) from error
    # Weights that do not match are left random by the library; frames from them would look fine and mean nothing.
    model, report = loaded
    missing = sorted(set(report["missing_keys"]) - {"masked_spec_embed"})
    if missing:
        raise BadInput(f"{folder}: {len(missing)} weights of the model are not in the file (first: {missing[0]}); copy it again.")
    return model.eval().requires_grad_(False)
