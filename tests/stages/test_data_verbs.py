"""data check, get, template: what a person with files of their own types first."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mindleaf.datasets import DATASETS
from mindleaf.errors import BadInput
from mindleaf.stages.data_check import check_copy, verdict
from mindleaf.stages.data_get import get
from mindleaf.stages.data_template import guess, write_template
from mindleaf.stages.prepare import prepare

from ..reading.written_files import write_edf
from .command import mindleaf


def test_check_names_what_is_missing_and_goes_on_past_damage(real_data: Path, tmp_path: Path):
    for name in ("Subject00_1.edf", "Subject00_2.edf", "Subject01_1.edf"):
        (tmp_path / name).symlink_to(real_data / "eegmat" / name)
    found = check_copy("eegmat", tmp_path, quiet=True)
    assert found["subjects"] == "2 of 36" and found["recordings"] == "3 of 72"
    assert found["missing"] == ["34 of 36 subjects", "69 of 72 recordings"]
    assert found["damaged"] == found["contradictions"] == []
    assert "agrees with the published facts" in verdict("eegmat", tmp_path, found)
    (tmp_path / "Subject00_2.edf").unlink()
    (tmp_path / "Subject00_2.edf").write_bytes((real_data / "eegmat" / "Subject00_2.edf").read_bytes()[:5000])
    found = check_copy("eegmat", tmp_path, quiet=True)
    assert found["recordings"] == "2 of 72"
    assert len(found["damaged"]) == 1 and "Subject00_2.edf" in found["damaged"][0]
    with pytest.raises(BadInput, match=r"not as published.*Subject00_2"):
        verdict("eegmat", tmp_path, found)


def test_check_finds_another_data_set_under_the_same_names(tmp_path: Path):
    write_edf(tmp_path / "S001R03.edf", annotations=[(0.5, None, "T1"), (5.0, None, "T2")])
    found = check_copy("eegmmidb", tmp_path, quiet=True)
    assert any("channels" in sentence for sentence in found["contradictions"])


@pytest.mark.parametrize("name", [name for name in DATASETS if DATASETS[name].generate is None])
def test_get_fetches_or_tells_how_to_get_access(name: str, tmp_path: Path):
    """No test touches the network: sets with an archive are fetched in test_download from a server of this machine."""
    facts = DATASETS[name].facts
    if facts.archives:
        assert facts.access in ("open", "registration")
        return
    with pytest.raises(BadInput, match="cannot be fetched by a program") as told:
        get(name, tmp_path)
    assert facts.licence in str(told.value)


def test_a_template_of_a_folder_is_ready_to_prepare(tmp_path: Path):
    folder, out = tmp_path / "files", tmp_path / "tables"
    (folder / "sub-07").mkdir(parents=True)
    write_edf(folder / "sub-07" / "run-1.edf", annotations=[(0.5, 1.0, "T1"), (3.0, None, "T2"), (4.0, None, "Jane Roe moved")])
    np.save(folder / "S12_listening.npy", 10 * np.random.default_rng(0).standard_normal((2, 2000)).astype(np.float32))
    (folder / "S12_listening.json").write_text(json.dumps({"sfreq": 200, "channel_names": ["Fz", "Cz"]}))
    soundfile.write(folder / "S12_listening.wav", 0.1 * np.random.default_rng(1).standard_normal(16000 * 9), 16000)
    said = write_template(folder, out, quiet=True)
    assert "2 recordings of 2 subjects" in said
    assert "Jane" not in (out / "trials.tsv").read_text()
    store = prepare("manifest", out, tmp_path / "store", quiet=True)
    table = store.index.set_index(["subject", "trial"])
    assert table.loc["07", "start"].tolist() == [0.5, 3.0]
    assert table.loc["07", "label"].tolist() == ["T1", "T2"]
    assert table.loc[("12", "1"), "stop"] == pytest.approx(9.0)
    assert table.loc[("12", "1"), "stimulus_1"].endswith("S12_listening.wav")
    with pytest.raises(BadInput, match="was kept"):
        write_template(folder, out, quiet=True)


def test_the_command_line_says_it_in_one_sentence(tmp_path: Path):
    assert "1." in mindleaf("data", "get", "deap", "--root", tmp_path).complaint
    assert "wanted signal files" in mindleaf("data", "template", "--from", tmp_path, "--out", tmp_path / "t").complaint
    assert "not known" in mindleaf("data", "check", "nosuch", "--root", tmp_path).complaint


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("sub-03/ses-1/a.edf", "03"),
        ("S12_rest.edf", "12"),
        ("subject7.edf", "7"),
        ("p_4 run 2.edf", "4"),
        ("test_subsecond.edf", ""),
    ],
)
def test_subjects_are_guessed_from_names(name: str, subject: str):
    assert guess("subject", name) == subject
