"""What the documentation names without running it: options, endpoints, settings, excerpts; and what it does not run."""

from __future__ import annotations

import contextlib
import io
import json
import re
from functools import cache

import pytest

from settings.keys import KEYS
from tests.docs.blocks import LANGUAGES, ROOT, Block, all_blocks, pages
from tools.cli.main import main
from tools.cli.table import COMMANDS, OWN_NAMES
from tools.installation.collection import api_document, operation_of

NOT_RUN = {
    "README.md": 1,
    "deploy/README.md": 1,
    "docs/commands.md": 1,
    "docs/enrol-folder.md": 1,
    "docs/install.md": 3,
    "docs/moving.md": 1,
    "docs/quickstart.md": 1,
    "docs/vector-store.md": 1,
}
"""Blocks that nobody runs, by page: they install packages, need other servers, or another test runs them."""
OPTIONS_ONLY = {"README.md": 1, "docs/calibration.md": 1, "docs/liveness.md": 2}
"""Blocks whose commands take hours: only their options are checked."""

BLOCKS = all_blocks()
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
CALL = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/\S*)")
COMMAND = re.compile(r"(?<![\w/.])bin/([a-z][a-z-]*)(?: ([a-z][a-z-]+))?")
OF_OTHERS = {
    "FACEAPP_PICTURES",
    "FACEAPP_SCHEMA_EXAMPLES",
    "FACEAPP_TEST_HOSTILE",
    "FACEAPP_TEST_MILVUS",
    "RAY_AUTH_MODE",
    "TARGET",
}
"""Variables that are no settings of the server."""


def test_every_block_says_its_language_and_its_mark_is_known() -> None:
    marks = r"(not run|options only): .{12,}|excerpt of \S+|request body|anew|"
    assert [str(block) for block in BLOCKS if block.language not in LANGUAGES] == []
    assert [f"{block}: {block.mark}" for block in BLOCKS if not re.fullmatch(marks, block.mark)] == []


def test_no_page_hides_a_command_in_an_indented_block() -> None:
    hidden = {page: re.findall(r"(?m)^\n {4,}(?:bin/|curl|python|\$ ).*$", text) for page, text in pages().items()}
    assert {page: found for page, found in hidden.items() if found} == {}


@pytest.mark.parametrize(("kind", "expected"), [("not run", NOT_RUN), ("options only", OPTIONS_ONLY)])
def test_what_is_not_run_is_counted(kind: str, expected: dict[str, int]) -> None:
    found = [block.page for block in BLOCKS if block.marked(kind) is not None]
    assert {page: found.count(page) for page in found} == expected


def test_every_reply_follows_a_command() -> None:
    before: Block | None = None
    alone = []
    for block in BLOCKS:
        is_after = before is not None and before.page == block.page and not before.mark
        if block.language in ("json", "text") and not block.mark and not is_after:
            alone.append(str(block))
        before = block
    assert alone == []


def test_every_excerpt_is_in_its_file() -> None:
    excerpts = [(block, file) for block in BLOCKS if (file := block.marked("excerpt of"))]
    assert [str(block) for block, file in excerpts if block.text not in (ROOT / file).read_text(encoding="utf-8")] == []


def test_every_request_body_is_json() -> None:
    for block in BLOCKS:
        if block.mark == "request body":
            json.loads(block.text)


def test_every_option_of_a_command_is_one_that_it_knows() -> None:
    texts = [block.text for block in BLOCKS if block.language in ("sh", "console")]
    texts += [span for text in pages().values() for span in INLINE.findall(text) if span.startswith("bin/")]
    found = {(command, option) for text in texts for command, option in options_of(text)}
    assert {command for command, _ in found} <= COMMANDS.keys()
    assert [f"{command} {option}" for command, option in sorted(found) if option not in help_of(command)] == []


def test_every_endpoint_is_in_the_api() -> None:
    document, calls = api_document(), set()
    for text in pages().values():
        calls |= {found.groups() for span in INLINE.findall(text) if (found := CALL.fullmatch(span))}
    unknown = {f"{method} {path}" for method, path in calls if operation_of(document, f"{method} {path}") is None}
    assert unknown == set()


def test_every_setting_is_one_of_the_server() -> None:
    spans = [span for text in pages().values() for span in INLINE.findall(text)]
    named = {found[1] for span in spans if (found := re.match(r"([A-Z][A-Z0-9_]{3,})=", span))}
    assert named - {key.name for key in KEYS} - OF_OTHERS == set()


def options_of(text: str) -> list[tuple[str, str]]:
    """Return each command of ours in a text with each long option that is on its line."""
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    found = [(name_of(line), line.split("#")[0]) for line in lines]
    return [(name, option) for name, line in found if name for option in re.findall(r" (--[a-z][a-z-]+)", line)]


def name_of(line: str) -> str:
    """Return the command of `bin/faceapp` that a line calls, by that or by a name of its own; empty for none."""
    found = COMMAND.search(line)
    if found is None or found[1] == "model":
        return ""
    return found[2] or "" if found[1] == "faceapp" else OWN_NAMES.get(found[1], found[1])


@cache
def help_of(name: str) -> str:
    """Return what `--help` of a command of `bin/faceapp` and of its subcommands prints."""
    text = printed(name, "--help")
    names = re.findall(r"(?m)^  ([a-z][a-z-]+)  ", text.partition("Commands:")[2])
    return text + "".join(printed(name, one, "--help") for one in names)


def printed(*arguments: str) -> str:
    """Return what `bin/faceapp` prints before it ends."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output), contextlib.suppress(SystemExit):
        main(arguments)
    return output.getvalue()
