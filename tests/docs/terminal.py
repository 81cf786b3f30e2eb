"""A reader's terminal: runs the blocks of a page one after the other, in a clone whose server is running."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.docs.blocks import COMMANDS, Block
from tests.docs.replies import Bindings, differences, shown_values

PRINTED = "127.0.0.1:8001"
PATIENCE_S = 120
REFUSES = ("advice", "error", "errorDescription", "faceapp_code")
"""Keys that only a refusal has."""
BEFORE = """
curl() { command curl --silent --show-error "$@"; }
[ -f "$STATE" ] && . "$STATE"
trap '{ export -p; echo "cd \\"$PWD\\""; } > "$STATE"' EXIT
set -a -e -o pipefail
"""
PROGRAMS = {"python": '"$CLONE/.venv/bin/python" "$CLONE/.block.py"', "js": 'node "$CLONE/.block.mjs"'}
"""curl prints no progress; the folder and the variables of a block are there in the page's next one."""


@dataclass
class Terminal:
    """A terminal in `folder`, for one page; `address` is the server's host and port, `empty` forgets everybody.

    Without Node, blocks of JavaScript are left out, and what they print.
    """

    folder: Path
    address: str
    empty: Callable[[], None] = lambda: None
    bindings: Bindings = field(default_factory=Bindings)
    printed: str = ""
    is_left_out: bool = False

    def follow(self, page: list[Block]) -> list[str]:
        """Run a page's blocks and return what is not as the page says, each with the block's place."""
        (self.folder / ".state").unlink(missing_ok=True)
        faults: list[str] = []
        for number, block in enumerate(page):
            has_reply = number + 1 < len(page) and page[number + 1].language in ("json", "text")
            if block.mark == "anew":
                self.empty()
            found = [] if block.mark not in ("", "anew") else self._meet(block, has_reply and not page[number + 1].mark)
            faults += [f"{block}: {fault}" for fault in found]
        return faults

    def _meet(self, block: Block, has_reply: bool) -> list[str]:
        if block.language in COMMANDS:
            self.is_left_out = block.language == "js" and shutil.which("node") is None
        if self.is_left_out:
            return []
        match block.language:
            case "json":
                return self._compare(block.text)
            case "text":
                return self._same_text(block.text)
            case "console":
                return self._session(block.text)
            case "sh" | "python" | "js":
                return self._run(block.language, block.text) or ([] if has_reply else self._refused())
        return []

    def _run(self, language: str, text: str) -> list[str]:
        text = self.bindings.real(text).replace(PRINTED, self.address)
        if language in PROGRAMS:
            (self.folder / PROGRAMS[language].rsplit("/", 1)[1].rstrip('"')).write_text(text, encoding="utf-8")
        environment = {**os.environ, "STATE": str(self.folder / ".state"), "CLONE": str(self.folder)}
        done = subprocess.run(
            ["bash", "-c", BEFORE + (text if language == "sh" else PROGRAMS[language])],
            cwd=self.folder, env=environment, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        self.printed = done.stdout
        return [f"status {done.returncode}: {done.stdout[-300:]}{done.stderr[-500:]}"] if done.returncode else []

    def _session(self, text: str) -> list[str]:
        faults = []
        for command, expected in re.findall(r"(?m)^\$ (.*)\n?((?:(?!\$ ).*\n?)*)", text):
            faults += self._run("sh", command) or self._same_text(expected)
        return faults

    def _same_text(self, expected: str) -> list[str]:
        if self.bindings.same(expected.strip(), self.printed.strip()):
            return []
        return [f"printed is\n{self.printed.strip()}\n  but shown\n{expected.strip()}"]

    def _refused(self) -> list[str]:
        """Return the refusals in what was printed: a page that shows no reply means one that succeeds."""
        return [f"refused: {json.dumps(value)[:400]}" for value in _values(self.printed) if _is_refusal(value)]

    def _compare(self, text: str) -> list[str]:
        shown, given = shown_values(text), _values(self.printed)
        if len(given) < len(shown):
            return [f"{len(shown)} values are shown, printed is: {self.printed[-400:]!r}"]
        pairs = zip(shown, given[-len(shown) :], strict=True)
        return [fault for one, came in pairs for fault in differences(one, came, self.bindings)]


def _is_refusal(value: Any) -> bool:
    """Tell whether a reply refuses, in the form of any of the server's systems."""
    if not isinstance(value, dict):
        return False
    results = [inner for key, inner in value.items() if key.endswith("results") and isinstance(inner, dict)]
    return any(key in part for part in (value, *results) for key in REFUSES)


def _values(printed: str) -> list[Any]:
    """Return the JSON values in what was printed, leaving out everything else."""
    values, place = [], 0
    while found := re.compile(r"[\[{]").search(printed, place):
        try:
            value, place = json.JSONDecoder().raw_decode(printed, found.start())
        except ValueError:
            place = found.end()
        else:
            values.append(value)
    return values
