"""A client that holds every reply against the API's document: the code is announced, and the body has its form."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from api.openapi.document import make_document, path_of

_MADE: dict[tuple[str, ...], Documentation] = {}


class DocumentedClient(FlaskClient):
    """Fails where a reply is not in the document."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request and check the reply."""
        reply = super().open(*args, **kwargs)
        check_reply(self.application, reply)
        return reply


def client_of(app: Flask) -> FlaskClient:
    """Return a client of an application that checks every reply."""
    app.test_client_class = DocumentedClient
    return app.test_client()


def check_reply(app: Flask, reply: TestResponse) -> None:
    """Raise `AssertionError` where the document does not announce such a reply to such a request."""
    sent = reply.request
    check_exchange(app, sent.method, sent.path, reply.status_code, reply.mimetype or "", reply.get_data())


def check_exchange(app: Flask, method: str, path: str, status: int, mimetype: str, data: bytes) -> None:
    """Raise `AssertionError` where the document does not announce such a reply, by whomever it was received."""
    try:
        rule, _ = app.url_map.bind("localhost").match(path, method, return_rule=True)
    except HTTPException:
        return  # no such route or method: 404 and 405 belong to no operation
    documented = documentation_of(app)
    operation = documented.document["paths"].get(path_of(rule), {}).get(method.lower())
    if operation is None:
        return  # HEAD and OPTIONS; test_openapi.py finds routes that are missing
    where = f"{method} {path}: {status}"
    announced = operation["responses"].get(str(status))
    assert announced, f"{where} is not in the document: {data[:300]!r}"
    content = announced["content"].get(mimetype, announced["content"].get("*/*"))
    assert content is not None, f"{where} with {mimetype} is not in the document"
    if mimetype == "application/json" and "$ref" in content["schema"]:
        error = documented.error(content["schema"]["$ref"], json.loads(data))
        assert error is None, f"{where}: {error}"


class Documentation:
    """An application's document, and validators for what it refers to."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self._validators: dict[str, Any] = {}

    def error(self, reference: str, value: Any) -> str | None:
        """Return why a value does not fit the schema that is referred to, None where it fits."""
        if reference not in self._validators:
            schemas = {"schemas": self.document["components"]["schemas"]}
            self._validators[reference] = jsonschema_rs.validator_for({"$ref": reference, "components": schemas})
        try:
            self._validators[reference].validate(value)
        except jsonschema_rs.ValidationError as error:
            return str(error)
        return None


def documentation_of(app: Flask) -> Documentation:
    """Return the documentation of an application; those with the same routes share one."""
    routes = tuple(sorted(rule.rule for rule in app.url_map.iter_rules()))
    if routes not in _MADE:
        _MADE[routes] = Documentation(make_document(app))
    return _MADE[routes]
