"""explain: what an aligned RUN has learned: sound read back from EEG, where on the head it listens, what its embedding tells apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.evaluation.sheets import Drawing, Page, Sheet
from mindleaf.fold import Fold
from mindleaf.interpret.reconstruction import embedding_figure, spectrogram_figure
from mindleaf.interpret.topography import topography_figure
from mindleaf.metrics.intervals import wide_interval
from mindleaf.metrics.reconstruction import Reconstruction, correlations, lagged, variance_share
from mindleaf.models.folder import type_in
from mindleaf.preprocessing.pipeline import MINDMIX
from mindleaf.protocols import BetweenTrial, Blocked
from mindleaf.stages.progress import bar
from mindleaf.stages.run_folder import read_exposure
from mindleaf.stages.selecting import one_fold
from mindleaf.stages.space_page import space_page
from mindleaf.store.examples import Examples
from mindleaf.store.store import Store
from mindleaf.systems.aligned_views import AlignedViews, aligned_views
from mindleaf.systems.mindmix import MindMixListener
from mindleaf.systems.mindmix_form import ListenerConfig
from mindleaf.systems.neural import spatial_pattern
from mindleaf.tasks.match_mismatch import attended_streams

OURS, NOT_ALIGNED, LINEAR = "aligned EEG frames", "same network, not aligned", "linear: lagged EEG"
CIRCULAR = "EEG fused with the heard sound (circular)"
_COLUMNS = ("read back from", "correlation with the sound heard", "95 % interval over trials", "with another trial's sound")


class ExplainConfig(Config):
    """window_s: seconds of a window; context frames read on either side of one; max_windows per part bound time and memory."""

    window_s: float = 5.0
    neighbours: int = 2
    lags_s: float = 0.4
    max_windows: int = 400
    seed: int = 0


@dataclass(frozen=True)
class _Parts:
    """The fold's windows, each with the sound that was heard in it."""

    train: Examples
    validation: Examples
    test: Examples


def explain(
    store_path: Path, run: Path, out: Path, config: ExplainConfig | None = None, split: Path | None = None, quiet: bool = False
) -> Path:
    """Write report.html, table.md and table.json into ``out``; returns the report. Raises as ``explained`` does."""
    return explained(store_path, run, config, split, quiet).write(out)


def explained(
    store_path: Path, run: Path, config: ExplainConfig | None = None, split: Path | None = None, quiet: bool = False
) -> Page:
    """What the RUN has learned, as a page.

    Reconstructions are fitted on training trials and judged on test trials. A RUN of one space is asked what it finds in words
    instead (``stages.space_page``). Raises BadInput where the RUN holds no aligned model or the store no heard sound.
    """
    config, store = config or ExplainConfig(), Store(store_path)
    fold = one_fold(split, store) if split else None
    if type_in(run) == "one_space":
        return space_page(store_path, run, split, quiet)
    fold = fold or _fold(store, config)
    listener = MindMixListener(ListenerConfig())
    listener.load(run)
    parts = _parts(store, fold, config)
    with bar("explain", 4, quiet) as advance:
        views = {name: aligned_views(listener.model, listener.reader(part)) for name, part in vars(parts).items() if len(part)}
        advance("frames")
        features = _features(listener, parts, views, config)
        said, rows = _reconstructed(features, views, parts)
        advance("reconstruction")
        drawings = [_spectrograms(said, views["test"], parts, config), *_topographies(listener, parts)]
        advance("topography")
        embedding, shares = _embedding(views["test"], parts.test)
        advance("embedding")
    notes = _notes(run, store, parts, fold)
    sheets = (
        Sheet("Sound read back from EEG", _COLUMNS, rows, fold.mark, _READ_BACK),
        Sheet("What the embedding tells apart", ("grouping", "groups", "share of variance between groups"), shares, "", _SHARES),
    )
    return Page(f"What {run.name} has learned, on {store.dataset}", sheets, notes, [*drawings, embedding])


_READ_BACK = (
    "Ridge from frames to the audio encoder's features, fitted on training trials, judged on test trials. The circular row reads the "
    "sound out of a representation that was given this very sound: the paper's figure is of this kind. It shows nothing about EEG."
)
_SHARES = "A share near zero means that the embedding does not tell the groups apart; a large one for subject or trial is identity, not task."


