"""Files made to do harm: every one is refused in one sentence, none runs code or writes a byte beside its place."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mindleaf.errors import BadInput
from mindleaf.models.sealed import _BLANK, _MARK, METADATA, sealed, unsealed_mark
from tests.hostile.kept import KEPT, copied, rehash

Spoil = Callable[[Path], None]
_DEEP = "[" * 100_000


class Payload:
    """Opening this pickle leaves a file "ran" in the working directory."""

    def __reduce__(self):
        return open, ("ran", "w")


def payload(protocol: int = 4) -> bytes:
    return pickle.dumps(Payload(), protocol)


def torch_payload() -> bytes:
    content = io.BytesIO()
    torch.save({"weight": Payload()}, content)
    return content.getvalue()


@pytest.mark.filterwarnings("ignore")
def script() -> bytes:
    content = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), content)
    return content.getvalue()


def object_array(saver: Callable) -> bytes:
    content = io.BytesIO()
    saver(content, np.array([Payload()], dtype=object))
    return content.getvalue()


def slip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("../../outside.txt", "x")
        archive.writestr("/outside.txt", "x")
    return content.getvalue()


def tensors(header: object, body: bytes = bytes(64), length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def entry(dtype: str = "F32", shape: tuple = (2,), offsets: tuple = (0, 8)) -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def _as_whole_numbers(folder: Path) -> None:
    """The right names, shapes and sizes, as int32."""
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content.replace(b'"F32"', b'"I32"'))


WEIGHTS: dict[str, Callable[[], bytes]] = {
    **{f"pickle of protocol {k}": lambda k=k: payload(k) for k in (0, 2, 4)},
    "torch pickle": torch_payload, "TorchScript": script, "zip slip": slip, "nothing": bytes,
    "object npy": lambda: object_array(np.save), "object npz": lambda: object_array(np.savez),
    "header of 2^63 bytes": lambda: tensors({}, length=2**63), "header beyond the file": lambda: tensors({}, length=10_000),
    "header that is no JSON": lambda: tensors(b"{not json"), "deep header": lambda: tensors(_DEEP.encode()),
    "overlapping offsets": lambda: tensors({"a": entry(), "b": entry(offsets=(4, 12))}),
    "offsets beyond the file": lambda: tensors({"a": entry(shape=(1 << 40,), offsets=(0, 1 << 42))}),
    "offsets backwards": lambda: tensors({"a": entry(offsets=(8, 0))}), "negative shape": lambda: tensors({"a": entry(shape=(-2,))}),
    "unknown dtype": lambda: tensors({"a": entry("PICKLE")}), "huge shape": lambda: tensors({"a": entry(shape=(2**62, 2**62))}),
    "half a tensor": lambda: tensors({"a": entry(shape=(4,))}), "other tensors": lambda: tensors({"a": entry(offsets=(0, 8))}, bytes(8)),
    "narrow floats": lambda: tensors({"a": entry("F8_E8M0", (8,), (0, 8))}, bytes(8)),
}  # fmt: skip


def _with_weights(make: Callable[[], bytes]) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(make())
        rehash(folder)

    return spoil


def _with_config(change: Callable[[dict], object]) -> Spoil:
    def spoil(folder: Path) -> None:
        values = json.loads((folder / "config.json").read_text())
        changed = change(values)
        (folder / "config.json").write_text(changed if isinstance(changed, str) else json.dumps(values))
        rehash(folder)

    return spoil


def _in_place(name: str, make: Callable[[Path], object]) -> Spoil:
    """Something else where the file ``name`` lay."""

    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)
        if name != "sha256.json":
            rehash(folder)

    return spoil


def _beside(name: str, content: bytes, without: str = "") -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
        if without:
            (folder / without).unlink()

    return spoil


CONFIGS: dict[str, Callable[[dict], object]] = {
    "auto_map": lambda d: d.update(auto_map={"AutoModel": "evil.Model"}),
    "trust_remote_code": lambda d: d.update(trust_remote_code=True),
    "custom_pipelines": lambda d: d.update(custom_pipelines={"x": {"impl": "evil.Pipe"}}),
    "a type that is code": lambda d: d.update(type="os:system"), "a type that is a list": lambda d: d.update(type=["classifier"]),
    "a type that is a path": lambda d: d.update(type="../../evil"), "auto_map inside": lambda d: d["config"].update(auto_map={}),
    "a config that is a list": lambda d: d.update(config=[1]), "facts that are a text": lambda d: d.update(facts="x"),
    "no filters": lambda d: d["config"].update(power_filters=-1), "no kernel": lambda d: d["config"].update(power_kernel=0),
    "no sources": lambda d: d["config"].update(power_sources=-5), "endless": lambda d: d["config"].update(dropout=1e999),
    "dropout": lambda d: d["config"].update(dropout=-4), "negative electrodes": lambda d: d["facts"].update(n_electrodes=-9),
    "a deep one": lambda d: _DEEP, "one beyond Unicode": lambda d: '{"format": "\udcff"}'.encode("utf-8", "surrogateescape").decode("latin1") + "\x00",
    "weights elsewhere": lambda d: d.update(
        type="aligned", config={"encoder": None, "audio": {"kind": "speech", "speech": {"folder": "../../secret"}}}
    ),
    "weights on a hub": lambda d: d.update(
        type="aligned", config={"encoder": None, "audio": {"kind": "speech", "speech": {"folder": "hub:evil/model"}}}
    ),
}  # fmt: skip


def _state(make: Callable[[], bytes]) -> Spoil:
    """A checkpoint's state with a COMMIT that fits it."""

    def spoil(folder: Path) -> None:
        content, (step,) = make(), list(folder.iterdir())
        (step / "state.pt").write_bytes(content)
        told = {"checkpoint": step.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        (step / "COMMIT").write_text(json.dumps(told))

    return spoil


def _resealed(path: Path, content: bytes) -> None:
    """With the hash that fits: whoever forges a file can do that."""
    blank = _MARK + _BLANK
    found = content.find(_MARK)
    path.write_bytes(sealed(content[:found] + blank + content[found + len(blank) :] if found >= 0 else content + blank))


def _archive(change: Callable[[dict[str, bytes]], None]) -> Spoil:
    """The members of a .pt2 file changed, the hash made to fit."""

    def spoil(path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        change(members)
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
            archive.comment = _MARK + _BLANK
        _resealed(path, path.read_bytes())

    return spoil


def _in_member(name: str, old: str, new: str) -> Spoil:
    def change(members: dict[str, bytes]) -> None:
        (key,) = [key for key in members if key.endswith(name)]
        assert old.encode() in members[key], "nothing to forge"
        members[key] = members[key].replace(old.encode(), new.encode(), 1)

    return _archive(change)


def _put(name: str, content: Callable[[], bytes]) -> Spoil:
    def change(members: dict[str, bytes]) -> None:
        root = next(iter(members)).partition("/")[0]
        members[name.replace("ROOT", root)] = content()

    return _archive(change)


def _onnx(change: Callable) -> Spoil:
    def spoil(path: Path) -> None:
        import onnx

        model = onnx.load_model_from_string(path.read_bytes())
        change(model)
        for prop in model.metadata_props:
            prop.value = unsealed_mark() if prop.key == "seal" else prop.value
        path.write_bytes(sealed(model.SerializeToString()))

    return spoil


def _weights_outside(model) -> None:
    weight = model.graph.initializer[0]
    weight.data_location = 1
    weight.external_data.add(key="location", value="../../../../etc/hostname")


def _sealed_bytes(make: Callable[[], bytes]) -> Spoil:
    return lambda path: _resealed(path, make())


def _instead(make: Callable[[Path], object]) -> Spoil:
    def spoil(path: Path) -> None:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        make(path)

    return spoil


def _attributes(change: Callable[[dict], None]) -> Spoil:
    def spoil(folder: Path) -> None:
        values = json.loads((folder / "zarr.json").read_text())
        change(values)
        (folder / "zarr.json").write_text(json.dumps(values))

    return spoil


def _codec(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        for path in folder.rglob("zarr.json"):
            values = json.loads(path.read_text())
            if "codecs" in values:
                values["codecs"] = [{"name": name, "configuration": {}}]
                path.write_text(json.dumps(values))
        root = json.loads((folder / "zarr.json").read_text())
        root.pop("consolidated_metadata", None)
        (folder / "zarr.json").write_text(json.dumps(root))

    return spoil


def _told(values: dict) -> dict:
    return values["attributes"]["mindleaf"]


HOSTILE: dict[str, dict[str, Spoil]] = {
    "model": {
        **{f"weights: {name}": _with_weights(make) for name, make in WEIGHTS.items()},
        "weights: whole numbers": lambda folder: (_as_whole_numbers(folder), rehash(folder))[1],
        **{f"config: {name}": _with_config(change) for name, change in CONFIGS.items()},
        **{f"only {name}": _beside(name, payload(), "model.safetensors") for name in ("model.pt", "model.bin", "model.ckpt", "m.pkl")},
        "weights: a folder": _in_place("model.safetensors", Path.mkdir), "weights: a pipe": _in_place("model.safetensors", os.mkfifo),
        "config: a pipe": _in_place("config.json", os.mkfifo), "hashes: a pipe": _in_place("sha256.json", os.mkfifo),
        "weights: a link to itself": _in_place("model.safetensors", lambda path: path.symlink_to(path)),
        "weights: a link out": _in_place("model.safetensors", lambda path: path.symlink_to("/etc/hostname")),
    },
    "hub copy": {
        "code beside it": _beside("modeling.py", b"open('ran', 'w')"), "a pickle beside it": _beside("extra.pkl", payload()),
        "an archive below it": _beside("data/files.zip", slip()), "weights of torch": _beside("pytorch_model.bin", torch_payload()),
    },
    "checkpoint": {
        **{f"pickle of protocol {k}": _state(lambda k=k: payload(k)) for k in (0, 2, 4)},
        "torch pickle": _state(torch_payload), "TorchScript": _state(script), "object npy": _state(lambda: object_array(np.save)),
        "nothing": _state(bytes),
    },
    "torch": {
        "a pickle": _sealed_bytes(payload), "TorchScript": _sealed_bytes(script), "a torch pickle": _sealed_bytes(torch_payload),
        "zip slip": _put("../../outside.txt", lambda: b"x"), "a member of code": _put("ROOT/code/x.py", lambda: b"open('ran', 'w')"),
        "pickled sample inputs": _put("ROOT/data/sample_inputs/model.pt", torch_payload),
        "pickled weights": _in_member("model_weights_config.json", '"use_pickle": false', '"use_pickle": true'),
        "an opaque object": _in_member("model_constants_config.json", '"config": {', '"config": {"x": {"path_name": "opaque_obj_0", "is_param": false, "use_pickle": true, "tensor_meta": null}, '),
        "an operator that runs programs": _in_member("models/model.json", "torch.ops.aten.sub.Tensor", "torch.os.system"),
        "an operator that opens files": _in_member("models/model.json", "torch.ops.aten.sub.Tensor", "torch.ops.aten.from_file.default"),
        "a size that is code": _in_member("models/model.json", '"expr_str": "', '"expr_str": "__import__(\'os\').system(\'touch ran\') or '),
        "guards that are code": _in_member("models/model.json", '"guards_code": []', '"guards_code": ["open(\'ran\', \'w\')"]'),
        "a folder": _instead(Path.mkdir), "a pipe": _instead(os.mkfifo),
    },
    "onnx": {
        "a pickle": _sealed_bytes(payload), "weights in another file": _onnx(_weights_outside),
        "another's operator": _onnx(lambda model: setattr(model.graph.node[0], "domain", "evil.custom")),
        "an unknown operator": _onnx(lambda model: setattr(model.graph.node[0], "op_type", "System")),
        "no facts": _onnx(lambda model: [setattr(prop, "key", "other") for prop in model.metadata_props if prop.key == METADATA]),
        "no hash": lambda path: path.write_bytes(b"\x08\x07"), "a folder": _instead(Path.mkdir), "a pipe": _instead(os.mkfifo),
    },
    "zarr": {
        "a name that climbs": _attributes(lambda values: _told(values)["recordings"][0].update(id="../../../outside")),
        "a sound that climbs": _attributes(lambda values: _told(values)["stimuli"][0].update(id="../../outside")),
        "endless channels": _attributes(lambda values: _told(values)["recordings"][0].update(n_times=10**15)),
        "a codec of pickles": _codec("pickle"), "a codec of Python": _codec("numcodecs.pickle"),
        "a zip": _instead(lambda path: path.write_bytes(slip())), "a pipe": _instead(os.mkfifo),
    },
}  # fmt: skip

CASES = [(kind, name) for kind, spoils in HOSTILE.items() for name in spoils]


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_there_are_at_least_sixty():
    assert len(CASES) >= 60


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "name"), CASES, ids=[f"{kind}-{name}".replace(" ", "_") for kind, name in CASES])
def test_it_is_refused_and_does_nothing(samples, tmp_path, monkeypatch, kind, name):
    kept, inner = KEPT[kind], tmp_path / "a" / "b" / "c"
    inner.mkdir(parents=True)
    place = copied(samples, kept, inner)
    HOSTILE[kind][name](place)
    monkeypatch.chdir(inner)
    before = everything(tmp_path)
    with pytest.raises(BadInput) as refused:
        kept.load(place)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 1500, str(refused.value)
    beside = {path for path in everything(tmp_path) - before if not path.startswith("a/b/c/imported")}
    assert not beside, beside


def test_the_payload_would_run_where_pickles_are_opened(tmp_path, monkeypatch):
    """Otherwise the tests above could not fail."""
    monkeypatch.chdir(tmp_path)
    pickle.loads(payload())
    assert (tmp_path / "ran").exists()


_FORBIDDEN = (
    "weights_only=False",
    "weights_only = False",
    "add_safe_globals",
    "pickle_module",
    "allow_pickle=True",
    "trust_remote_code=True",
)


def test_no_reader_of_ours_opens_pickles():
    source = Path(__file__).parents[2] / "src" / "mindleaf"
    found = [f"{path.name}: {word}" for path in source.rglob("*.py") for word in _FORBIDDEN if word in path.read_text()]
    assert not found
