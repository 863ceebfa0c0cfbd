"""Any montage onto a fixed list of electrodes: taken over by name, averaged where several mean one, or interpolated."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from einops import einsum
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from mindleaf.batch import Batch
from mindleaf.montage import ELECTRODES, OTHER, ChannelReport, Montage, layout_positions

#: Fewer placed channels than this say too little of a head for splines.
_FEWEST_SOURCES = 4
_MOST_INTERPOLATED = 0.5

Place = tuple[int, tuple[float, float, float]]


@dataclass(frozen=True, eq=False)
class Projection:
    """matrix: (target, source), the weights; present: (target,), False where nothing can be said; report: what became of each."""

    matrix: NDArray[np.float32]
    present: NDArray[np.bool_]
    report: ChannelReport

    @property
    def share_interpolated(self) -> float:
        return len(self.report.interpolated) / len(self.matrix)


def project(batch: Batch, targets: tuple[str, ...]) -> tuple[Float[Tensor, "batch target time"], Tensor]:
    """The EEG of a batch on the target electrodes, (batch, target, time), and which of them exist, (batch, target).

    The order of the batch's channels does not matter. Absent channels of a window take no part: its projection is that of
    the channels it has.
    """
    keys = torch.cat([batch.channel_index, batch.channel_mask.long()], dim=1)
    patterns, which = keys.unique(dim=0, return_inverse=True)
    n = batch.channel_index.shape[1]
    eeg = batch.eeg.new_zeros(len(batch), len(targets), batch.eeg.shape[-1])
    present = torch.zeros(len(batch), len(targets), dtype=torch.bool, device=eeg.device)
    for number, pattern in enumerate(patterns):
        rows, sources = (which == number).nonzero().squeeze(1), pattern[n:].nonzero().squeeze(1)
        index, positions = pattern[:n][sources].tolist(), batch.positions[rows[0], sources].tolist()
        found = projection(
            tuple((i, tuple(p) if i == OTHER else (0.0, 0.0, 0.0)) for i, p in zip(index, positions, strict=True)), targets
        )
        matrix = torch.from_numpy(found.matrix).to(eeg)
        eeg[rows] = einsum(matrix, batch.eeg[rows][:, sources], "target source, row source time -> row target time")
        present[rows] = torch.from_numpy(found.present).to(eeg.device)
    return eeg, present


@lru_cache(maxsize=256)
def projection(sources: tuple[Place, ...], targets: tuple[str, ...]) -> Projection:
    """From channels (row of the electrode table, and metres for those outside it) to ``targets``; warns where most are interpolated.

    Missing targets are spherical splines of all placed channels (Perrin et al. 1989, as MNE-Python computes them).
    """
    names = [ELECTRODES[row] if row != OTHER else f"other {number}" for number, (row, _) in enumerate(sources)]
    matrix = np.zeros((len(targets), len(sources)), np.float32)
    for target, name in enumerate(targets):
        own = [source for source, known in enumerate(names) if known == name]
        matrix[target, own] = 1.0 / max(1, len(own))
    missing = [target for target in range(len(targets)) if not matrix[target].any()]
    places = {source: _place(*sources[source]) for source in range(len(sources))}
    placed = [source for source, place in places.items() if place is not None]
    interpolated = missing if len(placed) >= _FEWEST_SOURCES else []
    if interpolated:
        matrix[np.ix_(interpolated, placed)] = _splines([places[s] for s in placed], [targets[t] for t in interpolated])  # type: ignore[misc]
    used = set(np.flatnonzero(matrix.any(axis=0)).tolist())
    report = ChannelReport(
        matched=tuple(targets[t] for t in range(len(targets)) if t not in missing),
        interpolated=tuple(targets[t] for t in interpolated),
        dropped=tuple(names[s] for s in range(len(sources)) if s not in used),
    )
    found = Projection(matrix, np.asarray(matrix.any(axis=1)), report)
    if found.share_interpolated > _MOST_INTERPOLATED:
        warnings.warn(
            f"{len(interpolated)} of {len(targets)} electrodes are interpolated from {len(placed)} channels; what is read off them "
            "is less than it looks.",
            stacklevel=3,
        )
    return found


def montage_projection(montage: Montage, targets: tuple[str, ...]) -> Projection:
    """What ``project`` does to the recordings with this montage."""
    positions = np.nan_to_num(montage.positions)
    rows = montage.nearest_indices.tolist()
    places = [
        (row, tuple(place) if row == OTHER else (0.0, 0.0, 0.0)) for row, place in zip(rows, positions.tolist(), strict=True)
    ]
    return projection(tuple(places), targets)


def _place(row: int, position: tuple[float, float, float]) -> NDArray[np.float64] | None:
    """Metres; None for a channel whose place is not known."""
    if row != OTHER:
        return layout_positions().get(ELECTRODES[row])
    return np.array(position) if any(position) else None


def _splines(sources: Sequence[NDArray[np.float64]], targets: Sequence[str]) -> NDArray[np.float64]:
    """(target, source) weights of spherical splines: every source's unit impulse, interpolated by MNE-Python."""
    import mne

    table = np.stack(list(layout_positions().values()))
    names = [f"source {number}" for number in range(len(sources))] + list(targets)
    positions = np.stack([*_apart(sources, [layout_positions()[name] for name in targets])])
    info = Montage(tuple(names), positions, biosemi=False).info(1.0)
    info["bads"] = list(targets)
    data = np.zeros((len(names), len(sources)))
    data[: len(sources)] = np.eye(len(sources))
    raw = mne.io.RawArray(data, info, verbose="error")
    raw.interpolate_bads(reset_bads=True, origin=tuple(_centre(table)), verbose="error")
    return raw.get_data()[len(sources) :]


def _apart(sources: Sequence[NDArray[np.float64]], targets: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """MNE-Python refuses two channels at one place; a tenth of a millimetre sets them apart."""
    placed: list[NDArray[np.float64]] = []
    for place in (*sources, *targets):
        twins = sum(bool(np.allclose(place, other, atol=1e-6)) for other in placed)
        placed.append(place + 1e-4 * twins)
    return placed


def _centre(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre of the sphere through points on a head, least squares."""
    points = points[np.isfinite(points).all(axis=1)]
    system = np.column_stack([2 * points, np.ones(len(points))])
    return np.linalg.lstsq(system, (points**2).sum(axis=1), rcond=None)[0][:3]
