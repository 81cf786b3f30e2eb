"""Periodic maintenance: files left by a crash are removed, gallery files are merged.

A server that is not ready tries again to become ready, without waiting for a request.
"""

from __future__ import annotations

import logging
import threading

from bootstrap.container import ServiceContainer
from bootstrap.records import Records
from codes_dict import Refusal
from db.recovery import sweep
from env_validator import Settings

_log = logging.getLogger(__name__)

PAUSE_S = 60.0
SWEEP_EVERY = 60
"""Rounds between two sweeps of the image folders, which walk all of them."""
LONGEST_ENROLMENT_S = 3600.0
"""Files older than this, without a committed enrolment, were left by a crash."""
MOST_SEGMENTS = 64
"""Gallery files per model that may exist beside the merged one."""


class Maintenance:
    """A thread that maintains the records of a container until it is stopped."""

    def __init__(self, container: ServiceContainer) -> None:
        self._container = container
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="maintenance", daemon=True)

    def start(self) -> None:
        """Start; the first round runs at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current step, without waiting for it: every step can be interrupted safely."""
        self._stopped.set()

    def _run(self) -> None:
        rounds = 0
        while not self._stopped.is_set():
            current = self._container.current_records()
            if current is not None:
                run_maintenance(*current, sweeping=rounds % SWEEP_EVERY == 0)
                rounds += 1
            if not self._stopped.wait(PAUSE_S):
                warm_up(self._container)


def warm_up(container: ServiceContainer) -> None:
    """Load everything and run it once, if the container is not ready: its start failed, or the settings changed."""
    if container.ready():
        return
    try:
        container.warm()
    except Refusal as refusal:
        _log.warning("not ready yet: %s", refusal)


def run_maintenance(settings: Settings, records: Records, sweeping: bool) -> None:
    """Merge gallery files if there are many, and sweep if asked; an outage is logged and retried later."""
    try:
        if sweeping:
            forget = records.gallery.remove
            sweep(records.enrolments, records.uploads, settings.db_path, LONGEST_ENROLMENT_S, forget=forget)
        if records.gallery.backlog() > MOST_SEGMENTS * len(settings.selected_models):
            records.gallery.compact()
    except (Refusal, OSError) as error:
        _log.warning("maintenance is postponed: %s", error)
