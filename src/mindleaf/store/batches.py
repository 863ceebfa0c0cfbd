"""BatchReader: window ids to Batches, across stores with different channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
        self._about = [_About.of(part, self.subject_of, self.type_of, frontend is not None) for part in self.examples]

    @property
    def names_electrodes(self) -> bool:
        """Whether any channel stands in the electrode table, by name or by place."""
        return any(bool((index != OTHER).any()) for index, _ in self._montages)

    def __len__(self) -> int:
        return len(self.groups)

    def read(self, ids: NDArray[np.integer], attended_first: bool = True) -> Batch:
        """The batch of these windows; all of them must lie in one set of Examples."""
        group = int(self.groups[ids[0]])
        part, at = self.examples[group], np.asarray(ids) - self._offsets[group]
        eeg = torch.from_numpy(part.eeg(self.pipeline, self.context_s, at))
        channel_index, positions = self._montages[group]
        n, about = len(ids), self._about[group]
        usable = torch.isfinite(eeg).all(-1) & (eeg.abs().amax(-1) > 0)
        return Batch(
            eeg=torch.where(usable[..., None], eeg, 0.0),
            channel_index=channel_index.expand(n, -1),
            positions=positions.expand(n, -1, -1),
            channel_mask=usable,
            subject=about.subject[at],
            labels=about.labels[at],
            window_ids=torch.from_numpy(np.asarray(ids, np.int64)),
            **self._audio(group, at, attended_first),
        )

    def _audio(self, group: int, at: NDArray[np.integer], attended_first: bool) -> dict[str, torch.Tensor]:
        if self.frontend is None:
            return {}
        part, about = self.examples[group], self._about[group]
        order = np.tile(np.arange(part.n_candidates), (len(at), 1))
        if attended_first:
            # The attended stream moves to place 0, the others keep their order.
            order = np.argsort(order != np.maximum(about.answers[at], 0)[:, None], axis=1, kind="stable")
        pick = np.arange(len(at))[:, None]
        return {
            "audio": torch.from_numpy(part.audio(self.frontend, at=at)[pick, order]),
            "audio_id": torch.from_numpy(about.sounds[at][pick, order]),
            "audio_start": torch.from_numpy(part.streams[1][at][pick, order]).float(),
            "auditory_type": about.auditory_type[at],
        }


@dataclass(frozen=True, eq=False)
class _About:
    """What is known of every window of a set beside its signals, written out once: tables are slow to ask.

    subject, labels, auditory_type: (n,); answers: (n,); sounds: (n, candidate), equal content has equal numbers.
    """

    subject: torch.Tensor
    labels: torch.Tensor
    auditory_type: torch.Tensor
    answers: NDArray[np.int64]
    sounds: NDArray[np.int64]

    @classmethod
    def of(cls, part: Examples, subject_of: dict[str, int], type_of: dict[str, int], heard: bool) -> _About:
        subjects = zip(part.rows["dataset"], part.rows["subject"], strict=True)
        types = [-1] * len(part)
        sounds: NDArray[np.int64] = np.zeros((len(part), 0), np.int64)
        if heard:
            stimuli, ids = part.store.stimuli, part.streams[0]
            content = {sha: k for k, sha in enumerate(sorted({stimulus.sha256 for stimulus in stimuli.values()}))}
            number = {name: content[stimulus.sha256] for name, stimulus in stimuli.items()}
            sounds = np.array([[number[name] for name in row] for row in ids], np.int64).reshape(ids.shape)
            types = [type_of.get(stimuli[name].auditory_type, -1) for name in ids[:, 0]] if ids.shape[1] else types
        return cls(
            subject=torch.tensor([subject_of.get(f"{dataset}/{subject}", -1) for dataset, subject in subjects]),
            labels=torch.tensor(part.labels),
            auditory_type=torch.tensor(types),
            answers=part.answers,
            sounds=sounds,
        )


def _montage(part: Examples) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of the electrode table (channel,) and positions (channel, 3) of the channels that are read."""
    montage = next(iter(part.store.recordings.values())).montage.select(part.channel_names)
    return torch.tensor(montage.nearest_indices), torch.tensor(np.nan_to_num(montage.positions), dtype=torch.float32)
