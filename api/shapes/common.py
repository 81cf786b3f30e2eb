"""Parts that several endpoints share."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from api.openapi import Shape

ID_PATTERN = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$"
PersonId = Annotated[str, Field(pattern=ID_PATTERN)]
"""An ID; the server's ID_REGEX narrows it."""
Flag = Annotated[str, Field(pattern=r"^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$")]
"""`true` or `false` in a form, in any letter case."""
QueryFlag = Annotated[str, Field(pattern=r"^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|0|1)$")]
"""`true` or `1`, `false` or `0`; false where it is absent."""
Base64 = Annotated[str, Field(min_length=4, json_schema_extra={"format": "byte", "contentEncoding": "base64"})]
"""A file as base64 text, with or without the head of a data URL."""

EXAMPLE_ID = "RECO_ID_000024"


class PersonPath(Shape):
    """Whom a path is about."""

    example: ClassVar = {"person_id": EXAMPLE_ID}

    person_id: PersonId
    """The person's ID."""
