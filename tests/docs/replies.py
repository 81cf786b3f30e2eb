"""Compares a reply with what the documentation shows of it.

`...` stands for what was left out: an element or several of a list, keys of an object, a value, the rest of a text.
Ids are bound: the first real one in the place of a printed one stands for it from then on, in commands too. Times and
milliseconds may be any; other numbers with a fraction have to be near what is printed, and everything else equal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

LEFT_OUT = "\N{HORIZONTAL ELLIPSIS}left out"
ID = re.compile(r"faceapp_[\w-]{43}|\b[0-9a-f]{8}\b(?!-)|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|[0-9a-f]{16,64}")
"""What the server makes at random: API keys, UUIDs, and hexadecimal digits."""
TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)?|\d+(?:\.\d+)? (?:ms|s)\b")
_ANY = re.compile(rf"{ID.pattern}|{TIME.pattern}|\.\.\.")
TIMES = ("milliseconds", "detectionTime", "execution_time", "took", "uptime")
NEAR, NEAR_PIXELS = 0.05, 3


class Bindings:
    """Which real id stands for a printed one."""

    def __init__(self) -> None:
        self._real: dict[str, str] = {}

    def real(self, text: str) -> str:
        """Return a text of the documentation with the ids that are real now."""
        return ID.sub(lambda found: self._real.get(found[0], found[0]), text)

    def same(self, shown: str, given: str) -> bool:
        """Tell whether a text is the one that is shown, and bind the ids in it."""
        if not re.fullmatch(_pattern(shown), given, re.S):
            return False
        pairs = zip(ID.findall(shown), ID.findall(given), strict=False)
        return all(self._real.setdefault(printed, found) == found for printed, found in pairs)


def _pattern(shown: str) -> str:
    made, place = "", 0
    for found in _ANY.finditer(shown):
        made += re.escape(shown[place : found.start()])
        made += ".*" if found[0] == "..." else f"(?:{(ID if ID.fullmatch(found[0]) else TIME).pattern})"
        place = found.end()
    return made + re.escape(shown[place:])


def shown_values(text: str) -> list[Any]:
    """Return the JSON values of a block; `LEFT_OUT` stands for `...`. Raises `ValueError` for what is no JSON."""
    text, values, place = _spelt_out(text), [], 0
    while place < len(text):
        value, place = json.JSONDecoder().raw_decode(text, place)
        values.append(value)
        place += len(text[place:]) - len(text[place:].lstrip())
    return values


def _spelt_out(text: str) -> str:
    """Return the text with each `...` outside a string replaced by a value, or by a key and a value in an object."""
    made: list[str] = []
    open_brackets: list[str] = []
    after_colon = False
    for part in re.findall(r'"(?:[^"\\]|\\.)*"|\.\.\.|[^".]+|.', text.strip(), re.S):
        if part == "...":
            is_key = bool(open_brackets) and open_brackets[-1] == "{" and not after_colon
            part = f'"{LEFT_OUT}": null' if is_key else f'"{LEFT_OUT}"'
        elif not part.startswith('"'):
            for sign in part:
                if sign in "[{":
                    open_brackets.append(sign)
                elif sign in "]}":
                    open_brackets.pop()
            after_colon = part.rstrip().endswith(":")
        made.append(part)
    return "".join(made)


def differences(shown: Any, given: Any, bindings: Bindings, path: str = "") -> list[str]:
    """Return what of a reply is not as it is shown, each as one line that begins with its place."""
    if shown == LEFT_OUT:
        return []
    if isinstance(shown, dict) and isinstance(given, dict):
        return _in_objects(shown, given, bindings, path)
    if isinstance(shown, list) and isinstance(given, list):
        return _in_lists(shown, given, bindings, path)
    if isinstance(shown, str) and isinstance(given, str) and bindings.same(shown, given):
        return []
    if _are_near(shown, given, path):
        return []
    return [f"{path or 'the reply'}: {shown!r} is shown, {given!r} came"]


def _in_objects(shown: dict[str, Any], given: dict[str, Any], bindings: Bindings, path: str) -> list[str]:
    real = {bindings.real(key): value for key, value in shown.items()}
    found = [f"{path}.{key}: not in the reply" for key in real if key not in given and key != LEFT_OUT]
    if LEFT_OUT not in shown:
        found += [f"{path}.{key}: in the reply, but not shown" for key in given if key not in real]
    for key in real.keys() & given.keys():
        found += differences(real[key], given[key], bindings, f"{path}.{key}")
    return found


def _in_lists(shown: Sequence[Any], given: Sequence[Any], bindings: Bindings, path: str) -> list[str]:
    if LEFT_OUT not in shown:
        if len(shown) != len(given):
            return [f"{path}: {len(shown)} elements are shown, {len(given)} came"]
        pairs = zip(shown, given, strict=True)
        return [one for n, (s, g) in enumerate(pairs) for one in differences(s, g, bindings, f"{path}[{n}]")]
    place = 0
    for number, one in enumerate(shown):
        if one == LEFT_OUT:
            continue
        places = range(place, len(given))
        tried = {where: differences(one, given[where], bindings, f"{path}[{where}]") for where in places}
        fits = [where for where, faults in tried.items() if not faults]
        if not fits:
            nearest = min(tried.values(), key=len, default=[])
            return [f"{path}: element {number} of what is shown did not come", *nearest]
        place = fits[0] + 1
    return []


def _are_near(shown: Any, given: Any, path: str) -> bool:
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in (shown, given)):
        return shown is given
    if path.rsplit(".", 1)[-1].split("[")[0] in TIMES:
        return True
    if ".box" in path or ".facial_area" in path:
        return bool(abs(shown - given) <= NEAR_PIXELS)
    if isinstance(shown, int) and isinstance(given, int):
        return shown == given
    return bool(abs(shown - given) <= NEAR * max(1.0, abs(shown)))
