"""Restricted unpickler: honest pickles of three numpy and Python generations come out, hostile ones do nothing at all."""

from __future__ import annotations

import builtins
import functools
import operator
import os
import pickle
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mindleaf.errors import ReadError
from mindleaf.reading.pickled import read_pickled


def old_numpy(data: bytes) -> bytes:
    """The same pickle, naming numpy's functions as numpy 1 did (text pickles hold the names in the clear)."""
    return data.replace(b"numpy._core.", b"numpy.core.")


# --- honest files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_numbers_and_text_come_out(tmp_path: Path, protocol: int, order: str):
    data = np.asarray(np.arange(24.0).reshape(2, 3, 4), order=order)  # type: ignore[call-overload]
    labels = np.arange(6, dtype=">i4").reshape(3, 2)
    value = {"data": data, "labels": labels, "rate": np.float64(128.0), "name": "clip é", "list": [1, 2.5, None, True], 7: (1, 2)}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(value, protocol=protocol))
    found = read_pickled(tmp_path / "a.pkl")
    assert np.array_equal(found["data"], data) and np.array_equal(found["labels"], labels)
    assert (found["rate"], found["name"], found["list"], found["7"]) == (128.0, "clip é", [1, 2.5, None, True], [1, 2])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i2", "i8", "u1", "u4", "c8", "c16", "?", ">f4", ">i2"])
def test_every_numeric_type_keeps_its_values(tmp_path: Path, dtype: str):
    values = np.array([[0, 1, 1], [1, 0, 1]], dtype)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(values, protocol=4))
    assert np.array_equal(read_pickled(tmp_path / "a.pkl"), values)


@pytest.mark.parametrize("protocol", [2, 3])
def test_names_of_numpy_1(tmp_path: Path, protocol: int):
    data = old_numpy(pickle.dumps({"x": np.eye(3), "y": np.float32(2)}, protocol=protocol))
    assert b"numpy.core.multiarray" in data
    (tmp_path / "a.pkl").write_bytes(data)
    found = read_pickled(tmp_path / "a.pkl")
    assert np.array_equal(found["x"], np.eye(3)) and found["y"] == 2.0


def python_2_array(values: np.ndarray) -> bytes:
    """What cPickle of Python 2 wrote at protocol 2: names of numpy 1, and the values as a byte string, which was text."""

    def string(data: bytes) -> bytes:
        return b"T" + len(data).to_bytes(4, "little") + data

    shape = b"(" + b"".join(b"K" + bytes([size]) for size in values.shape) + b"t"
    empty = b"cnumpy.core.multiarray\n_reconstruct\n" + b"cnumpy\nndarray\n" + b"K\x00\x85" + b"U\x01b" + b"\x87R"
    dtype = b"cnumpy\ndtype\n" + b"U\x02" + values.dtype.str[1:].encode() + b"K\x00K\x01\x87R"
    dtype += b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    return empty + b"(K\x01" + shape + dtype + b"\x89" + string(values.tobytes()) + b"tb"


def test_what_python_2_wrote_needs_latin1(tmp_path: Path):
    data, labels = np.linspace(-300.0, 300.0, 60).reshape(3, 4, 5), np.linspace(1, 9, 12).reshape(3, 4)
    written = b"\x80\x02}" + b"U\x04data" + python_2_array(data) + b"s" + b"U\x06labels" + python_2_array(labels) + b"s."
    assert np.array_equal(pickle.loads(written, encoding="latin1")["data"], data)  # the fixture is what numpy itself reads
    (tmp_path / "s01.dat").write_bytes(written)
    found = read_pickled(tmp_path / "s01.dat", encoding="latin1")
    assert np.array_equal(found["data"], data) and np.array_equal(found["labels"], labels)
    with pytest.raises(ReadError, match="no readable pickle"):
        read_pickled(tmp_path / "s01.dat", encoding="ASCII")
    with pytest.raises(ReadError, match="wanted the encoding"):
        read_pickled(tmp_path / "s01.dat", encoding="bz2")


# --- hostile files --------------------------------------------------------------------------------------------------------


