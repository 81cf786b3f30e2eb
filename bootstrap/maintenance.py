"""Periodic work beside the requests: removes files that a crash left, merges gallery files, gives freed memory back.

Also retries, without waiting for a request, to get a server ready whose start failed.
"""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from api.logs import REQUEST_ID
from bootstrap.container import ServiceContainer
from bootstrap.records import Records
from codes_dict import Refusal
from db.migrations.upgrade import upgrade
from db.recovery import clear_parts, recover, sweep
from env_validator import Settings
from pipeline.parallel import give_back

_log = logging.getLogger(__name__)

PAUSE_S = 60.0
HOUR_S = 3600.0
SWEEP_EVERY = 60
"""Rounds from one sweep of all image folders to the next."""
LONGEST_ENROLMENT_S = 3600.0
"""Files without a committed enrolment that are older than this are left from a crash."""
MOST_SEGMENTS = 64
"""Gallery files per model beside the merged one, above which they are merged."""


class Maintenance:
    """A thread that runs the maintenance of a container's records until it is stopped."""

    def __init__(self, container: ServiceContainer, on_ready: Callable[[], None] = lambda: None) -> None:
        """`on_ready` is called when a container that was not ready has become it."""
        self._container, self._on_ready = container, on_ready
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="maintenance", daemon=True)

    def start(self) -> None:
        """Start the thread; the first round begins at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current step, without waiting for it: every step may be interrupted anywhere."""
        self._stopped.set()

    def _run(self) -> None:
        REQUEST_ID.set("maintenance")
        rounds = 0
        while not self._stopped.is_set():
            with self._container.current_records() as current:
                if current is not None:
                    run_maintenance(*current, sweeping=rounds % SWEEP_EVERY == 0)
                    rounds += 1
            give_back()  # glibc keeps freed memory that is between blocks in use
            if not self._stopped.wait(PAUSE_S) and warm_up(self._container):
                self._on_ready()


def warm_up(container: ServiceContainer) -> bool:
    """Load everything and run it once if the container is not ready: its start failed, or the settings changed.

    Returns whether it has become ready by this.
    """
    if container.ready():
        return False
    try:
        container.warm()
        return True
    except Refusal as refusal:
        _log.warning("not ready yet: %s", refusal)
    except Exception as error:  # noqa: BLE001 - the next round tries again
        _log.error("599 warming: %s", type(error).__name__, exc_info=error)
    return False


def run_maintenance(
    settings: Settings, records: Records, sweeping: bool, clock: Callable[[], float] = time.time
) -> None:
    """Add missing tables, then do what `clean_up` says. The next round retries failures."""
    if _is_done(partial(upgrade, records.database)):
        clean_up(settings, records, sweeping, clock)


def clean_up(settings: Settings, records: Records, sweeping: bool, clock: Callable[[], float]) -> None:
    """Clear what crashes left, end old uploads, forget whose day is over, merge gallery files if there are many.

    With `sweeping`, all image folders are searched as well. A step that fails keeps no other one. `clock` is in
    seconds since 1970.
    """
    enrolments, uploads, remove = records.enrolments, records.uploads, records.gallery.remove
    steps: list[Callable[[], object]] = [
        records.forgetting.finish_all,
        partial(recover, enrolments, uploads, records.kept, remove),
        partial(clear_parts, uploads, records.kept, clock() - LONGEST_ENROLMENT_S),
        partial(_end_uploads, records, clock() - settings.upload_ttl * HOUR_S),
        records.forgetting.forget_due,
        records.database.scrub,
    ]
    if sweeping:
        steps.append(records.forgetting.forget_without_row)
        steps.append(partial(sweep, enrolments, uploads, records.kept, remove, LONGEST_ENROLMENT_S, clock))
    steps.append(partial(_merge, settings, records))
    for step in steps:
        _is_done(step)


def _end_uploads(records: Records, before: float) -> None:
    """End what was uploaded before that time; an acceptance goes after its upload, which nobody accepts again."""
    records.uploads.expire(before)
    records.acceptances.expire(before)


def _merge(settings: Settings, records: Records) -> None:
    if records.gallery.backlog() > MOST_SEGMENTS * len(settings.selected_models):
        records.gallery.compact()


def _is_done(step: Callable[[], object]) -> bool:
    """Do a step; False, with a line in the log, where it failed."""
    try:
        step()
        return True
    except (Refusal, OSError) as error:
        _log.warning("maintenance is postponed: %s", error)
    except Exception as error:  # noqa: BLE001 - the thread goes on, and the next round tries again
        _log.error("599 maintenance: %s", type(error).__name__, exc_info=error)
    return False
