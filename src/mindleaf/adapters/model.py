"""A model as people hold it in Python: loaded from a RUN or the hub, asked about MNE objects, arrays, batches and stores."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from mne import BaseEpochs
from mne.io import BaseRaw
from numpy.typing import NDArray

from mindleaf.adapters.hub import PREFIX, checked_folder
from mindleaf.batch import Batch
from mindleaf.errors import BadInput
from mindleaf.models.embedding import Embedding
from mindleaf.models.folder import LoadedModel
from mindleaf.montage import Montage
from mindleaf.recording import Recording
from mindleaf.stages.answers import channels_read, eeg_side
from mindleaf.stages.inputs import passing_stores
from mindleaf.stages.members import Member, Members, members_of
from mindleaf.stages.predict import PredictConfig, Told, embedded_windows, parts_of
from mindleaf.stages.predictor import Predictor
from mindleaf.store.arrays import Windows, epochs_windows, montage_in, montage_of
from mindleaf.store.examples import Examples
from mindleaf.store.store import Store

_WANTED = (
    "wanted an MNE Raw or Epochs, a Batch, a Store, or an array (channel x time, or window x channel x time, microvolts) with "
    "channel_names and sfreq"
)


class Answering:
    """What one model and the models of several folds have in common: ``members``, ``embed`` and ``predict``.

    eeg            an MNE Raw or Epochs (volts, as MNE has it); an array in microvolts, (channel, time) or (window, channel, time), with
                   channel_names and sfreq (or the three as a tuple); a Store; or a Batch that went through the model's pipeline
    window_s, hop_s   seconds of a window and from one to the next in continuous EEG; None: as in training, end to end. Epochs,
                   arrays of windows and batches are windows already

    A Raw is filtered and resampled as a whole, by the model's own pipeline, before windows are cut. Windows that were cut before are
    filtered each by itself. Raises BadInput for EEG of another kind, names that the model does not know, and less than a window.
    """

    members: Members

    def embed(
        self, eeg: Any, channel_names: Sequence[str] | None = None, sfreq: float | None = None, *, window_s: float | None = None,
        hop_s: float | None = None,
    ) -> Float[np.ndarray, "window width"]:  # fmt: skip
        """The mean of the EEG encoder's tokens; zeros for a window without a usable channel."""
        member = self.members.one()
        model = Embedding(eeg_side(member.loaded))
        if isinstance(eeg, Batch):
            return model(eeg).float().cpu().numpy()
        config = PredictConfig(window_s=window_s, hop_s=hop_s)
        parts = _parts(eeg, channel_names, sfreq, self.members, config)
        return np.concatenate([embedded_windows(member, model, examples) for examples, _ in parts])

    def predict(
        self, eeg: Any, channel_names: Sequence[str] | None = None, sfreq: float | None = None, *, window_s: float | None = None,
        hop_s: float | None = None, task: str = "", audio: str = "auto",
    ) -> pd.DataFrame:  # fmt: skip
        """A row for each window, in the columns that ``mindleaf predict`` writes: p_CLASS or score_k, predicted, models, seen.

        task    of a model that knows several, its name or number; audio: where the weights of a speech model lie that it hears through

        Raises BadInput for a model that answers nothing, and for one that hears where there are no sounds (give a Store with stimuli).
        """
        config = PredictConfig(window_s=window_s, hop_s=hop_s, task=task, audio=audio)
        predictor = Predictor(self.members, config)
        if isinstance(eeg, Batch):
            return predictor.of_batch(eeg)
        parts = _parts(eeg, channel_names, sfreq, self.members, config, predictor)
        return pd.concat([predictor.table(examples, traced) for examples, traced in parts], ignore_index=True)


@dataclass(frozen=True)
class Model(LoadedModel, Answering):
    """One model, loaded; see ``Answering`` and ``LoadedModel``."""

    members: Members = field(default=Members("", ()), repr=False, compare=False)

    @classmethod
    def of(cls, members: Members) -> Model:
        return cls(**{name: getattr(members.all[0].loaded, name) for name in LoadedModel.__dataclass_fields__}, members=members)


@dataclass(frozen=True, eq=False)
class FoldModels(Answering):
    """The models of a RUN that was fine-tuned in several folds. ``predict`` asks, for each window, those that have seen least of it."""

    members: Members

    @property
    def folds(self) -> tuple[Model, ...]:
        """Each fold's model by itself."""
        return tuple(Model.of(Members(self.members.name, (one,), self.members.window_s)) for one in self.members.all)


