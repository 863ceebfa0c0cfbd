"""The documentation is held to the code: pages that teach are run, links lead somewhere, decisions give their reason."""

from __future__ import annotations

import io
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.test_readme import command_mistake, commands

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    [*DOCS.rglob("*.md"), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md") if (ROOT / name).exists())]
)
ADD = sorted(path for path in (DOCS / "add").glob("*.md") if path.name != "index.md")
DECISIONS = sorted(DOCS.glob("decisions/[0-9]*.md"))
#: The six doors: a page for each.
DOORS = {"dataset", "encoder", "objective", "protocol", "task", "system"}
#: Blocks of these languages are followed, or say why not.
RUNNABLE = {"python", "console", "sh", "bash"}
#: Pages of the gallery, in the order in which they follow each other.
GALLERY = ("own_edf", "audit", "predict")
#: Followed from generated files to a report.
WALK = DOCS / "walk" / "follow.md"
#: Followed on generated files.
FRONT = [DOCS / "index.md", ROOT / "README.md"]

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_UNRUN = re.compile(r"^<!-- not run: ([^\n]+) -->\n(?=```(\w+)\n(.*?)^```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<img[^>]*\ssrc=\"([^\"]+)\"")
_FILE = re.compile(r"# file: (\S+)\n")
_PLACE = re.compile(r"`((?:mindleaf|tests|benchmarks)/[\w/]+\.py)`")
_NAME = re.compile(r"`(mindleaf(?:\.\w+)+)`")


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, text) of every fenced block."""
    return _BLOCK.findall(page.read_text())


def reasons(page: Path) -> dict[str, str]:
    """Blocks that are not run, by their text, with the reason that stands before each."""
    return {text: why for why, _, text in _UNRUN.findall(page.read_text())}


def command_lines(page: Path, text: str) -> Iterator[list[str]]:
    """Words of each command of a block, without the prompt, the comment and the word mindleaf."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line.removeprefix("$ ").removeprefix("PYTHONPATH=. "), comments=True)
        if words:
            assert words[0] == "mindleaf", f"{page.name}: wanted a mindleaf command, got {line!r}"
            yield words[1:]


def followed(page: Path, names: dict, write: bool = False) -> None:
    """Do what a page says, in the working directory: write its files, run its mindleaf commands, execute its Python.

    ``names``: what earlier pages have defined. An output block holds what the Python before it printed; with ``write`` it is
    made so, else another text is an error.
    """
    from mindleaf.cli import app

    printed, shown, unrun = "", [], reasons(page)
    for language, text in blocks(page):
        if text in unrun:
            continue
        file = _FILE.match(text)
        if language == "python" and file:
            Path(file.group(1)).write_text(text)
        elif language == "python":
            with redirect_stdout(io.StringIO()) as out:
                exec(compile(text, f"{page.name}", "exec"), names)
            printed = "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())
        elif language in ("sh", "console"):
            for words in command_lines(page, text):
                app([*words, "--quiet"], standalone_mode=False)
        elif language == "output":
            assert write or text == printed, f"{page.name}: it shows {text!r}, the run prints {printed!r}"
            shown.append(printed)
    if write:
        left = iter(shown)
        told = _BLOCK.sub(lambda m: f"```output\n{next(left)}```" if m[1] == "output" else m[0], page.read_text())
        page.write_text(told)


def followed_apart(pages: list[Path], folder: Path) -> dict[str, str]:
    """What following the pages one after the other said, "" where a page worked.

    In one process of its own: protocols and tasks become known by being defined, and other tests must not meet these.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "tests.test_docs", *map(str, pages)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False)
    said = dict(line.split("\t", 1) for line in done.stdout.splitlines() if "\t" in line)
    return said or {"index": done.stderr}


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> dict[str, str]:
    """What following each page of docs/add said."""
    return followed_apart([DOCS / "add" / "index.md", *ADD], tmp_path_factory.mktemp("add"))


@pytest.fixture(scope="module")
def begun(tmp_path_factory) -> dict[str, str]:
    """What following the two front pages said, on generated files that stand in for a person's."""
    folder = tmp_path_factory.mktemp("front")
    write_stand_ins(folder)
    return followed_apart(FRONT, folder)


