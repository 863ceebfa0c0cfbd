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
        "kul": "mindleaf.datasets.kul",
        "dtu": "mindleaf.datasets.dtu",
        "esaa": "mindleaf.datasets.esaa",
        "madeeg": "mindleaf.datasets.madeeg",
        "pme4": "mindleaf.datasets.pme4",
        "eeg4emo": "mindleaf.datasets.eeg4emo",
        "ds004356": "mindleaf.datasets.ds004356",
        "uhd255": "mindleaf.datasets.uhd255",
        "eareeg": "mindleaf.datasets.eareeg",
        "brennan2018": "mindleaf.datasets.brennan2018",
        "broderick2018": "mindleaf.datasets.broderick2018",
        "lppetitprince": "mindleaf.datasets.lppetitprince",
        "sparrkulee": "mindleaf.datasets.sparrkulee",
        "avgcaad": "mindleaf.datasets.avgcaad",
        "bciciv2a": "mindleaf.datasets.bciciv2a",
        "bciciv2b": "mindleaf.datasets.bciciv2b",
        "hgd": "mindleaf.datasets.hgd",
        "openbmi": "mindleaf.datasets.openbmi",
        "openbmi_ssvep": "mindleaf.datasets.openbmi_ssvep",
        "shanghaiu": "mindleaf.datasets.shanghaiu",
        "cho2017": "mindleaf.datasets.cho2017",
        "shin2017a": "mindleaf.datasets.shin2017a",
        "bcic2020_upperlimb": "mindleaf.datasets.bcic2020_upperlimb",
        "bcic2020_speech": "mindleaf.datasets.bcic2020_speech",
        "weibo2014": "mindleaf.datasets.weibo2014",
        "dreyer2023": "mindleaf.datasets.dreyer2023",
        "tuep": "mindleaf.datasets.tuep",
        "tuev": "mindleaf.datasets.tuev",
        "tuab": "mindleaf.datasets.tuab",
        "hmc": "mindleaf.datasets.hmc",
        "cap": "mindleaf.datasets.cap",
        "chbmit": "mindleaf.datasets.chbmit",
        "adhd": "mindleaf.datasets.adhd",
        "seed": "mindleaf.datasets.seed",
        "seediv": "mindleaf.datasets.seediv",
        "seedv": "mindleaf.datasets.seedv",
        "seedvii": "mindleaf.datasets.seedvii",
        "faced": "mindleaf.datasets.faced",
        "deap": "mindleaf.datasets.deap",
        "bids": "mindleaf.datasets.bids",
        "manifest": "mindleaf.datasets.manifest",
        "folder": "mindleaf.datasets.folder",
    }
)

__all__ = ["DATASETS", "open_dataset"]
