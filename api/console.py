"""The console: the page that a browser gets at `/`, and the files of it."""

from pathlib import Path

from flask import Blueprint, Response, send_from_directory

from api.openapi import Other, describe

blueprint = Blueprint("console", __name__)

_FOLDER = Path(__file__).resolve().parent.parent / "static" / "console"
"""Served, like `static/admin`: the other folders of `static` hold photos of people."""

_HEADERS = {
    "Cache-Control": "no-cache",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob: data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    ),
}


@blueprint.get("/static/console/<path:name>")
@describe(other={200: Other("The file.", "*/*"), 304: Other("The file did not change.", "*/*")})
def file(name: str) -> Response:
    """Serve a file of the console."""
    return served(name)


def served(name: str, folder: Path = _FOLDER) -> Response:
    """Return a file of a page; it may load scripts, styles and pictures from this server alone."""
    response = send_from_directory(folder, name)
    response.headers.update(_HEADERS)
    return response
