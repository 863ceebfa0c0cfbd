"""A RUN: the folder a training verb writes and the next verb takes."""

from __future__ import annotations

from pathlib import Path

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.models.folder import CONFIG
from mindleaf.store.exposure import Exposure

_STAGE, _EXPOSURE = "stage.json", "exposure.json"


def begin_run(out: Path, config: Config, resume: bool) -> None:
    """Make the folder and note the stage's settings; refuses to train over another run unless it is to be resumed."""
    started = (out / _STAGE).exists() or (out / CONFIG).exists()
    if started and not resume:
        raise BadInput(f"{out} already holds a run; add --resume to continue it, or choose another --out.")
    if started and (out / _STAGE).exists() and type(config).read(out / _STAGE).fingerprint() != config.fingerprint():
        raise BadInput(f"{out} holds a run with other settings; resume with the same ones, or choose another --out.")
    out.mkdir(parents=True, exist_ok=True)
    config.write(out / _STAGE)


def is_run(path: str | Path) -> bool:
    return (Path(path) / CONFIG).is_file() or (Path(path) / "folds.json").is_file()


def write_exposure(out: Path, exposure: Exposure) -> None:
    exposure.write(out / _EXPOSURE)


def read_exposure(run: Path) -> Exposure:
    """What the run has seen; a run that does not say counts as unknown and is refused."""
    path = Path(run) / _EXPOSURE
    if not path.is_file():
        raise BadInput(f"{run}: wanted {_EXPOSURE}, which tells what the run has seen, found none; train the run again.")
    return Exposure.read(path)


def card(title: str, config: Config, exposure: Exposure, figures: dict[str, object], notes: tuple[str, ...] = ()) -> str:
    """A model card: what it is, what it has seen, how it was trained, what was measured, and where it must not be used."""
    seconds = sum(span.stop - span.start for span in exposure.spans)
    lines = [
        f"# {title}", "", "Research software, not a medical device.", "",
        "## Seen in training", "",
        f"{seconds / 3600:.2f} h of EEG from {len({s.recording_sha256 for s in exposure.spans})} recordings of "
        f"{len(exposure.subjects)} subjects, {len(exposure.stimuli)} stimuli.", "",
        *(f"- subject {name}" for name in exposure.subjects),
        *(f"- stimulus sha256 {sha}" for sha in exposure.stimuli),
        *(f"- recording sha256 {sha}" for sha in sorted({s.recording_sha256 for s in exposure.spans})), "",
        "## Measured", "", *(f"- {name}: {value}" for name, value in figures.items()), "",
        "## Notes", "", *(f"- {note}" for note in notes), "",
        "## Settings", "", "```json", config.model_dump_json(indent=2), "```", "",
    ]  # fmt: skip
    return "\n".join(lines)
