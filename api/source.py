"""What the endpoints ask of the server: services that fit the settings as they are now."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypedDict, cast

from flask import current_app

from api.operator import Operator
from codes_dict import Code
from pipeline.flows import Services
from security.callers import Rules
from security.door import Door
from security.keyring import Keyring
from security.limits import Limits

EXTENSION = "faceapp"


class SystemErrors(TypedDict):
    """What is wrong with `.env`: missing keys, and bad values as `KEY: what is wrong, what is accepted`."""

    not_in_env: list[str]
    env_errs: list[str]


class Source(Protocol):
    """Hands out services; one per application."""

    def lease(self) -> AbstractContextManager[Services]:
        """Lend services for the current settings for a block; raises `Refusal(BAD_ENV)` where those are wrong."""

    def keyring(self) -> Keyring:
        """Return the keys of the callers."""

    def limits(self) -> Limits:
        """Return what counts requests and failures."""

    def system_errors(self) -> SystemErrors | None:
        """Return what is wrong with the settings, None where nothing is; never loads anything."""

    def max_upload_bytes(self) -> int:
        """Return the largest request body that is read."""

    def max_photos(self) -> int:
        """Return how many photos a request may have."""

    def rules(self) -> Rules:
        """Return what the operator decides about callers."""

    def door(self) -> Door:
        """Return what lets operators in."""

    def operator(self) -> Operator:
        """Return what the operator's side shows and changes."""

    def liveness(self) -> Mapping[str, Any] | None:
        """Return which liveness engines judge and what they reach, None while none is loaded; never loads anything."""

    def gallery_people(self) -> int | None:
        """Return how many people are enrolled, None while that cannot be told; never loads anything."""

    def lacking(self) -> Mapping[str, Code]:
        """Return what requests would miss now, by name, with the code that they get; empty if the server is ready."""


def source() -> Source:
    """Return the application's source."""
    return cast(Source, current_app.extensions[EXTENSION])
