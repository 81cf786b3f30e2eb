"""From `.env` to a listening server: models load beside it, and it says when it is ready."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from flask import Flask

from api.gate import Gate
from api.serving import CannotListenError, default_threads, open_socket, serve
from api.source import Source
from bootstrap.container import ServiceContainer
from bootstrap.engines import described, liveness_loader
from bootstrap.maintenance import Maintenance
from bootstrap.models import LoadedModels
from bootstrap.quiet import silence_tensorflow
from bootstrap.threads import share_cores
from codes_dict import Refusal
from env_validator import listening_address

_log = logging.getLogger(__name__)


RESERVED_THREADS = 4
"""Threads beyond those that costly requests can hold: whether the server is alive is answered at any time."""


def serve_settings(env_file: Path, create_app: Callable[[Source, Gate], Flask]) -> int:
    """Serve until SIGTERM or Ctrl-C; returns the exit status, 2 where the address cannot be listened on.

    Wrong settings are no reason not to start: requests get 176 until they are mended.
    """
    silence_tensorflow()
    host, port, threads = listening_address(env_file)
    try:
        listening = open_socket(host, port)
    except CannotListenError as reason:
        print(reason, file=sys.stderr)
        return 2
    share_cores()
    door = Gate.of(threads or default_threads())
    models = LoadedModels()
    container = ServiceContainer(env_file, models, liveness_loader())
    upkeep = Maintenance(container)

    def on_listening(address: str) -> None:
        print("Loading and warming the models ...", flush=True)
        threading.Thread(target=_warm, args=(container, upkeep, address), daemon=True).start()

    try:
        app, workers = create_app(container, door), door.most + RESERVED_THREADS
        serve(app, listening, workers, on_listening, container.max_upload_bytes)
    finally:
        upkeep.stop()
        container.close()
        models.close()
    return 0


def _warm(container: ServiceContainer, upkeep: Maintenance, address: str) -> None:
    """Load everything before the first request does, and say what came of it."""
    try:
        container.warm()
    except Refusal as refusal:
        _log.error("%s", refusal)
        print(f"Listening on {address}, but not ready: {refusal}", file=sys.stderr, flush=True)
    else:
        about = container.liveness()
        if about is not None:
            print(f"Liveness: {described(about)}", flush=True)
        print(f"Ready: {address}", flush=True)
    upkeep.start()
