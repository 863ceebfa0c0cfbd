"""The house: who may import whom, what modules may be called, how long things may grow. The checks are tested themselves."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "mindleaf"

LAYERS = {
    1: ("layers", "config", "errors"),
    2: ("fusion", "montage"),
    3: ("batch", "recording", "fold"),
    4: ("encoders", "objectives", "tasks", "metrics", "interpret", "store", "preprocessing", "datasets", "reading"),
    5: ("systems", "models", "live", "training", "evaluation", "protocols"),
    6: ("stages",),
    7: ("recipes", "adapters", "options", "__init__"),
    8: ("command_groups",),
    9: ("cli", "__main__"),
}
LAYER_OF = {name: layer for layer, names in LAYERS.items() for name in names}
# Neighbours of one layer meet only above it, but for these. Everyone may raise an error.
ALLOWED_SIDEWAYS = {("store", "preprocessing"), ("datasets", "reading"), ("systems", "models"), ("systems", "training")}
# Below, but still not allowed.
FORBIDDEN_DOWN = {("live", "store"), ("live", "datasets"), ("live", "training"), ("protocols", "store"), ("training", "store")}
DRAWERS = {"util", "utils", "common", "helper", "helpers", "misc", "base", "tools", "manager", "managers"}
FUNCTION_WARN, FUNCTION_FAIL = 60, 100
FILE_WARN, FILE_FAIL = 350, 500
MACHINE_PATH = re.compile(r"(?<![\w.}/])/(?:work|root|home)/")


def modules(package: Path) -> Iterator[tuple[Path, str, ast.Module]]:
    """Every module with the part of the house it belongs to ("montage", "store", "__init__" for the face)."""
    for path in sorted(package.rglob("*.py")):
        relative = path.relative_to(package)
        part = relative.parts[0] if len(relative.parts) > 1 else relative.stem
        yield path, part, ast.parse(path.read_text(), str(path))


def imported(tree: ast.AST, package: Path, path: Path) -> Iterator[str]:
    """Full names of imported modules, relative imports resolved; ``from a import b`` gives "a.b"."""
    here = [package.name, *path.relative_to(package).parent.parts]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = here[: len(here) - node.level + 1] if node.level else []
            source = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{source}.{alias.name}" for alias in node.names)


def layer_violations(package: Path) -> list[str]:
    found = []
    for path, part, tree in modules(package):
        if part not in LAYER_OF:
            found.append(f"{path.relative_to(package)}: {part} has no layer; give it one in the table of this test.")
            continue
        for name in imported(tree, package, path):
            pieces = name.split(".")
            other = pieces[1] if pieces[0] == package.name and len(pieces) > 1 else None
            if other is None or other in (part, "errors") or (path.name == "__main__.py" and part == "__main__"):
                continue
            other = other if other in LAYER_OF else "__init__"
            down = LAYER_OF[other] < LAYER_OF[part] and (part, other) not in FORBIDDEN_DOWN
            if not down and (part, other) not in ALLOWED_SIDEWAYS:
                found.append(f"{path.relative_to(package)}: {part} (layer {LAYER_OF[part]}) imports {name}.")
    return found


def drawer_violations(package: Path) -> list[str]:
    paths = [*package.rglob("*.py"), *(path for path in package.rglob("*") if path.is_dir())]
    return [f"{path.relative_to(package)}: name the noun, not the drawer." for path in paths if path.stem in DRAWERS]


def init_violations(package: Path) -> list[str]:
    """``__init__`` holds a docstring, imports, tables in capitals; the face may also look up names lazily."""
    found = []
    for path, part, tree in modules(package):
        if path.name != "__init__.py":
            continue
        for node in tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                continue
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue
            targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
            if targets and all(isinstance(name, ast.Name) and (name.id.isupper() or name.id.startswith("_")) for name in targets):
                continue
            if part == "__init__" and isinstance(node, ast.FunctionDef) and node.name in ("__getattr__", "__dir__"):
                continue
            if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
                continue
            found.append(f"{path.relative_to(package)}:{node.lineno}: an __init__ holds a table or nothing.")
    return found


def lengths(package: Path) -> Iterator[tuple[str, int, int, int]]:
    """(what, lines, warn, fail) of every file and function."""
    for path, _, tree in modules(package):
        relative = path.relative_to(package)
        yield str(relative), len(path.read_text().splitlines()), FILE_WARN, FILE_FAIL
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                n_lines = (node.end_lineno or node.lineno) - node.lineno + 1
                yield f"{relative}:{node.lineno} {node.name}()", n_lines, FUNCTION_WARN, FUNCTION_FAIL


def length_violations(package: Path) -> list[str]:
    for what, n_lines, warn, fail in lengths(package):
        if warn < n_lines <= fail:
            warnings.warn(f"{what} has {n_lines} lines, more than {warn}; look for the missing concept.", stacklevel=2)
    return [f"{what} has {n_lines} lines, more than {fail}." for what, n_lines, _, fail in lengths(package) if n_lines > fail]


def torch_violations(package: Path) -> list[str]:
    """Parts that must run without torch, looking through what they import from the house."""
    graph = {}
    for path, part, tree in modules(package):
        names = list(path.relative_to(package).with_suffix("").parts)
        dotted = ".".join([package.name, *(names[:-1] if names[-1] == "__init__" else names)])
        graph[dotted] = (part, set(imported(tree, package, path)))
    found = []
    for module, (part, _) in graph.items():
        if part not in ("datasets", "reading", "protocols", "tasks", "montage", "recording", "fold"):
            continue
        reached, waiting = set(), [module]
        while waiting:
            name = waiting.pop()
            if name in reached:
                continue
            reached.add(name)
            for target in graph[name][1]:
                if target.split(".")[0] == "torch":
                    found.append(f"{module} reaches torch through {name}.")
                waiting += [known for known in (target, target.rpartition(".")[0]) if known in graph]
    return found


def metrics_violations(package: Path) -> list[str]:
    allowed = {"numpy", "scipy", package.name} | set(sys.stdlib_module_names)
    return [
        f"{path.relative_to(package)}: metrics imports {name}, wanted numpy and scipy only."
        for path, part, tree in modules(package)
        if part == "metrics"
        for name in imported(tree, package, path)
        if name.split(".")[0] not in allowed
    ]


def silence_violations(folder: Path) -> list[str]:
    """Handlers that swallow an error without a word."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(), str(path))):
            if isinstance(node, ast.ExceptHandler) and all(
                isinstance(line, ast.Pass) or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
                for line in node.body
            ):
                found.append(f"{path.relative_to(folder)}:{node.lineno}: an error is swallowed.")
    return found


