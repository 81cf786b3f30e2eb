"""faceapp: verifies from photos that a person is who they say they are. `python faceapp.py` serves on HOST:PORT."""

import logging
from pathlib import Path

from flask import Flask

from api import (
    access,
    compare,
    compreface,
    console,
    deepface,
    errors,
    facehash,
    facenet,
    gate,
    jobs,
    ops,
    people,
    recognition,
    reply_headers,
    request_log,
    source,
)
from api import pipeline as endpoints
from api.admin import blueprint as admin
from api.gate import Gate
from api.openapi import pages
from api.serving import exit_now
from api.source import Source
from api.telemetry import EXTENSION as TELEMETRY
from api.telemetry import Telemetry
from pipeline.jobs import Jobs
from pipeline.parallel import default_threads

ROOT = Path(__file__).resolve().parent
ENV_FILE = ROOT / ".env"

_log = logging.getLogger(__name__)


def create_app(services: Source, door: Gate | None = None) -> Flask:
    """Return the application over a source of services. It serves none of the project's folders.

    `door` bounds how many costly requests run and wait; the default depends on the number of cores.
    """
    app = Flask(__name__, static_folder=None)
    app.extensions[source.EXTENSION] = services
    app.extensions[gate.EXTENSION] = door = door or Gate.of(default_threads())
    app.extensions[TELEMETRY] = Telemetry(
        door, {"faceapp_gallery_people": ("People who are enrolled", services.gallery_people)}
    )
    app.extensions[jobs.EXTENSION] = Jobs()
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # an empty reply without an envelope
    app.url_map.merge_slashes = False  # a redirect, which is a page of HTML
    app.json.sort_keys = False  # type: ignore[attr-defined]
    request_log.register(app)
    reply_headers.register(app)
    errors.register(app)
    access.register(app)
    for module in (endpoints, compare, facenet, people, jobs, facehash, recognition, deepface, compreface):
        app.register_blueprint(module.blueprint)
    for blueprint in (endpoints.liveness, people.limits, ops.blueprint, admin, console.blueprint, pages.blueprint):
        app.register_blueprint(blueprint)
    return app


def main() -> int:
    """Serve until SIGTERM or Ctrl-C; returns the exit status, 2 where the server could not start."""
    from bootstrap.serving import serve_settings

    return serve_settings(ENV_FILE, create_app)


if __name__ == "__main__":
    exit_now(main())
