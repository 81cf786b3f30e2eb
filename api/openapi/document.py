"""The document: made from the application's routes and what is said beside them."""

import inspect
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from flask import Flask
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema
from werkzeug.routing import Rule

from api import door
from api.access import ANY, DOOR, OPEN, needed_scope
from api.envelope import keys_of
from api.openapi.describing import Description, description_of
from api.openapi.replies import HEADERS, Replies, codes_of, media
from api.openapi.shapes import Shape
from api.own_forms import status_of
from api.shapes.common import PathArguments

_ARGUMENT = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
_KEYS = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
}
_SESSION = {
    "Session": {"type": "apiKey", "in": "cookie", "name": door.COOKIE},
    "Token": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
}
_ABOUT = (
    "Verifies from photos that a person is who they say they are. The number in a reply's body is the truth, the HTTP "
    "status serves proxies and monitors. Every reply carries X-Request-ID: the caller's where it is 1 to 64 of "
    "A-Z a-z 0-9 . _ -, else a new one. Without any keys the server answers its own machine alone; with keys an "
    "endpoint needs the scope that its `x-scope` names, or `admin`."
)


class SchemaMaker(GenerateJsonSchema):
    """Pydantic's JSON Schema without fields' titles and examples, and without a default None that means absent."""

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        """Leave the examples out: they stand beside the schema, for the whole of it."""
        made = super().generate_inner(schema)
        made.pop("examples", None)
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Set none: they repeat the name."""
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Return the schema with its default, unless that is None."""
        made = super().default_schema(schema)
        return {key: value for key, value in made.items() if key != "default" or value is not None}


def make_document(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of an application. Routes without `describe` are missing in it."""
    replies = Replies()
    paths: dict[str, dict[str, Any]] = {}
    for rule, method, description in described_routes(app):
        paths.setdefault(path_of(rule), {})[method.lower()] = _operation(app, rule, method, description, replies)
    _, schemas = models_json_schema(
        [(model, "validation") for model in replies.models],
        ref_template="#/components/schemas/{model}",
        schema_generator=SchemaMaker,
    )
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {"title": "faceapp", "version": "0.1.0", "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": {**schemas.get("$defs", {}), **replies.envelopes},
            "examples": replies.examples,
            "headers": HEADERS,
            "securitySchemes": {**_KEYS, **_SESSION},
        },
    }


def described_routes(app: Flask) -> Iterator[tuple[Rule, str, Description]]:
    """Yield every route and method that is described, by path."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        description = description_of(app.view_functions[rule.endpoint])
        for method in methods_of(rule):
            if description is not None:
                yield rule, method, description


def path_of(rule: Rule) -> str:
    """Return a route's path as OpenAPI writes it."""
    return _ARGUMENT.sub(r"{\1}", rule.rule)


def methods_of(rule: Rule) -> list[str]:
    """Return the methods of a route that are described: HEAD is GET's, OPTIONS is for browsers."""
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def security_of(method: str, path: str) -> list[dict[str, list[str]]]:
    """Return OpenAPI's security requirements: a key with the scope in either header, or the operator's session."""
    scope = needed_scope(method, path)
    if scope == DOOR:
        if not path.startswith(door.API) or path == door.SESSION:
            return []
        return [{name: [] for name in (_SESSION if method != "GET" else ["Session"])}]
    return [] if scope == OPEN else [{kind: [] if scope == ANY else [scope]} for kind in _KEYS]


def _operation(app: Flask, rule: Rule, method: str, description: Description, replies: Replies) -> dict[str, Any]:
    scope = needed_scope(method, rule.rule)
    summary, _, more = (inspect.getdoc(app.view_functions[rule.endpoint]) or "").partition("\n")
    name = rule.endpoint.replace(".", "_") + ("" if len(methods_of(rule)) == 1 else f"_{method.lower()}")
    codes = codes_of(description, scope, bool(rule.arguments))
    body = {kind: media(model, replies.ref(model)) for kind, model in description.body.items()}
    return {
        "tags": [rule.endpoint.partition(".")[0]],
        "summary": summary.strip(),
        **({"description": more.strip()} if more.strip() else {}),
        "operationId": re.sub(r"\W+", "_", f"{method.lower()}{rule.rule}").strip("_"),
        "x-scope": {OPEN: "open to all", ANY: "any key", DOOR: "operator"}.get(scope, scope),
        "security": security_of(method, rule.rule),
        "parameters": [
            *_parameters("path", description.path or PathArguments, rule),
            *_parameters("query", description.query, rule),
        ],
        **({"requestBody": {"required": True, "content": body}} if body else {}),
        "responses": replies.of(name, description, codes, keys_of(rule.rule), partial(status_of, path=rule.rule)),
    }


def _parameters(place: str, model: type[Shape] | None, rule: Rule) -> Iterator[dict[str, Any]]:
    """Yield a model's fields as parameters; those that a `not` rules out together are one, written as several."""
    schema = model.model_json_schema(schema_generator=SchemaMaker) if model else {}
    properties = schema.get("properties", {})
    if place == "path":
        properties = {name: its for name, its in properties.items() if name in rule.arguments}
        if set(properties) != rule.arguments:
            raise ValueError(f"{rule.rule}: PathArguments has no such argument")
    together = set(schema.get("not", {}).get("properties", {}))
    if together:
        members = {"type": "object", "properties": {name: properties.pop(name) for name in sorted(together)}}
        about = {"description": f"{' and '.join(sorted(together))}: not both.", "style": "form", "explode": True}
        yield {"name": "flags", "in": place, "required": False, **about, "schema": {**members, "not": schema["not"]}}
    for name, its in properties.items():
        about = {"description": its.pop("description", "")}
        example = (model.example() or {}).get(name) if model else None
        required = name in schema.get("required", [])
        shown = {} if example is None else {"example": example}
        yield {"name": name, "in": place, "required": required, "schema": its, **about, **shown}
