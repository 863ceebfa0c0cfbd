"""The table of all formats that are fuzzed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from . import fuzz_containers, fuzz_files, fuzz_makers, fuzz_matlab
from .fuzz_mutations import Part


class FuzzedFormat(NamedTuple):
    """``build`` gives the parts; ``opened`` names the one to open; ``reader`` is a key of ``fuzz_batch.READERS``.

    ``events_counted``: whether the format stores how many events there are. ``optional``: parts without which the file
    loads, with an issue.
    """

    build: Callable[[], dict[str, Part]]
    opened: str
    reader: str = "signal"
    events_counted: bool = True
    optional: tuple[str, ...] = ()


#: Every format that is fuzzed. Add a line here for a new one.
FORMATS: dict[str, FuzzedFormat] = {
    "edf": FuzzedFormat(fuzz_files.edf, "a.edf", events_counted=False),
    "bdf": FuzzedFormat(fuzz_files.bdf, "a.bdf"),
    "gdf": FuzzedFormat(fuzz_files.gdf, "a.gdf"),
    "gdf_1": FuzzedFormat(fuzz_files.gdf1, "a.gdf"),
    "brainvision": FuzzedFormat(fuzz_files.brainvision, "a.vhdr", events_counted=False),
    "eeglab": FuzzedFormat(fuzz_matlab.eeglab, "a.set"),
    "eeglab_73": FuzzedFormat(fuzz_matlab.eeglab_73, "a.set"),
    "fif": FuzzedFormat(fuzz_containers.fif, "a_raw.fif"),
    "xdf": FuzzedFormat(fuzz_containers.xdf, "a.xdf"),
    "mat_5": FuzzedFormat(fuzz_matlab.mat_5, "a.mat", "matlab"),
    "mat_73": FuzzedFormat(fuzz_matlab.mat_73, "a.mat", "matlab"),
    "csv": FuzzedFormat(fuzz_containers.csv, "a.csv"),
    "npy": FuzzedFormat(fuzz_containers.npy, "a.npy"),
    "npz": FuzzedFormat(fuzz_containers.npz, "a.npz"),
    "cnt": FuzzedFormat(fuzz_makers.cnt, "a.cnt"),
    "curry": FuzzedFormat(fuzz_makers.curry, "a.cdt"),
    "egi": FuzzedFormat(fuzz_makers.egi, "a.raw"),
    "egi_mff": FuzzedFormat(fuzz_makers.egi_mff, "a.mff", events_counted=False, optional=("a.mff/Events_ECI.xml",)),
    "wav": FuzzedFormat(fuzz_containers.wav, "a.wav", "sound"),
    "flac": FuzzedFormat(fuzz_containers.flac, "a.flac", "sound"),
}
