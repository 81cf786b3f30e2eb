"""MkDocs' hooks: pages from outside `docs` become pages of the site, and links between files links between pages."""

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE: Mapping[str, str] = MappingProxyType({
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "LICENSE": "license.md",
    "bin/model/README.md": "model-card.md",
    "deploy/README.md": "deploy.md",
})  # fmt: skip
"""Each file that is a page of the site, by its path in the repository, with the page's name."""
BESIDE: Mapping[str, str] = MappingProxyType({
    "bin/model/liveness_best.json": "liveness_best.json",
    "bin/model/liveness_best_curves.png": "img/liveness_best_curves.png",
})  # fmt: skip
"""Each file that pages link to, with its name in the site."""

WIDE = ("codes.md", "settings.md", "commands.md", "dependencies.md", "moving.md", "compreface.md", "changelog.md")
"""Pages whose tables take the room of the table of contents."""

_INSIDE = {page: file for file, page in OUTSIDE.items()}
_LINK = re.compile(r"(\]\()(?!https?:|#|mailto:)([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside the folder of the documentation."""
    for file, page in OUTSIDE.items():
        text = (ROOT / file).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text if file.endswith(".md") else f"# Licence\n\n{text}"))
    for file, name in BESIDE.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / file)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a page's text with links that lead to pages of the site."""
    if page.file.src_uri in WIDE:
        page.meta["hide"] = ["toc"]
    place = posixpath.dirname(_INSIDE.get(page.file.src_uri, f"docs/{page.file.src_uri}"))
    return _LINK.sub(lambda found: found[1] + link(posixpath.join(place, found[2])), markdown)


def link(target: str) -> str:
    """Return what a link to a file of the repository is in the site, whose pages are all in one folder."""
    file = posixpath.normpath(target)
    return OUTSIDE.get(file) or BESIDE.get(file) or file.removeprefix("docs/")
