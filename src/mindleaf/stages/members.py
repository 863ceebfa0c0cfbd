"""The models of a RUN that answer for it: one, or one for each fold it was fine-tuned in, with what each has seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindleaf.errors import BadInput
from mindleaf.fold import Fold
from mindleaf.models.folder import LoadedModel, load_model
from mindleaf.models.shipped import run_folder
from mindleaf.protocols import read_folds, read_split_facts
from mindleaf.store.exposure import Exposure
from mindleaf.store.files import read_json
from mindleaf.systems.neural import read_findings

#: Seconds of a window where nobody says how long those of the training were.
_WINDOW_S = 2.0
_EXPOSURE = "exposure.json"


@dataclass(frozen=True, eq=False)
class Member:
    """seen: None where the model does not say. level: how much its instruction tells, where it answers in words."""

    loaded: LoadedModel
    seen: Exposure | None = None
    fold: Fold | None = None
    level: int = 2

    @classmethod
    def at(cls, folder: Path, fold: Fold | None = None) -> Member:
        """The model in a folder. Raises ReadError where there is none."""
        loaded, path = load_model(folder), Path(folder) / _EXPOSURE
        level = read_findings(Path(folder)).get("language", {}).get("instruction_level", 2)
        return cls(loaded, Exposure.read(path) if path.is_file() else None, fold, level)


@dataclass(frozen=True, eq=False)
class Members:
    """The models of one RUN, all of one kind. ``window_s``: seconds of the windows it was trained on, or usual ones."""

    name: str
    all: tuple[Member, ...]
    window_s: float = _WINDOW_S

    @property
    def kind(self) -> str:
        return self.all[0].loaded.type_name

    def one(self) -> Member:
        """The only one; BadInput where there are several, whose embeddings lie in spaces of their own."""
        if len(self.all) > 1:
            raise BadInput(
                f"{self.name} has {len(self.all)} models, one for each fold, and each embeds into a space of its own; choose one with "
                f"--fold (0 to {len(self.all) - 1}), or give the RUN that they started from."
            )
        return self.all[0]


def members_of(run: Path, fold: int | None = None) -> Members:
    """The models of the RUN in a folder (or that ships under this name), or the one of fold number ``fold``.

    Raises BadInput for a fold that there is not, and where the fine-tuning has not been finished; ReadError for a folder without a model.
    """
    run = run_folder(run)
    if not (run / "folds.json").is_file():
        if (run / "folds").is_dir():
            raise BadInput(f"{run}: its fine-tuning was not finished (no folds.json); run it again with --resume.")
        if fold is not None:
            raise BadInput(f"--fold {fold}: {run} is one model and has no folds; leave --fold out.")
        return Members(run.name, (Member.at(run),), _trained_on(run))
    folds, facts = read_folds(run / "folds.json"), read_split_facts(run / "folds.json")
    numbers = list(range(len(folds))) if fold is None else [fold]
    if fold is not None and fold not in range(len(folds)):
        raise BadInput(f"--fold {fold}: {run} has the folds 0 to {len(folds) - 1}; choose one of them, or leave --fold out.")
    members = tuple(Member.at(run / "folds" / f"{number:03d}", folds[number]) for number in numbers)
    return Members(run.name, members, float(facts.get("window_s") or _length_read(members[0]) or _trained_on(run)))


def _length_read(member: Member) -> float:
    """Seconds that a head which knows its tokens by their place has room for; 0 for other heads."""
    return member.loaded.facts.n_tokens / 2


def _trained_on(run: Path) -> float:
    """What the stage that wrote the RUN says of its windows."""
    stage: dict[str, Any] = read_json(run / "stage.json")
    told = [stage.get("window_s"), stage.get("listener", {}).get("train_window_s")]
    return next((float(seconds) for seconds in told if seconds), _WINDOW_S)
