"""A thousand damaged files of ours: each is refused in one sentence, or is found to hold what it held."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from mindleaf.errors import BadInput
from tests.hostile.kept import KEPT, copied

#: How many damaged copies of each kind; 1,000 in all.
COUNTS = {"model": 300, "hub copy": 200, "checkpoint": 150, "onnx": 150, "torch": 150, "zarr": 50}


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Cut short, one bit flipped, a stretch of zeros, or junk behind it."""
    kind, size = rng.integers(4), len(content)
    place = int(rng.integers(size))
    if kind == 0:
        return content[:place]
    if kind == 1:
        return content[:place] + bytes([content[place] ^ (1 << int(rng.integers(8)))]) + content[place + 1 :]
    if kind == 2:
        length = int(rng.integers(1, 65))
        return (content[:place] + bytes(length) + content[place + length :])[:size]
    return content + rng.bytes(int(rng.integers(1, 200)))


def files_of(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file() and path.stat().st_size)


def test_the_counts_are_a_thousand():
    assert sum(COUNTS.values()) == 1000 and COUNTS.keys() == KEPT.keys()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", KEPT)
def test_damage_is_refused_in_one_sentence_or_changes_nothing(samples, tmp_path, name):
    kept, rng = KEPT[name], np.random.default_rng(list(name.encode()))
    place = copied(samples, kept, tmp_path)
    whole, files = kept.load(place), files_of(place)
    refused = 0
    for _ in range(COUNTS[name]):
        shutil.rmtree(tmp_path / "imported", ignore_errors=True)
        file = files[int(rng.integers(len(files)))]
        content = file.read_bytes()
        spoilt = damaged(content, rng)
        file.write_bytes(spoilt)
        try:
            assert kept.load(place) == whole, f"{file.name}: loaded as something else"
        except BadInput as error:
            refused += 1
            assert "\n" not in str(error) and len(str(error)) < 1000, str(error)
        file.write_bytes(content)
    # What is left is damage where nothing lies: a page that no program reads, space in JSON.
    assert refused > 0.5 * COUNTS[name]
