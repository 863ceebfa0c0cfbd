"""What MkDocs does not know: folders in the navigation, pages that stand outside of docs, links to code.

A hook of ``mkdocs.yml``. A navigation entry that ends in "/" becomes that folder's pages: its index first, then its other pages
by name, then the page of each folder below. The pages outside of docs become pages of the site. A link to a file of code that is
not part of the site becomes the name of the file.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

#: Pages of the repository's root, and where they stand in the site.
OUTSIDE = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
_INDEX = ("index.md", "README.md")
#: What the theme fetches from outside for search in pages opened from a folder; ``worker.js`` does it instead.
_FETCHED = re.compile(r'<script src="https://unpkg\.com/iframe-worker/shim"></script>')


#: What a browser fetches by itself when a page is opened.
_REQUEST = re.compile(
    r'<(?:script|img|iframe|source|video|audio|link)\b[^>]*?\b(?:src|href)="?(?:https?:)?//[^>]*>|url\(["\']?(?:https?:)?//[^)]*\)'
)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    config.nav = [_expanded(entry, Path(config.docs_dir)) for entry in config.nav or []]
    return config


def _expanded(entry: Any, docs: Path) -> Any:
    if isinstance(entry, str):
        return entry
    ((title, below),) = entry.items()
    if isinstance(below, str) and below.endswith("/"):
        return {title: folder_pages(docs, below.rstrip("/"))}
    return {title: [_expanded(one, docs) for one in below] if isinstance(below, list) else below}


def folder_pages(docs: Path, folder: str) -> list[str]:
    """Pages of a folder, index first, with the index of each folder below it."""
    here = docs / folder
    pages = sorted(here.glob("*.md"), key=lambda path: (path.name not in _INDEX, path.name))
    below = [path / name for path in sorted(here.iterdir()) if path.is_dir() for name in _INDEX if (path / name).exists()]
    return [path.relative_to(docs).as_posix() for path in (*pages, *below)]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    root = Path(config.docs_dir).parent
    for source, place in OUTSIDE.items():
        files.append(File.generated(config, place, content=(root / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    place = page.file.src_uri
    source = next((f"{name}" for name, target in OUTSIDE.items() if target == place), f"docs/{place}")

    def settled(match: re.Match[str]) -> str:
        text, link, anchor = match[1], match[2], match[3] or ""
        if re.match(r"[a-z]+:", link) or link.startswith("/"):
            return match[0]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
        if target in OUTSIDE:
            inside = OUTSIDE[target]
        elif target.startswith("docs/") and files.get_file_from_path(target.removeprefix("docs/")):
            inside = target.removeprefix("docs/")
        else:
            return text if text.startswith("`") else f"{text} (`{target}`)"
        return f"[{text}]({posixpath.relpath(inside, posixpath.dirname(place) or '.')}{anchor})"

    return _LINK.sub(settled, markdown)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    script = posixpath.relpath("site/worker.js", posixpath.dirname(page.url) or ".")
    return _FETCHED.sub(f'<script src="{script}"></script>', output)


def on_post_template(output_content: str, template_name: str, config: MkDocsConfig) -> str:
    return _FETCHED.sub("", output_content)


def on_post_build(config: MkDocsConfig) -> None:
    """The site works offline, or it is not built."""
    paths = [path for path in Path(config.site_dir).rglob("*") if path.suffix in (".html", ".css")]
    found = [
        f"{path}: {request[0]}" for path in paths for request in [_REQUEST.search(path.read_text(encoding="utf-8"))] if request
    ]
    if found:
        raise PluginError(f"wanted pages that fetch nothing from outside, got {len(found)}, first {found[0]}")
