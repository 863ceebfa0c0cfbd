"""Running an exported model: EEG by channel name in, numbers out, and a refusal of everything it was not made for."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from mindleaf.config import Config
from mindleaf.errors import BadInput, ReadError
from mindleaf.models.facts import ModelFacts
from mindleaf.models.sealed import checked_archive, checked_onnx, read_sealed
from mindleaf.montage import Montage
from mindleaf.preprocessing.pipeline import LEAF, LEAF_MOTOR, MINDMIX, Pipeline
from mindleaf.preprocessing.robust import robust_scale

#: From this cosine between float and int8 on, the latter counts as the same model.
FAITHFUL = 0.999

#: How a pipeline scales -> what is done before the file is asked, by the runner, in the graph.
NEEDED = {
    "window": ("filter to the band and resample to sfreq", "nothing", "z-score of each channel of a window; flat channels left out"),
    "recording": (
        "filter to the band and resample to sfreq",
        "all windows of one call, taken as one recording: clipped at the 0.1 and 99.9 percentiles, over the interquartile range of the channel",
        "nothing: the graph wants multiples of the interquartile range",
    ),
}  # fmt: skip


class ExportFacts(Config):
    """What an exported file says of itself.

    output, axes    what comes out: "embedding", "logits" (of ``classes``), "eeg_embedding" (the EEG side of an alignment, listener unknown)
    channels, n_times, unit, pipeline   what goes in: (batch, channel, time) in ``unit`` at ``pipeline.sfreq`` Hz, of that band
    before, by_runner, in_graph   who does what of the scaling that training does
    fidelity        of int8: "faithful" or "lossy" by ``cosine`` to the float model on windows of a store, "unmeasured" without one
    """

    version: Literal[1] = 1
    type: str
    output: str
    axes: tuple[str, ...]
    classes: tuple[str, ...] = ()
    channels: tuple[str, ...]
    n_times: int
    unit: Literal["uV"] = "uV"
    pipeline: Pipeline
    before: str
    by_runner: str
    in_graph: str
    precision: Literal["float32", "int8"] = "float32"
    fidelity: Literal["exact", "faithful", "lossy", "unmeasured"] = "exact"
    cosine: float | None = None
    licence: str
    weights_sha256: str


def needed(facts: ModelFacts, leaf: bool) -> Pipeline:
    """The pipeline that a model's EEG goes through."""
    return (LEAF_MOTOR if facts.pipeline == LEAF_MOTOR.name else LEAF) if leaf else MINDMIX


@dataclass(frozen=True, eq=False)
class Exported:
    """An exported model, ready to run. ``facts`` is what its file says, ``sha256`` the hash of the file."""

    facts: ExportFacts
    sha256: str
    run: Callable[[NDArray[np.float32]], NDArray[np.float32]]

    def __call__(
        self, signal: Float[np.ndarray, "window channel time"], channel_names: Sequence[str], sfreq: float, unit: str = "uV"
    ) -> Float[np.ndarray, "window ..."]:
        """The output of each window.

        signal   windows of one recording, filtered and resampled as ``facts.pipeline`` says; a channel with NaN counts as absent
        channel_names   in the signal's order, which need not be the model's; every channel of the model must be there

        Raises BadInput for another montage, rate, unit or length, and where a model that cannot leave channels out meets a flat one.
        """
        windows = self._ordered(np.asarray(signal), channel_names, sfreq, unit)
        usable = np.isfinite(windows).all(axis=-1) & (np.ptp(windows, axis=-1) > 0)
        if self.facts.pipeline.normalise == "recording":
            windows = self._scaled(windows, usable)
        return self.run(np.where(usable[..., None], windows, 0).astype(np.float32))

    def _ordered(self, signal: NDArray, names: Sequence[str], sfreq: float, unit: str) -> NDArray[np.float32]:
        facts = self.facts
        if unit != facts.unit:
            raise BadInput(f"wanted EEG in {facts.unit}, got {unit!r}; multiply volts by 1e6 and give unit='uV'.")
        if sfreq != facts.pipeline.sfreq:
            band = facts.pipeline.band or (0.0, 0.0)
            raise BadInput(
                f"wanted {facts.pipeline.sfreq:g} Hz, got {sfreq:g} Hz; filter to {band[0]:g}-{band[1]:g} Hz and resample the recording first."
            )
        if signal.ndim != 3 or signal.shape[1] != len(names) or signal.shape[2] != facts.n_times:
            raise BadInput(
                f"wanted (window, {len(names)} channels as named, {facts.n_times} samples), got {signal.shape}; cut windows of "
                f"{facts.n_times / facts.pipeline.sfreq:g} s."
            )
        ours = Montage.from_names(list(names))[0].names
        missing, extra = (
            [name for name in facts.channels if name not in ours],
            [name for name in ours if name not in facts.channels],
        )
        if missing or extra:
            told = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(extra)} beside them"
            raise BadInput(
                f"wanted the {len(facts.channels)} channels of facts.channels, the montage {told}; give these, or export for yours."
            )
        return signal[:, [ours.index(name) for name in facts.channels]].astype(np.float32)

    def _scaled(self, windows: NDArray[np.float32], usable: NDArray[np.bool_]) -> NDArray[np.float32]:
        if not usable.all():
            where = self.facts.channels[int(np.flatnonzero(~usable.all(axis=0))[0])]
            raise BadInput(
                f"{where} is flat or holds NaN, and an exported LEAF leaves no channel out; interpolate it, or drop the windows."
            )
        rows = np.concatenate(list(windows), axis=1) if len(windows) else np.zeros((len(self.facts.channels), 0), np.float32)
        if not rows.size:
            return windows
        return robust_scale(lambda first, last: rows[:, first:last].T, rows.shape[1]).apply(windows, np.arange(len(rows)))


