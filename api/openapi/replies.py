"""The replies of an endpoint: for each HTTP status its codes, its envelope's schema, and an example of each code."""

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any

from api.access import DOOR, OPEN
from api.bodies import FORM
from api.openapi.describing import JSON, Description, Other
from api.openapi.shapes import Shape, SystemErrors
from codes_dict import Code

Keys = tuple[str, str, str]
"""What an endpoint's envelope calls results, code and message."""

_ALWAYS = (Code.MALFORMED, Code.INTERNAL)
_DOOR = (Code.NO_KEY, Code.NOT_ALLOWED, Code.TOO_LARGE)
_SCOPED = (Code.NO_KEY, Code.NOT_ALLOWED, Code.TOO_MANY, Code.BAD_ENV, Code.DB_DOWN, Code.DB_NEWER, Code.BUSY)
_BODY = {FORM: Code.BAD_FORM, JSON: Code.BAD_JSON}
_EXTRA = {Code.TOO_MANY: {"retry_after": 30}}
HEADERS = {
    "X-Request-ID": {"description": "The request's id, in every log line of it.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
}


def codes_of(description: Description, scope: str, has_path: bool) -> list[Code]:
    """Return every code that an endpoint can answer with, by number."""
    body = [Code.TOO_LARGE, *(_BODY[kind] for kind in description.body if kind in _BODY)] if description.body else []
    return sorted(
        {
            *_ALWAYS,
            *description.done,
            *description.refuses,
            *{OPEN: (), DOOR: _DOOR}.get(scope, _SCOPED),
            *([Code.NO_ROUTE] if has_path else []),
            *body,
        }
    )


class Replies:
    """Makes the replies and collects what they refer to: models, envelopes and examples, each once."""

    def __init__(self) -> None:
        self.models: list[type[Shape]] = []
        self.examples: dict[str, Any] = {}
        self.envelopes: dict[str, Any] = {}

    def of(
        self, name: str, description: Description, codes: Iterable[Code], keys: Keys, status_of: Callable[[Code], int]
    ) -> dict[str, Any]:
        """Return OpenAPI's responses of the endpoint `name`, by HTTP status."""
        by_status = groupby(sorted(codes, key=lambda code: (status_of(code), code)), key=status_of)
        found = {str(status): self._reply(name, description, list(its), keys) for status, its in by_status}
        for status, other in description.other.items():
            reply = found.setdefault(str(status), {"description": "", "content": {}})
            reply["description"] = "\n".join(filter(None, [reply["description"], f"- {other.description}"]))
            reply["content"][other.media_type] = self._other(other)
        for status_text, reply in found.items():
            names = list(HEADERS) if status_text in ("429", "503") else ["X-Request-ID"]
            reply["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
        return dict(sorted(found.items()))

    def _other(self, other: Other) -> dict[str, Any]:
        if other.model is None:
            return {"schema": {"type": "object" if other.media_type == JSON else "string"}}
        return {"schema": self.ref(other.model), "example": other.model.example()}

    def ref(self, model: type[Shape]) -> dict[str, str]:
        """Return a reference to a model's schema, which the document then contains."""
        if model not in self.models:
            if any(other.__name__ == model.__name__ for other in self.models):
                raise ValueError(f"two models are called {model.__name__}")
            self.models.append(model)
        return {"$ref": f"#/components/schemas/{model.__name__}"}

    def _reply(self, name: str, description: Description, codes: list[Code], keys: Keys) -> dict[str, Any]:
        listed = "\n".join(f"- {int(code)}: {code.message}" for code in codes)
        if description.failed is not None:
            content = {"schema": self.ref(description.failed), "example": description.failed.example()}
            return {"description": listed, "content": {JSON: content}}
        examples = {code.name: self._example(name, description, code, keys) for code in codes}
        return {
            "description": listed,
            "content": {JSON: {"schema": self._envelope(name, description, codes, keys), "examples": examples}},
        }

    def _envelope(self, name: str, description: Description, codes: list[Code], keys: Keys) -> dict[str, str]:
        """Return a reference to the schema of an envelope that carries one of these codes; equal ones are one."""
        models = sorted({_results_of(description, code) for code in codes}, key=lambda model: model.__name__)
        is_shared = description.results not in models
        title = f"{name}_{codes[0].status}"
        if is_shared:  # endpoints that refuse with the same codes share an envelope
            prefix = [] if keys[1] == "code" else [keys[1]]
            title = "_".join([models[0].__name__, *prefix, *(str(int(code)) for code in codes)])
        results = [self.ref(model) for model in models]
        properties = {
            keys[1]: {"enum": [int(code) for code in codes]},
            keys[2]: {"type": "string"},
            keys[0]: results[0] if len(results) == 1 else {"anyOf": results},
            "system_errors": {"anyOf": [self.ref(SystemErrors), {"type": "null"}]},
        }
        self.envelopes[title] = {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
        return {"$ref": f"#/components/schemas/{title}"}

    def _example(self, name: str, description: Description, code: Code, keys: Keys) -> dict[str, str]:
        results = dict(_results_of(description, code).example() or {})
        if code not in description.done:
            results |= {"advice": code.caller_does, "retry": code.retry, **_EXTRA.get(code, {})}
        errors = SystemErrors.example() if code is Code.BAD_ENV else None
        value = {keys[1]: int(code), keys[2]: code.message, keys[0]: results, "system_errors": errors}
        title = code.name
        if self.examples.setdefault(title, {"value": value})["value"] != value:
            title = f"{name}.{code.name}"
            self.examples[title] = {"value": value}
        return {"$ref": f"#/components/examples/{title}"}


def _results_of(description: Description, code: Code) -> type[Shape]:
    return description.results if description.results and code in description.done else description.refused


def media(model: type[Shape], ref: Mapping[str, str]) -> dict[str, Any]:
    """Return the media type object of a request's body, whose files are images."""
    example = {} if model.example() is None else {"example": model.example()}
    properties = model.model_json_schema().get("properties", {})
    files = [
        name for name, its in properties.items() if "binary" in (its.get("format"), its.get("items", {}).get("format"))
    ]
    encoding = {"encoding": {name: {"contentType": "image/*"} for name in files}} if files else {}
    return {"schema": ref, **example, **encoding}
