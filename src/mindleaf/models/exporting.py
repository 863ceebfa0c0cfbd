"""A model of a RUN as one file that other programs run: what goes into the graph, and how it is written."""

from __future__ import annotations

import copy
import io
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mindleaf.batch import Batch
from mindleaf.encoders.leaf import LeafTower
from mindleaf.encoders.mindmix import MindMixEncoder
from mindleaf.errors import BadInput
from mindleaf.layers.transformer import Attention
from mindleaf.models.adaptation import eeg_encoders
from mindleaf.models.chunking import z_score
from mindleaf.models.embedding import tokens_mean
from mindleaf.models.exported import NEEDED, ExportFacts, needed
from mindleaf.models.facts import ModelFacts
from mindleaf.models.folder import LoadedModel
from mindleaf.models.language import LanguageModel
from mindleaf.models.sealed import METADATA, sealed, unsealed_mark
from mindleaf.montage import Montage

#: Windows that the tracer sees; any number may come later.
_TRACED = 3
_MOST_WINDOWS = 65_536
_OPSET = 20

Answer = Callable[[nn.Module, Batch], Tensor]


def _embedding(model: nn.Module, batch: Batch) -> Tensor:
    return tokens_mean(cast(Any, model).encoder, batch)


def _logits(model: nn.Module, batch: Batch) -> Tensor:
    return model(batch)


