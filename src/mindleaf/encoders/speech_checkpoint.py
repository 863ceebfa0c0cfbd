"""A speech model as transformers saves it: which files it takes, what is refused, how its weights are checked."""

from __future__ import annotations

import hashlib
import json
import pickle
from functools import cached_property, lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from mindleaf.encoders.mel import AUDIO_RATE
from mindleaf.encoders.torchaudio_import import import_torchaudio
from mindleaf.errors import BadInput

#: Samples between the frames of every model that is taken: 20 ms at 16 kHz.
STRIDE = 320
_HUB = "hub:"
_CONFIG = "config.json"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_LISTENING = ("preprocessor_config.json", "processor_config.json")
#: Keys of config.json that make the library run or fetch code, or decode weights by another package.
_REFUSED = ("auto_map", "quantization_config")
#: Keys that say nothing of what the model computes, or choose code by name.
_LEFT_OUT = (
    "_name_or_path", "architectures", "attn_implementation", "_attn_implementation", "dtype", "torch_dtype", "transformers_version",
)  # fmt: skip
#: Weight normalisation under its older names, in which most published weights are kept.
_OLDER_NAMES = {".weight_g": ".parametrizations.weight.original0", ".weight_v": ".parametrizations.weight.original1"}
#: Used in training only; wav2vec2 builds it where masking is on, and not every file has it.
_MAY_BE_MISSING = "masked_spec_embed"


