"""The fenced blocks of the documentation, each with what its page says about running it.

A comment on the line above a fence is the block's mark:

    <!-- not run: REASON -->         nobody runs it; a test lists these blocks
    <!-- options only: REASON -->    its commands exist and know the options that it gives them
    <!-- excerpt of FILE -->         its text is in that file
    <!-- request body -->            data that a request of the page sends, or that a file holds: it has to be JSON
    <!-- anew -->                    it is run on a server where nobody is enrolled

Without a mark, a block of `sh`, `python`, `js` or `console` is run, and a block of `json` or `text` is what the block
before it answers. `<!-- enrolled: ID -->` anywhere in a page enrols Ada Lovelace before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "deploy/README.md", "bin/model/README.md")
COMMANDS = ("sh", "python", "js", "console")
LANGUAGES = (*COMMANDS, "json", "text", "mermaid", "ini", "nginx", "yaml")

_FENCE = re.compile(
    r"(?m)^(?: *<!-- (?P<mark>[^\n]*?) -->\n)?(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)\n(?P=indent)```$", re.S
)


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, the line of its fence, its language, its text without indentation, and its mark."""

    page: str
    line: int
    language: str
    text: str
    mark: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def marked(self, kind: str) -> str | None:
        """Return what follows `kind` in the mark, None where the mark is of another kind."""
        found = re.fullmatch(rf"{kind}:? ?(.*)", self.mark)
        return found[1] if found else None


def pages() -> dict[str, str]:
    """Return the text of every page by its path from the root."""
    files = [ROOT / name for name in PAGES] + sorted((ROOT / "docs").glob("*.md"))
    return {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in files}


def blocks(page: str, text: str) -> Iterator[Block]:
    """Yield the blocks of a page in their order."""
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start("language")) + 1
        lines = found["text"].splitlines()
        indented = "\n".join(one.removeprefix(found["indent"]) for one in lines)
        yield Block(page, line, found["language"], indented, found["mark"] or "")


def all_blocks() -> list[Block]:
    """Return the blocks of every page."""
    return [block for page, text in pages().items() for block in blocks(page, text)]
