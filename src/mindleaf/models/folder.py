"""A model as one folder that describes itself: config.json, model.safetensors, card.md, sha256.json."""

from __future__ import annotations

import hashlib
import json
import os
import pkgutil
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from mindleaf.config import Config
from mindleaf.errors import BadInput, ReadError
from mindleaf.models import MODELS
from mindleaf.models.facts import ModelFacts, electrode_table_id
from mindleaf.models.sealed import texts_in
from mindleaf.models.shipped import or_shipped, run_folder

FORMAT_VERSION = 1
CONFIG, WEIGHTS, CARD, HASHES = "config.json", "model.safetensors", "card.md", "sha256.json"
_PICKLES = (".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt")


@dataclass(frozen=True)
class LoadedModel:
    """A model in evaluation mode with what its folder says about it."""

    model: nn.Module
    type_name: str
    config: Config
    facts: ModelFacts
    card: str

    def ask(self, eeg: Any, question: str, choices: Sequence[str] = (), window_s: float = 4.0) -> Any:
        """Labelled probabilities for a question in words (see ``models.asking.ask``); BadInput where the model knows no language."""
        from mindleaf.models.asking import ask
        from mindleaf.models.language import LanguageModel

        language = getattr(self.model, "language", self.model)  # one space holds one
        if not isinstance(language, LanguageModel):
            raise BadInput(f"wanted a model aligned with language, this one is of type {self.type_name}; run align leaf first.")
        return ask(language, self.facts, eeg, question, choices, window_s)


def type_name_of(config: Config) -> str:
    """The name under which ``config`` stands in ``MODELS``; raises BadInput where it stands nowhere."""
    path = f"{type(config).__module__}:{type(config).__qualname__}"
    for name, known in MODELS.items():
        if known == path:
            return name
    raise BadInput(f"{path} is not a model mindleaf can save; there are: {', '.join(MODELS)}.")


