"""BatchReader: window ids to Batches, across stores with different channels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from mindleaf.batch import Batch
from mindleaf.montage import OTHER
from mindleaf.preprocessing.pipeline import Pipeline
from mindleaf.store.examples import Examples
from mindleaf.store.features import Frontend


class BatchReader:
    """Reads batches from one or several sets of Examples (one per store); a batch comes from one of them.

    pipeline      what the EEG goes through; ``context_s`` seconds more than the window are read
    frontend      audio frames of the candidates; None for EEG only. Stream 0 is the attended one where there is one.
    type_of       auditory type name -> index; subject_of: "dataset/subject" -> index, -1 where unknown
    """

    def __init__(
        self,
        examples: Sequence[Examples],
        pipeline: Pipeline,
        frontend: Frontend | None = None,
        context_s: float = 0.0,
        type_of: dict[str, int] | None = None,
        subject_of: dict[str, int] | None = None,
    ) -> None:
        self.examples = list(examples)
        self.pipeline, self.frontend, self.context_s = pipeline, frontend, context_s
        self.type_of, self.subject_of = type_of or {}, subject_of or {}
        sizes = [len(part) for part in self.examples]
        self.groups: NDArray[np.int64] = np.repeat(np.arange(len(sizes)), sizes)
        self._offsets = np.concatenate([[0], np.cumsum(sizes)])
        self._montages = [_montage(part) for part in self.examples]

    @property
    def names_electrodes(self) -> bool:
        """Whether any channel stands in the electrode table, by name or by place."""
        return any(bool((index != OTHER).any()) for index, _ in self._montages)

    def __len__(self) -> int:
        return len(self.groups)

    def read(self, ids: NDArray[np.integer], attended_first: bool = True) -> Batch:
        """The batch of these windows; all of them must lie in one set of Examples."""
        group = int(self.groups[ids[0]])
        part = self.examples[group].take(np.asarray(ids) - self._offsets[group])
        eeg = torch.from_numpy(part.eeg(self.pipeline, self.context_s))
        channel_index, positions = self._montages[group]
        n = len(part)
        usable = torch.isfinite(eeg).all(-1) & (eeg.abs().amax(-1) > 0)
        return Batch(
            eeg=torch.where(usable[..., None], eeg, 0.0),
            channel_index=channel_index.expand(n, -1),
            positions=positions.expand(n, -1, -1),
            channel_mask=usable,
            subject=torch.tensor([self.subject_of.get(key, -1) for key in _subject_keys(part)]),
            labels=torch.tensor(part.labels),
            window_ids=torch.from_numpy(np.asarray(ids, np.int64)),
            **self._audio(part, attended_first),
        )

    def _audio(self, part: Examples, attended_first: bool) -> dict[str, torch.Tensor]:
        if self.frontend is None:
            return {}
        order = np.tile(np.arange(part.n_candidates), (len(part), 1))
        if attended_first:
            # The attended stream moves to place 0, the others keep their order.
            order = np.argsort(order != np.maximum(part.answers, 0)[:, None], axis=1, kind="stable")
        ids, starts = _streams(part)
        pick = np.arange(len(part))[:, None]
        audio = part.audio(self.frontend)[pick, order]
        kinds = [part.store.stimuli[name].auditory_type for name in part.rows["stimulus_1"]]
        return {
            "audio": torch.from_numpy(audio),
            "audio_id": torch.from_numpy(ids[pick, order]),
            "audio_start": torch.from_numpy(starts[pick, order]).float(),
            "auditory_type": torch.tensor([self.type_of.get(kind, -1) for kind in kinds]),
        }


def _montage(part: Examples) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of the electrode table (channel,) and positions (channel, 3) of the channels that are read."""
    montage = next(iter(part.store.recordings.values())).montage.select(part.channel_names)
    return torch.tensor(montage.nearest_indices), torch.tensor(np.nan_to_num(montage.positions), dtype=torch.float32)


def _streams(part: Examples) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Number of the stimulus (equal content, equal number) and its start second, each (n, stream)."""
    number = {sha: k for k, sha in enumerate(sorted({s.sha256 for s in part.store.stimuli.values()}))}
    columns = range(1, part.n_candidates + 1)
    ids = [[number[part.store.stimuli[name].sha256] for name in part.rows[f"stimulus_{k}"]] for k in columns]
    starts = [part.rows[f"audio_start_{k}"].to_numpy(float) for k in columns]
    return np.array(ids, dtype=np.int64).T, np.stack(starts, axis=1)


def _subject_keys(part: Examples) -> list[str]:
    return [f"{dataset}/{subject}" for dataset, subject in zip(part.rows["dataset"], part.rows["subject"], strict=True)]
