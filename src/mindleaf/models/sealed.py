"""Files that carry their own sha256, and what may stand in one: nothing that runs code when it is opened."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mindleaf.errors import ReadError

#: Name of the facts in a file: a key of ONNX's properties, an extra file of .pt2.
METADATA = "mindleaf.json"
_MARK = b"mindleaf-sha256:"
_SEAL = re.compile(re.escape(_MARK) + rb"([0-9a-f]{64})")
_BLANK = b"0" * 64
_MOST_BYTES = 4 << 30

#: What a .pt2 file of ours holds, below its one folder.
_MEMBERS = re.compile(
    r"archive_format|archive_version|byteorder|version|\.data/(serialization_id|version)|\.format_version|models/model\.json"
    r"|data/sample_inputs/model\.pt|data/weights/(weight_\d+|model_weights_config\.json)"
    r"|data/constants/(tensor_\d+|model_constants_config\.json)|extra/" + re.escape(METADATA)
)
_PAYLOADS = re.compile(r"(weight|tensor)_\d+")
#: Operators of a graph: torch's own arithmetic (one of them opens files), and Python's on the size of the batch.
_OPERATORS = re.compile(
    r"torch\.ops\.aten\.(?!from_file)[A-Za-z0-9_]+\.[A-Za-z0-9_]+|_operator\.(add|mul|sub|floordiv|mod|eq|ge|le|gt|lt|ne)"
)
#: Sizes as written in a graph, products and sums of the size of the batch; torch evaluates them as Python.
_SIZES = re.compile(r"(Add|Mul|Integer\(-?\d+\)|Symbol\('s\d+', positive=True, integer=True\)|s\d+|\d+|[ ,()*+-]){1,50}")
#: Operators that a float or an int8 graph in ONNX may take from beyond ONNX itself.
_DOMAINS = {"", "ai.onnx", "com.microsoft"}


def unsealed_mark() -> str:
    """What stands where the hash will be; exactly one in a file."""
    return (_MARK + _BLANK).decode()


def sealed(content: bytes, as_zip_comment: bool = False) -> bytes:
    """The file with the sha256 of itself (counted with zeros in its place) where the mark stands."""
    if as_zip_comment:
        holder = io.BytesIO(content)
        with zipfile.ZipFile(holder, "a") as archive:
            archive.comment = _MARK + _BLANK
        content = holder.getvalue()
    assert content.count(_MARK + _BLANK) == 1, "one mark is wanted"
    return content.replace(_MARK + _BLANK, _MARK + hashlib.sha256(content).hexdigest().encode())


def read_sealed(path: Path) -> tuple[bytes, str]:
    """The bytes of a file that ``sealed`` made and their sha256. Raises ReadError for anything else, before any of it is parsed."""
    if not path.is_file():
        raise ReadError(f"{path}: wanted a file that 'mindleaf export' wrote, found none; give the file it names.")
    if path.stat().st_size > _MOST_BYTES:
        raise ReadError(
            f"{path}: wanted an exported model, got a file of {path.stat().st_size / 2**30:.0f} GiB; export it again."
        )
    content = path.read_bytes()
    found = _SEAL.findall(content)
    if len(found) != 1:
        raise ReadError(f"{path}: has no sha256 of its own, so mindleaf did not write it or it was cut; export the RUN again.")
    if hashlib.sha256(content.replace(_MARK + found[0], _MARK + _BLANK)).hexdigest().encode() != found[0]:
        raise ReadError(f"{path}: does not match the sha256 it carries; it was changed or cut, copy or export it again.")
    return content, found[0].decode()


def checked_archive(path: Path, content: bytes) -> dict[str, Any]:
    """The facts in a .pt2 file; ReadError where it holds anything but a graph of known operators and plain weights.

    torch's own reader opens pickles and evaluates text, so nothing that could hold either gets there.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [info.filename for info in archive.infolist()]
            inside = {name: name.partition("/")[2] for name in names}
            strange = [name for name, short in inside.items() if not _MEMBERS.fullmatch(short)]
            roots = {name.partition("/")[0] for name in names}
            if strange or len(set(names)) != len(names) or len(roots) != 1:
                raise _hostile(path, f"the member {strange[0]!r}" if strange else "members twice or in several folders")
            parts = {short: archive.read(name) for name, short in inside.items() if not _PAYLOADS.fullmatch(Path(short).name)}
        if parts["data/sample_inputs/model.pt"]:
            raise _hostile(path, "sample inputs, which are a pickle")
        graph, facts = json.loads(parts["models/model.json"]), json.loads(parts[f"extra/{METADATA}"])
        configs = [json.loads(parts[f"data/{kind}/model_{kind}_config.json"]) for kind in ("weights", "constants")]
        for payload in (payload for config in configs for payload in config["config"].values()):
            if payload["use_pickle"] or not _PAYLOADS.fullmatch(payload["path_name"]):
                raise _hostile(path, f"the payload {payload['path_name']!r} as a pickle")
    except (
        zipfile.BadZipFile,
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
        NotImplementedError,
        RuntimeError,
        EOFError,
        zlib.error,
    ) as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError(
            f"{path}: wanted a .pt2 file that 'mindleaf export' wrote, got another ({type(error).__name__}); export the RUN again."
        ) from error
    _check_graph(path, graph)
    return facts


def _check_graph(path: Path, graph: Any) -> None:
    for key, value in texts_in(graph):
        if key == "target" and not _OPERATORS.fullmatch(value):
            raise _hostile(path, f"the operator {value[:80]!r}")
        if key == "expr_str" and not _SIZES.fullmatch(value):
            raise _hostile(path, f"the size {value[:80]!r}")
    if graph.get("guards_code"):
        raise _hostile(path, "guards, which are Python")


def texts_in(values: Any) -> Iterator[tuple[str, str]]:
    """Every text in nested JSON, with the key it stands under."""
    waiting: list[tuple[str, Any]] = [("", values)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, dict):
            waiting += value.items()
        elif isinstance(value, list):
            waiting += [(key, item) for item in value]


def checked_onnx(path: Path, content: bytes) -> dict[str, Any]:
    """The facts in an ONNX file; ReadError where it reads other files or calls operators from beyond ONNX and its runtime."""
    import onnx

    try:
        model = onnx.load_model_from_string(content)
        facts = json.loads({prop.key: prop.value for prop in model.metadata_props}[METADATA])
    except Exception as error:  # protobuf raises what its version raises
        raise ReadError(
            f"{path}: wanted an ONNX file that 'mindleaf export' wrote, got another ({type(error).__name__}); export the RUN again."
        ) from error
    for message in _messages(model):
        kind = type(message).__name__
        if kind == "TensorProto" and (message.data_location or message.external_data):
            raise _hostile(path, "weights in another file")
        if kind in ("NodeProto", "OperatorSetIdProto", "FunctionProto") and message.domain not in _DOMAINS:
            raise _hostile(path, f"operators of {message.domain[:80]!r}")
    return facts


def _messages(message: Any) -> Iterator[Any]:
    """A protobuf message and all that lie in it."""
    waiting = [message]
    while waiting:
        message = waiting.pop()
        yield message
        for field, value in message.ListFields():
            if field.message_type:
                waiting += list(value) if _repeated(field) else [value]


def _repeated(field: Any) -> bool:
    return bool(field.is_repeated)


def _hostile(path: Path, what: str) -> ReadError:
    return ReadError(
        f"{path}: holds {what}, which no export of mindleaf has and which may run code; take the file from a trusted place."
    )
