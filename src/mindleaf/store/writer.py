"""From the sources of a data set to a store: in parallel, resumable, the manifest last."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import pandas as pd

from mindleaf.errors import BadInput
from mindleaf.recording import Recording
from mindleaf.store.encoding import scale_path
from mindleaf.store.files import read_json, replacing, safe_name, write_json
from mindleaf.store.integrity import bytes_sha256, content_sha256, manifest_sha256
from mindleaf.store.lock import only_writer
from mindleaf.store.recording_entry import StoreConfig
from mindleaf.store.source_work import Given, Outcome, SourceLike, Work, prepare_source
from mindleaf.store.store import FORMAT_VERSION, Store
from mindleaf.store.table import table_sha256, trial_table
from mindleaf.store.workers import results

__all__ = ["StoreConfig", "write_manifest", "write_store"]

#: Fields of a recording's note that the manifest leaves out.
_NOTE_ONLY = ("trials", "source")
_NAMED = 5


def write_store(
    sources: Iterable[SourceLike | Recording],
    out: Path | str,
    dataset: str,
    facts: dict,
    config: StoreConfig | None = None,
    progress: Callable[[Outcome], None] | None = None,
    root: Path | None = None,
    workers: int = 1,
    scheduler: str = "",
) -> Store:
    """Write every recording once, broadband, and the table of trials; ``progress`` hears of each source that is done.

    sources    what a data set lists, or Recordings (each is then a source of its own)
    root       folder below which the recordings' source files lie
    workers    processes of this machine; scheduler: address of a Dask scheduler instead. The result is the same.

    Rerunning skips what is unchanged: a recording counts as unchanged when its description, the settings and the names,
    sizes and times of its source files are. What stood in ``out`` stays usable until the new manifest is in place.
    Raises BadInput for a data set without recordings, ids that occur twice, another writer at work, a machine that takes no
    more, and damaged sources: after all others are prepared, or never with ``on_damage="skip"``.
    """
    config = config or StoreConfig()
    out = Path(out).absolute() if scheduler else Path(out)
    with only_writer(out) as token:
        listed = [Given(source) if isinstance(source, Recording) else source for source in sources]
        work = [Work(source, out, root, config, token) for source in listed]
        outcomes = _outcomes(work, workers, scheduler, progress)
        damaged = {outcome.source: outcome.damage for outcome in outcomes if outcome.damage}
        if damaged and config.on_damage == "stop":
            raise BadInput(_damage_sentence(dataset, damaged, len(listed)))
        entries = _by_id((entry for outcome in outcomes for entry in outcome.recordings), dataset)
        stimuli = _one_per_id(entry for outcome in outcomes for entry in outcome.stimuli)
        if not entries:
            why = f" ({next(iter(damaged.values()))})" if damaged else ""
            raise BadInput(f"{dataset}: wanted at least one recording, found none{why}; check --root.")
        left_out = [source.name for source in listed if source.name in damaged]
        write_manifest(out, dataset, facts, config.fingerprint(), entries, stimuli, left_out)
        _remove_old_parts(out)
    return Store(out)


def _outcomes(work: list[Work], workers: int, scheduler: str, progress: Callable[[Outcome], None] | None) -> list[Outcome]:
    """All outcomes in the order of the sources, whoever was ready first."""
    found: dict[str, list[Outcome]] = {}
    with closing(results(prepare_source, work, workers, scheduler)) as ready:  # type: ignore[type-var]
        for outcome in ready:
            found.setdefault(outcome.source, []).append(outcome)
            if progress:
                progress(outcome)
    return [found[item.name].pop(0) for item in work]


def _damage_sentence(dataset: str, damaged: dict[str, str], total: int) -> str:
    names = ", ".join(list(damaged)[:_NAMED]) + (f" and {len(damaged) - _NAMED} more" if len(damaged) > _NAMED else "")
    first = next(iter(damaged.values())).rstrip(".")
    why = f"the first: {first}" if len(damaged) > 1 else first
    advice = "mend what is damaged and run the same command again"
    if len(damaged) < total:
        advice = f"the others are kept: {advice}, or leave it out with --set on_damage=skip"
    return f"{dataset}: {len(damaged)} of {total} sources cannot be prepared: {names} ({why}); {advice}."


def _by_id(entries: Iterable[dict], dataset: str) -> dict[str, dict]:
    found: dict[str, dict] = {}
    for entry in entries:
        if entry["id"] in found:
            raise BadInput(f"{dataset}: recording id {entry['id']!r} occurs twice; ids must be unique within a data set.")
        found[entry["id"]] = entry
    return found


def _one_per_id(entries: Iterable[dict]) -> dict[str, dict]:
    found: dict[str, dict] = {}
    for entry in entries:
        if found.setdefault(entry["id"], entry)["sha256"] != entry["sha256"]:
            raise BadInput(
                f"stimulus id {entry['id']!r} stands for two different sounds; give each its own id, so that splits by stimulus "
                "can tell them apart."
            )
    return found


def write_manifest(
    out: Path, dataset: str, facts: dict, fingerprint: str, entries: dict[str, dict], stimuli: dict[str, dict],
    left_out: Iterable[str] = (),
) -> None:  # fmt: skip
    """Put the table of trials and, last, the manifest in place. ``entries`` as from ``recording_entry``, by id."""
    table = trial_table(row for id in sorted(entries) for row in entries[id]["trials"])
    _check_stimuli(table, stimuli)
    recordings = [{k: v for k, v in entries[id].items() if k not in _NOTE_ONLY} for id in sorted(entries)]
    ordered = [stimuli[id] for id in sorted(stimuli)]
    trials_sha256 = table_sha256(table)
    # Named by its content, like the signals: the old manifest keeps its old table until the new one is in place.
    trials = {"file": f"trials-{trials_sha256[:12]}.parquet", "sha256": trials_sha256}
    with replacing(out / trials["file"]) as temporary:
        table.to_parquet(temporary)
    trials["file_sha256"] = bytes_sha256(out / trials["file"])
    manifest = {
        "format_version": FORMAT_VERSION, "dataset": dataset, "facts": facts, "unit": "uV", "fingerprint": fingerprint,
        "content_sha256": content_sha256(recordings, ordered, trials_sha256), "recordings": recordings, "stimuli": ordered,
        "trials": trials, "left_out": list(left_out),
    }  # fmt: skip
    write_json(out / "manifest.json", {**manifest, "sha256": manifest_sha256(manifest)})


def _check_stimuli(table: pd.DataFrame, stimuli: dict[str, dict]) -> None:
    for column in (c for c in table.columns if c.startswith("stimulus_")):
        missing = set(table[column]) - set(stimuli) - {""}
        if missing:
            raise BadInput(f"trials name stimulus {sorted(missing)[0]!r}, which no recording brings; check the stimulus files.")


def _remove_old_parts(out: Path) -> None:
    """Files that the manifest in place does not speak of: earlier versions, and recordings that are gone."""
    manifest = Store(out).manifest
    kept = {out / manifest["trials"]["file"], *(out / entry["file"] for entry in manifest["stimuli"])}
    for entry in manifest["recordings"]:
        kept |= {out / entry["file"], scale_path(out / entry["file"]), out / "signals" / f"{safe_name(entry['id'])}.json"}
    old = [
        path for path in [*out.glob("trials-*.parquet"), *out.glob("signals/*"), *out.glob("stimuli/*.npy")] if path not in kept
    ]
    old += [note for note in out.glob("stimuli/*.json") if out / str(read_json(note).get("file")) not in kept]
    for path in old:
        path.unlink(missing_ok=True)
