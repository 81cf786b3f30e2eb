"""Parts that several endpoints share."""

from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from api.bodies import FORM, MULTIPART
from api.openapi import JSON, Shape
from codes_dict import Code

ID_PATTERN = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$"
EXAMPLE_ID = "RECO_ID_000024"
EXAMPLE_FACE = "407f63744da05f05c75d41bdf14c6157_01"
EXAMPLE_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
PersonId = Annotated[str, Field(pattern=ID_PATTERN, examples=[EXAMPLE_ID])]
"""An ID; the server's ID_REGEX narrows it."""
Flag = Annotated[str, Field(pattern=r"^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$")]
"""`true` or `false` in a form, in any letter case."""
QueryFlag = Annotated[str, Field(pattern=r"^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|0|1)$")]
"""`true` or `1`, `false` or `0`; false where it is absent."""


def _base64(between: str, around: str) -> str:
    """Return the pattern of base64 text: standard or URL-safe, padded or not, after the head of a data URL or not.

    `between` are the white space characters that may stand in it, `around` those before and after.
    """
    digit = f"[A-Za-z0-9+/_-][{between}]*"
    digits = f"(?:(?:(?:{digit}){{4}})+(?:(?:{digit}){{2,3}})?|(?:{digit}){{2,3}})"
    head = f"(?:[{around}]*[Dd][Aa][Tt][Aa]:[^,]{{0,200}},)?"
    return f"^{head}[{around}]*{digits}(?:=[{between}]*)*[{around}]*$"


_IN_JSON = _base64(r" \t\r\n\f\v", r" \t\r\n\f\v")
_IN_FORM = _base64(r"\t\r\n\f\v", r" \t\r\n\f\v")
Base64 = Annotated[
    str, Field(pattern=_IN_JSON, examples=[EXAMPLE_PNG], json_schema_extra={"contentEncoding": "base64"})
]
"""A file as base64 text, with or without the head of a data URL."""
FormBase64 = Annotated[
    str, Field(pattern=_IN_FORM, examples=[EXAMPLE_PNG], json_schema_extra={"contentEncoding": "base64"})
]
"""The same in a form, where a space is a + that was not percent-encoded."""
HAS_BASE64: dict[str, Any] = {"contains": {"type": "string", "pattern": _IN_JSON}}
HAS_FORM_BASE64: dict[str, Any] = {"contains": {"type": "string", "pattern": _IN_FORM}}
"""What a list of photos has to be: one of them has to be readable."""
Photos = Base64 | Annotated[list[Any], Field(json_schema_extra=HAS_BASE64)]
"""One photo as base64 text, or several: those that cannot be decoded are reported, one has to be readable."""
Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        examples=["Ada Lovelace"],
        pattern=r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
    ),
]
"""1 to 200 characters, not all of them spaces, none of them control characters."""
Consent = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
"""A reference to a person's consent: up to 200 characters, none of them control characters."""
JsonFlag = bool | Literal[0, 1] | QueryFlag
"""The same in JSON."""
Files = Annotated[
    Any,
    Field(
        json_schema_extra={
            "format": "binary",
            "contentMediaType": "image/*",
            "not": {"anyOf": [{"type": "null"}, {"type": "array", "maxItems": 0}]},
        }
    ),
]
"""One file or several, of any content: what is no photo is reported as that."""
NOT_BOTH_SKIPS: dict[str, Any] = {
    "not": {
        "required": ["skip_verify", "skip_db_search"],
        "properties": {
            name: {"type": "string", "pattern": "^([Tt][Rr][Uu][Ee]|1)$"} for name in ("skip_verify", "skip_db_search")
        },
    }
}


class PathArguments(Shape):
    """What routes have in their paths: each has some of these, and `describe(path=...)` where one means another."""

    person_id: PersonId
    """The person's ID."""
    face_id: str = Field(examples=[EXAMPLE_FACE])
    """The face's id, as /people/ID lists it."""
    subject: Annotated[str, Field(min_length=1, examples=["Ada Lovelace"])]
    image_id: str = Field(examples=["6b135f5b-a365-4522-b1f1-4c9ac2dd0728"])
    api_key: str = Field(examples=["<key>"])
    number: Annotated[int, Field(ge=0, examples=[int(Code.NO_FACE)])]
    """The code's number."""
    key_id: str = Field(examples=["1f2e3d4c"])
    request_id: str = Field(examples=["4be21f0c"])
    job_id: str = Field(examples=["0a1b2c3d-00112233445566778899aabbccddeeff"])
    """The id that the request was answered with."""
    name: str = Field(examples=["main.js"])
    """The file's name."""
    path: str = Field(examples=["api/person/create"])


def bodies(
    name: str,
    keys: type[Shape],
    *images: str,
    json: type[Shape] | None = None,
    kinds: Collection[str] = (JSON, FORM, MULTIPART),
    about: str | None = None,
) -> dict[str, type[Shape]]:
    """Return a call's body by media type: its keys, and one photo under each of `images`.

    `json` are the keys in JSON, where those are others; `about` says something of each photo by its key, `{}`.
    """
    photos = "A photo" if len(images) == 1 else "Two photos"
    ways: dict[str, tuple[str, Any, str]] = {
        JSON: ("Body", Base64, f"{photos} as base64 text."),
        FORM: ("Fields", FormBase64, f"{photos} as base64 text in a form."),
        MULTIPART: ("Files", bytes, f"{photos} as {'a file' if len(images) == 1 else 'files'}."),
    }
    found = {}
    for kind in kinds:
        ending, photo, summary = ways[kind]
        fields: Any = {one: (photo, Field(description=about and about.format(one))) for one in images}
        base = json if json and kind == JSON else keys
        found[kind] = create_model(f"{name}{ending}", __base__=base, __doc__=summary, **fields)
    return found
