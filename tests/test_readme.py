"""The README promises what is there: its commands parse, its Python imports, its table names verbs that exist.

Console and bash blocks: every command that begins with ``mindleaf`` (after an optional ``$``) is parsed, not run. Python
blocks are compiled; names imported from mindleaf and attributes of ``mindleaf`` must exist.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import typer

import mindleaf
from mindleaf.cli import app

README = Path(__file__).resolve().parents[1] / "README.md"
GROUP = typer.main.get_command(app)
_BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_STOPS = {"|", ">", ">>", "&&", ";", "&", "#"}


def blocks(text: str, *languages: str) -> list[str]:
    return [body for language, body in _BLOCK.findall(text) if language in languages]


def commands(text: str) -> Iterator[list[str]]:
    """Words of every mindleaf command in console and bash blocks, continued lines joined, comments left out."""
    for body in blocks(text, "console", "bash", "sh", "shell"):
        for line in body.replace("\\\n", " ").splitlines():
            for piece in re.split(r"&&|;", line.strip().removeprefix("$ ")):
                words = shlex.split(piece, comments=True)
                words = words[: next((k for k, word in enumerate(words) if word in _STOPS), len(words))]
                if words and Path(words[0]).name == "mindleaf":
                    yield words[1:]


def command_mistake(words: list[str]) -> str:
    """Why the command line would not take these words; "" where it would."""
    node, rest, path = GROUP, list(words), []
    while hasattr(node, "commands"):
        if not rest or rest[0] not in node.commands:
            return "" if rest in (["--help"], []) else f"mindleaf {' '.join(words)}: no verb {rest[0]!r}"
        path.append(rest[0])
        node, rest = node.commands[rest.pop(0)], rest
    rest = [word for word in rest if word not in ("--debug", "--help")]
    if "--help" in words:
        return ""
    try:
        node.make_context(" ".join(path), rest, resilient_parsing=False)
    except Exception as error:  # whichever parser typer brings
        return f"mindleaf {' '.join(words)}: {getattr(error, 'message', error)}"
    return ""


def python_mistakes(code: str) -> list[str]:
    """Names a block takes from mindleaf that are not there; a SyntaxError where it does not compile."""
    tree, aliases, found = ast.parse(code), {}, []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            aliases |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name.split(".")[0] == "mindleaf"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "mindleaf":
            module = import_module(node.module)
            found += [f"{node.module}.{alias.name}" for alias in node.names if not hasattr(module, alias.name)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            module = import_module(aliases[node.value.id])
            try:
                getattr(module, node.attr)
            except AttributeError:
                found.append(f"{module.__name__}.{node.attr}")
    return found


def tabled_verbs(text: str) -> list[str]:
    """Verbs written as `mindleaf VERB` in the first column... of the table under a heading with "works today"."""
    section = re.search(r"^#+[^\n]*works today[^\n]*\n(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL | re.IGNORECASE)
    rows = [line for line in section.group(1).splitlines() if line.startswith("|")] if section else []
    # What comes next stands in rows or columns of its own and may name what is not there yet.
    heading = [cell.strip().lower() for cell in rows[0].strip("|").split("|")] if rows else []
    today = [k for k, cell in enumerate(heading) if "next" not in cell]
    cells = [[cell for k, cell in enumerate(row.strip("|").split("|")) if k in today] for row in rows[1:]]
    return [verb for row in cells for cell in row for verb in re.findall(r"`mindleaf ([a-z]+)", cell)]


@pytest.fixture(scope="module")
def readme() -> str:
    if not README.exists():
        pytest.skip("this copy comes without README.md")
    return README.read_text(encoding="utf-8")


def test_every_command_of_the_readme_parses(readme):
    found = list(commands(readme))
    assert found, "the README shows no mindleaf command"
    assert [mistake for words in found if (mistake := command_mistake(words))] == []


def test_every_python_block_of_the_readme_compiles_and_imports(readme):
    assert [mistake for code in blocks(readme, "python") for mistake in python_mistakes(code)] == []


def test_what_works_today_names_only_verbs_that_exist(readme):
    assert [verb for verb in tabled_verbs(readme) if verb not in GROUP.commands] == []


def test_files_that_the_readme_links_to_are_there(readme):
    targets = [t.partition("#")[0] for t in re.findall(r"\]\(([^)\s]+)\)", readme) if "://" not in t and not t.startswith("#")]
    assert [target for target in targets if target and not (README.parent / target).exists()] == []


SAMPLE = """
```console
$ mindleaf demo --out runs/demo   # minutes
$ mindleaf prepare eegmat --root data/eegmat \\
    --out store && mindleaf store info store
ready
$ make demo
```
```python
import mindleaf as ml
from mindleaf.errors import BadInput
store = ml.Store("runs/demo/store")
```
## What works today
| verb | today | next |
|---|---|---|
| `mindleaf demo` | yes | `mindleaf live` |
| `mindleaf fly` | no | |
"""


def test_the_check_finds_commands():
    assert list(commands(SAMPLE)) == [
        ["demo", "--out", "runs/demo"],
        ["prepare", "eegmat", "--root", "data/eegmat", "--out", "store"],
        ["store", "info", "store"],
    ]
    assert [command_mistake(words) for words in commands(SAMPLE)] == ["", "", ""]
    assert tabled_verbs(SAMPLE) == ["demo", "fly"]


@pytest.mark.parametrize(
    "line",
    ["fly", "demo --wings 2", "prepare eegmat", "store fold x", "evaluate --store s --model trf --seed two --task a --out o"],
)
def test_a_wrong_command_is_caught(line):
    assert command_mistake(line.split())


@pytest.mark.parametrize(
    "code", ["import mindleaf as ml\nml.fly()", "from mindleaf.errors import GoodInput", "import mindleaf\nmindleaf.wings"]
)
def test_a_wrong_name_is_caught(code):
    assert python_mistakes(code)


def test_right_names_are_let_through():
    assert python_mistakes(blocks(SAMPLE, "python")[0]) == []
    assert mindleaf.__version__
