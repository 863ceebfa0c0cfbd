"""store: what a store holds, whether it is whole, and its way to Zarr and back."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from mindleaf.errors import BadInput
from mindleaf.stages.progress import bar
from mindleaf.store.store import Store
from mindleaf.store.zarr_export import export_zarr
from mindleaf.store.zarr_import import import_zarr

_NAMED = 5


def store_summary(path: Path) -> dict[str, Any]:
    """What the store holds, as JSON values."""
    store = Store(path)
    recordings = store.recordings.values()
    return {
        "dataset": store.dataset,
        "subjects": len({r.subject for r in recordings}),
        "recordings": len(recordings),
        "hours": round(sum(r.n_times / r.sfreq for r in recordings) / 3600, 3),
        "channels": sorted({len(r.montage.names) for r in recordings}),
        "rates_hz": sorted({r.sfreq for r in recordings}),
        "trials": len(store.index),
        "stimuli": len(store.stimuli),
        "labels": sorted(set(store.index["label"]) - {""}),
        "dtype": sorted({r.dtype for r in recordings}),
        "bytes": _sizes(store),
        "views": _views(store),
        "left_out": store.manifest["left_out"],
        "issues": [f"{code} in {n}" for code, n in Counter(i["code"] for r in recordings for i in r.issues).items()],
        "content_sha256": store.content_sha256,
    }


def store_lines(path: Path) -> list[str]:
    """The same for people, one line each."""
    told = store_summary(path)
    told["bytes"] = ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in told["bytes"].items())
    return [
        f"{key:<16} {', '.join(map(str, value)) or 'none' if isinstance(value, list) else value}" for key, value in told.items()
    ]


def _sizes(store: Store) -> dict[str, int]:
    """Bytes on disk by part."""
    names = ("signals", "stimuli", "views", "features")
    return {name: sum(p.stat().st_size for p in (store.path / name).rglob("*") if p.is_file()) for name in names}


def _views(store: Store) -> list[str]:
    """Each view made so far, by the first digits of its fingerprint, and how many recordings it holds."""
    folders = sorted(path for path in store.path.glob("views/*") if path.is_dir())
    wanted = [recording.sha256[:12] for recording in store.recordings.values()]
    made = {folder: [path.name for path in folder.glob("[!.]*")] for folder in folders}
    return [f"{f.name}: {sum(any(sha in name for name in made[f]) for sha in wanted)} of {len(wanted)}" for f in folders]


def verify_store(path: Path, quiet: bool = False) -> str:
    """One sentence; BadInput names the damaged parts."""
    store = Store(path)
    with bar("verify", len(store.recordings), quiet) as advance:
        damaged = store.verify(advance)
    if damaged:
        named = ", ".join(damaged[:_NAMED]) + (f" and {len(damaged) - _NAMED} more" if len(damaged) > _NAMED else "")
        raise BadInput(f"{path}: {len(damaged)} part(s) are not what was written ({named}); prepare the store again.")
    return f"{path}: all {len(store.recordings) + len(store.stimuli)} parts, the trials and the manifest are intact."


def export_store(path: Path, zarr: Path, quiet: bool = False) -> str:
    """Write the store as a Zarr v3 folder; BadInput where ``zarr`` exists."""
    store = Store(path)
    with bar("export", len(store.recordings), quiet) as advance:
        export_zarr(store, zarr, advance)
    return f"{zarr}: {len(store.recordings)} recordings exported."


def import_store(zarr: Path, out: Path, quiet: bool = False) -> Store:
    """Write a store from a Zarr v3 folder that ``export_store`` wrote; BadInput where it is damaged or of another kind."""
    with bar("import", None, quiet) as advance:
        return import_zarr(zarr, out, advance)
