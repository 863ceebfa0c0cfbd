"""A flipped bit anywhere in a store is found: by verify, which names the part, and on reading."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from mindleaf.errors import BadInput, ReadError
from mindleaf.preprocessing.pipeline import BROAD
from mindleaf.store.files import array_sha256
from mindleaf.store.integrity import signal_sha256
from mindleaf.store.store import Store
from tests.store.generated import prepared, sources


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    for dtype in ("float32", "int16"):
        store = prepared(folder / dtype, sources(2), (f"dtype={dtype}",))
        store.view(BROAD).signal("rec0a")
    return folder


def flip(path: Path, place: int = -100) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


PARTS = {
    "values": ("float32", "signals/rec0a-????????????.npy", -100),
    "first value": ("float32", "signals/rec0a-*.npy", 130),
    "codes": ("int16", "signals/rec0a-????????????.npy", -100),
    "scales": ("int16", "signals/rec0a-*.scale.npy", -2),
    "sound": ("float32", "stimuli/first-*.npy", -7),
    "table": ("float32", "trials-*.parquet", 400),
    "facts": ("float32", "manifest.json", 60),
}


@pytest.mark.parametrize("part", PARTS)
def test_verify_names_the_part(whole, tmp_path, part):
    dtype, pattern, place = PARTS[part]
    copy = shutil.copytree(whole / dtype, tmp_path / "store")
    (path,) = copy.glob(pattern)
    assert Store(copy).verify() == []
    flip(path, place)
    try:
        (named,) = Store(copy).verify()
    except BadInput as error:  # the manifest may no longer open
        named = str(error)
    assert path.name.replace(".scale", "") in named
    if path.name != "manifest.json":
        prepared(copy, sources(2), (f"dtype={dtype}",))
        assert Store(copy).verify() == []


@pytest.mark.parametrize(
    "change",
    [flip, lambda p: p.write_bytes(p.read_bytes()[:-4]), lambda p: p.write_bytes(p.read_bytes() + b"1234"), Path.unlink],
    ids=["flipped", "cut", "longer", "gone"],
)
def test_reading_a_damaged_signal_or_sound_is_refused(whole, tmp_path, change):
    copy = shutil.copytree(whole / "float32", tmp_path / "store")
    for path in [*copy.glob("signals/rec0a-*.npy"), *copy.glob("stimuli/first-*.npy"), *copy.glob("trials*")]:
        change(path)
    store = Store(copy)
    with pytest.raises(ReadError, match=r"rec0a-.*prepare the store again"):
        store.signal("rec0a")
    with pytest.raises(ReadError, match=r"first-.*prepare the store again"):
        store.samples("first")
    with pytest.raises(ReadError, match=r"trials-.*prepare the store again"):
        _ = store.index
    assert len(store.signal("rec1a")) == 768
    shutil.rmtree(copy / "views")
    with pytest.raises(ReadError, match="rec0a"):
        store.view(BROAD).signal("rec0a")


def test_damage_after_the_first_reading_is_found_too(whole, tmp_path):
    copy = shutil.copytree(whole / "float32", tmp_path / "store")
    store = Store(copy)
    store.signal("rec0a")
    (path,) = copy.glob("signals/rec0a-*.npy")
    flip(path)
    with pytest.raises(ReadError, match="not what was written"):
        store.signal("rec0a")


def test_a_view_that_cannot_be_opened_is_named(whole, tmp_path):
    copy = shutil.copytree(whole / "float32", tmp_path / "store")
    (view,) = copy.glob("views/*/*.npy")
    view.write_bytes(view.read_bytes()[:50])
    assert Store(copy).verify() == [view.relative_to(copy).as_posix()]


@pytest.mark.parametrize(("dtype", "part"), [("float32", ""), ("int16", ""), ("int16", ".scale")])
def test_a_flipped_bit_in_a_view_is_found_and_the_view_made_again(whole, tmp_path, dtype, part):
    copy = shutil.copytree(whole / dtype, tmp_path / "store")
    before = np.asarray(Store(copy).view(BROAD).signal("rec0a"))
    (view,) = (path for path in copy.glob("views/*/*.npy") if not path.stem.endswith(".scale"))
    flip(view.with_name(f"{view.stem}{part}.npy"))
    assert Store(copy).verify() == [view.relative_to(copy).as_posix()]
    np.testing.assert_array_equal(np.asarray(Store(copy).view(BROAD).signal("rec0a")), before)
    assert Store(copy).verify() == []


def test_the_hash_of_a_file_is_the_hash_of_its_array(whole):
    for dtype in ("float32", "int16"):
        store = Store(whole / dtype)
        signal = store.signal("rec0a")
        assert signal_sha256(signal.path) == signal.sha256() == store.recordings["rec0a"].sha256
    assert array_sha256(np.load(store.path / store.stimuli["first"].file)) == store.stimuli["first"].sha256