class SpeechCheckpoint:
    """The folder of a speech model with frames every 20 ms (wav2vec2, HuBERT, WavLM, data2vec-audio ...).

    source is a folder with config.json, preprocessor_config.json and model.safetensors, or ``hub:NAME``: then these files
    are fetched from the Hugging Face hub into its cache, which no other form of ``source`` ever does. pytorch_model.bin is
    taken too, since the first wav2vec2 and HuBERT were published so, but only tensors are read from it: one that would
    run code is refused, as is a config that names code of its own (auto_map). What mindleaf writes is safetensors.
    model_type: what config.json must say the model is ("" for any). Raises BadInput for whatever is missing or unfit.
    """

    def __init__(self, source: str | Path, model_type: str = "") -> None:
        self.folder = _fetched(str(source)) if str(source).startswith(_HUB) else Path(source)
        self._weights = _weights_file(self.folder)
        self.architecture = _architecture(self.folder)
        self.do_normalize = _do_normalize(self.folder)
        found = self.architecture["model_type"]
        if model_type and found != model_type:
            raise BadInput(
                f"{self.folder}: wanted a {model_type} model, its config.json says {found}; write speech:FOLDER for it."
            )
        _check_frames(self.architecture, str(self.folder))

    @cached_property
    def n_features(self) -> int:
        return int(settings_of(self.architecture).hidden_size)

    def fingerprint(self) -> str:
        """Changes with the weights, the architecture and the normalisation."""
        stat = self._weights.stat()
        weights = _file_sha256(self._weights, stat.st_size, stat.st_mtime_ns)
        text = json.dumps([weights, self.architecture, self.do_normalize], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def fill(self, model: nn.Module) -> None:
        """Put the weights into a model of this architecture.

        Weights of heads that the model does not have are left out. Raises BadInput where one of its own is missing, left
        over or of another shape: the library would leave it random, and frames from it would look fine and mean nothing.
        """
        state, wanted = self._state(str(getattr(model, "base_model_prefix", ""))), set(model.state_dict())
        missing = sorted(wanted - set(state) - {_MAY_BE_MISSING})
        if missing:
            raise BadInput(
                f"{self.folder}: {len(missing)} weights of the model are not in the file (first: {missing[0]}); copy it again."
            )
        try:
            model.load_state_dict({name: tensor for name, tensor in state.items() if name in wanted}, strict=False)
        except RuntimeError as error:
            raise BadInput(
                f"{self._weights}: the weights do not fit the model of config.json ({_line(error)}); copy both files again."
            ) from error

    def _state(self, prefix: str) -> dict[str, Tensor]:
        """The tensors of the file, by the names of the bare model."""
        try:
            if self._weights.suffix == ".safetensors":
                tensors = load_file(self._weights)
            else:
                tensors = torch.load(self._weights, map_location="cpu", weights_only=True)
        except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
            raise BadInput(
                f"{self._weights}: wanted tensors and nothing else, could not read them ({type(error).__name__}); "
                "get the file again, best as model.safetensors."
            ) from error
        state = {}
        for name, tensor in tensors.items():
            for old, new in _OLDER_NAMES.items():
                name = name.removesuffix(old) + new if name.endswith(old) else name
            state[name.removeprefix(f"{prefix}.")] = tensor
        return state


def import_transformers() -> ModuleType:
    """The library; BadInput where it is not installed. It imports torchaudio where that is, fit for this torch or not."""
    try:
        if find_spec("torchaudio"):
            import_torchaudio()
        return import_module("transformers")
    except ImportError as error:
        raise BadInput(
            "speech models want the package transformers, which is not installed; pip install 'mindleaf[audio]'."
        ) from error


def settings_of(architecture: dict[str, Any]) -> Any:
    """The config object of transformers; raises BadInput where the library is missing or does not know the type."""
    fields = dict(architecture)
    try:
        return import_transformers().AutoConfig.for_model(fields.pop("model_type"), **fields)
    except (ValueError, TypeError, KeyError) as error:
        raise BadInput(
            f"a speech model of type {architecture.get('model_type')!r} cannot be built by the transformers installed here "
            f"({_line(error)}); update it or choose wav2vec2 or hubert."
        ) from error


def checked_architecture(values: dict[str, Any], where: str) -> dict[str, Any]:
    """What of config.json decides the computation; raises ValueError where it would run code of its own."""
    for name in _REFUSED:
        if values.get(name):
            raise BadInput(
                f"{where}: its config has {name}, which runs or wants code beyond the model's; take a plain checkpoint."
            )
    if not isinstance(values.get("model_type"), str):
        raise BadInput(f"{where}: wanted a model_type in its config, found none; give a model saved by transformers.")
    return {name: value for name, value in values.items() if name not in (*_REFUSED, *_LEFT_OUT)}


def _check_frames(architecture: dict[str, Any], where: str) -> None:
    strides = getattr(settings_of(architecture), "conv_stride", None)
    stride = int(torch.tensor(strides).prod()) if strides else 0
    if stride != STRIDE or architecture.get("add_adapter"):
        raise BadInput(
            f"{where}: wanted a speech model that reads samples and gives a frame every {STRIDE} of them, got "
            f"{architecture['model_type']} with {stride or 'no convolutions'}; use wav2vec2-base or hubert-base."
        )


def _architecture(folder: Path) -> dict[str, Any]:
    return checked_architecture(_json(folder / _CONFIG), str(folder / _CONFIG))


def _weights_file(folder: Path) -> Path:
    if not (folder / _CONFIG).is_file():
        raise BadInput(
            f"a speech model wants a folder with config.json and weights, found none at {folder}; save a model there first."
        )
    for name in _WEIGHTS:
        if (folder / name).is_file():
            return folder / name
    raise BadInput(f"{folder}: wanted {' or '.join(_WEIGHTS)} in one file, found neither; copy the model's weights there.")


def _do_normalize(folder: Path) -> bool:
    """Whether the model wants audio of mean 0 and variance 1; transformers' own default is yes."""
    for name in _LISTENING:
        if not (folder / name).is_file():
            continue
        values = _json(folder / name)
        values = values.get("feature_extractor", values)
        rate = values.get("sampling_rate", AUDIO_RATE)
        if rate != AUDIO_RATE:
            raise BadInput(f"{folder / name}: wanted a model of audio at {AUDIO_RATE} Hz, this one wants {rate}; choose another.")
        return bool(values.get("do_normalize", True))
    raise BadInput(f"{folder}: wanted {_LISTENING[0]} (it says how audio is normalised), found none; copy it there.")


def _json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: wanted JSON, could not read it ({type(error).__name__}); copy the file again.") from error
    if not isinstance(values, dict):
        raise BadInput(f"{path}: wanted a JSON object, got {type(values).__name__}; copy the file again.")
    return values


def _fetched(source: str) -> Path:
    """The folder of ``hub:NAME`` in the hub's cache, fetched where it is not there yet."""
    name = source.removeprefix(_HUB)
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled
    except ImportError as error:
        raise BadInput(
            "hub:NAME wants the package transformers, which is not installed; pip install 'mindleaf[audio]'."
        ) from error
    try:
        folder = Path(snapshot_download(name, allow_patterns=[_CONFIG, *_LISTENING, _WEIGHTS[0]]))
        if not (folder / _WEIGHTS[0]).is_file():
            folder = Path(snapshot_download(name, allow_patterns=[_CONFIG, *_LISTENING, _WEIGHTS[1]]))
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError, ValueError) as error:
        raise BadInput(
            f"{source}: the hub gave no such model and its cache has none ({type(error).__name__}); check the name and the "
            "connection, or give a local folder."
        ) from error
    return folder


@lru_cache(maxsize=16)
def _file_sha256(path: Path, size: int, mtime_ns: int) -> str:
    """Weights are large and every reader asks; a file that changed has another size or time."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[1] if len(lines) > 1 else lines[0] if lines else type(error).__name__).rstrip(".")
