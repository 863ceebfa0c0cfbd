"""scikit-learn: systems as a classifier, encoders as a transformer; both stand in pipelines, searches and MOABB's evaluations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float, Int
from mne import BaseEpochs, Evoked
from mne.io import BaseRaw
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn

from mindleaf.adapters.hub import from_pretrained
from mindleaf.batch import Batch
from mindleaf.encoders import ENCODERS
from mindleaf.encoders.choice import EEGEncoder, encoder_named
from mindleaf.encoders.leaf import LeafTower
from mindleaf.errors import BadInput
from mindleaf.models.embedding import Embedding
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import LoadedModel
from mindleaf.preprocessing.pipeline import LEAF, MINDMIX, Pipeline
from mindleaf.stages.answers import eeg_side, pipeline_of
from mindleaf.store.arrays import Windows, epochs_windows, montage_of
from mindleaf.store.batches import BatchReader
from mindleaf.systems import SYSTEMS
from mindleaf.systems.neural import scored
from mindleaf.systems.registry import build_system

#: "No y was given", which None does not say: scikit-learn's own word for it.
_NO_LABELS = "no_validation"


class EEGEstimator(BaseEstimator):
    """What both estimators share: which windows they take, and what is wrong with others.

    X is (window, channel, time) in microvolts; (window, time), one channel; or MNE Epochs (volts), whose rate, names and
    positions count then. At prediction arrays must have the shape, Epochs the rate and (by name) the channels of ``fit``.
    """

    sfreq: float | None
    channel_names: Sequence[str] | None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _begun(self, X: Any, y: Any = _NO_LABELS) -> tuple[Windows, Any]:
        """The windows of ``fit`` and the labels; notes rate, channels and length. Raises BadInput for what cannot be read."""
        epochs = epochs_windows(X) if isinstance(X, BaseEpochs) else None
        signal, labels = self._checked(X if epochs is None else epochs.signal, y, reset=True)
        rate = epochs.sfreq if epochs else self.sfreq
        if not rate or rate <= 0:
            raise BadInput(
                f"wanted the rate of X in Hz, got sfreq={self.sfreq!r}; give sfreq=..., or MNE Epochs, which know theirs."
            )
        if epochs and self.sfreq and self.sfreq != rate:
            raise BadInput(f"the Epochs have {rate:g} Hz and sfreq says {self.sfreq:g}; leave sfreq out.")
        self.input_ndim_, self.sfreq_ = signal.ndim, float(rate)
        signal = signal if signal.ndim == 3 else signal[:, None, :]
        self.montage_ = epochs.montage if epochs else montage_of(signal.shape[1], self.channel_names, stacklevel=4)
        self.n_times_ = signal.shape[2]
        return Windows(signal, self.sfreq_, self.montage_), labels

    def _more(self, X: Any) -> Windows:
        """Windows after ``fit``, with its channels in its order. Raises BadInput where they do not fit it."""
        check_is_fitted(self)
        if isinstance(X, BaseEpochs):
            epochs = epochs_windows(X)
            if epochs.sfreq != self.sfreq_:
                raise BadInput(f"wanted {self.sfreq_:g} Hz as in fit, got Epochs of {epochs.sfreq:g} Hz; resample them.")
            X = epochs.signal[:, [epochs.montage.index(name) for name in self.montage_.names]]
        shape = tuple(getattr(X, "shape", None) or np.asarray(X).shape)
        wanted = ("n", *((len(self.montage_), self.n_times_) if self.input_ndim_ == 3 else (self.n_times_,)))
        if 3 in (len(shape), self.input_ndim_) and len(shape) > 1 and shape[1:] != wanted[1:]:
            raise BadInput(
                f"wanted X as in fit, ({', '.join(map(str, wanted))}), got {shape}; give the same channels and window length."
            )
        signal, _ = self._checked(X, _NO_LABELS, reset=False)
        return Windows(signal if signal.ndim == 3 else signal[:, None, :], self.sfreq_, self.montage_)

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[NDArray[np.floating], Any]:
        """scikit-learn's own checks, ours of finite numbers; both end in BadInput."""
        if isinstance(X, BaseRaw | Evoked):
            raise BadInput(f"wanted windows, got {type(X).__name__}; cut MNE recordings into Epochs (mne.Epochs) first.")
        wanted = {"dtype": [np.float64, np.float32], "allow_nd": True, "ensure_all_finite": False}
        try:
            checked = validate_data(self, X, y, reset=reset, **wanted)
        except ValueError as error:
            raise BadInput(" ".join(str(error).split())) from error
        signal, labels = checked if isinstance(checked, tuple) else (checked, None)
        if signal.ndim > 3:
            raise BadInput(f"wanted X as (window, channel, time) or (window, time), got {signal.shape}; give one axis less.")
        broken = np.flatnonzero(~np.isfinite(signal).reshape(len(signal), -1).all(axis=1))
        if len(broken):
            raise BadInput(
                f"X holds NaN or inf in {len(broken)} of {len(signal)} windows (first: {broken[0]}); leave these windows out or "
                "interpolate them."
            )
        return signal, labels


