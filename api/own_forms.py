"""Other systems' replies: the endpoints that we took over from them answer in their form, for every outcome.

A form turns a code and its results into a body, and may answer with that system's HTTP status. Codes, headers and log
lines stay as they are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from codes_dict import Code

Body = Callable[[Code, Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Form:
    """How another system answers: the body of a reply and its HTTP status, by default the code's own."""

    body: Body
    status: Callable[[Code], int] = attrgetter("status")


_EXACT: dict[str, Form] = {}
_BELOW: dict[str, Form] = {}


def answers_in(form: Form, *paths: str, below: str = "") -> None:
    """Let requests for these paths, with or without a slash at the end, be answered in this form.

    With `below`, so are all requests for paths that begin with it, unknown ones among them.
    """
    for path in paths:
        _EXACT[path.strip("/")] = form
    if below:
        _BELOW[below] = form


def form_of(path: str) -> Form | None:
    """Return the form in which a path answers; None for the server's own envelope."""
    return _EXACT.get(path.strip("/")) or next((form for start, form in _BELOW.items() if path.startswith(start)), None)


def status_of(code: Code, path: str) -> int:
    """Return the HTTP status of a code where a path answers with it."""
    form = form_of(path)
    return form.status(code) if form else code.status


def sentence(code: Code, results: Mapping[str, Any]) -> str:
    """Return what is wrong and what to do about it, for forms that have one text for both."""
    advice = str(results.get("advice") or "")
    return code.message if advice in ("", code.message, "Nothing.") else f"{code.message} {advice}"
