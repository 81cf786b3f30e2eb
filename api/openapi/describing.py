"""The decorator that says what an endpoint takes and answers. It keeps the words and leaves the function as it is."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from api.openapi.shapes import Refused, Shape
from codes_dict import Code

View = TypeVar("View", bound=Callable[..., Any])

JSON = "application/json"

LEASED = (Code.BAD_ENV, Code.DB_DOWN, Code.DB_NEWER, Code.VECTORS_DOWN, Code.NO_SPACE, Code.SEAL_BROKEN, Code.BUSY)
"""What an endpoint that borrows services (`api.access.lend`) may answer beside its own codes."""

NOT_LIVE = (Code.NO_LIVENESS, Code.ALL_SPOOF, Code.NONE_LIVE)
"""What an endpoint may answer where faces have to be live."""
NO_PHOTO = (Code.NO_FILES, Code.BAD_BASE64, Code.ALL_REJECTED)
"""What an endpoint may answer where photos are sent."""


@dataclass(frozen=True)
class Other:
    """A reply that is no envelope: a page, or another system's form."""

    description: str
    media_type: str = JSON
    model: type[Shape] | None = None
    """None where it is text."""


@dataclass(frozen=True)
class Description:
    """Describes an endpoint, as its decorator; its docstring's first line is the summary, the rest the description.

    `done` are the codes that come with `results`, `refuses` those that come with `refused`; what follows from the
    scope, the body and the path is added by itself. `query` and `body` (by media type) describe the request,
    `path` its path where `PathArguments` means another thing. `other` are replies in another form, by HTTP status;
    without `results` there is no other success. `failed` is the form of all refusals that are no envelopes.
    """

    results: type[Shape] | None = None
    done: Collection[Code] = (Code.DONE,)
    refuses: Collection[Code] = ()
    _: KW_ONLY
    refused: type[Refused] = Refused
    path: type[Shape] | None = None
    query: type[Shape] | None = None
    body: Mapping[str, type[Shape]] = field(default_factory=dict)
    other: Mapping[int, Other] = field(default_factory=dict)
    failed: type[Shape] | None = None

    def __post_init__(self) -> None:
        if self.results is None:
            object.__setattr__(self, "done", ())

    def __call__(self, view: View) -> View:
        """Keep the description of a view function, which stays as it is."""
        _DESCRIPTIONS[view] = self
        return view


describe = Description
_DESCRIPTIONS: WeakKeyDictionary[Callable[..., Any], Description] = WeakKeyDictionary()


def description_of(view: Callable[..., Any]) -> Description | None:
    """Return the description of a view function, None where it has none."""
    return _DESCRIPTIONS.get(view)
