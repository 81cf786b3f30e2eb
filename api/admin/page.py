"""The operator's page and its files: anybody may read them, what they show needs the session."""

from pathlib import Path

from flask import Response

from api.admin.session import blueprint
from api.console import served
from api.openapi import Other, describe
from api.shapes.ops import FilePath

_FOLDER = Path(__file__).resolve().parents[2] / "static" / "admin"


@blueprint.get("/admin", strict_slashes=False)
@describe(other={200: Other("The page.", "text/html")})
def page() -> Response:
    """Serve the operator's page."""
    return served("index.html", _FOLDER)


@blueprint.get("/static/admin/<path:name>")
@describe(path=FilePath, other={200: Other("The file.", "*/*")})
def file(name: str) -> Response:
    """Serve a file of the operator's page."""
    return served(name, _FOLDER)
