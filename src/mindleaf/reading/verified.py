"""Which file formats were tried on real recordings, and which only on files written after the formats' descriptions.

Tables (CSV, TSV, NPY, NPZ) are not listed: their layout is this package's own.
"""

from __future__ import annotations

from typing import NamedTuple


class Format(NamedTuple):
    """``verified``: a real file from the maker's software was read and its values were checked."""

    name: str
    verified: bool


#: Suffix -> format, signal files first, then sound.
FORMATS: dict[str, Format] = {
    ".edf": Format("EDF and EDF+", True),
    ".bdf": Format("BDF (BioSemi)", True),
    ".gdf": Format("GDF", True),
    ".vhdr": Format("BrainVision", True),
    ".set": Format("EEGLAB (MATLAB files before 7.3)", True),
    ".fif": Format("FIF", True),
    ".xdf": Format("XDF (lab streaming layer)", True),
    ".cnt": Format("Neuroscan CNT", False),
    ".cdt": Format("Curry 8 and 9", False),
    ".dat": Format("Curry 7 and older (with .dap and .rs3)", False),
    ".mff": Format("EGI MFF folder", False),
    ".raw": Format("EGI simple binary", False),
    ".egi": Format("EGI simple binary", False),
    ".wav": Format("WAV", True),
    ".flac": Format("FLAC", False),
    ".ogg": Format("OGG", False),
}
