"""What requests and replies are made of, as pydantic models: they describe and never parse (`api.forms` does)."""

from types import NoneType
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema


class Shape(BaseModel):
    """Base of all: the docstring under a field is its description; keys beyond the listed ones may appear.

    `other_keys` are what the example shows beside the fields.
    """

    model_config = ConfigDict(use_attribute_docstrings=True, defer_build=True)
    other_keys: ClassVar[dict[str, Any]] = {}

    @classmethod
    def example(cls) -> Any:
        """Return what the document shows: the fields' examples; None where a field that is required has none."""
        fields = {
            field.alias or name: (field, field.examples or (_shown(field.annotation) if field.is_required() else []))
            for name, field in cls.model_fields.items()
        }
        if any(field.is_required() and not examples for field, examples in fields.values()):
            return None
        return {name: examples[0] for name, (_, examples) in fields.items() if examples} | cls.other_keys or None


def _shown(annotation: Any) -> list[Any]:
    """Return the example of a required field that has none of its own: null, its constant, or its shape's."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        example = annotation.example()
        return [] if example is None else [example]
    if origin is Annotated:
        return next((one.examples for one in arguments[1:] if getattr(one, "examples", None)), _shown(arguments[0]))
    if origin is list:
        return [inner] if (inner := _shown(arguments[0])) else []
    if origin is Literal and len(arguments) == 1:
        return [arguments[0]]
    return next(filter(None, map(_shown, arguments)), [None]) if NoneType in arguments else []


class Stage(Shape):
    """One stage of the request's ledger. Operators also see `items`: values and thresholds per image."""

    other_keys: ClassVar = {"in": 1, "out": 1, "items": []}

    name: str = Field(examples=["images"])
    code: int | None
    """Why the stage ended the request, null where it did not."""
    milliseconds: float = Field(examples=[0.4])
    advice: str = Field(examples=[""])


class SystemErrors(Shape):
    """What is wrong with `.env`."""

    not_in_env: list[str] = Field(examples=[["VER_TOL"]])
    """Missing keys."""
    env_errs: list[str] = Field(examples=[["SCORE_TOL: not a number, 0 to 10 is accepted"]])
    """Bad values, as `KEY: what is wrong, what is accepted`."""


class Refused(Shape):
    """Why nothing was done, and what to do about it. Results of the stages before it may stand beside these keys."""

    advice: str = Field(examples=["Nothing."])
    """What the caller can do."""
    retry: bool = Field(examples=[False])
    """Whether the same call can succeed later, without any change to it."""
    field: str | SkipJsonSchema[None] = None
    """The field that is wrong."""
    file: str | SkipJsonSchema[None] = None
    """The file that is wrong, by the client's name for it."""
    retry_after: int | SkipJsonSchema[None] = None
    """Seconds to wait, also in the header Retry-After."""
    stages: list[Stage] | SkipJsonSchema[None] = None
    """The stages so far."""
