"""align: EEG and the audio that was heard -> one space (MindMix, stage 2)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.fold import Fold, Part
from mindleaf.stages.devices import on_all_devices
from mindleaf.stages.progress import bar, console
from mindleaf.stages.run_folder import begin_run, card, inputs_of, read_start, write_exposure
from mindleaf.stages.selecting import excluded, folds_by_store, part_of
from mindleaf.store.examples import Examples
from mindleaf.store.exposure import exposure
from mindleaf.store.store import Store
from mindleaf.systems.long_windows import lengthened
from mindleaf.systems.mindmix import MindMixListener
from mindleaf.systems.mindmix_form import ListenerConfig

_LOG_MEL = (
    "audio encoder: log-mel, which is built in (no speech model was named); for wav2vec2 give its folder with "
    "--set listener.audio=wav2vec2:FOLDER, or have it fetched with --set listener.audio=wav2vec2:hub:facebook/wav2vec2-base"
)


class AlignStage(Config):
    """hop_s: windows start this often in training (overlapping windows are more examples of the same trials)."""

    listener: ListenerConfig = ListenerConfig()
    hop_s: float | None = 1.0


@on_all_devices
def align(
    config: AlignStage, stores: list[Path], out: Path, start: Path | None = None, exclude: tuple[str, ...] = (),
    splits: Sequence[Path] = (), resume: bool = False, quiet: bool = False,
) -> Path:  # fmt: skip
    """Contrastive training on the windows of one or several stores; returns the RUN folder.

    Of a store that one of ``splits`` was made with, the training part is trained on and the validation part chooses the best
    state; of a store without one all is trained on.
    """
    opened = [Store(path) for path in stores]
    folds = list(zip(opened, folds_by_store(splits, opened), strict=True))
    parts = [_listened(store, config, exclude, fold, "train") for store, fold in folds]
    watched = [_listened(store, config, exclude, fold, "validation") for store, fold in folds if fold]
    listener_config = config.listener.model_copy(update={"start": str(start or "")})
    listener = MindMixListener(listener_config)
    for part in parts:  # what cannot be cut is said before anything is written
        for length in config.listener.curriculum:
            lengthened(part, length)
    seen = read_start(start)
    if config.listener.audio == "auto" and listener.hears(parts) == "mel":
        console(quiet).print(_LOG_MEL, markup=False)
    begin_run(out, config, resume, inputs_of(opened, start, exclude, splits))
    with bar("align", listener_config.training.steps, quiet) as advance:

        def on_step(step: int, line: dict) -> None:
            advance(f"loss {line['in_batch']:.3f} (chance {line['chance_loss']:.3f})")

        lines = listener.learn(parts, [w for w in watched if len(w)], listener_config.training.seed, out, resume, on_step)
    for part in (*parts, *watched):  # what chose the best state has been seen too
        seen |= exposure(part.store, part.rows)
    write_exposure(out, seen)
    last = lines[-1] if lines else {}
    figures: dict[str, object] = {
        name: round(last[name], 4) for name in ("in_batch", "chance_loss", "top1", "chance_top1") if name in last
    }
    listener.save(out, card("MindMix, EEG aligned with audio, stage 2", config, seen, figures))
    return out


def _listened(store: Store, config: AlignStage, exclude: tuple[str, ...], fold: Fold | None, part: Part) -> Examples:
    """Windows with a stream that was heard: the attended one, or the only one."""
    hop = config.hop_s if part == "train" else None
    rows = store.windows(config.listener.train_window_s, hop)
    rows = part_of(rows, fold, part)
    rows = excluded(rows, exclude if part == "train" else ())
    heard = rows["attended"].where(rows["n_candidates"] != 1, 1)
    rows = rows.assign(answer=heard - 1, target=-1)
    rows = pd.DataFrame(rows[rows["answer"] >= 0]).reset_index(drop=True)
    if rows.empty and part == "train":
        raise BadInput(
            f"{store.path}: no window with a heard stimulus is left to align on; check the store, --exclude and --split."
        )
    return Examples(store, rows)
