from pathlib import Path

import pytest

from tests.hostile.kept import make_samples


@pytest.fixture(scope="session")
def samples(tmp_path_factory) -> Path:
    pytest.importorskip("onnxscript")
    pytest.importorskip("zarr", minversion="3.0")
    return make_samples(tmp_path_factory.mktemp("samples"))
