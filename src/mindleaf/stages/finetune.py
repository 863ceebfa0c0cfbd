"""finetune: a RUN and a task -> one fitted model per fold of a protocol (stage 3)."""

from __future__ import annotations

from pathlib import Path

from mindleaf.errors import BadInput
from mindleaf.evaluation.prepared_rows import PreparedRows
from mindleaf.protocols import write_folds
from mindleaf.stages.contestants import contestant, refuse_unused
from mindleaf.stages.progress import bar
from mindleaf.stages.question import EvaluateConfig, cutting, folds_of
from mindleaf.stages.run_folder import begin_run, card, inputs_of, read_start, write_exposure
from mindleaf.store.exposure import exposure
from mindleaf.store.store import Store
from mindleaf.systems import SYSTEMS
from mindleaf.systems.registry import build_system
from mindleaf.tasks import build_task


def finetune(
    name: str, system_settings: tuple[str, ...], config: EvaluateConfig, store_path: Path, out: Path, start: Path | None = None,
    resume: bool = False, quiet: bool = False,
) -> Path:  # fmt: skip
    """Fit the system ``name`` inside every fold and write ``out/folds/000`` ...; ``evaluate --model out`` scores exactly these folds.

    A fold whose model is complete is skipped when resumed.
    """
    store = Store(store_path)
    task = build_task(config.task, target=config.target)
    if config.protocol == "cross_dataset":
        raise BadInput(
            "finetune wants a protocol that splits --store, got cross_dataset; give evaluate the RUN to start from and --test-store, "
            "it is then fine-tuned on all of --store."
        )
    refuse_unused(config, [contestant(name, config, task)])
    folds = folds_of(config, store)
    cut, windows_s = cutting(config, store)
    seen = read_start(start)
    prepared = PreparedRows(store, None, task, config.seed, cut)
    settings = [*system_settings, *config.settings_of(name), *([f'start="{start}"'] if start else [])]
    build_system(name, settings, task.asks)
    prepared.table(store, windows_s[0])
    begin_run(out, config, resume, inputs_of([store], start, settings=system_settings))
    with bar("finetune", len(folds), quiet) as advance:
        for number, fold in enumerate(folds):
            folder = out / "folds" / f"{number:03d}"
            if not (folder / "sha256.json").exists():
                system = build_system(name, settings, task.asks)
                train, validation = (prepared.examples(fold, part, windows_s[0], system.asks) for part in ("train", "validation"))  # type: ignore[arg-type]
                if not len(train):
                    raise BadInput(f"fold {fold.name}: no training window of {windows_s[0]:g} s; ask for shorter windows.")
                system.fit(train, validation, config.seed)
                # What chose the best state has been seen, too.
                all_seen = seen | exposure(store, train.rows) | exposure(store, validation.rows)
                folder.mkdir(parents=True, exist_ok=True)
                write_exposure(folder, all_seen)
                system.save(folder, card(f"{SYSTEMS[name].title} fine-tuned, fold {fold.name}", config, all_seen, {}))  # type: ignore[attr-defined]
            advance(f"fold {fold.name}")
    write_exposure(out, seen)
    # The folds file is written last: with it the run is complete.
    write_folds(
        out / "folds.json", folds, protocol=config.protocol, seed=config.seed, store=store.content_sha256, task=task.title,
        window_s=windows_s[0],
    )  # fmt: skip
    return out
