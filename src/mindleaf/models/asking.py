"""Free questions to a model that is aligned with language: EEG and words in, labelled probabilities out."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from numpy.typing import NDArray

from mindleaf.batch import Batch
from mindleaf.encoders.sentence import SentenceEncoder
from mindleaf.errors import BadInput
from mindleaf.models.facts import ModelFacts
from mindleaf.models.language import LanguageModel, blended, placed
from mindleaf.montage import Montage
from mindleaf.preprocessing.filtering import apply, z_score
from mindleaf.preprocessing.pipeline import PIPELINES
from mindleaf.preprocessing.robust import robust_scale

if TYPE_CHECKING:
    import mne

#: Below this cosine no trained task is like the question. Paraphrases of a task lie above .5, other topics below .3.
_UNLIKE = 0.4
_CHOICE = re.compile(r"\s*,\s*(?:or\s+)?|\s+or\s+", re.IGNORECASE)
_OPENING = re.compile(
    r"^(?:is|are|does|do|was|has) (?:the )?(?:person|subject|listener|participant|patient|sleeper|user|he|she|they) ",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class Answer:
    """probabilities: (window, choice), rows add up to 1; likeness: cosine of the question to the nearest trained task, its name."""

    question: str
    choices: tuple[str, ...]
    probabilities: Float[np.ndarray, "window choice"]
    likeness: float
    nearest_task: str

    @property
    def mean(self) -> dict[str, float]:
        """Probability of each choice over the whole recording: the mean of its windows."""
        return {name: float(value) for name, value in zip(self.choices, self.probabilities.mean(axis=0), strict=True)}

    def __str__(self) -> str:
        told = ", ".join(f"{name}: {value:.0%}" for name, value in self.mean.items())
        return f"{self.question} {told} (mean of {len(self.probabilities)} windows; nearest trained task {self.nearest_task}, cosine {self.likeness:.2f})"


def choices_in(question: str) -> tuple[str, ...]:
    """ "Is the person resting or doing arithmetic?" -> ("resting", "doing arithmetic"); empty where the question names no two."""
    bare = _OPENING.sub("", question.strip().rstrip("?!. "))
    found = tuple(part.strip() for part in _CHOICE.split(bare) if part.strip())
    return found if len(found) > 1 else ()


def ask(
    model: LanguageModel, facts: ModelFacts, eeg: mne.io.BaseRaw | mne.BaseEpochs | tuple[NDArray, Sequence[str], float],
    question: str, choices: Sequence[str] = (), window_s: float = 4.0,
) -> Answer:  # fmt: skip
    """What the model answers to a question about EEG.

    eeg      an MNE Raw or Epochs (volts, as MNE has it), or (channel x time in microvolts, channel names, rate in Hz)
    choices  what to choose from, in words; where none are given they are read from the question ("... a, b or c?")
    window_s seconds answered at a time, .5 to 10; of Epochs each epoch is a window

    Warns where no task that the model was trained on is like the question. Raises BadInput without two choices or enough EEG.
    """
    options = tuple(choices) or choices_in(question)
    if len(options) < 2:
        raise BadInput(
            f'wanted at least two choices, got {len(options)} in "{question}"; ask "... a or b?" or give choices=[...].'
        )
    texts = SentenceEncoder(facts.text)
    vectors = torch.from_numpy(texts(*options))
    told = blended(torch.from_numpy(texts(question)[0]), vectors)
    likeness, nearest = _nearest(model, facts, told)
    if likeness < _UNLIKE:
        warnings.warn(
            f'"{question}" is unlike all tasks the model was trained on (nearest: {nearest}, cosine {likeness:.2f}); '
            "its answer is a guess, do not rely on it.",
            stacklevel=3,
        )
    batch = _batch(_windows(eeg, facts, window_s))
    batch.instruction = told.expand(len(batch), -1)
    with torch.inference_mode():
        logits = model.eval()(batch, placed(vectors, model.prototypes))
    return Answer(question, options, logits.softmax(dim=-1).numpy(), likeness, nearest)


def _nearest(model: LanguageModel, facts: ModelFacts, told: torch.Tensor) -> tuple[float, str]:
    """Cosine of a question to the nearest instruction of the trained tasks, and the name of that task."""
    closest = [
        max(float(told @ model.instruction(number, 2, phrase)) for phrase in range(len(task.phrases)))
        for number, task in enumerate(facts.tasks)
    ]
    place = int(np.argmax(closest))
    return closest[place], facts.tasks[place].name


def _windows(eeg: Any, facts: ModelFacts, window_s: float) -> tuple[NDArray[np.float32], Montage]:
    """(window, channel, time) as the model wants them, scaled by the recording itself, and the channels."""
    pipeline = PIPELINES[facts.pipeline]
    pieces, names, sfreq, positions = _microvolts(eeg)
    montage, _ = Montage.from_names(names, positions)
    views = [apply(pipeline, piece, sfreq) for piece in pieces]
    whole = np.concatenate(views, axis=1)
    length = round(window_s * pipeline.sfreq) if len(views) == 1 else views[0].shape[1]
    count = whole.shape[1] // length
    if count < 1:
        raise BadInput(
            f"wanted at least {window_s:g} s of EEG, got {whole.shape[1] / pipeline.sfreq:g} s; give more, or window_s."
        )
    cut = rearrange(whole[:, : count * length], "c (n t) -> n c t", t=length)
    if pipeline.normalise == "window":
        return z_score(cut), montage
    scale = robust_scale(lambda first, last: whole[:, first:last].T, whole.shape[1])
    return scale.apply(cut, np.arange(len(names))), montage


def _microvolts(eeg: Any) -> tuple[list[NDArray], list[str], float, NDArray | None]:
    """Stretches of (channel, time) in microvolts, channel names, rate, and positions where they are known."""
    if isinstance(eeg, tuple):
        try:
            signal, names, sfreq = eeg
            signal = np.asarray(signal, np.float64)
        except (ValueError, TypeError):
            raise BadInput("wanted (signal, channel names, rate), got a tuple of another kind; give these three.") from None
        if signal.ndim != 2 or len(signal) != len(names) or sfreq <= 0:
            raise BadInput(
                f"wanted (channel x time, one name per channel, rate in Hz), got {signal.shape}, {len(names)} names, {sfreq:g} Hz."
            )
        return [signal], list(names), float(sfreq), None
    if not hasattr(eeg, "info"):
        raise BadInput(f"wanted an MNE Raw or Epochs, or (signal, channel names, rate), got {type(eeg).__name__}.")
    told = eeg.copy().load_data().pick("eeg")
    positions = np.array([channel["loc"][:3] for channel in told.info["chs"]])
    positions[~np.any(positions, axis=1)] = np.nan
    data = 1e6 * told.get_data()
    return list(data) if data.ndim == 3 else [data], told.ch_names, float(told.info["sfreq"]), positions


def _batch(windows: tuple[NDArray[np.float32], Montage]) -> Batch:
    eeg, montage = torch.from_numpy(windows[0]), windows[1]
    n = len(eeg)
    usable = torch.isfinite(eeg).all(-1) & (eeg.abs().amax(-1) > 0)
    return Batch(
        eeg=torch.where(usable[..., None], eeg, 0.0),
        channel_index=torch.tensor(montage.nearest_indices).expand(n, -1),
        positions=torch.tensor(np.nan_to_num(montage.positions), dtype=torch.float32).expand(n, -1, -1),
        channel_mask=usable,
    )
