"""The Postman collection and environment: the requests of postman/workflow.toml, told by the API's document."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from api.openapi.document import make_document
from api.source import Source
from codes_dict import Code, Kind
from faceapp import create_app

COLLECTION, ENVIRONMENT = "faceapp.postman_collection.json", "faceapp.postman_environment.json"
_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_IDS = ("6d0b4a53-3c42-4a64-9d2f-4b6c5d0a1f10", "6d0b4a53-3c42-4a64-9d2f-4b6c5d0a1f11")
_SECRET = ("api_key", "super_password")
_JSON = "application/json"
_BEFORE: Final = (
    "const key = pm.variables.get('api_key');",
    "if (key && !pm.request.headers.has('X-API-Key')) pm.request.headers.add({ key: 'X-API-Key', value: key });",
    "pm.variables.set('facehash_key', key || 'API_KEY_TEST_1');",
    "pm.variables.set('padding', ' '.repeat(20000));",
)
"""Runs before each request: the key where there is one, FaceHash's name for none, and a body that is too large."""

Item = dict[str, Any]
_BY_NUMBER: Final = {int(code): code for code in Code}


class _NoSource:
    """Stands for an application's services, which its document does not need."""

    def gallery_people(self) -> None:
        """Have no gallery."""


def api_document() -> Item:
    """Return the API's OpenAPI document, without settings, models or a server."""
    return make_document(create_app(cast(Source, _NoSource())))


def postman_files(folder: Path, document: Item) -> dict[str, str]:
    """Return the text of the collection and of the environment by file name, made of the workflow in `folder`.

    Raises `ValueError` where a request lacks its codes or statuses.
    """
    plan = tomllib.loads((folder / "workflow.toml").read_text(encoding="utf-8"))
    helpers = (folder / "helpers.js").read_text(encoding="utf-8").splitlines()
    made = {COLLECTION: _Maker(document).collection(plan, helpers), ENVIRONMENT: _environment(plan["inputs"])}
    return {name: json.dumps(content, indent=1, ensure_ascii=False) + "\n" for name, content in made.items()}


def refresh_postman(root: Path) -> list[str]:
    """Write both files; returns those that changed."""
    folder, changed = root / "postman", []
    for name, text in postman_files(folder, api_document()).items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(f"postman/{name}")
    return changed


def operation_of(document: Item, call: str) -> tuple[str, Item] | None:
    """Return the path and the operation that a call is for, the path without parameters before the others."""
    method, _, url = call.partition(" ")
    path = url.split("?")[0]
    for template, operations in sorted(document["paths"].items(), key=lambda one: one[0].count("{")):
        if method.lower() in operations and _fits(path, template):
            return template, operations[method.lower()]
    return None


def _fits(path: str, template: str) -> bool:
    pattern = re.escape(template).replace(r"\{path\}", ".+")
    return re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", pattern), path) is not None


class _Maker:
    """Makes items of requests; an operation's first request gets all examples of what it answers with status 200."""

    def __init__(self, document: Item) -> None:
        self._document = document
        self._shown: set[str] = set()

    def collection(self, plan: Item, helpers: list[str]) -> Item:
        """Return the whole collection."""
        folders = [
            {"name": one["name"], "description": _about(one), "item": list(map(self._item, one["requests"]))}
            for one in plan["folders"]
        ]
        inner = dict.fromkeys(re.findall(r"Variables\.set\('(\w+)'", json.dumps(plan)), "")
        about = plan["about"].strip()
        variables = [{"key": key, "value": value} for key, value in {**plan["inputs"], **inner}.items()]
        return {
            "info": {"name": "faceapp", "_postman_id": _IDS[0], "description": about, "schema": _SCHEMA},
            "item": folders,
            "variable": variables,
            "event": [_script("prerequest", list(_BEFORE)), _script("test", helpers)],
        }

    def _item(self, asked: Item) -> Item:
        found = operation_of(self._document, asked["call"])
        operation = found[1] if found else {}
        request = _request(asked, operation)
        numbers = [_BY_NUMBER[number] for number in asked.get("codes", ())]
        return {
            "name": asked["name"],
            "event": [_script("test", [*_expectations(asked, numbers), *asked.get("test", ())])],
            "request": request,
            "response": [_example(*one, request) for one in self._examples(asked, operation, numbers)],
        }

    def _examples(self, asked: Item, operation: Item, numbers: list[Code]) -> Iterator[tuple[str, int, Any]]:
        is_first = operation.get("operationId", "") not in self._shown and bool(operation)
        self._shown.add(operation.get("operationId", ""))
        names = {code.name for code in numbers} | {_BY_NUMBER[number].name for number in asked.get("shows", ())}
        for number, reply in operation.get("responses", {}).items():
            status, media = int(number), reply["content"].get(_JSON, {})
            for name, reference in media.get("examples", {}).items():
                if name in names or (is_first and status == 200):
                    shown = self._document["components"]["examples"][reference["$ref"].rsplit("/", 1)[1]]
                    code = Code[name]
                    yield f"{int(code)} {code.message}", status, shown["value"]
            if "example" in media and status in asked.get("statuses", ()):
                yield "The reply", status, media["example"]
            for code in (_BY_NUMBER[number] for number in asked.get("shows", ()) if "example" in media):
                if code.status == status:
                    yield f"{int(code)} {code.message}", status, _of_own_form(media["example"], code)


