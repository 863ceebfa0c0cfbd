"""EEG, sound and text of one description brought to one place, while EEG and sound are aligned in time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.layers import ranks
from mindleaf.objectives.contrastive import ContrastiveObjective, other_windows, own_places, same_sound
from mindleaf.objectives.instruction import InstructionObjective
from mindleaf.objectives.losses import Losses


class OneSpaceObjective(Config):
    """Wants a ``models.one_space.OneSpaceModel`` and batches of one task with ``task``, ``labels`` and ``audio``.

    in_time     weight of the time-resolved contrast of EEG and sound
    eeg_text, sound_text   weights of finding the label's text among those of the task
    eeg_sound   weight of the contrast of EEG and sound in the one space, both ways; windows of the same description or the
                same sound are not negatives of each other
    instruction how many of the windows are told what (its ``levels``), and how sure of a description the EEG is to be (its
                ``label_smoothing``; a sound is heard without noise and may be sure)
    """

    in_time: float = 1.0
    eeg_text: float = 1.0
    sound_text: float = 1.0
    eeg_sound: float = 0.5
    contrastive: ContrastiveObjective = ContrastiveObjective()
    instruction: InstructionObjective = InstructionObjective(label_smoothing=0.1)

    def __call__(self, model: nn.Module, batch: Batch, seed: int) -> Losses:
        if batch.labels is None or batch.task is None or batch.audio is None:
            raise BadInput("one space wants batches with a task, labels and sound, got one without; prepare sounds with labels.")
        space: Any = model
        language, labels = space.language, batch.labels
        eeg = space.eeg(replace(batch, instruction=self.instruction.told(language, batch, seed))).float()
        sound = space.sound(batch.audio[:, 0]).float()
        answers, scale = language.answers(int(batch.task[0])), language.scale
        found = {"eeg_text": scale * eeg @ answers.T, "sound_text": scale * sound @ answers.T}
        smoothing = {"eeg_text": self.instruction.label_smoothing, "sound_text": 0.0}
        in_time = self.contrastive(space.aligned, batch, seed)
        parts = {"in_time": self.in_time * in_time.total}
        parts |= {
            name: getattr(self, name) * F.cross_entropy(logits, labels, label_smoothing=smoothing[name])
            for name, logits in found.items()
        }
        alike = _alike(batch, batch.audio.shape[-1] / space.aligned.frame_rate)
        ways = (scale * one @ ranks.of_all(other).T for one, other in ((eeg, sound), (sound, eeg)))
        target = own_places(len(batch), labels.device)
        there, back = (F.cross_entropy(logits.masked_fill(alike, -torch.inf), target) for logits in ways)
        parts["eeg_sound"] = self.eeg_sound * (there + back) / 2
        with torch.no_grad():
            facts = {f"{name}_right": (logits.argmax(dim=1) == labels).float().mean() for name, logits in found.items()}
        return Losses(torch.stack(list(parts.values())).sum(), parts, {**facts, **in_time.facts, "scale": scale.detach()})


def _alike(batch: Batch, window_s: float) -> Bool[Tensor, "batch everyone"]:
    """Pairs of different windows that heard the same description or the same stretch of a sound."""
    assert batch.labels is not None
    labels = ranks.of_all(batch.labels)
    same = (batch.labels[:, None] == labels) & other_windows(len(batch), len(labels), labels.device)
    return same | same_sound(batch, window_s)
