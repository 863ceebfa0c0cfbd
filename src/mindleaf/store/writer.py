"""From recordings to a store: one recording at a time, resumable, the manifest last."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.config import Config
from mindleaf.errors import BadInput
from mindleaf.preprocessing.filtering import resample
from mindleaf.recording import Recording, Stimulus
from mindleaf.store.files import array_sha256, need_space, replacing, safe_name, write_array, write_json
from mindleaf.store.store import FORMAT_VERSION, Store
from mindleaf.store.table import trial_rows, trial_table

#: Audio is kept at this rate (MindMix, appendix A.2), mono.
AUDIO_RATE = 16_000


class StoreConfig(Config):
    """How recordings are kept. ``max_sfreq``: rates above it are brought below by an integer factor (Hz)."""

    max_sfreq: float = 512.0


def write_store(
    recordings: Iterable[Recording],
    out: Path,
    dataset: str,
    facts: dict,
    config: StoreConfig | None = None,
    progress: Callable[[str, bool], None] | None = None,
    root: Path | None = None,
) -> Store:
    """Write every recording once, broadband, and the table of trials.

    Rerunning skips what is unchanged: a recording counts as unchanged when its description and the names, sizes and times
    of its source files (below ``root``) are. ``progress(recording id, was skipped)`` is called after each. Raises BadInput for a recording
    whose id occurs twice or an empty data set; what stood in ``out`` stays usable until the new manifest is in place.
    """
    config = config or StoreConfig()
    out = Path(out)
    entries: dict[str, dict] = {}
    stimuli: dict[str, dict] = {}
    for recording in recordings:
        if recording.id in entries:
            raise BadInput(f"{dataset}: recording id {recording.id!r} occurs twice; ids must be unique within a data set.")
        entry, skipped = _recording_entry(recording, out, config, root)
        entries[recording.id] = entry
        for stimulus in recording.stimuli:
            if stimulus.id not in stimuli:
                stimuli[stimulus.id] = _stimulus_entry(stimulus, out)
        if progress:
            progress(recording.id, skipped)
    if not entries:
        raise BadInput(f"{dataset}: wanted at least one recording, found none; check --root.")
    _finish(out, dataset, facts, config, entries, stimuli)
    return Store(out)


def _recording_entry(recording: Recording, out: Path, config: StoreConfig, root: Path | None) -> tuple[dict, bool]:
    name = safe_name(recording.id)
    sidecar = out / "signals" / f"{name}.json"
    source = _source_key(recording, config, root)
    known = _intact_entry(sidecar, out)
    if known and known["source"] == source:
        return known, True
    sfreq = _kept_rate(recording.sfreq, config.max_sfreq)
    need_space(out, 4 * len(recording.channel_names) * recording.n_times)
    signal = recording.load()
    signal = signal if sfreq == recording.sfreq else resample(np.asarray(signal, np.float64), recording.sfreq, sfreq)
    kept = np.ascontiguousarray(np.asarray(signal, np.float32).T)
    entry = {
        "id": recording.id, "subject": recording.subject, "session": recording.session, "run": recording.run,
        "sfreq": sfreq, "channel_names": list(recording.channel_names),
        "positions": _json_positions(recording.montage.positions), "n_times": kept.shape[0], "file": f"signals/{name}.npy",
        "sha256": write_array(out / "signals" / f"{name}.npy", kept),
        "issues": [{"code": issue.code, "message": issue.message} for issue in recording.issues],
        "trials": trial_rows(recording), "source": source,
    }  # fmt: skip
    write_json(sidecar, entry)
    return entry, False


def _intact_entry(sidecar: Path, out: Path) -> dict | None:
    """What was noted of a recording, where the note and the signal it speaks of are whole."""
    try:
        entry = json.loads(sidecar.read_text())
        signal = np.load(out / entry["file"], mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, KeyError):
        return None
    return entry if array_sha256(signal) == entry["sha256"] else None


def _json_positions(positions: NDArray) -> list:
    return [[round(float(x), 6) if math.isfinite(x) else None for x in row] for row in positions]


def _kept_rate(sfreq: float, highest: float) -> float:
    return sfreq if sfreq <= highest else sfreq / math.ceil(sfreq / highest)


def _source_key(recording: Recording, config: StoreConfig, root: Path | None) -> str:
    files = []
    for name in recording.source_files:
        path = Path(root or ".") / name
        stat = path.stat() if path.exists() else None
        files.append((path.name, stat.st_size if stat else -1, stat.st_mtime_ns if stat else -1))
    events = [(e.onset, e.duration, e.label) for e in recording.events]
    text = repr((
        recording.dataset, recording.subject, recording.session, recording.run, recording.id, recording.sfreq,
        recording.channel_names, recording.n_times, events, recording.trials, files, config.fingerprint(),
    ))  # fmt: skip
    return hashlib.sha256(text.encode()).hexdigest()


def _stimulus_entry(stimulus: Stimulus, out: Path) -> dict:
    samples = np.asarray(stimulus.load(), np.float32)
    if samples.ndim != 1 or not len(samples):
        raise BadInput(f"stimulus {stimulus.id}: wanted mono samples, got shape {samples.shape}; mix or choose a channel first.")
    rate = float(stimulus.sample_rate)
    if stimulus.kind == "audio" and rate != AUDIO_RATE:
        samples, rate = _resampled_audio(samples, rate), float(AUDIO_RATE)
    if stimulus.kind == "audio":
        # Per stimulus, not per window as in the paper: a window's gain is a constant in log-mel, which centring removes.
        samples = (samples / (np.abs(samples).max() or 1.0)).astype(np.float32)
    name = f"stimuli/{safe_name(stimulus.id)}.npy"
    return {
        "id": stimulus.id, "kind": stimulus.kind, "sample_rate": rate, "auditory_type": stimulus.auditory_type,
        "n_samples": len(samples), "file": name, "sha256": write_array(out / name, samples),
    }  # fmt: skip


def _resampled_audio(samples: NDArray[np.float32], rate: float) -> NDArray[np.float32]:
    import soxr

    return soxr.resample(samples, rate, AUDIO_RATE).astype(np.float32)


def _finish(
    out: Path, dataset: str, facts: dict, config: StoreConfig, entries: dict[str, dict], stimuli: dict[str, dict]
) -> None:
    table = trial_table(row for entry in entries.values() for row in entry["trials"])
    _check_stimuli(table, stimuli)
    recordings = [{k: v for k, v in entries[id].items() if k not in ("trials", "source")} for id in sorted(entries)]
    ordered = [stimuli[id] for id in sorted(stimuli)]
    content = hashlib.sha256()
    for entry in (*recordings, *ordered):
        content.update(f"{entry['id']}{entry['sha256']}".encode())
    content.update(table.to_json(orient="split", double_precision=9).encode())
    with replacing(out / "trials.parquet") as temporary:
        table.to_parquet(temporary)
    manifest = {
        "format_version": FORMAT_VERSION, "dataset": dataset, "facts": facts, "unit": "uV", "fingerprint": config.fingerprint(),
        "content_sha256": content.hexdigest(), "recordings": recordings, "stimuli": ordered,
    }  # fmt: skip
    write_json(out / "manifest.json", manifest)


def _check_stimuli(table: pd.DataFrame, stimuli: dict[str, dict]) -> None:
    for column in (c for c in table.columns if c.startswith("stimulus_")):
        missing = set(table[column]) - set(stimuli) - {""}
        if missing:
            raise BadInput(f"trials name stimulus {sorted(missing)[0]!r}, which no recording brings; check the stimulus files.")
