"""Is the audit whole? From its head back to the first entry, each has to be there, unchanged."""

import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from security.audit import START, Head, mac_of

Entry = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """A line of a file: `entry` is None where it is no JSON object."""

    place: str
    entry: Entry | None


@dataclass
class Findings:
    """The chain, first entry first, what is wrong with it, and lines that were written but never counted."""

    chain: list[Entry] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    uncounted: list[str] = field(default_factory=list)


def read_line(place: str, text: str) -> Line:
    """Parse a line; `place` says where it is."""
    try:
        entry = json.loads(text)
    except ValueError:
        entry = None
    return Line(place, entry if isinstance(entry, dict) else None)


def check(key: bytes, head: Head, lines: Iterable[Line], pinned: Sequence[Head] = ()) -> Findings:
    """Walk from the head to the start. `pinned` are heads of before, kept elsewhere: the chain has to go through them.

    A process that is killed between writing a line and the commit that counts it leaves a line that nothing refers to,
    or the beginning of one. Those are listed apart: the verdict they tell of was never given.
    """
    known, found = {}, Findings()
    for line in lines:
        if line.entry is None:
            found.uncounted.append(f"{line.place}: the beginning of a line")
        elif not hmac.compare_digest(mac_of(key, line.entry), str(line.entry.get("mac"))):
            found.faults.append(f"{line.place}: the entry was changed or is not from this server")
        elif line.entry["mac"] in known:
            found.faults.append(f"{line.place}: the entry is there twice")
        else:
            known[str(line.entry["mac"])] = line
    _walk(head, known, found)
    found.chain.reverse()
    heads = {0: START, **{entry["n"]: entry["mac"] for entry in found.chain}}
    for pin in pinned:
        if heads.get(pin.count) != pin.mac:
            found.faults.append(f"entry {pin.count} is not the one that was noted: entries were replaced or removed")
    return found


def _walk(head: Head, known: dict[str, Line], found: Findings) -> None:
    left, number, mac = dict(known), head.count, head.mac
    while number > 0:
        line = left.pop(mac, None)
        if line is None or line.entry is None or line.entry.get("n") != number:
            before = max((one.entry["n"] for one in left.values() if one.entry and one.entry["n"] < number), default=0)
            found.faults.append(f"entries {before + 1} to {number} are missing")
            return
        found.chain.append(line.entry)
        number, mac = number - 1, str(line.entry["prev"])
    if mac != START:
        found.faults.append("the first entry does not begin the chain")
    found.uncounted += [f"{line.place}: entry {line.entry['n']}" for line in left.values() if line.entry]
