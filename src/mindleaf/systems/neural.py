"""What the trained systems share: where they start, how a fold's windows become batches, how they are scored."""

from __future__ import annotations

import json
import pkgutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mindleaf.config import Config
from mindleaf.encoders import CHECKPOINT_FRONTENDS, FRONTENDS
from mindleaf.encoders.audio_tower import AudioTowerConfig
from mindleaf.encoders.choice import EncoderConfig
from mindleaf.encoders.leaf import LeafTower
from mindleaf.encoders.mindmix import PRESETS, MindMixConfig, MindMixEncoder
from mindleaf.encoders.weights import load_weights
from mindleaf.errors import BadInput
from mindleaf.models.adaptation import Adapt, LoraConfig, adapt, eeg_encoders
from mindleaf.models.facts import ModelFacts
from mindleaf.store.batches import BatchReader
from mindleaf.store.examples import Examples
from mindleaf.store.features import Frontend
from mindleaf.store.files import write_json
from mindleaf.store.store import Store

#: Samples of EEG (channel x time) or of audio frames scored at once; bounds memory for long windows, many channels, large pools.
_SCORED_SAMPLES = 4_000_000
_FRAME_RATE = 50.0
#: Settings of the frontends that have any; the others stand in the table as they are.
_SETTINGS: dict[str, dict[str, Any]] = {
    "mel": {"frame_rate": _FRAME_RATE},
    "mel_loudness": {"frame_rate": _FRAME_RATE},
    "envelope": {"frame_rate": _FRAME_RATE, "band": None},
}


def audio_choice(choice: str, stores: Sequence[Store], tower: AudioTowerConfig | None = None, start: str = "") -> str:
    """ "auto" settled: samples for a tower that trains a speech model, else ``start``, what the RUN to start from hears, else
    log-mel where every store keeps waveforms, the envelope as soon as one keeps envelopes only."""
    if choice != "auto":
        return choice
    if tower is not None and tower.kind == "speech":
        return "samples"
    kinds = {stimulus.kind for store in stores for stimulus in store.stimuli.values()}
    return start or ("mel" if kinds == {"audio"} else "envelope")


def heard_through(choice: str, tower: AudioTowerConfig) -> str:
    """The audio encoder in words, for a card."""
    kind, _, source = choice.partition(":")
    if tower.kind == "speech":
        origin = f" from {Path(tower.speech.folder).name}" if tower.speech.folder else ""
        return f"{tower.speech.architecture.get('model_type', 'a speech model')}{origin}, trained with the rest"
    return f"{kind} of {Path(source).name}, frozen" if source else kind


def audio_frontend(choice: str) -> Frontend:
    """The audio encoder's fixed part: "mel", "mel_loudness", "envelope", "samples", or "wav2vec2:FOLDER", "hubert:FOLDER", "speech:FOLDER"."""
    name, _, source = choice.partition(":")
    if name in FRONTENDS and not source:
        return pkgutil.resolve_name(FRONTENDS[name])(**_SETTINGS.get(name, {}))
    if name in CHECKPOINT_FRONTENDS and source:
        return pkgutil.resolve_name(CHECKPOINT_FRONTENDS[name])(source)
    if name in CHECKPOINT_FRONTENDS:
        raise BadInput(f"audio encoder {name} wants its checkpoint; give audio={name}:FOLDER, or {name}:hub:NAME to fetch it.")
    raise BadInput(
        f"audio encoder {choice!r} cannot be built; give auto, mel, mel_loudness, envelope, or wav2vec2:FOLDER, hubert:FOLDER or speech:FOLDER "
        "(a model saved by transformers; hub:NAME in place of FOLDER fetches it)."
    )