def save_model(folder: Path, model: nn.Module, config: Config, facts: ModelFacts, card: str, half: bool = False) -> None:
    """Write the four files so that ``folder`` holds the old ones or the new ones, never a mixture.

    Other files in an existing folder (logs, checkpoints) stay. The hashes are written last and a reader checks them,
    so an interrupted replacement is refused rather than read. ``half``: weights take two bytes in place of four, rounded to float16;
    they are float32 again when they are loaded.
    """
    folder = Path(folder)
    description = {
        "format": FORMAT_VERSION,
        "type": type_name_of(config),
        "config": config.model_dump(mode="json"),
        "facts": facts.model_dump(mode="json"),
    }
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    if half:
        state = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    files = {CONFIG: (json.dumps(description, indent=2) + "\n").encode(), WEIGHTS: save(state), CARD: card.encode()}
    files[HASHES] = (json.dumps({name: _sha256(content) for name, content in files.items()}, indent=2) + "\n").encode()
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, content in files.items():
            _write_synced(staging / name, content)
        if folder.exists():
            for name in files:
                os.replace(staging / name, folder / name)
        else:
            staging.chmod(0o755)
            os.rename(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def load_model(folder: Path) -> LoadedModel:
    """Rebuild the model and fill in every weight, in evaluation mode. ``folder`` may be the name of a model that ships.

    Raises ReadError where a file is missing, does not match its hash, names an unknown type, was made for another
    electrode table, or where any weight is missing, left over or of another shape. Never opens a pickle.
    """
    folder = run_folder(folder)
    files = _verified(folder)
    description = _description(folder, files[CONFIG])
    config_class: type[Config] = pkgutil.resolve_name(MODELS[description["type"]])
    try:
        config = config_class.checked(description["config"], source=str(folder / CONFIG))
        facts = ModelFacts.checked(description["facts"], source=str(folder / CONFIG))
    except BadInput as error:
        raise ReadError(f"{error} The folder was written by another version of mindleaf.") from error
    if facts.electrode_table != electrode_table_id():
        raise ReadError(
            f"{folder}: the model was made for electrode table {facts.electrode_table}, this mindleaf has "
            f"{electrode_table_id()}; load it with the version that wrote it."
        )
    model = _built(folder, config, facts)
    _fill(folder, model, files[WEIGHTS])
    return LoadedModel(model.eval(), description["type"], config, facts, files[CARD].decode(errors="replace"))


def type_in(folder: Path) -> str:
    """The name under which the model in a folder stands in ``MODELS``. Raises ReadError where there is none."""
    folder = run_folder(folder)
    if not (folder / CONFIG).is_file():
        raise ReadError(
            f"{folder}: wanted a model folder, found no {CONFIG}; give the folder a training verb wrote, {or_shipped()}."
        )
    return _description(folder, (folder / CONFIG).read_bytes())["type"]


def start_from(model: nn.Module, folder: Path, parts: Sequence[str] = ()) -> list[str]:
    """Copy into ``model`` each part that the saved model has under the same name (encoder, stem ...); returns their names.

    ``parts`` names those to take, where not all are wanted. They are taken whole and strictly. Raises ReadError where a part
    of that name has another size, BadInput where no part fits at all: weights are never silently left behind.
    """
    source = load_model(folder).model
    saved = getattr(source, "parts", lambda: dict(source.named_children()))()
    taken = []
    for name, part in model.named_children():
        theirs = saved.get(name)
        if (parts and name not in parts) or theirs is None or type(theirs) is not type(part) or not list(part.parameters()):
            continue
        try:
            part.load_state_dict(theirs.state_dict(), strict=True)
        except RuntimeError as error:
            raise ReadError(
                f"{folder}: its {name} does not fit this model's; choose the same preset ({_first(error)})."
            ) from error
        taken.append(name)
    if not taken:
        raise BadInput(f"{folder}: wanted a model that shares a part with this one, it has: {', '.join(saved)}.")
    return taken


def _verified(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        raise ReadError(f"{folder}: wanted a model folder, found none; give the folder a training verb wrote, {or_shipped()}.")
    pickles = [path.name for path in folder.iterdir() if path.suffix in _PICKLES]
    if not (folder / WEIGHTS).is_file() and pickles:
        raise ReadError(f"{folder}: holds {pickles[0]}, which can run code when opened; mindleaf reads {WEIGHTS} only.")
    missing = [name for name in (CONFIG, WEIGHTS, CARD, HASHES) if not (folder / name).is_file()]
    if missing:
        raise ReadError(f"{folder}: {', '.join(missing)} is missing; copy the whole folder again or train anew.")
    files = {name: (folder / name).read_bytes() for name in (CONFIG, WEIGHTS, CARD)}
    hashes = _json(folder / HASHES, (folder / HASHES).read_bytes())
    for name, content in files.items():
        if hashes.get(name) != _sha256(content):
            raise ReadError(f"{folder / name}: does not match its sha256 in {HASHES}; it was changed or cut, copy it again.")
    return files


def _description(folder: Path, content: bytes) -> dict:
    description = _json(folder / CONFIG, content)
    missing = {"format", "type", "config", "facts"} - set(description)
    if missing:
        raise ReadError(f"{folder / CONFIG}: wanted {', '.join(sorted(missing))}, found none; this is not a model folder.")
    if description["format"] != FORMAT_VERSION:
        raise ReadError(f"{folder}: format {description['format']}, this mindleaf reads {FORMAT_VERSION}; use the newer version.")
    if not isinstance(description["type"], str) or description["type"] not in MODELS:
        raise ReadError(f"{folder}: a model of unknown type {description['type']!r}; there are: {', '.join(MODELS)}.")
    for key, value in texts_in(description["config"]):
        if key == "folder" and value:
            raise ReadError(
                f"{folder / CONFIG}: sends to {value[:80]!r} for weights, and a model folder holds its own; train or export it again."
            )
    return description


def _built(folder: Path, config: Config, facts: ModelFacts) -> nn.Module:
    try:
        return config.build(facts)  # type: ignore[attr-defined]
    except BadInput:
        raise
    except Exception as error:  # sizes that no layer can have end in whatever the layer raises
        raise ReadError(
            f"{folder / CONFIG}: describes a model that cannot be built ({type(error).__name__}: {_first(error)[:200]}); copy the folder again."
        ) from error


def _fill(folder: Path, model: nn.Module, content: bytes) -> None:
    try:
        state: dict[str, Tensor] = load(content)
        ours = model.state_dict()
        for name, tensor in state.items():
            if tensor.dtype == torch.float16 and name in ours and ours[name].dtype == torch.float32:
                state[name] = tensor.float()
        # Torch would turn whole numbers into weights without a word.
        other = [name for name, tensor in state.items() if name in ours and tensor.dtype != ours[name].dtype]
        if other:
            raise ValueError(f"{other[0]} is {state[other[0]].dtype}, wanted {ours[other[0]].dtype}")
        model.load_state_dict(state, strict=True)
    except (SafetensorError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise ReadError(
            f"{folder / WEIGHTS}: the weights do not fill the model that {CONFIG} describes ({_first(error)})."
        ) from error


def _json(path: Path, content: bytes) -> dict:
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{path}: wanted JSON, got something else; copy the folder again.") from error
    if not isinstance(values, dict):
        raise ReadError(f"{path}: wanted a JSON object, got {type(values).__name__}; copy the folder again.")
    return values


def _first(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[1] if len(lines) > 1 else lines[0] if lines else type(error).__name__


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
