"""Who takes part in an evaluation: systems by name, RUNs by folder, the linear floor; and the folds they are tested on."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.evaluation.contamination import FROM_SCRATCH
from mindleaf.fold import Fold
from mindleaf.models.folder import CONFIG, type_in
from mindleaf.models.shipped import or_shipped, run_folder
from mindleaf.protocols import read_folds, read_split_facts
from mindleaf.stages.question import EvaluateConfig, folds_of
from mindleaf.stages.run_folder import is_run, read_exposure, read_start
from mindleaf.stages.selecting import refuse_other_store
from mindleaf.store.exposure import Exposure
from mindleaf.store.store import Store
from mindleaf.systems import SYSTEMS
from mindleaf.systems.neural import weights_at_start
from mindleaf.systems.registry import build_system, floor_for
from mindleaf.systems.system import System
from mindleaf.tasks import Task

#: Models (by the name in their folder) that the system "leaf" goes on from, and the settings it then has.
LEAF_MODELS: dict[str, tuple[str, ...]] = {"spectral_temporal": (), "language": (), "tower_classifier": ('head="mlp"',)}
#: What MindMix reads in each of its rows for emotion, and how the row is called.
_INPUTS = {"eeg": "EEG", "both": "EEG + audio", "audio": "audio"}


@dataclass(frozen=True)
class Contestant:
    """One row-to-be: how it is built, or where its fitted models lie, and what it had seen before.

    ``weights``: where they come from ("none" for a system that has none, "from scratch", the name of a RUN or file).
    ``owner``: the word before the dot in the settings that are for it.
    """

    name: str
    build: Callable[[], System]
    fitted: Callable[[Fold], System] | None = None
    weights: str = "none"
    exposure: Exposure | None = None
    floor: bool = False
    owner: str = "system"


def contestant(name: str, config: EvaluateConfig, task: Task) -> Contestant:
    if is_run(run_folder(name)):
        return _run_contestant(run_folder(name), config, task)
    if name not in SYSTEMS and ":" not in name:
        raise BadInput(
            f"--model {name}: neither a system ({', '.join(SYSTEMS)}), nor package.module:Class, nor a RUN folder; check it, "
            f"{or_shipped().replace('or the', 'or give the')}."
        )
    owner = name if name in SYSTEMS else "system"
    build = partial(build_system, name, config.settings_of(owner), task.asks)
    if name not in SYSTEMS or not SYSTEMS[name].trained:
        return Contestant(name, build, owner=owner)
    begun: Config = build().config  # type: ignore[attr-defined]
    start = getattr(begun, "start", "")
    seen = read_start(Path(start)) if start else None
    return Contestant(name, build, weights=weights_at_start(begun) or FROM_SCRATCH, exposure=seen, owner=owner)


def entrants(name: str, config: EvaluateConfig, task: Task) -> list[Contestant]:
    """The rows of one ``--model``: one, or for emotion three of MindMix (EEG, both, sound alone) unless ``inputs`` is set."""
    one = contestant(name, config, task)
    asked = any(setting.startswith("inputs=") for setting in config.settings_of("mindmix"))
    if task.name != "emotion" or one.owner != "mindmix" or one.fitted is not None or asked:
        return [one]
    forms = []
    for inputs, words in _INPUTS.items():
        form = config.model_copy(update={"settings": (*config.settings, f'mindmix.inputs="{inputs}"')})
        forms.append(replace(contestant(name, form, task), name=f"{one.name}, {words}"))
    return forms


def _run_contestant(run: Path, config: EvaluateConfig, task: Task) -> Contestant:
    seen, (owner, form) = read_exposure(run), _owner(run)
    if not (run / "folds.json").exists() and type_in(run) == "one_space":
        warnings.warn(
            f"{run.name} holds one space for EEG, sound and text; here only its EEG encoder is used, and the rest is trained anew. "
            "What the space itself finds is in mindleaf explain.",
            stacklevel=2,
        )
    name, settings = f"{owner} ({run.name})", [*form, *config.settings_of(owner)]
    build = partial(build_system, owner, settings, task.asks)
    if (run / "folds.json").exists():
        own = [fold.to_json() for fold in read_folds(run / "folds.json")]

        def fitted(fold: Fold) -> System:
            if fold.to_json() not in own:
                raise BadInput(
                    f"{run} was not fine-tuned on fold {fold.name} as it is here; evaluate it on the folds it wrote (read_folds)."
                )
            system = build()
            system.load(run / "folds" / f"{own.index(fold.to_json()):03d}")  # type: ignore[attr-defined]
            return system

        # Its own folds are clean by construction; what it started from is what must be checked.
        return Contestant(name, build, fitted, weights=run.name, exposure=seen, owner=owner)
    start = partial(build_system, owner, [*settings, f'start="{run}"'], task.asks)
    return Contestant(name, start, weights=run.name, exposure=seen, owner=owner)


def _owner(run: Path) -> tuple[str, tuple[str, ...]]:
    """The system that goes on from a RUN, with the settings of its form: LEAF from a RUN with its tower, else MindMix."""
    kind = type_in(run if (run / CONFIG).is_file() else run / "folds" / "000")
    return ("leaf", LEAF_MODELS[kind]) if kind in LEAF_MODELS else ("mindmix", ())


def floor(config: EvaluateConfig, task: Task, present: Sequence[str]) -> list[Contestant]:
    """The linear systems of the task that do not take part already."""
    return [
        Contestant(name, partial(build_system, name, config.settings_of(name), task.asks), floor=True, owner=name)
        for name in floor_for(config.task)
        if name not in present
    ]


def refuse_unused(config: EvaluateConfig, contestants: Sequence[Contestant]) -> None:
    """BadInput where a setting is for a system that does not take part: it would change nothing."""
    owners = {contestant.owner for contestant in contestants}
    for setting in config.settings:
        owner = setting.partition(".")[0]
        if owner not in owners | {"protocol"}:
            raise BadInput(
                f"--set {setting}: {owner} does not take part; systems here: {', '.join(c.name for c in contestants)}; "
                "add it with --model or drop the setting."
            )


def shared_folds(
    config: EvaluateConfig, store: Store, split: Path | None, models: Sequence[str], task: Task, test_store: Store | None = None
) -> tuple[list[Fold], str]:
    """The folds every contestant is tested on, and the protocol's name: a fine-tuned RUN's own, a split file's, or new ones."""
    tuned = [Path(m) for m in models if is_run(m) and (Path(m) / "folds.json").exists()]
    if tuned:
        return _tuned_folds(config, store, split, tuned, task, test_store)
    if split:
        return _split_folds(split, store, test_store)
    folds = folds_of(config, store, test_store)
    return folds, str(config.protocol)


