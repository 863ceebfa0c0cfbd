"""Models on the Hugging Face hub: the folder that describes itself, with a page in front, and nothing that can run code."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mindleaf.errors import BadInput
from mindleaf.models.folder import CARD, CONFIG, HASHES, WEIGHTS, LoadedModel, load_model, save_model
from mindleaf.models.shipped import run_folder
from mindleaf.store.exposure import Exposure

#: How a repository is told from a folder: "hf:someone/name", or "hf:someone/name@revision".
PREFIX = "hf:"
_PAGE, _EXPOSURE = "README.md", "exposure.json"
_NEEDED = (CONFIG, WEIGHTS, CARD, HASHES)
#: Everything a repository may hold; only the needed ones and the exposure are fetched.
_MAY_HOLD = {*_NEEDED, _PAGE, _EXPOSURE, ".gitattributes", "LICENSE"}
#: What git and the hub's own commands put beside a copy of a repository.
_BESIDE = {".git", ".cache"}
#: Keys of a config by which other libraries are sent to code beside the weights.
_SENDS_TO_CODE = ("auto_map", "custom_pipelines", "trust_remote_code")


def from_pretrained(source: str | Path | LoadedModel) -> LoadedModel:
    """The model in a folder (a RUN, or what ``push_to_hub`` wrote), one that ships with the package, by name, or one in a repository "hf:someone/name", in evaluation mode.

    Of a repository the files of a model are fetched into the hub's cache, at one commit, and held against their sha256. Raises
    BadInput where it (or a folder with a page, which is a copy of one) holds anything else, such as pickles or code, where a config
    sends to code, where the hub does not give it, and what ``load_model`` raises. No pickle is ever opened, wherever it lies.
    """
    return source if isinstance(source, LoadedModel) else load_model(checked_folder(source))


def checked_folder(source: str | Path) -> Path:
    """The folder where the files of ``from_pretrained`` lie, with nothing beside them that may run code; BadInput where there is."""
    name = str(source)
    if name.startswith(PREFIX):
        folder = _fetched(name.removeprefix(PREFIX))
    else:
        folder = run_folder(source)
        if (folder / _PAGE).is_file():
            held = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
            _refuse(name, {path.as_posix() for path in held if path.parts[0] not in _BESIDE} - _MAY_HOLD)
    _refuse_code(folder / CONFIG, name)
    return folder


def push_to_hub(model: str | Path | LoadedModel, to: str | Path, *, licence: str, private: bool = False) -> str:
    """Write a RUN folder or a loaded model, with a page, to "hf:someone/name" or into a folder; returns where it lies.

    licence    of the weights, as the hub names it ("cc-by-4.0", "bsd-3-clause"); the terms of the data may bind it
    private    whether a repository that is made for it can be seen by its owner alone

    Raises BadInput for a folder that holds no model, a target folder that holds something, and where the hub refuses.
    """
    if not licence.strip():
        raise BadInput('wanted the licence of the weights, got none; give licence="cc-by-4.0" or another name the hub knows.')
    with tempfile.TemporaryDirectory() as scratch:
        staging = Path(scratch) / "model"
        loaded = from_pretrained(model)
        if isinstance(model, LoadedModel):
            save_model(staging, loaded.model, loaded.config, loaded.facts, loaded.card)
        else:
            folder = _fetched(str(model).removeprefix(PREFIX)) if str(model).startswith(PREFIX) else run_folder(model)
            staging.mkdir()
            for name in (*_NEEDED, _EXPOSURE):
                if (folder / name).is_file():
                    shutil.copyfile(folder / name, staging / name)
        (staging / _PAGE).write_text(page(loaded, staging, str(to), licence))
        if str(to).startswith(PREFIX):
            return _uploaded(staging, str(to).removeprefix(PREFIX), private)
        if Path(to).exists() and any(Path(to).iterdir()):
            raise BadInput(f"{to} holds something already; give a new folder, or hf:someone/name to write to the hub.")
        shutil.copytree(staging, to, dirs_exist_ok=True)
        return str(to)


def page(loaded: LoadedModel, folder: Path, name: str, licence: str) -> str:
    """The README of a repository: what the hub reads, how to load it, licence and data, and the card."""
    place = name if name.startswith(PREFIX) else "FOLDER"
    head = f"---\nlicense: {licence}\nlibrary_name: mindleaf\ntags:\n- eeg\n- mindleaf\n- {loaded.type_name}\n---\n"
    use = f'```python\nimport mindleaf as ml\n\nmodel = ml.load_model("{place}")\n```\n'
    data = "".join(f"- {line}\n" for line in _data(folder))
    return f"{head}\n{use}\n## Licence and data\n\nWeights: {licence}. Trained on:\n\n{data}\n{loaded.card}\n"


def _data(folder: Path) -> list[str]:
    """A line for each data set that the weights have seen, with its terms where they are known."""
    from mindleaf.datasets import DATASETS

    if not (folder / _EXPOSURE).is_file():
        return ["what the card below says; the folder has no list of its own"]
    subjects = Exposure.read(folder / _EXPOSURE).subjects
    names = sorted({subject.partition("/")[0] for subject in subjects})
    terms = {name: DATASETS[name].facts.licence if name in DATASETS else "terms not known to mindleaf" for name in names}
    counts = {name: sum(subject.startswith(f"{name}/") for subject in subjects) for name in names}
    return [f"{name}: {counts[name]} subject(s); {terms[name]}" for name in names] or ["nothing: the weights are random"]


def _refuse(source: str, names: Iterable[str]) -> None:
    found = sorted(names)
    if found:
        raise BadInput(
            f"{source} holds {found[0]}{f' and {len(found) - 1} more' if len(found) > 1 else ''}, which is no part of a model of "
            f"mindleaf and may run code; wanted {', '.join(_NEEDED)} and {_PAGE} alone, take the other files out."
        )


def _refuse_code(config: Path, source: str) -> None:
    """BadInput where a config sends its reader to code beside it; one that cannot be read is ``load_model``'s to name."""
    try:
        # A pipe would keep its reader waiting; ``load_model`` names it.
        values = json.loads(config.read_text()) if config.is_file() else {}
    except (OSError, ValueError, RecursionError):
        return
    found = [key for key in _SENDS_TO_CODE if isinstance(values, dict) and key in values]
    if found:
        raise BadInput(f"{source}: {CONFIG} holds {found[0]}, which sends to code; mindleaf runs none, take the key out.")


