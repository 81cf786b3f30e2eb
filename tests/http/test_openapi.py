"""The API's document: every route is in it, with the scope, the codes and the form that the server really has."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.openapi.document import make_document, methods_of, security_of
from codes_dict import Code, Kind
from tests.http.documented import documentation_of
from tests.http.front import front


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return front()


@pytest.fixture(scope="module")
def document(client: FlaskClient) -> Any:
    return client.get("/openapi.json").get_json()


def test_every_route_is_in_the_document_and_nothing_else(client: FlaskClient, document: Any) -> None:
    routes = {
        (re.sub(r"<(\w+:)?(\w+)>", r"{\2}", rule.rule), method.lower())
        for rule in client.application.url_map.iter_rules()
        for method in methods_of(rule)
    }
    assert {(path, method) for path, operations in document["paths"].items() for method in operations} == routes


def test_every_operation_says_what_it_does_and_needs(document: Any) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["security"] == security_of(method.upper(), path), path
            assert operation["summary"].endswith("."), path


BY_NUMBER = {int(code): code for code in Code}
SCOPES = {
    ("post", "/upload_imgs"): "upload",
    ("post", "/liveness/challenge"): "upload",
    ("post", "/upload_db"): "enrol",
    ("post", "/verify"): "verify",
    ("delete", "/people/{person_id}"): "people",
    ("delete", "/limits/{person_id}"): "admin",
    ("get", "/metrics"): "admin",
    ("get", "/openapi.json"): "",
    ("get", "/docs"): "",
    ("get", "/codes/{number}"): "",
}


@pytest.mark.parametrize(("method", "path"), SCOPES)
def test_an_endpoint_names_the_scope_of_the_contract(document: Any, method: str, path: str) -> None:
    scope = SCOPES[method, path]
    expected = [{"ApiKey": [scope]}, {"Bearer": [scope]}] if scope else []
    operation = document["paths"][path][method]
    assert (operation["security"], operation["x-scope"]) == (expected, scope or "open to all")


def test_the_document_is_valid_openapi_3_1(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def test_every_reply_has_an_example_and_every_example_fits(client: FlaskClient, document: Any) -> None:
    documentation = documentation_of(client.application)
    examples = document["components"]["examples"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            bodies = [operation["requestBody"]] if "requestBody" in operation else []
            replies = [*operation["responses"].values(), *bodies]
            for media in (one for reply in replies for one in reply["content"].values()):
                names = [its["$ref"].rsplit("/", 1)[1] for its in media.get("examples", {}).values()]
                shown = [examples[name]["value"] for name in names]
                shown += [media["example"]] if "example" in media else []
                reference = media["schema"].get("$ref")
                assert shown or reference is None or "Files" in reference, (path, method, reference)
                assert [documentation.error(reference, one) for one in shown if reference] == [None] * len(shown)
            for parameter in operation["parameters"]:
                assert (
                    jsonschema_rs.is_valid(parameter["schema"], parameter.get("example")) or "example" not in parameter
                )


def test_every_code_is_in_the_document_under_its_status(document: Any) -> None:
    found: dict[int, int] = {}
    for example in document["components"]["examples"].values():
        body = example["value"]
        number = next(value for key, value in body.items() if key.endswith("code"))
        assert BY_NUMBER[number].message == next(value for key, value in body.items() if key.endswith("message"))
        found[number] = BY_NUMBER[number].status
    inside = {int(code) for code in Code if code.kind is Kind.DETAIL}
    assert set(map(int, Code)) - set(found) - inside <= {
        Code.WRONG_METHOD, Code.CONFLICT, Code.VALUE_REFUSED, Code.NO_STRANGERS, Code.NO_WEIGHTS,
    }  # fmt: skip
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, reply in operation["responses"].items():
                names = reply["content"].get("application/json", {}).get("examples", {})
                assert {Code[name].status for name in names} <= {int(status)}


def test_the_page_shows_every_operation_and_loads_nothing(client: FlaskClient, document: Any) -> None:
    reply = client.get("/docs")
    page = reply.get_data(as_text=True)
    shown = [operation["operationId"] for operations in document["paths"].values() for operation in operations.values()]
    assert [name for name in shown if f'id="{name}"' not in page] == []
    assert [tag for tag in ("<script", "<link", "src=", "http://", "https://", "style=") if tag in page] == []
    assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")


def test_the_document_is_the_same_each_time(client: FlaskClient, document: Any) -> None:
    assert make_document(client.application) == document
