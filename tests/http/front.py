"""The application without models and records: who is let in finds no settings (176) or sends a bad form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import cast

from flask.testing import FlaskClient

from api.source import Operator, Source, SystemErrors
from codes_dict import Code, Refusal
from env_validator import PUBLISHED_PASSWORDS
from faceapp import create_app
from pipeline.flows import Services
from security.callers import Rules
from security.door import Door
from security.keyring import Keyring
from security.keys import KeySet
from security.limits import Limits
from tests.http.documented import client_of

PASSWORD = "Of-th1s-test-alone"
FORM = {"upload_id": "x", "skip_verify": "false", "skip_db_search": "false", "skip_liveness": "false"}


class NoOperator:
    """Refuses: there is nothing to show."""

    def note_sign_in(self) -> None:
        """Record nothing."""

    def __getattr__(self, name: str) -> object:
        raise Refusal(Code.BAD_ENV)


class FrontSource:
    """A source that has rules and keys and nothing else. `load` returns the keys; it is asked each time."""

    def __init__(self, rules: Rules | None = None, load: Callable[[], KeySet] = KeySet) -> None:
        self.password: str | None = PASSWORD
        self.door = Door(lambda: self.password, PUBLISHED_PASSWORDS)
        self.operator = cast(Operator, NoOperator())
        self._rules, self._keyring, self._limits = rules or Rules(), Keyring(load), Limits()

    def limits(self) -> Limits:
        """Count in memory."""
        return self._limits

    @property
    def keyring(self) -> Keyring:
        """Return the keys, as they are now."""
        self._keyring.refresh()
        return self._keyring

    def lease(self) -> AbstractContextManager[Services]:
        """Refuse: there are no services."""
        raise Refusal(Code.BAD_ENV)

    def rules(self) -> Rules:
        """Return the rules."""
        return self._rules

    def system_errors(self) -> SystemErrors | None:
        """Find nothing wrong."""
        return None

    def max_upload_bytes(self) -> int:
        """Allow a mebibyte."""
        return 1 << 20

    def max_photos(self) -> int:
        """Allow a hundred."""
        return 100

    def liveness(self) -> None:
        """Judge nothing."""

    def gallery_people(self) -> None:
        """Have no gallery."""

    def lacking(self) -> Mapping[str, Code]:
        """Lack something."""
        return {"models": Code.BUSY}


def front(rules: Rules | None = None, load: Callable[[], KeySet] = KeySet) -> FlaskClient:
    """Return a client of an application with these rules and keys."""
    return client_of(create_app(cast(Source, FrontSource(rules, load))))