class Calls:
    """Pickles as a call of ``function`` with ``arguments``."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self.told = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.told


def touch(canary: Path) -> str:
    return f"touch {canary}"


def empty_array() -> bytes:
    return b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"


def filled(state: Any) -> bytes:
    """An array that is told ``state``."""
    return b"\x80\x03" + empty_array() + pickle.dumps(state, protocol=3)[2:-1] + b"b."


def object_array() -> np.ndarray:
    values = np.empty(2, object)
    values[:] = ["a", {"b": 1}]
    return values


def nested(depth: int) -> bytes:
    return b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b"."


def laughing() -> bytes:
    """Lists of twice the list before: 2 to the 40 values in a few hundred bytes."""
    steps = b"".join(b"]" + b"(" + b"j" + (k).to_bytes(4, "little") + b"j" + (k).to_bytes(4, "little") + b"er"
                     + (k + 1).to_bytes(4, "little") for k in range(40))  # fmt: skip
    return b"\x80\x02K\x01r\x00\x00\x00\x00" + steps + b"."


def holds_itself() -> bytes:
    value: list[Any] = []
    value.append(value)
    return pickle.dumps(value, protocol=2)


def hostile(canary: Path) -> dict[str, tuple[bytes, str]]:
    """Name -> (pickle, what the sentence must say)."""
    command = touch(canary)
    code = f"open({str(canary)!r}, 'w').write('x')"
    shell = pickle.dumps(Calls(os.system, command), protocol=2)
    dtype = np.dtype("f8")
    many = {
        "os.system": (shell, "system"),
        "os.system, protocol 0": (pickle.dumps(Calls(os.system, command), protocol=0), "system"),
        "os.system, protocol 5": (pickle.dumps(Calls(os.system, command), protocol=5), "system"),
        "posix by its other name": (b"cos\nsystem\n(V" + command.encode() + b"\ntR.", r"os\.system"),
        "subprocess.Popen": (pickle.dumps(Calls(subprocess.Popen, ["touch", str(canary)])), r"subprocess\.Popen"),
        "builtins.eval": (pickle.dumps(Calls(eval, code)), r"builtins\.eval"),
        "builtins.exec": (pickle.dumps(Calls(exec, code)), r"builtins\.exec"),
        "Python 2 builtins": (b"c__builtin__\neval\n(V" + code.encode() + b"\ntR.", r"eval"),
        "builtins.getattr": (pickle.dumps(Calls(getattr, "x", "upper")), r"builtins\.getattr"),
        "builtins.open": (pickle.dumps(Calls(builtins.open, str(canary), "w")), "open"),
        "shutil.copy": (pickle.dumps(Calls(shutil.copy, __file__, str(canary))), r"shutil\.copy"),
        "operator": (pickle.dumps(Calls(operator.methodcaller, "upper")), "methodcaller"),
        "functools.partial": (pickle.dumps(functools.partial(os.system, command)), r"functools\.partial"),
        "instance opcode": (b"(V" + command.encode() + b"\nios\nsystem\n.", r"os\.system"),
        "object opcode": (b"(cos\nsystem\nV" + command.encode() + b"\no.", r"os\.system"),
        "stack global": (b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c" + bytes([len(command)]) + command.encode() + b"\x85R.", "posix"),
        "a way through numpy": (b"\x80\x04\x8c\x05numpy\x8c\x0fdtype.__class__\x93.", r"numpy\.dtype\.__class__"),
        "numpy.load": (pickle.dumps(Calls(np.load, str(canary))), "load"),
        "numpy.fromfile": (b"cnumpy\nfromfile\n(V" + __file__.encode() + b"\ntR.", r"numpy\.fromfile"),
        "numpy.memmap": (b"cnumpy\nmemmap\n(V" + str(canary).encode() + b"\ntR.", r"numpy\.memmap"),
        "numpy.lib.npyio": (b"cnumpy.lib.npyio\nload\n.", r"numpy\.lib\.npyio\.load"),
        "numpy.testing's runner": (b"cnumpy.testing._private.utils\nrunstring\n(V" + code.encode() + b"\n}tR.", "runstring"),
        "a reduce inside an array's state": (filled((1, (1,), Calls(os.system, command), False, b"")), "system"),
        "a reduce inside a dict": (pickle.dumps({"data": np.eye(2), "labels": Calls(os.system, command)}), "system"),
        "a reduce as a key": (b"\x80\x02}cos\nsystem\nV" + command.encode() + b"\n\x85RK\x01s.", r"os\.system"),
        "state with code": (pickle.dumps(Calls(np.dtype, "f8", state=Calls(eval, code))), "eval"),
        "object array": (pickle.dumps(object_array()), "array of type"),
        "dtype O": (b"cnumpy\ndtype\n(V" + b"O" + b"\ntR.", "'O'"),
        "dtype O8": (b"cnumpy\ndtype\n(V" + b"O8" + b"\ntR.", "'O8'"),
        "dtype by a class": (b"cnumpy\ndtype\n(cnumpy\nndarray\ntR.", "array of type"),
        "dtype with fields": (pickle.dumps(np.zeros(2, [("a", "f8"), ("b", "O")])), "array of type"),
        "dtype made a record by its state": (b"cnumpy\ndtype\n(Vf8\nI00\nI01\ntR(I3\nV<\nN(Va\ntNI-1\nI-1\nI0\ntb.", "records"),
        "text array": (pickle.dumps(np.array(["Jane", "Roe"])), "array of type"),
        "dates": (pickle.dumps(np.array(["2020-01-01"], "M8[D]")), "array of type"),
        "more shape than values": (filled((1, (1_000_000_000, 1_000_000), dtype, False, b"12345678")), "fill its shape"),
        "negative shape": (filled((1, (-1, 8), dtype, False, b"12345678")), "impossible shape"),
        "shape of text": (filled((1, ("a",), dtype, False, b"12345678")), "impossible shape"),
        "hundred dimensions": (filled((1, (1,) * 100, dtype, False, b"12345678")), "impossible shape"),
        "array without values": (b"\x80\x03" + empty_array() + b".", "without values"),
        "array of another class": (b"cnumpy.core.multiarray\n_reconstruct\n(N(I0\ntVb\ntR.", "another|unknown class"),
        "changed stand-in": (b"cnumpy\ndtype\n}V__call__\nI1\nsb.", "changes a function"),
        "changed stand-in by slots": (b"cnumpy.core.multiarray\n_reconstruct\n(N}V__defaults__\nN" + b"stb.", "changes a function"),
        "persistent id": (b"Pcanary\n.", "persistent id"),
        "persistent id, binary": (b"\x80\x02Vcanary\nQ.", "persistent id"),
        "extension registry": (b"\x80\x02\x82\x01.", "no readable pickle"),
        "codec that unpacks": (b"c_codecs\nencode\n(Va\nVzip\ntR.", "latin-1"),
        "new object": (b"\x80\x02cnumpy\ndtype\n)\x81.", "no readable pickle"),
        "call of plain text": (b"Vabc\n)R.", "no readable pickle"),
        "a class left over": (b"cnumpy\nndarray\n.", "wanted plain values"),
        "a set": (pickle.dumps({1, 2}, protocol=4), "set"),
        "empty key": (pickle.dumps({"": ["<f8", [1_000_000_000]]}), "key"),
        "key that is an array's marker": (pickle.dumps({b"": ["<f8", [10]]}, protocol=4), "key"),
        "huge whole number": (b"\x80\x02\x8b" + (100_000).to_bytes(4, "little") + b"\x7f" * 100_000 + b".", "64 bits"),
        "huge allocation": (b"\x80\x04\x8e" + (1 << 60).to_bytes(8, "little") + b"x.", "memory|no readable pickle"),
        "huge text": (b"\x80\x04\x8d" + (1 << 40).to_bytes(8, "little") + b"x.", "memory|no readable pickle"),
        "deep list": (nested(200_000), "deeper"),
        "list in itself": (holds_itself(), "deeper"),
        "billion laughs": (laughing(), "deeper|values"),
        "cut short": (pickle.dumps(np.eye(8), protocol=4)[:-40], "no readable pickle"),
        "no pickle": (b"\x00\x01\x02\x03 hello", "no readable pickle"),
    }  # fmt: skip
    return many


NAMES = list(hostile(Path("canary")))


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_pickle_is_refused_and_does_nothing(tmp_path: Path, name: str):
    canary = tmp_path / "canary"
    data, says = hostile(canary)[name]
    path = tmp_path / "s01.dat"
    path.write_bytes(data)
    with pytest.raises(ReadError, match=says) as caught:
        read_pickled(path)
    assert str(path) in str(caught.value) and str(caught.value).endswith("leave it out.")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["s01.dat"]


def test_the_hostile_pickles_would_bite(tmp_path: Path):
    """The canary is no decoration: an ordinary unpickler lets the first of them write it."""
    canary = tmp_path / "canary"
    pickle.loads(hostile(canary)["os.system"][0])
    assert canary.exists()


def test_there_are_enough_of_them():
    assert len(NAMES) >= 40


@pytest.mark.parametrize("seed", range(20))
def test_flipped_bytes_never_call_anything(tmp_path: Path, seed: int):
    rng = np.random.default_rng(seed)
    data = bytearray(pickle.dumps({"data": np.arange(40.0).reshape(4, 10), "labels": np.eye(2)}, protocol=2))
    for place in rng.integers(0, len(data), 3):
        data[place] ^= 1 << int(rng.integers(8))
    path = tmp_path / "a.pkl"
    path.write_bytes(bytes(data))
    read: Callable[[], Any] = functools.partial(read_pickled, path)
    try:
        found = read()
    except ReadError as error:
        assert str(path) in str(error)
    else:
        assert isinstance(found, (dict, list, str, int, float, np.ndarray)) or found is None
