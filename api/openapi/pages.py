"""The document as JSON, and as a page to read: one file of HTML without scripts and without anything from elsewhere."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, cast

from flask import Blueprint, Response, current_app, g
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.openapi.describing import JSON, Other, describe
from api.openapi.document import make_document
from codes_dict import Code

blueprint = Blueprint("docs", __name__)

_HERE = Path(__file__).resolve().parent
_EXTENSION = "faceapp.openapi"
_STYLE = (_HERE / "docs.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def document() -> dict[str, Any]:
    """Return the current application's document; made once."""
    made = current_app.extensions.setdefault(_EXTENSION, {})
    if "document" not in made:
        made["document"] = make_document(current_app)
    return cast(dict[str, Any], made["document"])


def summaries() -> dict[str, str]:
    """Return each endpoint's summary by method and path."""
    return {
        f"{method.upper()} {path}": operation["summary"]
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
    }


@blueprint.get("/openapi.json")
@describe(other={200: Other("This document.", JSON)})
def openapi_json() -> Response:
    """Return this document: OpenAPI 3.1."""
    g.answered = Code.DONE
    return Response(json.dumps(document(), ensure_ascii=False), mimetype=JSON)


@blueprint.get("/docs")
@describe(other={200: Other("The page.", "text/html")})
def docs() -> Response:
    """Show this document as a page."""
    made = current_app.extensions.setdefault(_EXTENSION, {})
    if "page" not in made:
        made["page"] = _rendered(document())
    g.answered = Code.DONE
    return Response(made["page"], mimetype="text/html", headers={"Content-Security-Policy": _POLICY})


def _rendered(made: dict[str, Any]) -> str:
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.filters["pretty"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)
    families: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            families.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    examples = made["components"]["examples"]
    schemas = made["components"]["schemas"]
    page = environment.get_template("docs.html")
    return page.render(info=made["info"], families=families, examples=examples, schemas=schemas, style=_STYLE)
