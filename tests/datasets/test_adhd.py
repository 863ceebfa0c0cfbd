"""ADHD: files whose variable has another name, and files that are something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io

from mindleaf.datasets import DATASETS
from mindleaf.errors import ReadError

from .layouts import adhd


def test_the_folder_is_the_label(tmp_path: Path):
    adhd.write(tmp_path)
    found = {r.subject: r.trials[0].labels["label"] for r in DATASETS["adhd"].recordings(tmp_path)}
    assert found == {"v10p": "adhd", "v177": "adhd", "v117": "control"}


@pytest.mark.parametrize("values", [np.ones((300, 20)), np.ones((19, 300)), "text"])
def test_another_shape_is_refused(tmp_path: Path, values: object):
    adhd.write(tmp_path)
    scipy.io.savemat(tmp_path / "ADHD_part1" / "v10p.mat", {"v10p": values})
    with pytest.raises(ReadError, match=r"v10p\.mat: wanted samples x 19 channels"):
        list(DATASETS["adhd"].recordings(tmp_path))