def _of_own_form(failure: Item, code: Code) -> Item:
    """Return a failure in the form of another service as it is for a code."""
    text = next(key for key in failure if "error" in key.lower())
    return {**failure, text: code.message, "code": int(code)}


def _about(folder: Item) -> str:
    """Return what a folder says of itself, with the settings that its server needs."""
    lines = [f"    {key}={value}" for key, value in folder.get("settings", {}).items()]
    return "\n".join([folder["about"].strip(), *(["", *lines] if lines else [])])


def _expectations(asked: Item, codes: list[Code]) -> Iterator[str]:
    """Yield the lines of a request's test."""
    statuses, numbers = sorted({code.status for code in codes}), [int(code) for code in codes]
    if not codes:
        yield f"const body = answersOwn({asked['statuses']});"
    elif "wrong" in asked:
        yield f"const body = refuses({numbers}, {statuses}, '{asked['wrong']}');"
    else:
        is_refusal = all(code.kind is Kind.CALLER for code in codes)
        yield f"const body = {'refuses' if is_refusal else 'answers'}({numbers}, {statuses});"
    if "inside" in asked:
        yield f"inside({asked['inside']}, body);"


def _request(asked: Item, operation: Item) -> Item:
    method, _, url = asked["call"].partition(" ")
    body, kind = _body(asked)
    headers = {**({"Content-Type": kind} if kind else {}), **asked.get("headers", {})}
    about = [asked.get("about"), operation.get("summary"), operation.get("description")]
    about += [f"Scope: {operation['x-scope']}."] if operation else []
    made: Item = {
        "method": method,
        "header": [{"key": key, "value": value} for key, value in headers.items()],
        "url": _url(url),
        "description": "\n\n".join(filter(None, about)),
    }
    return {**made, "body": body} if body else made


def _url(url: str) -> Item:
    path, _, query = url.partition("?")
    made: Item = {"raw": "{{base_url}}" + url, "host": ["{{base_url}}"], "path": path[1:].split("/")}
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    return {**made, "query": [{"key": key, "value": value} for key, _, value in pairs]} if pairs else made


def _body(asked: Item) -> tuple[Item | None, str]:
    """Return the body of a request and its Content-Type where Postman does not set it."""
    if "files" in asked:
        files = [{"key": key, "type": "file", "src": src} for key, its in asked["files"].items() for src in its]
        return {"mode": "formdata", "formdata": files + _texts(asked.get("fields", {}))}, ""
    if "form" in asked:
        return {"mode": "urlencoded", "urlencoded": _texts(asked["form"])}, ""
    if "json" in asked:
        return {"mode": "raw", "raw": json.dumps(asked["json"]), "options": {"raw": {"language": "json"}}}, _JSON
    return ({"mode": "raw", "raw": asked["raw"]}, _JSON) if "raw" in asked else (None, "")


def _texts(fields: Mapping[str, str | list[str]]) -> list[Item]:
    pairs = [(key, one) for key, its in fields.items() for one in (its if isinstance(its, list) else [its])]
    return [{"key": key, "value": value, "type": "text"} for key, value in pairs]


def _script(listen: str, lines: list[str]) -> Item:
    return {"listen": listen, "script": {"type": "text/javascript", "exec": lines}}


def _example(name: str, status: int, body: Any, request: Item) -> Item:
    return {
        "name": name,
        "originalRequest": {key: request[key] for key in ("method", "header", "url", "body") if key in request},
        "code": status,
        "_postman_previewlanguage": "json",
        "header": [{"key": "Content-Type", "value": "application/json"}],
        "body": json.dumps(body, indent=2, ensure_ascii=False),
    }


def _environment(inputs: Mapping[str, str]) -> Item:
    kinds = {key: "secret" if key in _SECRET else "default" for key in inputs}
    values = [{"key": key, "value": value, "type": kinds[key], "enabled": True} for key, value in inputs.items()]
    return {"id": _IDS[1], "name": "faceapp", "values": values, "_postman_variable_scope": "environment"}
