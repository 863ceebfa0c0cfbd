"""A RUN: the folder a training verb writes and the next verb takes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.models.folder import CONFIG, HASHES, load_model
from mindleaf.models.shipped import run_folder
from mindleaf.store.exposure import Exposure
from mindleaf.store.files import read_json, write_json
from mindleaf.store.store import Store

_Stage = TypeVar("_Stage", bound=Config)
_STAGE, _INPUTS, EXPOSURE = "stage.json", "inputs.json", "exposure.json"
#: What the settings of a stage belong to, by the name of their class: kept with the inputs, told where a folder is another stage's.
_VERBS = {
    "PretrainStage": "pretrain mindmix", "SpectralTemporalStage": "pretrain leaf", "AlignStage": "align mindmix",
    "InstructStage": "align leaf", "AlignBothStage": "align both", "EvaluateConfig": "finetune",
}  # fmt: skip


def inputs_of(
    stores: Sequence[Store],
    start: Path | None = None,
    exclude: Sequence[str] = (),
    splits: Sequence[Path] = (),
    settings: Sequence[str] = (),
) -> dict[str, Any]:
    """What a run learns from, by content, so that a resumed run can be held to the same."""
    return {
        "stores": [store.content_sha256 for store in stores],
        "start": _sha256(run_folder(start) / HASHES) if start else "",
        "exclude": sorted(exclude),
        # One hash for one file, as older runs have it.
        "split": " ".join(_sha256(split) for split in splits),
        "settings": list(settings),
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def begin_run(out: Path, config: Config, resume: bool, inputs: Mapping[str, Any]) -> None:
    """Make the folder and note settings and inputs; refuses to train over another run unless this one is to be resumed.

    Call it when everything else has been checked: a refused command leaves nothing behind.
    """
    started = (out / _STAGE).exists() or (out / CONFIG).exists()
    if started and (out / _STAGE).exists():
        _refuse_other_verb(out, config)
    if started and not resume:
        raise BadInput(f"{out} already holds a run; add --resume to continue it, or choose another --out.")
    if started and (out / _STAGE).exists() and type(config).read(out / _STAGE).fingerprint() != config.fingerprint():
        raise BadInput(f"{out} holds a run with other settings; resume with the same ones, or choose another --out.")
    if started and (out / _INPUTS).exists():
        known = json.loads((out / _INPUTS).read_text())
        other = [name for name, value in inputs.items() if known.get(name) != value]
        if other:
            raise BadInput(
                f"{out} holds a run with another {' and '.join(other)}; resume with the same, or choose another --out."
            )
    out.mkdir(parents=True, exist_ok=True)
    config.write(out / _STAGE)
    write_json(out / _INPUTS, {"verb": _verb(config), **inputs})


def _verb(config: Config) -> str:
    return _VERBS.get(type(config).__name__, type(config).__name__)


def _refuse_other_verb(out: Path, config: Config) -> None:
    """BadInput where the folder was begun by another stage; older folders do not say which, but its settings do not fit."""
    ours, theirs = _verb(config), read_json(out / _INPUTS).get("verb", "")
    if not theirs:
        fields = set(read_json(out / _STAGE))
        theirs = ours if fields == set(config.model_dump(mode="json")) else "another verb or version"
    if theirs != ours:
        raise BadInput(
            f"{out} is a RUN of {theirs}, and {ours} cannot resume it; give --out another folder, or resume with its own verb and recipe."
        )


def was_begun(path: str | Path) -> bool:
    """Whether a training verb has begun a RUN here, finished or not."""
    return (Path(path) / _STAGE).is_file()


def read_plan(run: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings and inputs of a RUN of any stage, as they were written. Raises BadInput where the settings cannot be read."""
    settings, inputs = read_json(run / _STAGE), read_json(run / _INPUTS)
    if not settings:
        raise BadInput(f"{run}: wanted the settings of a RUN in {_STAGE}, found none that can be read; copy the folder again.")
    return settings, inputs


def identity_of(run: Path) -> str:
    """What a RUN that starts from this one calls it: the hash of its hashes; "" where it has not been finished."""
    return _sha256(run / HASHES) if (run / HASHES).is_file() else ""


def is_run(path: str | Path) -> bool:
    return (Path(path) / CONFIG).is_file() or (Path(path) / "folds.json").is_file()


def read_stage(run: Path, kind: type[_Stage]) -> _Stage:
    """The settings that a run was trained with, those of a stage of this ``kind``."""
    path = Path(run) / _STAGE
    if not path.is_file():
        raise BadInput(f"{run}: wanted {_STAGE}, which tells how the run was trained, found none; train the run again.")
    return kind.read(path)


def write_exposure(out: Path, exposure: Exposure) -> None:
    exposure.write(out / EXPOSURE)


def read_exposure(run: Path) -> Exposure:
    """What the run (or the model that ships under this name) has seen; a run that does not say counts as unknown and is refused."""
    path = run_folder(run) / EXPOSURE
    if not path.is_file():
        raise BadInput(f"{run}: wanted {EXPOSURE}, which tells what the run has seen, found none; train the run again.")
    return Exposure.read(path)


def read_start(start: Path | None) -> Exposure:
    """What the RUN to start from has seen (nothing without one); a damaged or missing RUN is refused here, before any work."""
    if start is None:
        return Exposure()
    load_model(start)
    return read_exposure(start)


def card(title: str, config: Config, exposure: Exposure, figures: dict[str, object], notes: tuple[str, ...] = ()) -> str:
    """A model card: what it is, what it has seen, how it was trained, what was measured, and where it must not be used."""
    seconds = sum(span.stop - span.start for span in exposure.spans)
    lines = [
        f"# {title}", "", "Research software, not a medical device.", "",
        "## Seen in training", "",
        f"{seconds / 3600:.2f} h of EEG from {len({s.recording_sha256 for s in exposure.spans})} recordings of "
        f"{len(exposure.subjects)} subjects, {len(exposure.stimuli)} stimuli.", "",
        *(f"- subject {name}" for name in exposure.subjects),
        *(f"- stimulus sha256 {sha}" for sha in exposure.stimuli),
        *(f"- recording sha256 {sha}" for sha in sorted({s.recording_sha256 for s in exposure.spans})), "",
        "## Measured", "", *(f"- {name}: {value}" for name, value in figures.items()), "",
        "## Notes", "", *(f"- {note}" for note in notes), "",
        "## Settings", "", "```json", config.model_dump_json(indent=2), "```", "",
    ]  # fmt: skip
    return "\n".join(lines)