class Classifier(ClassifierMixin, EEGEstimator):
    """A system that scores classes from EEG, as a scikit-learn classifier.

    system         a name of the table of systems ("mindmix", "leaf", "eegnet", "bandpower_lr" ...) or ``package.module:Class``
    sfreq          rate of arrays in Hz; Epochs know theirs
    channel_names  of an array's channels, in its order; without them ch1 ..., at no known place, and one warning
    settings       ``path=value`` as behind ``--set``: ("training.steps=100", "start=runs/mindmix/pretrain")
    paradigm       what was done, in words ("motor imagery"): LEAF asks by it
    validation     share of each class in ``fit`` that chooses when to stop; the linear systems learn from it as well
    random_state   seed of weights, order and that choice

    Each window is filtered and scaled by itself. What is fitted is in ``system_``, with ``findings()`` of its own. Raises BadInput
    for a system that hears or scores candidates, fewer than two classes, and what ``EEGEstimator`` says.
    """

    def __init__(
        self, system: str = "mindmix", sfreq: float | None = None, channel_names: Sequence[str] | None = None, *,
        settings: Sequence[str] = (), paradigm: str = "", validation: float = 0.2, random_state: Any = 0,
    ) -> None:  # fmt: skip
        self.system = system
        self.sfreq = sfreq
        self.channel_names = channel_names
        self.settings = settings
        self.paradigm = paradigm
        self.validation = validation
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # Points in a plane, which scikit-learn's check of accuracy gives, are no EEG: two samples have no rhythm.
        tags.classifier_tags.poor_score = True
        return tags

    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Learn from windows and their labels (window,)."""
        windows, targets = self._begun(X, y)
        try:
            check_classification_targets(targets)
        except ValueError as error:
            raise BadInput(" ".join(str(error).split())) from error
        self.classes_, labels = np.unique(targets, return_inverse=True)
        if len(self.classes_) < 2:
            raise BadInput(f"wanted at least two classes in y, got {len(self.classes_)} class; give windows of another as well.")
        system, seed = self._unfitted(), seed_of(self.random_state)
        examples = windows.examples(labels, [str(name) for name in self.classes_], self.paradigm)
        learn, watch = parted(labels, self.validation, seed)
        # Systems seed torch; who calls fit keeps the state of their own draws.
        with torch.random.fork_rng():
            system.fit(examples.take(learn), examples.take(watch), seed)
        self.system_ = system
        return self

    def decision_function(self, X: Any) -> Float[np.ndarray, " window"] | Float[np.ndarray, "window class"]:
        """Logarithms of the probabilities; of two classes the difference, above 0 for the second."""
        scores = self._log_probabilities(X)
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def predict_proba(self, X: Any) -> Float[np.ndarray, "window class"]:
        """Probabilities in the order of ``classes_``; those of networks are not calibrated."""
        return np.exp(self._log_probabilities(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """The label of the most probable class, (window,)."""
        best = self._log_probabilities(X).argmax(axis=1)
        return self.classes_[best]

    def _unfitted(self) -> Any:
        system: Any = build_system(self.system, list(self.settings), asks="labels")
        if system.asks != "labels" or getattr(system, "inputs", "eeg") != "eeg":
            raise BadInput(f"{self.system} hears sounds, and X holds EEG alone; choose a system that scores classes from EEG.")
        return system

    def _log_probabilities(self, X: Any) -> Float[np.ndarray, "window class"]:
        windows = self._more(X)
        nobody, classes = np.full(len(windows.signal), -1), [str(name) for name in self.classes_]
        ours = getattr(self.system_, "model", None) if self.system in SYSTEMS else None
        with in_double(ours):
            scores = self.system_.predict(windows.examples(nobody, classes, self.paradigm))
        # Linear systems give probabilities, networks logits.
        if (scores >= 0).all() and np.allclose(scores.sum(axis=1), 1.0):
            scores = np.log(np.maximum(scores, np.finfo(np.float64).tiny))
        return log_softmax(scores, axis=1)


class Embedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, EEGEstimator):
    """The EEG encoder of a model, as a scikit-learn transformer: windows to the mean of their tokens, (window, width).

    model         a RUN or model folder, "hf:someone/name", what ``load_model`` gave, or an encoder with random weights as
                  "name:preset" ("mindmix:tiny", "leaf:small"; drawn from ``random_state``)
    sfreq, channel_names   as for ``Classifier``

    Nothing is learned in ``fit``. Raises BadInput for a model without an EEG encoder, and what ``EEGEstimator`` says.
    """

    def __init__(
        self, model: Any = "mindmix:tiny", sfreq: float | None = None, channel_names: Sequence[str] | None = None, *,
        random_state: Any = 0,
    ) -> None:  # fmt: skip
        self.model = model
        self.sfreq = sfreq
        self.channel_names = channel_names
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Load the encoder and note which windows it reads."""
        self._begun(X)
        self.encoder_, self.pipeline_ = encoder_for(self.model, seed_of(self.random_state))
        self._n_features_out = self.encoder_.width
        return self

    def transform(self, X: Any) -> Float[np.ndarray, "window width"]:
        """One vector a window; zeros for a window without a usable channel."""
        windows = self._more(X)
        reader = BatchReader([windows.examples(np.full(len(windows.signal), -1), ())], self.pipeline_)
        model = Embedding(self.encoder_)
        with in_double(model):
            return scored(model, reader)


