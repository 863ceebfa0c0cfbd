"""The documentation is held to the code: pages that teach are run, links lead somewhere, decisions give their reason."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    [*DOCS.rglob("*.md"), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md") if (ROOT / name).exists())]
)
ADD = sorted(path for path in (DOCS / "add").glob("*.md") if path.name != "index.md")
DECISIONS = sorted(DOCS.glob("decisions/[0-9]*.md"))
#: The six doors: a page for each.
DOORS = {"dataset", "encoder", "objective", "protocol", "task", "system"}

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<img[^>]*\ssrc=\"([^\"]+)\"")
_FILE = re.compile(r"# file: (\S+)\n")
_PLACE = re.compile(r"`((?:mindleaf|tests|benchmarks)/[\w/]+\.py)`")
_NAME = re.compile(r"`(mindleaf(?:\.\w+)+)`")


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, text) of every fenced block."""
    return _BLOCK.findall(page.read_text())


def followed(page: Path, folder: Path) -> None:
    """Do what a page says, in the folder: write its files, run its mindleaf commands, execute its Python."""
    from mindleaf.cli import app

    names: dict = {"__name__": page.stem}
    for language, text in blocks(page):
        file = _FILE.match(text)
        if language == "python" and file:
            (folder / file.group(1)).write_text(text)
        elif language == "python":
            exec(compile(text, f"{page.name}", "exec"), names)
        elif language == "sh":
            for line in text.splitlines():
                words = line.removeprefix("PYTHONPATH=. ").split()
                assert words[0] == "mindleaf", f"{page.name}: wanted a mindleaf command, got {line!r}"
                app([*words[1:], "--quiet"], standalone_mode=False)


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> dict[str, str]:
    """What following each page of docs/add said, "" where it worked.

    In one process of its own: protocols and tasks become known by being defined, and other tests must not meet these.
    """
    folder = tmp_path_factory.mktemp("add")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    command = [sys.executable, "-m", "tests.test_docs", *map(str, [DOCS / "add" / "index.md", *ADD])]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
    said = dict(line.split("\t", 1) for line in done.stdout.splitlines() if "\t" in line)
    return said or {"index": done.stderr}


def test_there_is_a_page_for_every_door():
    assert {page.stem for page in ADD} == DOORS


@pytest.mark.parametrize("page", ["index", *sorted(DOORS)])
def test_a_page_that_teaches_works_as_written(told, page):
    assert told.get(page, "was not reached") == ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_every_place_exists(page):
    links = [first or second for first, second in _LINK.findall(_BLOCK.sub("", page.read_text()))]
    relative = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in relative if link and not (page.parent / link).exists()] == []
    text = page.read_text()
    places = [place for place in _PLACE.findall(text) if not (ROOT / place).exists() and not (ROOT / "src" / place).exists()]
    assert places == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_python_block_compiles_and_every_dotted_name_exists(page):
    import pkgutil

    for language, text in blocks(page):
        if language == "python":
            compile(text, page.name, "exec")
    for name in _NAME.findall(page.read_text()):
        pkgutil.resolve_name(name)


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_tells_context_decision_and_reason(page):
    text = page.read_text()
    assert re.match(rf"# {int(page.name[:4])}\. \S", text), "wanted a title that begins with the record's number"
    headings = re.findall(r"^## (\w+)", text, re.MULTILINE)
    assert headings[:3] == ["Context", "Decision", "Reason"]
    assert all(part.strip() for part in re.split(r"^## .*$", text, flags=re.MULTILINE))


def test_decisions_are_numbered_without_a_gap_and_all_listed():
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    index = (DOCS / "decisions" / "index.md").read_text()
    assert [page.name for page in DECISIONS if f"]({page.name})" not in index] == []


def test_every_page_can_be_reached_from_the_index():
    waiting, reached = [DOCS / "index.md"], set()
    while waiting:
        page = waiting.pop().resolve()
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        waiting += [
            page.parent / link.partition("#")[0] for link, _ in _LINK.findall(page.read_text()) if link and ":" not in link
        ]
    pages = [page for page in DOCS.rglob("*.md") if DOCS / "results" not in page.parents]
    assert [str(page.relative_to(DOCS)) for page in pages if page.resolve() not in reached] == []


def test_the_tables_of_the_documentation_name_what_the_tables_of_the_code_hold():
    from mindleaf.datasets import DATASETS
    from mindleaf.protocols import PROTOCOLS
    from mindleaf.systems import SYSTEMS
    from mindleaf.tasks import TASKS

    walk = "\n".join(page.read_text() for page in (*(DOCS / "walk").glob("*.md"), DOCS / "datasets.md"))
    for table in (DATASETS, PROTOCOLS, SYSTEMS, TASKS):
        assert [name for name in table if f"`{name}`" not in walk] == []


def test_the_picture_is_an_image_with_a_title_and_follows_the_page():
    text = (DOCS / "flow.svg").read_text()
    picture = ElementTree.fromstring(text)
    assert picture.tag.endswith("svg") and picture.get("viewBox")
    assert picture.find("{http://www.w3.org/2000/svg}title") is not None
    assert "prefers-color-scheme: dark" in text and "<script" not in text and "href" not in text


def main(pages: list[str]) -> None:
    """Follow each page in the working directory; one line each: its name, a tab, and what went wrong."""
    for page in map(Path, pages):
        try:
            followed(page, Path.cwd())
            said = ""
        except Exception as error:
            said = f"{type(error).__name__}: {error}".replace("\n", " | ").replace("\t", " ")
        print(f"{page.stem}\t{said}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
