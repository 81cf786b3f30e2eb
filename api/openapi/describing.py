"""The decorator that says what an endpoint takes and answers. It keeps the words and leaves the function as it is."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from api.openapi.shapes import Refused, Shape
from codes_dict import Code

View = TypeVar("View", bound=Callable[..., Any])

JSON = "application/json"

LEASED = (Code.BAD_ENV, Code.DB_DOWN, Code.DB_NEWER, Code.VECTORS_DOWN, Code.NO_SPACE, Code.SEAL_BROKEN, Code.BUSY)
"""What an endpoint that borrows services (`api.access.lend`) may answer beside its own codes."""


@dataclass(frozen=True)
class Other:
    """A reply that is no envelope: a page, or another system's form."""

    description: str
    media_type: str = JSON
    model: type[Shape] | None = None
    """None where it is text."""


@dataclass(frozen=True)
class Description:
    """What `describe` was told."""

    results: type[Shape] | None
    done: tuple[Code, ...]
    refuses: tuple[Code, ...]
    refused: type[Refused]
    path: type[Shape] | None
    query: type[Shape] | None
    body: Mapping[str, type[Shape]] = field(default_factory=dict)
    other: Mapping[int, Other] = field(default_factory=dict)
    failed: type[Shape] | None = None


_DESCRIPTIONS: WeakKeyDictionary[Callable[..., Any], Description] = WeakKeyDictionary()


def describe(
    results: type[Shape] | None = None,
    done: Iterable[Code] = (Code.DONE,),
    refuses: Iterable[Code] = (),
    *,
    refused: type[Refused] = Refused,
    path: type[Shape] | None = None,
    query: type[Shape] | None = None,
    body: Mapping[str, type[Shape]] | None = None,
    other: Mapping[int, Other] | None = None,
    failed: type[Shape] | None = None,
) -> Callable[[View], View]:
    """Describe an endpoint; its docstring's first line is the summary, the rest the description.

    `done` are the codes that come with `results`, `refuses` those that come with `refused`; what follows from the
    scope, the body and the path is added by itself. `path`, `query` and `body` (by media type) describe the request.
    `other` are replies in another form, by HTTP status; without `results` there is no other success. `failed` is the
    form of all refusals, where that is another one than the envelope.
    """
    done = tuple(done) if results else ()
    description = Description(results, done, tuple(refuses), refused, path, query, body or {}, other or {}, failed)

    def add(view: View) -> View:
        _DESCRIPTIONS[view] = description
        return view

    return add


def description_of(view: Callable[..., Any]) -> Description | None:
    """Return what `describe` was told about a view function, None where it was not used."""
    return _DESCRIPTIONS.get(view)
