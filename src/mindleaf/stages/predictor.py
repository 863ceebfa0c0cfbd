"""Windows to answers: the models of a RUN asked about each window, those that have seen least of it counting alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.errors import BadInput
from mindleaf.metrics.calibration import softmax
from mindleaf.stages.answers import AnswerConfig, Answers, answers_of
from mindleaf.stages.members import Member, Members
from mindleaf.store.examples import Examples
from mindleaf.store.exposure import LEVELS
from mindleaf.systems.neural import scored
from mindleaf.tasks.candidates import candidate_numbers
from mindleaf.tasks.emotion import with_heard_sound

_IDS = ("recording", "subject", "session", "run", "trial")
#: What is said where a model does not say what it has seen, or a window comes from nowhere.
UNKNOWN = "unknown"
_SOUNDLESS = (
    "wanted sounds to score, this input has none; give a store whose trials have stimuli, or a folder with recordings.tsv and "
    "trials.tsv that name them."
)


class Decided(nn.Module):
    """A model whose answer to a window without any usable channel is no number: it would have come from the zeros there."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Tensor:
        usable = batch.channel_mask.any(dim=1, keepdim=True)
        return torch.where(usable, self.model(batch), torch.nan)


class Predictor:
    """Asks the models of a RUN. For each window those count that have seen least of it (nothing, else its subject, a sound of it,
    its signal); of classes their probabilities are averaged, of sounds their scores.

    Raises BadInput for a RUN that answers nothing (see ``answers_of``).
    """

    def __init__(self, members: Members, config: AnswerConfig, device: str = "cpu") -> None:
        self.members = members.all
        self.answers: list[Answers] = [answers_of(member, config) for member in members.all]
        self._modules = [Decided(answers.module).to(device).eval() for answers in self.answers]

    @property
    def classes(self) -> tuple[str, ...]:
        return self.answers[0].classes

    def rows(self, windows: pd.DataFrame) -> pd.DataFrame:
        """The windows that can be asked about, as the models read them. BadInput where they hear and there are no sounds."""
        if not self.answers[0].hears:
            return windows
        heard = with_heard_sound(windows) if self.classes else windows[windows["n_candidates"] > 0]
        counts = sorted(set(heard["n_candidates"]) - {0})
        if not counts:
            raise BadInput(_SOUNDLESS)
        if len(counts) > 1:
            raise BadInput(
                f"wanted one number of sounds in all windows, got {' and '.join(map(str, counts))}; ask about one kind of trial."
            )
        beyond = [c for k in candidate_numbers(heard) if k > counts[0] for c in heard if str(c).endswith(f"_{k}")]
        return heard.drop(columns=beyond).reset_index(drop=True)

    def table(self, examples: Examples, traced: bool = True) -> pd.DataFrame:
        """A row for each window. ``traced``: whether the windows' recordings are at hand, to be held against what was seen."""
        levels = seen_levels(self.members, examples, traced)
        least = np.where(levels < 0, 0, levels)
        counts = least == least.min(axis=0)
        parts = [self._said(k, examples, counts[k]) for k in range(len(self.members))]
        told = np.stack(parts)
        values = np.where(counts[..., None], told, 0.0).sum(axis=0) / counts.sum(axis=0)[:, None]
        table = placed(examples)
        self._fill(table, values, examples.rows)
        return table.assign(models=counts.sum(axis=0), seen=words(np.where(counts, levels, len(LEVELS)).min(axis=0)))

    def of_batch(self, batch: Batch) -> pd.DataFrame:
        """A row for each window of a batch, from all models alike: a batch does not say where it comes from."""
        if self.answers[0].hears and batch.audio is None:
            raise BadInput(_SOUNDLESS)
        with torch.inference_mode():
            told = [self._values(module(batch).double().cpu().numpy()) for module in self._modules]
        table = pd.DataFrame(index=range(len(batch)))
        self._fill(table, np.mean(told, axis=0), None)
        return table.assign(models=len(told), seen=UNKNOWN)

    def _said(self, number: int, examples: Examples, asked: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What one model says of the windows it is ``asked`` about, zeros elsewhere."""
        at = np.flatnonzero(asked)
        n_options = len(self.classes) or examples.n_candidates
        out = np.zeros((len(examples), n_options))
        if len(at):
            out[at] = self._values(scored(self._modules[number], self.answers[number].reader(examples.take(at))))
        return out

    def _values(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        undecided = np.isnan(logits).any(axis=1, keepdims=True)
        return np.where(undecided, np.nan, softmax(logits)) if self.classes else logits

    def _fill(self, table: pd.DataFrame, values: NDArray[np.float64], rows: pd.DataFrame | None) -> None:
        """Probabilities of the classes and the most probable; or each sound, its score, and the number of the best (from 1)."""
        decided = np.isfinite(values).all(axis=1)
        best = np.where(decided, np.nan_to_num(values).argmax(axis=1), -1)
        if self.classes:
            for k, name in enumerate(self.classes):
                table[f"p_{name}"] = values[:, k]
            table["predicted"] = [self.classes[k] if k >= 0 else "" for k in best]
            return
        for k in range(values.shape[1]):
            for name in ("stimulus", "side", "talker") if rows is not None else ():
                table[f"{name}_{k + 1}"] = rows[f"{name}_{k + 1}"].to_numpy()  # type: ignore[index]
            table[f"score_{k + 1}"] = values[:, k]
        table["predicted"] = pd.array([k + 1 if k >= 0 else None for k in best], dtype="Int64")


def placed(examples: Examples) -> pd.DataFrame:
    """Where each window lies: its recording, what is known of it, its first second and its length."""
    rows = examples.rows.reset_index(drop=True)
    return rows[list(_IDS)].assign(onset_s=rows["start"].round(6), window_s=examples.window_s)


def seen_levels(members: Sequence[Member], examples: Examples, traced: bool) -> NDArray[np.int64]:
    """What each model has seen of each window, as a place in ``LEVELS``, (model, window); -1 where that cannot be told."""
    unknown = np.full(len(examples), -1)
    return np.stack(
        [
            m.seen.levels(examples.store, examples.rows, whole=bool(m.fold and m.fold.mark)) if m.seen and traced else unknown
            for m in members
        ]
    )


def words(levels: NDArray[np.int64]) -> list[str]:
    """Places in ``LEVELS`` in words."""
    return [LEVELS[level] if level >= 0 else UNKNOWN for level in levels]
