"""The operator's page and its files: plain files, which anybody may read; what they show needs the session."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, send_from_directory

_FOLDER = Path(__file__).resolve().parents[2] / "static" / "admin"
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    ),
}


def register(blueprint: Blueprint) -> None:
    """Add the routes."""
    blueprint.get("/admin", strict_slashes=False)(page)
    blueprint.get("/static/admin/<path:name>")(file)


def page() -> Response:
    """Serve the page."""
    return file("index.html")


def file(name: str) -> Response:
    """Serve a file of the page; it may load scripts, styles and pictures from this server alone."""
    response = send_from_directory(_FOLDER, name)
    response.headers.update(_HEADERS)
    return response