def machine_path_violations(files: list[Path]) -> list[str]:
    found = []
    for path in files:
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if MACHINE_PATH.search(line):
                found.append(f"{path}:{number}: a path of one machine.")
    return found


def project_files() -> list[Path]:
    """Files under version control (or about to be); without git, those of the source tree."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        paths = [path for folder in ("src", "tests", "docs", "benchmarks") for path in (ROOT / folder).rglob("*")]
    return [path for path in paths if path.is_file() and path.stat().st_size < 2_000_000]


CHECKS = {
    "layers": layer_violations,
    "drawers": drawer_violations,
    "init": init_violations,
    "lengths": length_violations,
    "torch": torch_violations,
    "metrics": metrics_violations,
    "silence": silence_violations,
}


@pytest.mark.parametrize("check", CHECKS)
def test_the_house_is_in_order(check):
    assert CHECKS[check](PACKAGE) == []


def test_no_error_is_swallowed_in_the_tests_either():
    assert silence_violations(ROOT / "tests") == []


def test_no_file_names_a_path_of_one_machine():
    assert machine_path_violations(project_files()) == []


PLANTED = {
    "upward import": ("layers", "layers/attention.py", "from mindleaf.store import store\n"),
    "sideways import": ("layers", "objectives/contrastive.py", "import mindleaf.encoders.mel\n"),
    "relative upward import": ("layers", "metrics/scores.py", "from ..systems import trf\n"),
    "evaluation knows a system": ("layers", "evaluation/report.py", "def f():\n    from mindleaf.systems.trf import Trf\n"),
    "live opens a store": ("layers", "live/decoder.py", "from mindleaf.store.store import Store\n"),
    "a part without a layer": ("layers", "gadgets/one.py", "x = 1\n"),
    "a drawer": ("drawers", "store/utils.py", ""),
    "a drawer folder": ("drawers", "helpers/noun.py", ""),
    "a class in __init__": ("init", "store/__init__.py", "class Store:\n    x = 1\n"),
    "a function in __init__": ("init", "tasks/__init__.py", "def build():\n    return 1\n"),
    "a long function": ("lengths", "store/store.py", "def f():\n" + "    x = 1\n" * FUNCTION_FAIL),
    "a long file": ("lengths", "store/store.py", "x = 1\n" * (FILE_FAIL + 1)),
    "datasets with torch": ("torch", "datasets/kul.py", "import torch\n"),
    "metrics with pandas": ("metrics", "metrics/scores.py", "import pandas as pd\n"),
    "a swallowed error": ("silence", "store/store.py", "try:\n    x = 1\nexcept OSError:\n    pass\n"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_violation_is_caught(tmp_path, what):
    check, where, text = PLANTED[what]
    path = tmp_path / "mindleaf" / where
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert CHECKS[check](tmp_path / "mindleaf")


def test_torch_is_found_behind_another_module(tmp_path):
    package = tmp_path / "mindleaf"
    (package / "datasets").mkdir(parents=True)
    (package / "batch.py").write_text("from torch import Tensor\n")
    (package / "datasets" / "kul.py").write_text("from mindleaf.batch import Batch\n")
    assert torch_violations(package) == ["mindleaf.datasets.kul reaches torch through mindleaf.batch."]


def test_what_is_allowed_raises_no_alarm(tmp_path):
    package = tmp_path / "mindleaf"
    for where, text in {
        "__init__.py": '"""Face."""\n_NAMES = {"a": "b"}\n\n\ndef __getattr__(name):\n    return _NAMES[name]\n',
        "cli.py": "import mindleaf\nfrom mindleaf.stages import evaluate\n",
        "systems/trf.py": "from mindleaf.models import folder\nfrom mindleaf.errors import BadInput\n",
        "store/store.py": "from mindleaf.preprocessing.pipeline import Pipeline\nimport torch\n",
        "datasets/__init__.py": '"""Door 1."""\nfrom mindleaf.datasets.kul import DATASET\n\nDATASETS = {"kul": DATASET}\n',
        "datasets/kul.py": "from ..reading import edf\nfrom . import dataset\n",
    }.items():
        (package / where).parent.mkdir(parents=True, exist_ok=True)
        (package / where).write_text(text)
    assert {name: found for name, check in CHECKS.items() if (found := check(package))} == {}


def test_a_long_function_warns_before_it_fails(tmp_path):
    package = tmp_path / "mindleaf"
    package.mkdir()
    (package / "fold.py").write_text("def f():\n" + "    x = 1\n" * FUNCTION_WARN)
    with pytest.warns(UserWarning, match="missing concept"):
        assert length_violations(package) == []


def test_machine_paths_are_told_from_other_paths(tmp_path):
    path = tmp_path / "notes.md"
    path.write_text("see " + "/".join(["", "home", "someone", "data"]) + "\nhttps://example.org/home/page\nsrc/work/x\n")
    assert machine_path_violations([path]) == [f"{path}:1: a path of one machine."]
