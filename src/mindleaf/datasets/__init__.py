"""DOOR 1: files on disk become Recordings. The table of data sets, by name; a module is imported when its entry is used."""

from __future__ import annotations

from mindleaf.datasets.registry import DatasetTable, open_dataset

DATASETS = DatasetTable(
    {
        "synthetic": "mindleaf.datasets.synthetic",
        "eegmat": "mindleaf.datasets.eegmat",
        "cocktail": "mindleaf.datasets.cocktail",
        "two_speaker_minute": "mindleaf.datasets.two_speaker_minute",
        "kalunga2016": "mindleaf.datasets.kalunga2016",
        "eegmmidb": "mindleaf.datasets.eegmmidb",
        "bids": "mindleaf.datasets.bids",
        "manifest": "mindleaf.datasets.manifest",
        "folder": "mindleaf.datasets.folder",
    }
)

__all__ = ["DATASETS", "open_dataset"]
