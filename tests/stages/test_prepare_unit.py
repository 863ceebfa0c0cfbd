"""prepare --unit: a person's word on the unit replaces what the files say, and is part of what a store was made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mindleaf.store.store import Store

from ..reading.written_files import write_edf
from .command import mindleaf, worked


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One EDF file whose header says MV, which may be milli or mega."""
    write_edf(tmp_path / "a.edf", unit="MV")
    (tmp_path / "labels.csv").write_text("file,label,subject\na.edf,rest,1\n")
    return tmp_path


def test_the_asked_unit_is_used_and_the_issue_is_gone(folder: Path):
    out, values = folder / "store", write_edf(folder / "a.edf", unit="MV")
    worked("prepare", "folder", "--root", folder, "--out", out)
    as_said = Store(out)
    issues = {issue["code"] for recording in as_said.recordings.values() for issue in recording.issues}
    assert issues == {"unit_unknown", "unit_implausible"}
    worked("prepare", "folder", "--root", folder, "--out", out, "--unit", "uV")
    asked = Store(out)
    assert asked.content_sha256 != as_said.content_sha256
    assert [recording.issues for recording in asked.recordings.values()] == [()]
    assert np.allclose(np.array(asked.signal("sub-1")).T, values, atol=0.02)


def test_an_unknown_unit_is_one_sentence(folder: Path):
    assert (
        "choose one of"
        in mindleaf("prepare", "folder", "--root", folder, "--out", folder / "store", "--unit", "parsec").complaint
    )