def _fold(store: Store, config: ExplainConfig) -> Fold:
    """Whole trials held out; blocks of the one trial where there is one only (marked WITHIN-TRIAL)."""
    try:
        return BetweenTrial(n_folds=4, only=(0,)).folds(store.index, config.seed)[0]
    except BadInput:
        return Blocked(n_folds=4, only=(0,), gap_s=1.0).folds(store.index, config.seed)[0]


def _parts(store: Store, fold: Fold, config: ExplainConfig) -> _Parts:
    heard = attended_streams(store.windows(config.window_s))
    if heard.empty:
        raise BadInput(f"{store.path}: wanted windows in which a sound was heard, found none; explain wants EEG with sound.")
    rows = heard.assign(answer=heard["attended"].astype(int) - 1, target=-1)

    def part(name: str) -> Examples:
        chosen = rows.iloc[fold.select(rows, name)].reset_index(drop=True)  # type: ignore[arg-type]
        keep = np.unique(np.linspace(0, len(chosen) - 1, min(len(chosen), config.max_windows)).round().astype(int))
        return Examples(store, pd.DataFrame(chosen.iloc[keep]).reset_index(drop=True))

    parts = _Parts(part("train"), part("validation"), part("test"))
    if not len(parts.train) or not len(parts.test):
        raise BadInput(
            f"{store.path}: wanted windows to fit on and to test on, the fold has {len(parts.train)} and {len(parts.test)} with a heard "
            "sound here; give a split of this store alone, or shorter windows (window_s)."
        )
    return parts


def _features(
    listener: MindMixListener, parts: _Parts, views: Mapping[str, AlignedViews], config: ExplainConfig
) -> dict[str, dict[str, NDArray]]:  # fmt: skip
    """EEG-side frames by method and part; "not aligned" is the same network built anew, with random weights."""
    torch.manual_seed(config.seed)
    # A speech model in its audio tower is random as well: what is read here is the EEG before it meets a sound.
    random = listener.config.model.build(listener.facts)
    near = config.neighbours
    found: dict[str, dict[str, NDArray]] = {OURS: {}, NOT_ALIGNED: {}, LINEAR: {}, CIRCULAR: {}}
    for name, view in views.items():
        part = getattr(parts, name)
        found[OURS][name] = lagged(view.eeg, near, near)
        found[NOT_ALIGNED][name] = lagged(aligned_views(random, listener.reader(part)).eeg, near, near)
        found[LINEAR][name] = _lagged_eeg(part, view.sound.shape[1], config)
        if view.fused is not None:
            found[CIRCULAR][name] = lagged(view.fused, near, near)
    return {method: by_part for method, by_part in found.items() if by_part}


