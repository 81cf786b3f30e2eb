"""From `.env` to a listening server; models load in the background, and the server prints when it is ready."""

import logging
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TextIO

from flask import Flask

from api.access import refusal_of
from api.gate import Gate
from api.logs import REQUEST_ID
from api.serving import CannotListenError, address_of, open_socket, serve
from api.source import Source
from bootstrap.container import ServiceContainer
from bootstrap.engines import described, liveness_loader
from bootstrap.maintenance import Maintenance
from bootstrap.models import LoadedModels
from bootstrap.quiet import NOWHERE, silence_tensorflow
from bootstrap.sealing import described as described_seal
from bootstrap.threads import share_cores
from codes_dict import Refusal
from env_validator import described as settings_rows
from env_validator import listening_address, listening_faults
from pipeline.jobs import MOST_UNDER_WAY
from pipeline.models.decoding import DecodingPool
from pipeline.models.runtime import release_memory
from pipeline.parallel import default_threads
from pipeline.stages.recent import RecentPhotos

_log = logging.getLogger(__name__)


RESERVED_THREADS = 4
"""Threads that costly requests cannot occupy, so that health checks are always answered; requests that wait for their
job have threads of their own."""


def serve_settings(env_file: Path, create_app: Callable[[Source, Gate], Flask]) -> int:
    """Serve until SIGTERM or Ctrl-C; returns the exit status, 2 if the address is not available.

    The server starts even with faulty settings: requests get 176 until they are fixed.
    """
    silence_tensorflow(greetings_file(env_file))
    host, port, threads = listening_address(env_file)
    for line in listening_faults(env_file):
        _say(line, sys.stderr)
    try:
        listening = open_socket(host, port)
    except CannotListenError as reason:
        _say(reason, sys.stderr)
        return 2
    share_cores()
    door = Gate.of(threads or default_threads())
    models = LoadedModels()
    recent = RecentPhotos()
    decoding = DecodingPool(make_room=partial(_make_room, recent))
    container = ServiceContainer(env_file, models, liveness_loader(), decoding.decode, recent)
    maintenance = Maintenance(container, lambda: _say(f"Ready: {address_of(listening)}"))
    container.keyring.start()

    def on_listening(address: str) -> None:
        _say("Loading and warming the models ...")
        threading.Thread(target=_warm, args=(container, decoding, maintenance, address), daemon=True).start()

    try:
        app, workers = create_app(container, door), door.most + RESERVED_THREADS + MOST_UNDER_WAY
        limit, may_send = container.max_upload_bytes, partial(refusal_of, services=container)
        say_stopping = partial(_say, "Stopping: pending requests finish; Ctrl-C again stops at once.")
        serve(app, listening, workers, on_listening, limit, may_send=may_send, on_stopping=say_stopping)
    finally:
        maintenance.stop()
        container.close()
        models.close()
        decoding.close()
    _say("Stopped.")
    return 0


def _make_room(recent: RecentPhotos) -> None:
    """Free what is kept only to save time: the largest photos need the memory."""
    recent.clear()
    release_memory()


def greetings_file(env_file: Path) -> Path:
    """Return where libraries' greetings go: beside the log, or nowhere while LOG_LOC is wrong."""
    row = next(row for row in settings_rows(env_file) if row["key"] == "LOG_LOC")
    if row["fault"] or not row["value"]:
        return NOWHERE
    return (env_file.absolute().parent / str(row["value"])).with_suffix(".libraries.log")


def _say(text: object, stream: TextIO | None = None) -> None:
    """Write a line at once: `print` writes its end apart, and another thread's line may come between."""
    stream = stream or sys.stdout
    stream.write(f"{text}\n")
    stream.flush()


def _warm(container: ServiceContainer, decoding: DecodingPool, maintenance: Maintenance, address: str) -> None:
    """Load everything before the first request, and print the outcome."""
    REQUEST_ID.set("start")
    try:
        decoding.warm()
        container.warm()
    except Refusal as refusal:
        _log.error("%s", refusal)
        _say(f"Listening on {address}, but not ready: {refusal}", sys.stderr)
    except Exception as error:  # noqa: BLE001 - told and retried, as a refusal is
        _log.error("599 warming: %s", type(error).__name__, exc_info=error)
        _say(f"Listening on {address}, but not ready: {error} (the log says more)", sys.stderr)
    else:
        about = container.liveness()
        if about is not None:
            _say(f"Liveness: {described(about)}")
        _say(f"Ready: {address}")
    _say_who_may_call(container)
    with container.current_records() as current:
        if current is not None:
            _say(described_seal(current[0]))
    maintenance.start()


def _say_who_may_call(container: ServiceContainer) -> None:
    try:
        has_keys = bool(container.keyring.current().records)
    except Refusal as refusal:
        _say(f"Nobody may call: {refusal}", sys.stderr)
    else:
        to_whom = "callers with an API key" if has_keys else "this machine alone, without keys (bin/keys makes some)"
        _say(f"Open to {to_whom}.")