def _eeg_side(model: nn.Module, batch: Batch) -> Tensor:
    aligned: Any = model
    return aligned.eeg_items(batch, int(batch.eeg.shape[-1] * aligned.frame_rate // 200))[0]


def _labels(model: nn.Module, batch: Batch) -> Tensor:
    language = cast(LanguageModel, model)
    batch.instruction = language.instruction(0, 2).expand(batch.eeg.shape[0], -1)
    return language(batch, language.answers(0))


#: Type of a model -> what of it is exported: the name of the output, its axes, how it is computed.
_EXPORTS: dict[str, tuple[str, tuple[str, ...], Answer]] = {
    "pretraining": ("embedding", ("batch", "width"), _embedding),
    "spectral_temporal": ("embedding", ("batch", "width"), _embedding),
    "classifier": ("logits", ("batch", "class"), _logits),
    "tower_classifier": ("logits", ("batch", "class"), _logits),
    "aligned": ("eeg_embedding", ("batch", "frame", "dim"), _eeg_side),
    "language": ("logits", ("batch", "class"), _labels),
}
_REFUSED = {
    "multimodal": "it hears sound beside EEG, and an exported file takes EEG alone; export the aligned RUN it began with",
    "one_space": "it answers questions in words and sounds, and an exported file has one answer; export a classifier fine-tuned from it",
}


class ExportGraph(nn.Module):
    """EEG (batch, channel, time) of fixed channels and length to one output.

    ``z_scored``: each channel of a window is z-scored here, in microvolts or any other unit; one that is flat is left out.
    """

    def __init__(self, model: nn.Module, answer: Answer, montage: Montage, z_scored: bool) -> None:
        super().__init__()
        self.model, self.answer, self.z_scored = model, answer, z_scored
        for module in model.modules():
            if isinstance(module, Attention):
                module.bound_scores()
        self.register_buffer("channel_index", torch.tensor(montage.nearest_indices))
        self.register_buffer("positions", torch.tensor(montage.positions).nan_to_num(0.0).float())

    def forward(self, eeg: Float[Tensor, "batch channel time"]) -> Tensor:
        n = eeg.shape[0]
        if self.z_scored:
            eeg = z_score(eeg, torch.ones_like(eeg[:1, :1], dtype=torch.bool))
        index, positions = cast(Tensor, self.channel_index), cast(Tensor, self.positions)
        batch = Batch(
            eeg=eeg, channel_index=index.expand(n, -1), positions=positions.expand(n, -1, -1), channel_mask=eeg.abs().amax(-1) > 0,
        )  # fmt: skip
        return self.answer(self.model, batch)


def export_graph(
    loaded: LoadedModel, montage: Montage, window_s: float, licence: str, weights_sha256: str
) -> tuple[ExportGraph, ExportFacts]:
    """The graph of a loaded model for these channels and this length, and what its file says.

    Raises BadInput for a model that has no one answer to EEG alone, an encoder that looks at the data before it
    computes, and a window that the model does not take.
    """
    output, axes, answer = _chosen(loaded)
    model = copy.deepcopy(loaded.model).eval().requires_grad_(False)
    encoders = eeg_encoders(model)
    for encoder in encoders:
        if not isinstance(encoder, MindMixEncoder | LeafTower):
            raise BadInput(
                f"wanted a model with the encoder mindmix or leaf, got {type(encoder).__name__}: it chooses by the data what it "
                "computes, which no exported file can; use ml.load_model for it."
            )
        if isinstance(encoder, LeafTower):
            encoder.fix(montage)
    pipeline = needed(loaded.facts, any(isinstance(encoder, LeafTower) for encoder in encoders))
    n_times = round(window_s * pipeline.sfreq)
    graph = ExportGraph(model, answer, montage, pipeline.normalise == "window").eval()
    if n_times < pipeline.sfreq / 2:
        raise BadInput(f"--window wants 0.5 s or more, got {window_s:g} s; give the length of the windows that will be read.")
    with torch.no_grad():
        found = graph(torch.randn(1, len(montage), n_times))
    facts = ExportFacts(
        type=loaded.type_name, output=output, axes=axes if found.ndim == len(axes) else ("batch", "token", "dim"),
        classes=_classes(loaded.facts) if output == "logits" else (), channels=montage.names, n_times=n_times, pipeline=pipeline,
        before=NEEDED[pipeline.normalise][0], by_runner=NEEDED[pipeline.normalise][1], in_graph=NEEDED[pipeline.normalise][2],
        licence=licence, weights_sha256=weights_sha256,
    )  # fmt: skip
    return graph, facts


def _chosen(loaded: LoadedModel) -> tuple[str, tuple[str, ...], Answer]:
    if loaded.type_name in _REFUSED:
        raise BadInput(f"a model of type {loaded.type_name} cannot be exported: {_REFUSED[loaded.type_name]}.")
    if loaded.type_name == "language" and len(loaded.facts.tasks) != 1:
        raise BadInput(
            f"wanted a model of one task, got one aligned with language on {len(loaded.facts.tasks)}: what it answers depends on the "
            "question; export a fold that was fine-tuned on one task (RUN/folds/000)."
        )
    return _EXPORTS[loaded.type_name]


def _classes(facts: ModelFacts) -> tuple[str, ...]:
    return facts.classes or (facts.tasks[0].classes if facts.tasks else ())


def traced(graph: ExportGraph, facts: ExportFacts) -> torch.export.ExportedProgram:
    """torch's program of the graph, for any number of windows; it tells nothing of the machine it was made on."""
    windows = torch.randn(_TRACED, len(facts.channels), facts.n_times)
    batch = torch.export.Dim("batch", min=1, max=_MOST_WINDOWS)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(graph, (windows,), dynamic_shapes={"eeg": {0: batch}}, strict=False)
    for node in program.graph.nodes:
        # Lines of source code, with the paths of whoever exported.
        for name in ("stack_trace", "nn_module_stack", "source_fn_stack", "from_node", "torch_fn"):
            node.meta.pop(name, None)
    return program


def torch_file(program: torch.export.ExportedProgram, facts: ExportFacts) -> bytes:
    """A .pt2 file: graph as JSON, weights as plain bytes, and no pickle (sample inputs would be one)."""
    program = copy.copy(program)
    program._example_inputs, program._guards_code = None, []
    content = io.BytesIO()
    torch.export.save(program, content, extra_files={METADATA: facts.model_dump_json()})
    return sealed(content.getvalue(), as_zip_comment=True)


def onnx_model(program: torch.export.ExportedProgram) -> Any:
    """The graph as ONNX (``onnx.ModelProto``). Raises BadInput where the packages of the extra "export" are missing."""
    try:
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise BadInput(
            f"--format onnx wants the packages of the extra 'export' ({error}); pip install mindleaf[export]."
        ) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = torch.onnx.export(
            program, dynamo=True, opset_version=_OPSET, input_names=["eeg"], output_names=["out"], verbose=False
        )
    assert found is not None
    model = found.model_proto
    for part in (model.graph, *model.functions):
        for node in part.node:
            del node.metadata_props[:]
            node.doc_string = ""
        for value in (*part.value_info, *getattr(part, "initializer", ())):
            del value.metadata_props[:]
    del model.metadata_props[:]
    return model


def onnx_file(model: Any, facts: ExportFacts) -> bytes:
    """The file: facts in ``metadata_props`` under METADATA, its own sha256 beside them."""
    del model.metadata_props[:]
    for key, value in ((METADATA, facts.model_dump_json()), ("seal", unsealed_mark())):
        prop = model.metadata_props.add()
        prop.key, prop.value = key, value
    return sealed(model.SerializeToString(deterministic=True))


def quantized(model: Any) -> Any:
    """Matrix products in int8, their inputs scaled as they come (ONNX Runtime's dynamic quantisation)."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        whole, small = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, whole)
        quantize_dynamic(
            whole, small, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul", "Gemm"],
            extra_options={"MatMulConstBOnly": True},
        )  # fmt: skip
        return onnx.load(small)
