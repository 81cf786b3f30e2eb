"""Other systems' replies: the endpoints that we took over from them answer in their form, for every outcome.

A form turns a code and its results into a body. Codes, HTTP statuses, headers and log lines stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from codes_dict import Code

Form = Callable[[Code, Mapping[str, Any]], Mapping[str, Any]]

_FORMS: dict[str, Form] = {}


def answers_in(form: Form, *paths: str) -> None:
    """Let requests for these paths, with or without a slash at the end, be answered in this form."""
    for path in paths:
        _FORMS[path.strip("/")] = form


def form_of(path: str) -> Form | None:
    """Return the form in which a path answers; None for the server's own envelope."""
    return _FORMS.get(path.strip("/"))


def sentence(code: Code, results: Mapping[str, Any]) -> str:
    """Return what is wrong and what to do about it, for forms that have one text for both."""
    advice = str(results.get("advice") or "")
    return code.message if advice in ("", code.message, "Nothing.") else f"{code.message} {advice}"