def load_exported(path: str | Path, compiled: bool = False) -> Exported:
    """A file that ``mindleaf export`` wrote, as a runner. Raises ReadError for every other file, without running any of it.

    compiled: a torch file is compiled at its first call, which takes about a minute and wants a C++ compiler; BadInput for ONNX.
    """
    path = Path(path)
    content, sha256 = read_sealed(path)
    is_zip = content[:2] == b"PK"
    if compiled and not is_zip:
        raise BadInput(f"{path}: compiled wants a torch file, this is ONNX; export with --format torch.")
    told = (checked_archive if is_zip else checked_onnx)(path, content)
    try:
        facts = ExportFacts.checked(told, source=str(path))
    except BadInput as error:
        raise ReadError(f"{error} The file was written by another version of mindleaf.") from error
    try:
        run = torch_runner(torch.export.load(io.BytesIO(content)), compiled) if is_zip else onnx_runner(content)
    except BadInput:
        raise
    except Exception as error:  # both readers raise what their version raises
        first = str(error).strip().partition("\n")[0][:200]
        raise ReadError(f"{path}: cannot be read as a model ({type(error).__name__}: {first}); export the RUN again.") from error
    return Exported(facts, sha256, run)


def onnx_runner(content: bytes, threads: int = 0) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """A session of ONNX Runtime on the CPU. threads: 0 for as many as torch uses. BadInput where the package is missing."""
    try:
        import onnxruntime
    except ImportError as error:
        raise BadInput(f"an ONNX file wants the package onnxruntime ({error}); pip install mindleaf[export].") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads or torch.get_num_threads(), 3
    session: Any = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda windows: session.run(None, {"eeg": windows})[0]


def torch_runner(
    program: torch.export.ExportedProgram, compiled: bool = False
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Runs the program; ``compiled``: by TorchInductor, its weights packed as constants, its products by what is fastest here."""
    module: Callable[[torch.Tensor], torch.Tensor] = program.module(check_guards=False)
    if not compiled:

        def run(windows: NDArray[np.float32]) -> NDArray[np.float32]:
            with torch.inference_mode():
                return module(torch.from_numpy(windows)).numpy()

        return run

    from torch._inductor import config as inductor

    # Nobody can change what the program holds, so that its weights need not be looked at before each call.
    guards = torch.compiler.keep_tensor_guards_unsafe
    # Calls between kernels from C++, convolutions in the layout they come in: each is a hundredth or two at a batch of 1.
    faster = {"max_autotune": True, "autotune_num_choices_displayed": 0, "cpp_wrapper": True, "layout_optimization": False}
    module = torch.compile(module, options={"guard_filter_fn": guards, **faster})

    def run_compiled(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        # Weights are packed where gradients are off, but not in inference mode, the caller's included. As an option of
        # torch.compile, torch 2.13 does not hear ``freezing``.
        with inductor.patch(freezing=True), torch.inference_mode(False), torch.no_grad():
            return module(torch.from_numpy(windows)).numpy()

    return run_compiled
