from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from mindleaf.errors import ReadError
from mindleaf.reading.matfile import read_mat


def test_version_5_structs_cells_and_text(tmp_path: Path):
    cells = np.empty((1, 2), object)
    cells[0, 0], cells[0, 1] = np.arange(3.0), "right"
    scipy.io.savemat(tmp_path / "a.mat", {"x": np.eye(3), "seg": {"label": cells, "fs": 64, "who": "male2"}})
    found = read_mat(tmp_path / "a.mat")
    assert np.array_equal(found["x"], np.eye(3))
    assert found["seg"]["who"] == "male2"
    assert float(found["seg"]["fs"].item()) == 64
    assert found["seg"]["label"][1] == "right"
    assert list(read_mat(tmp_path / "a.mat", ["x"])) == ["x"]
    with pytest.raises(ReadError, match="wanted the variable 'y'"):
        read_mat(tmp_path / "a.mat", ["y"])


def test_version_7_3_comes_back_in_matlabs_shape(tmp_path: Path):
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file["x"] = np.arange(6.0).reshape(2, 3).T
        text = file.create_dataset("who", data=np.array([[ord(c)] for c in "left"], np.uint16))
        text.attrs["MATLAB_class"] = np.bytes_("char")
        file["#refs#/a"] = np.full((1, 1), 5.0)
        cell = file.create_dataset("c", (1, 1), dtype=h5py.ref_dtype)
        cell[0, 0] = file["#refs#/a"].ref
        file["s/inner"] = np.ones((1, 1))
    found = read_mat(tmp_path / "a.mat")
    assert np.array_equal(found["x"], np.arange(6.0).reshape(2, 3))
    assert (found["who"], found["c"][0].item(), found["s"]["inner"].item()) == ("left", 5.0, 1.0)


def test_damaged_files_are_refused(tmp_path: Path):
    scipy.io.savemat(tmp_path / "a.mat", {"x": np.random.default_rng(0).standard_normal((100, 100))})
    content = (tmp_path / "a.mat").read_bytes()
    rng = np.random.default_rng(1)
    for number in range(20):
        damaged = bytearray(content[: len(content) // 2] if number % 4 == 0 else content)
        damaged[int(rng.integers(124, 200))] ^= 255
        (tmp_path / "b.mat").write_bytes(bytes(damaged))
        try:
            assert set(read_mat(tmp_path / "b.mat")) <= {"x"} or number % 4
        except ReadError as error:
            assert "b.mat" in str(error)
