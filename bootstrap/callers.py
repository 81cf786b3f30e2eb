"""Who may call, by the settings and the database as they are now."""

import logging
import threading
from collections.abc import Callable

from bootstrap.records import make_tables, open_database
from codes_dict import Code, Refusal
from db.keys import KeyRecords
from db.migrations.upgrade import upgrade
from db.session import Database
from env_validator import Settings, SettingsFault
from security.callers import Rules
from security.keys import KeySet

_log = logging.getLogger(__name__)


class StoredKeys:
    """Loads the keys from the database that the settings name; opens another one when they name another one.

    It has connections of its own, because who may call is asked before anything else is loaded.
    """

    def __init__(self, current: Callable[[], Settings]) -> None:
        self._current = current
        self._lock = threading.Lock()
        self._opened: tuple[tuple[str, ...], Database] | None = None

    def load(self) -> KeySet:
        """Return all keys; raises `Refusal` BAD_ENV or DB_DOWN."""
        return KeySet(self.records().all())

    def records(self) -> KeyRecords:
        """Return the table of keys; raises `Refusal` BAD_ENV."""
        try:
            return KeyRecords(self._database(self._current()))
        except SettingsFault as fault:
            raise Refusal(Code.BAD_ENV) from fault

    def _database(self, settings: Settings) -> Database:
        place = settings.sql_uri, settings.sql_user, settings.sql_pass, settings.sql_schema
        with self._lock:
            if self._opened is None or self._opened[0] != place:
                self._close()
                make_tables(settings)
                self._opened = place, open_database(settings)
                try:
                    upgrade(self._opened[1])
                except Refusal as refusal:
                    _log.warning("the table of keys is not prepared yet: %s", refusal)
            return self._opened[1]

    def close(self) -> None:
        """Close connections."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._opened is not None:
            self._opened[1].dispose()
            self._opened = None


def caller_rules(settings: Settings) -> Rules:
    """Return what the settings say about callers."""
    return Rules(
        allowed_hosts=frozenset(settings.allowed_hosts),
        trusted_proxies=settings.trusted_proxies,
        cors_origins=frozenset(settings.cors_origins),
        hide_unknown=settings.hide_unknown,
        request_limit=settings.request_limit,
        failed_verify_limit=settings.failed_verify_limit,
        metrics_open=settings.metrics_open,
    )