def load_model(source: str | Path | LoadedModel) -> Any:
    """The model of a RUN, of a folder that ``push_to_hub`` wrote, of a name that ships ("mindleaf-base") or of a repository
    "hf:someone/name"; ``FoldModels`` of a RUN with folds.

    In evaluation mode, its files held against their sha256. Raises what ``from_pretrained`` raises.
    """
    if isinstance(source, LoadedModel):
        return source if isinstance(source, Model) else Model.of(Members("the model", (Member(source),)))
    if not str(source).startswith(PREFIX) and (Path(source) / "folds.json").is_file():
        return FoldModels(members_of(Path(source)))
    return Model.of(members_of(checked_folder(source)))


def _parts(
    eeg: Any, names: Sequence[str] | None, sfreq: float | None, members: Members, config: PredictConfig,
    predictor: Predictor | None = None,
) -> Iterator[tuple[Examples, bool]]:  # fmt: skip
    """Windows of whatever came, some at a time, and whether their recordings are at hand."""
    if isinstance(eeg, tuple):
        if len(eeg) != 3:
            raise BadInput(f"{_WANTED}, got a tuple of {len(eeg)}.")
        eeg, names, sfreq = eeg
    windows = _cut_already(eeg, names, sfreq)
    if windows is not None:
        channels_read(members.all[0].loaded, windows.montage)
        examples = windows.examples(np.full(len(windows.signal), -1), ())
        yield examples.with_rows(predictor.rows(examples.rows.assign(n_candidates=0)) if predictor else examples.rows), False
        return
    told = Told("")
    stores = [eeg] if isinstance(eeg, Store) else passing_stores("arrays", {}, [_recording(eeg, names, sfreq)])
    found = False
    for store in stores:
        for examples in parts_of(store, members, config, told, predictor):
            found = True
            yield examples, True
    if not found:
        raise BadInput(
            f"no window could be cut ({told.notes[-1] if told.notes else 'there is no trial'}); give a shorter window_s."
        )
    for note in dict.fromkeys(told.notes):
        warnings.warn(note, stacklevel=4)


def _cut_already(eeg: Any, names: Sequence[str] | None, sfreq: float | None) -> Windows | None:
    """Epochs, and arrays of three axes; None for what is continuous."""
    if isinstance(eeg, BaseEpochs):
        return epochs_windows(eeg)
    if isinstance(eeg, BaseRaw | Store):
        return None
    signal = _numbers(eeg)
    if signal.ndim == 2:
        return None
    if not np.isfinite(signal).all():
        raise BadInput("wanted windows of finite numbers, got some with NaN or inf; leave these out or interpolate them.")
    return Windows(signal, _rate(sfreq), _named(signal.shape[1], names))


def _recording(eeg: Any, names: Sequence[str] | None, sfreq: float | None) -> Recording:
    """Continuous EEG as a recording that is read in blocks."""
    if isinstance(eeg, BaseRaw):
        raw = eeg.copy().pick("eeg")
        known = {
            "sfreq": float(raw.info["sfreq"]),
            "montage": montage_in(raw.info),
            "n_times": int(raw.n_times),
            "load": partial(_volts, raw),
        }
    else:
        signal = _numbers(eeg)
        montage = _named(len(signal), names)
        known = {"sfreq": _rate(sfreq), "montage": montage, "n_times": signal.shape[1], "load": partial(_samples, signal)}
    return Recording(dataset="arrays", subject="", id="arrays", **known)  # type: ignore[arg-type]


def _volts(raw: BaseRaw, start: int = 0, stop: int | None = None) -> NDArray[np.floating]:
    return 1e6 * raw.get_data(start=start, stop=stop)


def _samples(signal: NDArray[np.floating], start: int = 0, stop: int | None = None) -> NDArray[np.floating]:
    return signal[:, start:stop]


def _numbers(eeg: Any) -> NDArray[np.floating]:
    try:
        signal = np.asarray(eeg.detach().cpu() if isinstance(eeg, torch.Tensor) else eeg, np.float64)
    except (TypeError, ValueError):
        raise BadInput(f"{_WANTED}, got {type(eeg).__name__}.") from None
    if signal.ndim not in (2, 3) or not signal.size:
        raise BadInput(f"{_WANTED}, got an array of shape {signal.shape}.")
    return signal


def _rate(sfreq: float | None) -> float:
    if not sfreq or sfreq <= 0:
        raise BadInput(f"wanted the rate of the array in Hz, got sfreq={sfreq!r}; give sfreq=....")
    return float(sfreq)


def _named(n_channels: int, names: Sequence[str] | None) -> Montage:
    if names is None:
        raise BadInput(f"wanted a name for each of {n_channels} channels, got none; give channel_names in the array's order.")
    return montage_of(n_channels, names)