def scored(model: nn.Module, reader: BatchReader) -> NDArray[np.float64]:
    """What ``model`` says of all windows of a reader, in order, a bounded number of samples at a time, on its own device."""
    device = next(model.parameters()).device
    if not len(reader):
        return np.zeros((0, 0))
    probe = reader.read(np.array([0]), attended_first=False)
    heard = 0 if probe.audio is None else probe.audio[0].numel()
    size = max(1, _SCORED_SAMPLES // max(1, probe.eeg[0].numel(), heard))
    ids = np.arange(len(reader))
    with torch.inference_mode():
        parts = [
            model(reader.read(ids[k : k + size], attended_first=False).to(device)).double().cpu().numpy()
            for k in range(0, len(ids), size)
        ]
    return np.concatenate(parts)


def spatial_pattern(spatial: nn.Module, strength: torch.Tensor, reader: BatchReader, examples: Examples) -> dict[str, Any]:
    """Where on the head the learned spatial filters listen: their patterns (covariance x weights), as energy per channel.

    strength: (source,) how much the layers behind use each source. Patterns, not weights, can be read as sources
    (Haufe et al. 2014).
    """
    ids = np.linspace(0, len(reader) - 1, min(len(reader), 64)).astype(int)
    batch = reader.read(np.unique(ids))
    eeg = batch.eeg.transpose(0, 1).flatten(1)
    covariance = eeg @ eeg.T / eeg.shape[1]
    with torch.inference_mode():
        weights = (spatial.table(batch.channel_index[:1]) + spatial.place(spatial.fourier(batch.positions[:1])))[0]  # type: ignore[operator]
        energy = ((covariance @ weights) * strength).square().sum(dim=1).sqrt()
    return {"channel_names": list(examples.channel_names), "values": energy.numpy()}


def write_findings(folder: Path, findings: dict[str, Any]) -> None:
    """Keep what can be drawn of a fitted system beside its weights."""
    write_json(folder / "findings.json", json.loads(json.dumps(findings, default=np.ndarray.tolist)))


def read_findings(folder: Path) -> dict[str, Any]:
    """The findings in a folder, arrays as arrays again; empty where there are none."""
    path = folder / "findings.json"
    findings = json.loads(path.read_text()) if path.exists() else {}
    if "topography" in findings:
        findings["topography"]["values"] = np.array(findings["topography"]["values"])
    return findings


def n_parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def class_weights(labels: NDArray[np.int64], n_classes: int) -> tuple[float, ...]:
    """Weights that make every class count the same in the loss."""
    counts = np.bincount(labels, minlength=n_classes).clip(min=1)
    return tuple(float(w) for w in len(labels) / (n_classes * counts))


class StartFrom(Config):
    """start: a RUN folder to begin with; empty for random weights. adapt: what learns from there, "full", "frozen" (the
    encoder), "probe" or "lora" (see ``models.adaptation``). lora: rank and strength of its updates."""

    start: str = ""
    adapt: Adapt = "full"
    lora: LoraConfig = LoraConfig()


def weights_at_start(config: Config) -> str:
    """Where a system's weights come from, in a word for its row: the RUN, or files that its settings name; "" for none."""
    inputs = getattr(config, "inputs", "both")
    model: Any = getattr(config, "model", None)
    encoder = "" if inputs == "audio" else getattr(getattr(model, "encoder", None), "weights", "")
    speech = getattr(getattr(model, "audio", None), "speech", None)
    audio = "" if inputs == "eeg" else getattr(config, "audio", "").partition(":")[2] or getattr(speech, "folder", "")
    own = getattr(config, "start", "") or getattr(config, "weights", "") or encoder
    return ", ".join(Path(name).name for name in (own, audio) if name)


def begin_learning(model: nn.Module, config: StartFrom, encoder: EncoderConfig | None, audio: str = "") -> dict[str, Any]:
    """Read the weights that the encoder's config names (not where a RUN is started from), then settle what learns.

    Returns the finding "encoder": where its weights come from, what learns, how many parameters that are, and what it hears
    through (``audio``) where it hears.
    """
    encoders, file = eeg_encoders(model), getattr(encoder, "weights", "")
    origin = f"the RUN {Path(config.start).name}" if config.start else "random at the start"
    if file and not config.start:
        filled = sum(
            load_weights(part.network, Path(file)) for part in encoders if not isinstance(part, MindMixEncoder | LeafTower)
        )
        origin = f"{filled} tensors of {Path(file).name}, every one the encoder has"
    n_learning = adapt(model, config.adapt, config.lora)
    found = {"weights": origin if encoders else "no encoder", "adapt": config.adapt, "trainable_parameters": n_learning}
    return {"encoder": found | ({"audio_encoder": audio} if audio else {})}


def described(card: str, findings: dict[str, Any]) -> str:
    """The card, and what ``begin_learning`` found."""
    lines = [f"- {name.replace('_', ' ')}: {value}\n" for name, value in findings.get("encoder", {}).items()]
    return f"{card}\n## Encoder\n\n{''.join(lines)}" if lines else card


def without_weights(model: Any) -> Any:
    """A model's config whose encoder and speech model start at random, whatever files it names."""
    random: dict[str, Any] = {}
    if getattr(model.encoder, "weights", ""):
        random["encoder"] = model.encoder.model_copy(update={"weights": ""})
    if isinstance(audio := getattr(model, "audio", None), AudioTowerConfig):
        random["audio"] = audio.settled().portable()
    return model.model_copy(update=random)


def warn_left_behind(folder: Path, theirs: ModelFacts, ours: ModelFacts) -> None:
    """Say that of an aligned RUN which hears another audio encoder the EEG encoder alone is taken."""
    other = ours.audio if ours.audio != theirs.audio else f"{ours.audio} with other settings or weights"
    warnings.warn(
        f"{folder} hears through {theirs.audio}, here it is {other}: its EEG encoder is taken and all else it learned left "
        "behind; give the audio encoder it was aligned with to start from the whole of it.",
        stacklevel=2,
    )


def is_recipe_encoder(encoder: EncoderConfig | None) -> bool:
    """Whether it is of a size that a recipe or a default fills in, and so not a person's choice."""
    return _architecture(encoder) in map(_architecture, PRESETS.values())


def refuse_other_encoder(asked: EncoderConfig | None, brought: EncoderConfig, run: Path) -> None:
    """BadInput where the EEG encoder that was chosen (None: none) is not the one that a RUN brings: it would be lost."""
    if _architecture(asked) != _architecture(brought):
        raise BadInput(
            f"{run} brings its EEG encoder, and form or model.encoder asks for {'none' if asked is None else 'another one'}; leave it "
            "out to go on from the RUN, or start from a RUN with the encoder asked for."
        )


def _architecture(encoder: EncoderConfig | None) -> dict[str, Any]:
    """An encoder without what its tokens are fed through and where its weights came from."""
    return {} if encoder is None else encoder.model_dump(exclude={"vq_input", "weights"})


def encoder_of(config: Any, folder: Path, vq_input: str | None = None) -> EncoderConfig:
    """The EEG encoder that a saved model was built with; BadInput where it has none."""
    encoder = getattr(getattr(config, "language", config), "encoder", None)  # one space keeps it with its language
    if encoder is None:
        raise BadInput(f"{folder}: wanted a RUN with an EEG encoder to start from, found none.")
    if vq_input and isinstance(encoder, MindMixConfig):
        return encoder.model_copy(update={"vq_input": vq_input})
    return encoder