def _api() -> tuple[Any, str | None]:
    """``huggingface_hub`` and the endpoint that HF_ENDPOINT names now; BadInput where the package is missing."""
    try:
        import huggingface_hub
    except ImportError as error:
        raise BadInput("hf: names want the package huggingface_hub, found none; pip install huggingface_hub.") from error
    return huggingface_hub, os.environ.get("HF_ENDPOINT") or None


def _fetched(name: str) -> Path:
    """The folder in the hub's cache that holds the model of "someone/name" or "someone/name@revision"; nothing else is fetched."""
    hub, endpoint = _api()
    repository, _, revision = name.partition("@")
    try:
        info = hub.HfApi(endpoint=endpoint).model_info(repository, revision=revision or None)
        names = {file.rfilename for file in info.siblings or ()}
        _refuse(f"{PREFIX}{name}", names - _MAY_HOLD)
        for missing in sorted(set(_NEEDED) - names):
            raise BadInput(f"{PREFIX}{name} has no {missing}; wanted a model that push_to_hub wrote.")
        wanted = [*_NEEDED, *({_EXPOSURE} & names)]
        files = [hub.hf_hub_download(repository, file, revision=info.sha, endpoint=endpoint) for file in wanted]
    except BadInput:
        raise
    except Exception as error:  # the package raises what its version and its HTTP library raise
        raise _told(f"{PREFIX}{name}: the hub gave no such model", error) from error
    return Path(files[0]).parent


def _uploaded(folder: Path, repository: str, private: bool) -> str:
    hub, endpoint = _api()
    try:
        api = hub.HfApi(endpoint=endpoint)
        api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=folder, commit_message="Model of mindleaf")
    except Exception as error:  # as above
        raise _told(f"{PREFIX}{repository}: the hub took no model", error) from error
    return f"{PREFIX}{repository}"


def _told(what: str, error: Exception) -> BadInput:
    reason = str(error).strip().partition("\n")[0].rstrip(".")
    return BadInput(f"{what} ({type(error).__name__}: {reason}); check the name, the connection and your token (hf auth login).")
