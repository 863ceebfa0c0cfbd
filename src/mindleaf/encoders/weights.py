"""Pretrained weights of an encoder from a file that the user has: every tensor, or none."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from mindleaf.errors import BadInput, ReadError

#: Names of weights in a folder, the safe format first.
_IN_FOLDERS = ("*.safetensors", "*.pt", "*.pth", "*.bin")
#: Where training scripts put the weights inside a checkpoint.
_WRAPPERS = ("model", "state_dict", "model_state_dict")
#: The head of braindecode's models; an encoder has none.
_HEAD = "final_layer."
_HUB = "hub:"


def load_weights(network: nn.Module, path: Path, own: tuple[str, ...] = (), cut: tuple[str, ...] = ()) -> int:
    """Fill ``network`` from a file, or from the only such file of a folder; returns the number of tensors that were filled.

    own: beginnings of names that belong to the task or the recordings and stay as they are; a classification head always does.
    cut: tables (a row for each second or channel) of which the file may hold more rows than are wanted: the first are taken. Raises BadInput where there is no file, ReadError where it cannot be
    read without running code, or where any tensor is missing, left over, or of another shape: nothing is filled then.
    """
    file = _file(path)
    own = (*own, _HEAD)
    state = {name: tensor for name, tensor in _read(file).items() if not name.startswith(own)}
    wanted = {name: tensor.shape for name, tensor in network.state_dict().items() if not name.startswith(own)}
    state |= {name: _first_rows(state[name], wanted[name]) for name in cut if name in state and name in wanted}
    missing, left = sorted(wanted.keys() - state.keys()), sorted(state.keys() - wanted.keys())
    other = [name for name in wanted.keys() & state.keys() if wanted[name] != state[name].shape]
    reasons = [
        *(f"{missing[0]} is missing" for _ in missing[:1]),
        *(f"{left[0]} is left over" for _ in left[:1]),
        *(f"{name} is {tuple(state[name].shape)}, wanted {tuple(wanted[name])}" for name in sorted(other)[:1]),
    ]
    if reasons:
        matched = len(wanted.keys() & state.keys()) - len(other)
        raise ReadError(
            f"{file}: {matched} of {len(wanted)} tensors fit the encoder ({', '.join(reasons)}); "
            "give weights of this encoder and size, under the names braindecode uses."
        )
    network.load_state_dict(network.state_dict() | state, strict=True)
    return len(wanted)


def weights_folder(source: str) -> Path:
    """The file or folder that a setting names; ``hub:NAME`` is fetched into the hub's cache, which no other form ever does.

    Raises BadInput where the hub gives none.
    """
    name = source.removeprefix(_HUB)
    if name == source:
        return Path(source)
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled
    except ImportError as error:
        raise BadInput(
            f"{source}: wanted the package huggingface_hub, found none; pip install it or give a local file."
        ) from error
    try:
        return Path(snapshot_download(name, allow_patterns=[_IN_FOLDERS[0]]))
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError, ValueError) as error:
        raise BadInput(
            f"{source}: the hub gave no such weights and its cache has none ({type(error).__name__}); check the name and the "
            "connection, or give a local file."
        ) from error


def _first_rows(table: Tensor, shape: torch.Size) -> Tensor:
    """As many rows as ``shape`` has; the table itself where it has too few."""
    fits = table.ndim == len(shape) and all(there >= wanted for there, wanted in zip(table.shape, shape, strict=True))
    return table[tuple(slice(wanted) for wanted in shape)].clone() if fits else table


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    for pattern in _IN_FOLDERS:
        found = sorted(path.glob(pattern)) if path.is_dir() else []
        if len(found) == 1:
            return found[0]
        if found:
            raise BadInput(
                f"{path}: holds {len(found)} files of weights ({', '.join(f.name for f in found[:3])}); name one of them."
            )
    raise BadInput(f"{path}: wanted a file of weights ({', '.join(_IN_FOLDERS)}) or a folder with one, found none.")


def _read(file: Path) -> dict[str, Tensor]:
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        state = torch.load(file, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        reason = str(error).partition("\n")[0]
        raise ReadError(f"{file}: wanted weights as plain tensors, could not read them ({reason}); save them anew.") from error
    for wrapper in _WRAPPERS:
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise ReadError(f"{file}: wanted a dictionary of tensors, got something else; save the model's state_dict.")
    return state
