from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from mindleaf.errors import BadInput, ReadError
from mindleaf.reading.audio import open_audio, read_audio


@pytest.fixture
def stereo() -> np.ndarray:
    return 0.3 * np.random.default_rng(0).standard_normal((8000, 2)).clip(-3, 3)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_audio_comes_back_mono(tmp_path: Path, stereo: np.ndarray, suffix: str):
    path = tmp_path / f"a{suffix}"
    soundfile.write(path, stereo, 16_000)
    header = open_audio(path)
    assert (header.sample_rate, header.n_samples, header.n_channels, header.duration) == (16_000, 8000, 2, 0.5)
    samples, rate = read_audio(path)
    assert (samples.dtype, rate) == (np.float32, 16_000)
    assert np.allclose(samples, stereo.mean(axis=1), atol=1e-4)
    assert np.allclose(read_audio(path, channel=1)[0], stereo[:, 1], atol=1e-4)
    with pytest.raises(BadInput, match="audio channel 3"):
        read_audio(path, channel=2)


def test_damaged_audio_is_named(tmp_path: Path, stereo: np.ndarray):
    soundfile.write(tmp_path / "a.wav", stereo, 16_000)
    content = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(content[:20_000])
    (tmp_path / "noise.wav").write_bytes(bytes(reversed(content)))
    (tmp_path / "pointer.wav").write_text("version https://git-lfs.github.com/spec/v1\n")
    for name, words in {
        "cut.wav": "cut short",
        "noise.wav": "cannot be read",
        "pointer.wav": "git-LFS",
        "none.wav": "no such file",
    }.items():
        with pytest.raises(ReadError, match=words):
            open_audio(tmp_path / name)
    (tmp_path / "a.mp9").write_bytes(content)
    with pytest.raises(ReadError, match="not an audio file"):
        open_audio(tmp_path / "a.mp9")