def _split_folds(split: Path, store: Store, test_store: Store | None) -> tuple[list[Fold], str]:
    """The folds of a file, which belong to one store or to two."""
    refuse_other_store(split, store)
    facts = read_split_facts(split)
    theirs, ours = facts.get("test_store"), test_store.content_sha256 if test_store else None
    if theirs != ours:
        wanted = "the --test-store it was made with" if theirs else "no --test-store"
        came = "another one" if theirs and ours else "one" if ours else "none"
        raise BadInput(f"--split {split} wants {wanted}, got {came}; give the same stores as when the split was made.")
    return read_folds(split), str(facts.get("protocol", "split file"))


def _tuned_folds(
    config: EvaluateConfig, store: Store, split: Path | None, runs: Sequence[Path], task: Task, test_store: Store | None
) -> tuple[list[Fold], str]:
    """The folds that every fine-tuned RUN wrote; BadInput where one was made for another question, or they differ."""
    for run in runs:
        facts = read_split_facts(run / "folds.json")
        asked = {
            "protocol": config.protocol or facts["protocol"],
            "seed": config.seed,
            "store": store.content_sha256,
            "task": task.title,
        }
        other = [name for name, value in asked.items() if facts.get(name, value) != value]
        other += ["split"] * (split is not None) + ["test store"] * (test_store is not None)
        if other:
            raise BadInput(
                f"{run} was fine-tuned for {facts.get('task', 'its task')} under protocol {facts['protocol']}, seed {facts['seed']}, and is "
                f"evaluated on exactly its own folds; another {' and '.join(other)} was asked for: drop it, or give the RUN it started from."
            )
    folds = read_folds(runs[0] / "folds.json")
    for run in runs[1:]:
        if [fold.to_json() for fold in read_folds(run / "folds.json")] != [fold.to_json() for fold in folds]:
            raise BadInput(f"{runs[0]} and {run} were fine-tuned on different folds; evaluate them one at a time.")
    return folds, read_split_facts(runs[0] / "folds.json")["protocol"]