def _lagged_eeg(part: Examples, n_frames: int, config: ExplainConfig) -> NDArray[np.float32]:
    """EEG averaged to the sound's frame rate, at lags 0 .. ``lags_s`` after each frame: (window, frame, channel x lag)."""
    eeg = part.eeg(MINDMIX, config.lags_s)
    stride = round(part.window_s * MINDMIX.sfreq) // n_frames
    slow = eeg[..., : eeg.shape[-1] // stride * stride].reshape(*eeg.shape[:2], -1, stride).mean(-1).transpose(0, 2, 1)
    n_lags = slow.shape[1] - n_frames
    return np.concatenate([slow[:, k : k + n_frames] for k in range(n_lags + 1)], axis=2)


def _reconstructed(
    features: Mapping[str, Mapping[str, NDArray]], views: Mapping[str, AlignedViews], parts: _Parts
) -> tuple[dict[str, NDArray], tuple[tuple[str, ...], ...]]:  # fmt: skip
    """Reconstructions of the test windows by method, and the table's rows."""
    trials = parts.test.rows.groupby(["recording", "trial"], sort=True).ngroup().to_numpy(np.int64)
    sound, others = views["test"].sound, _of_other_trials(trials)
    said, rows = {}, []
    for method, frames in features.items():
        watched = (
            (frames["validation"], views["validation"].sound) if "validation" in frames else (frames["train"][:0], sound[:0])
        )
        model = Reconstruction().fit((frames["train"], views["train"].sound), watched)
        said[method] = model.predict(frames["test"])
        by_window = np.nanmean(correlations(said[method], sound), axis=1)
        wrong = np.nanmean(correlations(said[method][others >= 0], sound[others[others >= 0]])) if (others >= 0).any() else np.nan
        by_trial = pd.Series(by_window).groupby(trials).mean().to_numpy()
        low, high = wide_interval(partial(_mean, by_trial), len(by_trial), 0, (-1.0, 1.0))
        between = f"{low:.3f} … {high:.3f}" if np.isfinite(low + high) else "none: one trial"
        rows.append((method, f"{np.nanmean(by_window):.3f}", between, f"{wrong:.3f}" if np.isfinite(wrong) else "–"))
    return said, tuple(rows)


def _mean(values: NDArray, counts: NDArray[np.int64]) -> NDArray:
    """Mean of the values, each counted as often as drawn: (draw, value) to (draw,)."""
    return np.asarray(counts @ values / counts.sum(axis=1))


def _of_other_trials(trials: NDArray[np.integer]) -> NDArray[np.int64]:
    """For each window one of another trial, -1 where there is one trial only."""
    order = np.argsort(trials, kind="stable")
    shifted = np.roll(order, -int(np.bincount(trials).max()))
    partner = np.full(len(trials), -1)
    partner[order] = shifted
    return np.where(trials[partner] != trials, partner, -1)


def _spectrograms(said: Mapping[str, NDArray], view: AlignedViews, parts: _Parts, config: ExplainConfig) -> Drawing:
    """Two neighbouring test windows of the trial that has most of them."""
    trials = parts.test.rows.groupby(["recording", "trial"], sort=True).ngroup().to_numpy()
    shown = np.flatnonzero(trials == np.bincount(trials).argmax())[:2]
    pictures = {"sound that was heard": np.concatenate(view.sound[shown], axis=0).T}
    pictures |= {method: np.concatenate(frames[shown], axis=0).T for method, frames in said.items()}
    bands = "mel band" if view.sound.shape[2] > 8 else "band"
    svg = spectrogram_figure(pictures, len(shown) * config.window_s, bands, f"spectrograms-{parts.test.store.dataset}")
    return Drawing(
        "Sound and what was read back",
        svg,
        "Held-out trial; each picture in units of its own spread. The last one was given the sound.",
    )


def _topographies(listener: MindMixListener, parts: _Parts) -> list[Drawing]:
    stem = listener.model.stem
    if stem is None:
        return []
    strength = stem.linear.weight.detach().square().sum(dim=(0, 2)).sqrt()
    pattern = spatial_pattern(stem.spatial, strength, listener.reader(parts.train), parts.train)
    montage = next(iter(parts.train.store.recordings.values())).montage.select(pattern["channel_names"])
    svg = topography_figure(montage, pattern["values"], name=f"topography-{parts.test.store.dataset}")
    caption = "Patterns of the learned spatial filters (covariance times weights), energy per electrode; weights alone cannot be read so."
    return [Drawing("Where on the head the model listens", svg, caption)] if svg else []


def _embedding(view: AlignedViews, test: Examples) -> tuple[Drawing, tuple[tuple[str, ...], ...]]:
    groupings = {
        "subject": test.rows["subject"].tolist(),
        "trial": (test.rows["recording"] + "/" + test.rows["trial"]).tolist(),
        "stimulus": test.rows["stimulus"].tolist(),
    }
    shares = tuple(
        (name, str(len(set(groups))), f"{variance_share(view.pooled, groups):.3f}") for name, groups in groupings.items()
    )
    places = PCA(2, random_state=0).fit_transform(view.pooled) if len(view.pooled) > 2 else view.pooled[:, :2]
    caption = "Test windows; first two principal components of the encoder's pooled tokens."
    return Drawing("The embedding", embedding_figure(places, groupings, f"embedding-{test.store.dataset}"), caption), shares


def _notes(run: Path, store: Store, parts: _Parts, fold: Fold) -> list[str]:
    contaminated = read_exposure(run).contaminates(store, parts.test.rows, fold.group)
    return (
        [f"CONTAMINATED: {contaminated}"]
        if contaminated
        else [f"The RUN has not seen what is tested here (kept apart by {fold.group})."]
    )
