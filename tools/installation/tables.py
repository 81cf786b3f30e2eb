"""The generated tables of the documentation: the codes and the settings."""

import re
from pathlib import Path

from codes_dict import Code
from settings.keys import OPTIONAL, REQUIRED, Key


def codes_table() -> str:
    """Return a row per code, by number: HTTP status, message, what the caller does, what the operator does."""
    rows = ["| code | HTTP | message | advice | retry | what the operator does |", "|---|---|---|---|---|---|"]
    for code in sorted(Code, key=int):
        retry = "yes" if code.retry else ""
        cells = (str(int(code)), str(code.status), code.message, code.caller_does, retry, code.operator_does)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def settings_table(example: str) -> str:
    """Return a row per key: required ones with the value of the example, then optional ones with their default."""
    values = dict(re.findall(r"(?m)^([A-Z_]+)=(.*)$", example))
    rows = ["| key | meaning | accepted | example or default |", "|---|---|---|---|"]
    rows += [_row(key, values[key.name]) for key in REQUIRED]
    rows += ["| | **Optional keys** | | |"]
    rows += [_row(key, key.default or "") for key in OPTIONAL]
    return "\n".join(rows)


def tables(example: str) -> dict[str, str]:
    """Return the generated tables by name; `docs/NAME.md` is the page of each."""
    return {"codes": codes_table(), "settings": settings_table(example)}


def refresh(text: str, name: str, table: str) -> str:
    """Return a page's text with its table as it is now; raises `ValueError` if a marker is missing."""
    begin, end = f"<!-- {name}: made by bin/docs -->", f"<!-- end of {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"the page lacks the markers of the table of {name}")
    before, rest = text.split(begin)
    return f"{before}{begin}\n{table}\n{end}{rest.split(end)[1]}"


def refresh_pages(root: Path) -> list[str]:
    """Update the pages; returns those that changed."""
    changed = []
    for name, table in tables((root / ".env.example").read_text(encoding="utf-8")).items():
        page = root / "docs" / f"{name}.md"
        before = page.read_text(encoding="utf-8")
        after = refresh(before, name, table)
        page.write_text(after, encoding="utf-8")
        changed += [f"docs/{name}.md"] if after != before else []
    return changed


def _row(key: Key, value: str) -> str:
    shown = f"`{value}`" if value else "(empty)"
    return f"| `{key.name}` | {key.meaning} | {key.accepted} | {shown} |"
