"""The tables of the MindMix paper that need no evaluation: hours, settings, sizes, parameters; counted from the code."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mindleaf.batch import Batch
from mindleaf.datasets import DATASETS
from mindleaf.encoders.mindmix import MindMixConfig, MindMixEncoder
from mindleaf.encoders.speech_checkpoint import import_transformers
from mindleaf.encoders.torchaudio_import import import_torchaudio
from mindleaf.evaluation.sheets import Page, Sheet
from mindleaf.models.alignment import AlignedConfig, AlignedModel
from mindleaf.models.facts import ModelFacts
from mindleaf.montage import ELECTRODES, Montage
from mindleaf.recipes.mindmix_tables import published
from mindleaf.stages.data_at_hand import DataAtHand
from mindleaf.store.store import Store

_CHANNELS = ELECTRODES[:64]
_RUNS = 15


def table1(at_hand: DataAtHand) -> Page:
    """Hours as printed, as the recipes' facts add up, and as recorded in what is at hand."""
    rows = []
    for name, dataset in DATASETS.items():
        facts = dataset.facts
        if facts.table1 is None:
            continue
        counted = sum(part.hours for part in facts.counted)
        here = f"{_hours(at_hand.store(name)):.2f}" if name in at_hand else "–"
        rows.append((str(facts.table1.stage), name, f"{facts.table1.hours:g}", f"{counted:.2f}", here, str(facts.n_channels or "–"),
                     facts.paradigm, facts.table1.why or "–"))  # fmt: skip
    columns = ("stage", "data set", "hours printed", "hours counted from the facts", "hours at hand", "channels", "paradigm",
               "why they differ")  # fmt: skip
    notes = (
        "Erratum: the text announces seven data sets for stage 2; the table lists six.",
        "Erratum: CHB-MIT, printed as sleep detection, holds recordings of epileptic seizures.",
    )
    return Page(
        "MindMix, Table 1: data sets and hours", [Sheet("Hours", columns, tuple(sorted(rows, key=lambda r: r[0])))], notes
    )


def _hours(store: Store) -> float:
    return sum(r.n_times / r.sfreq for r in store.recordings.values()) / 3600


def table_a2(at_hand: DataAtHand) -> Page:
    """Settings as printed beside what ``AlignedConfig.paper("base")`` builds."""
    paper, encoder = AlignedConfig.paper("base"), MindMixConfig()
    model = _paper_model()
    patching = [m for m in _encoder(model).patching.modules() if isinstance(m, nn.Conv1d)]
    rows = (
        ("transformer layers", "12", str(encoder.depth)), ("embedding dimension", "200", str(encoder.width)),
        ("attention heads", "10", str(encoder.heads)), ("feed-forward dimension", "800", str(encoder.hidden)),
        ("patch encoder, convolutions", "3", str(len(patching))), ("patch encoder, output channels", "8", str(patching[-1].out_channels)),
        ("CALRA dimension", "256", str(paper.dims)), ("CALRA low-rank dimension", "128", str(paper.rank)),
        ("CALRA attention heads", "4", str(paper.heads)), ("CALRA FFN dimension", "512", str(paper.hidden)),
        ("temperature at the start", "0.07", f"{float((-model.logit_scale.log_scale).detach().exp()):.2f}"),
        ("codebook (not printed)", "–", f"{encoder.n_codes} codes of {encoder.code_width} dimensions"),
    )  # fmt: skip
    note = "What the paper leaves open (codebook, mask ratio, loss weights) follows the design named in the docstrings."
    return Page("MindMix, Table A2: settings", [Sheet("Settings", ("setting", "printed", "built here"), rows)], (note,))


def table_a3(at_hand: DataAtHand) -> Page:
    """Parameters, multiply-accumulates and seconds of one window of 64 channels and 2 s, on this machine."""
    printed = {(p.entrant, p.metric): p.value for p in published("A3")}
    rows = []
    for key, (title, parameters, run) in _sized().items():
        macs, milliseconds = _macs(run), _milliseconds(run)
        rows.append((title, f"{parameters / 1e6:.3f}", printed.get((key, "parameters_m"), "–"), f"{macs / 1e9:.3f}",
                     printed.get((key, "macs_g"), "–"), f"{milliseconds:.1f}", printed.get((key, "latency_ms"), "–")))  # fmt: skip
    columns = (
        "model",
        "million parameters",
        "printed",
        "G multiply-accumulates",
        "printed 'FLOPs'",
        "ms here",
        "ms printed (A6000)",
    )
    notes = (
        "The printed FLOPs are multiply-accumulates. MindMix's 7.71 G match one second of audio, not two.",
        f"Times are medians of {_RUNS} runs on {torch.get_num_threads()} CPU thread(s), batch 1; they do not compare with a GPU's.",
        "Weights are random: sizes and times do not depend on them.",
    )
    return Page("MindMix, Table A3: size and time", [Sheet("64 channels, 2 s", columns, tuple(rows))], notes)


