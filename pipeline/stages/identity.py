"""Whose photos these are: which IDs and names are accepted."""

import re
import unicodedata

from codes_dict import Code, Refusal
from pipeline.ledger import Ledger
from pipeline.types import Person

_SAFE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}", re.ASCII)
"""What may name a folder: 1 to 64 characters, no separators, not beginning with a dot."""

SUBJECTS = ("cf-", "cf.")
"""The IDs of people who are known by their names alone begin with the first; all are before the second."""

_SUBJECT = re.compile(r"cf-[0-9a-f]{16}", re.ASCII)

_CONTROL, _TURNING = ("Cc", "Cs", "Zl", "Zp"), "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

_SAFE_ADVICE = "Use 1 to 64 letters, digits, dots, hyphens and underscores, and do not begin with a dot."


def match_id(person_id: str, pattern: str, ledger: Ledger, field: str = "id") -> None:
    """Record that the ID, sent under the key `field`, matches ID_REGEX; refuses with ID_NOT_MATCHED."""
    with ledger.stage("id", 1) as row:
        row.code, row.went_out = check_id(person_id, pattern, field), 1


def check_id(person_id: str, pattern: str, field: str = "id") -> Code:
    """Return `ID_MATCHED` if the whole ID is safe and matches the operator's pattern; refuse it otherwise.

    The safe form is checked first, so the operator's pattern only ever sees 64 ASCII characters. `field` is the key of
    the request that carries the ID.
    """
    if not _SAFE.fullmatch(person_id):
        raise Refusal(Code.ID_NOT_MATCHED, advice=f"{_SAFE_ADVICE} The pattern is {pattern}", field=field)
    if not re.fullmatch(pattern, person_id, re.ASCII):
        raise Refusal(Code.ID_NOT_MATCHED, advice=f"Use an ID that matches the pattern {pattern}", field=field)
    return Code.ID_MATCHED


def is_subject(person_id: str) -> bool:
    """Whether an ID is one that the server made for a name. ID_REGEX does not have to match it."""
    return _SUBJECT.fullmatch(person_id) is not None


def check_name(name: str, field: str = "name") -> str:
    """Return the name without spaces around it; refuse one that is empty, over 200 characters or has control ones.

    `field` is the key of the request that carries the name.
    """
    stripped = name.strip()
    if not stripped or len(name) > 200 or has_control(name):
        raise Refusal(Code.BAD_NAME, field=field)
    return stripped


def has_control(text: str) -> bool:
    """Whether a text has control characters, or such as end a line or turn the direction of what is shown after it."""
    return any(unicodedata.category(one) in _CONTROL or one in _TURNING for one in text)


def shown_name(person: Person) -> str:
    """Return a name as replies show it: as it was given, else made from the row's: spaces, and a capital per word."""
    return person.given_name or " ".join(word[:1].upper() + word[1:] for word in person.name.split("_"))