def encoder_for(model: Any, seed: int) -> tuple[EEGEncoder, Pipeline]:
    """The EEG encoder of ``Embedder.model``, and what its windows go through. BadInput where there is none."""
    if isinstance(model, str) and model.partition(":")[0] in ENCODERS:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            encoder = encoder_named(model).build(ModelFacts().n_electrodes).eval()
        return encoder, LEAF if isinstance(encoder, LeafTower) else MINDMIX
    if isinstance(model, str | Path):
        model = from_pretrained(model)
    if not isinstance(model, LoadedModel):
        raise BadInput(f"wanted a folder, hf:someone/name, a loaded model or an encoder such as mindmix:tiny, got {model!r}.")
    return eeg_side(model), pipeline_of(model)


@contextmanager
def in_double(model: nn.Module | None) -> Iterator[None]:
    """A network in float64 for as long as it answers, its weights unchanged.

    The last digits of float32 depend on how many windows are multiplied at once; so a window has one answer, whoever is beside it.
    """
    if model is None:
        yield
        return
    hook = model.double().register_forward_pre_hook(_doubled)
    try:
        yield
    finally:
        hook.remove()
        model.float()


def _doubled(model: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        replace(part, **{name: value.double() for name, value in vars(part).items() if _is_float(value)})
        if isinstance(part, Batch)
        else part.double()
        if _is_float(part)
        else part
        for part in inputs
    )


def _is_float(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def seed_of(random_state: Any) -> int:
    """A whole number as it is; of a generator, or of None, the next draw."""
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def parted(labels: NDArray[np.integer], share: float, seed: int) -> tuple[Int[np.ndarray, " learn"], Int[np.ndarray, " watch"]]:
    """Places to learn from and to watch, in order: ``share`` of each class, rounded down, is watched. BadInput for no share below 1."""
    if not 0 <= share < 1:
        raise BadInput(f"validation wanted a share from 0 to below 1, got {share!r}; 0.2 keeps a fifth of each class.")
    order = np.random.default_rng(seed).permutation(len(labels))
    of_class = [order[labels[order] == k] for k in np.unique(labels)]
    watch = np.sort(np.concatenate([places[: int(share * len(places))] for places in of_class])).astype(np.int64)
    return np.setdiff1d(np.arange(len(labels)), watch), watch