def write_stand_ins(folder: Path) -> None:
    """``my_files`` with a table of labels, and ``data/eegmat`` with the names and channels of the real one: noise of small people."""
    from edfio import Edf, EdfSignal

    rng = np.random.default_rng(0)

    def write(path: Path, channels: list[str], seconds: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        signals = [
            EdfSignal(
                20 * rng.standard_normal(100 * seconds), 100, label=name, physical_dimension="uV", physical_range=(-200, 200)
            )
            for name in channels
        ]
        Edf(signals).write(path)

    table = ["file,label,subject"]
    for subject, label in itertools.product(range(5), ("calm", "busy")):
        write(folder / "my_files" / f"{subject}_{label}.edf", ["Fz", "Cz", "Pz", "Oz"], 8)
        table.append(f"{subject}_{label}.edf,{label},{subject}")
    (folder / "my_files" / "labels.csv").write_text("\n".join(table) + "\n")
    ten_twenty = [
        "Fp1",
        "Fp2",
        "F3",
        "F4",
        "F7",
        "F8",
        "T3",
        "T4",
        "C3",
        "C4",
        "T5",
        "T6",
        "P3",
        "P4",
        "O1",
        "O2",
        "Fz",
        "Cz",
        "Pz",
        "A2-A1",
    ]
    for subject, run in itertools.product(range(7), (1, 2)):
        write(folder / "data" / "eegmat" / f"Subject{subject:02d}_{run}.edf", [f"EEG {name}" for name in ten_twenty], 60)


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> dict[str, str]:
    """What following each page of docs/gallery said."""
    return followed_apart([DOCS / "gallery" / f"{name}.md" for name in GALLERY], tmp_path_factory.mktemp("gallery"))


def test_the_walk_ends_with_the_report_that_its_page_shows(tmp_path):
    assert followed_apart([WALK], tmp_path) == {"follow": ""}
    assert "leave_one_stimulus_out" in (tmp_path / "result" / "report.html").read_text()


def test_there_is_a_page_for_every_door():
    assert {page.stem for page in ADD} == DOORS


@pytest.mark.parametrize("page", ["index", *sorted(DOORS)])
def test_a_page_that_teaches_works_as_written(told, page):
    assert told.get(page, "was not reached") == ""


@pytest.mark.parametrize("page", ["index", "README"])
def test_the_front_pages_work_as_written(begun, page):
    assert begun.get(page, "was not reached") == ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_is_run_or_says_why_not(page):
    followed_pages = {WALK, DOCS / "add" / "index.md", *ADD, *FRONT, *(DOCS / "gallery" / f"{name}.md" for name in GALLERY)}
    why = reasons(page)
    silent = [text for language, text in blocks(page) if language in RUNNABLE and text not in why]
    assert page in followed_pages or silent == []
    places = [place for reason in why.values() for place in re.findall(r"tests/[\w/.]*\w", reason)]
    assert [place for place in places if not (ROOT / place).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_a_page_shows_is_taken_by_the_command_line(page):
    assert [mistake for words in commands(page.read_text()) if (mistake := command_mistake(words))] == []


def test_a_block_without_a_reason_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- not run: too long -->\n```sh\nmindleaf one\n```\n\n```sh\nmindleaf two\n```\n<!-- not run: a -->\n\n```sh\nthree\n```\n"
    )
    assert reasons(page) == {"mindleaf one\n": "too long"}
    assert [text for language, text in blocks(page) if text not in reasons(page)] == ["mindleaf two\n", "three\n"]


def test_an_output_that_the_run_does_not_print_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1 + 1)\n```\n\n```output\n3\n```\n")
    with pytest.raises(AssertionError, match="the run prints"):
        followed(page, {})
    followed(page, {}, write=True)
    assert "```output\n2\n```" in page.read_text()
    followed(page, {})


def test_every_page_of_the_gallery_is_followed():
    assert {page.stem for page in (DOCS / "gallery").glob("*.md")} == {"index", *GALLERY}


@pytest.mark.parametrize("page", GALLERY)
def test_a_page_of_the_gallery_shows_what_its_run_prints(shown, page):
    assert shown.get(page, "was not reached") == ""


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


def main(words: list[str]) -> None:
    """Follow each page in the working directory; one line each: its name, a tab, and what went wrong.

    ``--write`` first: put what the runs print into the output blocks, in a folder that is thrown away.
    """
    write = words[:1] == ["--write"]
    pages = [Path(word).resolve() for word in (words[1:] if write else words)]
    folder = Path(tempfile.mkdtemp()) if write else Path.cwd()
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    order = {name: k for k, name in enumerate(GALLERY)}
    names: dict = {"__name__": "page"}
    for page in sorted(pages, key=lambda page: order.get(page.stem, -1)) if write else pages:
        # Pages of the gallery go on from each other; the pages of docs/add stand alone.
        names = names if page.parent.name == "gallery" else {"__name__": page.stem}
        try:
            followed(page, names, write)
            said = ""
        except Exception as error:
            said = f"{type(error).__name__}: {error}".replace("\n", " | ").replace("\t", " ")
        print(f"{page.stem}\t{said}", flush=True)
    if write:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