def table_a4(at_hand: DataAtHand) -> Page:
    """Where the parameters sit."""
    model = _paper_model()
    calra = sum(p.numel() for name, p in model.fusion.named_parameters() if "aligner" not in name)
    counts = {
        "encoder": ("EEG encoder, transformer", sum(p.numel() for p in _encoder(model).transformer.parameters())),
        "calra": ("CALRA without the type aligner", calra),
        "audio": ("wav2vec2-base", _parameters(_wav2vec2("meta"))),
    }
    printed = {p.entrant: p.value for p in published("A4")}
    rows = [(title, f"{count:,}", printed[key]) for key, (title, count) in counts.items()]
    rows.append(("sum of the three", f"{sum(count for _, count in counts.values()):,}", printed["total"]))
    aligner = sum(p.numel() for name, p in model.fusion.named_parameters() if "aligner" in name)
    rows.append(("type aligner beside it", f"{aligner:,}", "–"))
    note = "The printed sum of 97 M does not add up: 6 + 1 + 95 is 102."
    return Page(
        "MindMix, Table A4: parameters", [Sheet("Parameters", ("part", "here", "printed (million)"), tuple(rows))], (note,)
    )


def _paper_model() -> AlignedModel:
    torch.manual_seed(0)
    return (
        AlignedConfig.paper("base").build(ModelFacts(sfreq=200.0, n_audio_features=768, frame_rate=50.0, audio="wav2vec2")).eval()
    )


def _encoder(model: AlignedModel) -> MindMixEncoder:
    assert isinstance(model.encoder, MindMixEncoder)
    return model.encoder


def _wav2vec2(device: str) -> nn.Module:
    transformers = import_transformers()
    with torch.device(device):
        return transformers.Wav2Vec2Model(transformers.Wav2Vec2Config()).eval()


def _parameters(*models: nn.Module) -> int:
    return sum(p.numel() for model in models for p in model.parameters())


def _sized() -> dict[str, tuple[str, int, Callable[[], object]]]:
    """Models by the table's key: title, parameters, one forward pass."""
    import_torchaudio()
    from braindecode.models import EEGNet, Labram

    torch.manual_seed(0)
    eegnet = EEGNet(n_chans=64, n_outputs=2, n_times=400, sfreq=200).eval()
    labram = Labram(n_chans=64, n_outputs=2, n_times=400, sfreq=200).eval()
    model, speech, eeg = _paper_model(), _wav2vec2("cpu"), torch.randn(1, 64, 400)
    for network in (eegnet, labram, model, speech):
        network.requires_grad_(
            False
        )  # the counter asks each parameter that learns for its gradient's node, which inference has not
    batch, waveform = _window(eeg), torch.randn(1, 32_000)

    def score() -> object:
        frames = speech(waveform).last_hidden_state.transpose(1, 2)
        return model.score(_window(eeg, frames))

    return {
        "eegnet": ("EEGNet", _parameters(eegnet), lambda: eegnet(eeg)),
        "labram": ("LaBraM", _parameters(labram), lambda: labram(eeg, ch_names=list(_CHANNELS))),
        "encoder": ("MindMix, EEG encoder", _parameters(_encoder(model)), lambda: _encoder(model)(batch)),
        "mindmix": ("MindMix with wav2vec2", _parameters(model, speech), score),
    }


def _window(eeg: torch.Tensor, frames: torch.Tensor | None = None) -> Batch:
    montage = Montage.from_names(_CHANNELS)[0]
    return Batch(
        eeg=eeg,
        channel_index=torch.tensor(montage.nearest_indices)[None],
        positions=torch.tensor(montage.positions, dtype=torch.float32)[None],
        channel_mask=torch.ones(1, len(_CHANNELS), dtype=torch.bool),
        audio=None if frames is None else frames[:, None],
        auditory_type=torch.tensor([0]),
    )


@torch.inference_mode()
def _macs(run: Callable[[], object]) -> float:
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() / 2


@torch.inference_mode()
def _milliseconds(run: Callable[[], object]) -> float:
    run()
    seconds = []
    for _ in range(_RUNS):
        begun = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(seconds)


PAGES: dict[str, Callable[[DataAtHand], Page]] = {
    "table1": table1,
    "tableA2": table_a2,
    "tableA3": table_a3,
    "tableA4": table_a4,
}
