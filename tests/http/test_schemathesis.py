"""Schemathesis against the document: 200 requests over all endpoints, or as many as FACEAPP_SCHEMA_EXAMPLES says.

All checks of schemathesis are on. The flows and stages are real, models and records are those of `tests.flows.world`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis.strategies import dates
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from api.door import COOKIE, SESSION
from api.source import Source
from faceapp import create_app
from pipeline.flows import Services
from pipeline.types import Floats
from security.keys import KeySet, new_key
from security.limits import Limits
from security.receipts import make_receipt
from tests.flows.records import MemoryClassifiers
from tests.flows.world import ANN, RED, World
from tests.http.front import PASSWORD, FrontSource

EXAMPLES = int(os.environ.get("FACEAPP_SCHEMA_EXAMPLES", "200"))
KEY, RECORD = new_key("schemathesis", ["admin"], int(time.time()), None)


class AnyUser(MemoryClassifiers):
    """Classifiers that know whatever user is asked for: which ones a real one knows, the document cannot say."""

    def chance(self, home: str, user: str, embeddings: Mapping[str, Floats]) -> tuple[float, float] | None:
        """Return an even chance."""
        return 0.5, 0.001


class WorldSource(FrontSource):
    """A source whose services are a world of colours, in which one person is enrolled; there is one admin's key."""

    def __init__(self) -> None:
        super().__init__(load=lambda: KeySet([RECORD]))
        self.world = World(id_regex=".*")
        self.world.known(ANN, RED)
        self.world.classifiers = AnyUser()

    @contextmanager
    def lease(self) -> Iterator[Services]:
        """Lend the world's services."""
        services = self.world.services
        yield replace(services, receipt=lambda _, forgotten: make_receipt(b"key", "somebody", forgotten.counts, 0.0))

    def limits(self) -> Limits:
        """Count nothing: each request begins anew."""
        return Limits()

    def lacking(self) -> dict[str, object]:  # type: ignore[override]
        """Lack nothing."""
        return {}


def from_this_machine(app: Flask) -> Callable[..., Any]:
    """Return the application as it is called over a connection from this machine."""

    def called(environ: dict[str, Any], start_response: Any) -> Any:
        return app({**environ, "REMOTE_ADDR": "127.0.0.1", "SERVER_PROTOCOL": "HTTP/1.1"}, start_response)

    return called


schemathesis.openapi.format("date", dates(datetime.now(UTC).date() + timedelta(days=2)).map(str))
"""Days that a person may be kept until: the schema cannot say that they have to come."""
APP = create_app(cast(Source, WorldSource()))
schema = schemathesis.openapi.from_wsgi("/openapi.json", from_this_machine(APP))
schema.config.generation.update(with_security_parameters=False)  # the key and the session are sent by the test
BAD_PHOTO_IS_400 = ("/api/v1/", "/deepface/")
"""Where another system's form answers 400 to a photo that is well encoded and shows nobody."""
ALL_REJECTED = b'"code":120,'
"""That something arrived as a photo: any field may hold one, so the document cannot say that none was sent."""
REJECTIONS = schema.config.checks.negative_data_rejection
REJECTIONS.expected_statuses = [*REJECTIONS.expected_statuses, "413"]  # too many photos
PER_OPERATION = max(1, EXAMPLES // len(list(schema.get_all_operations())))


@schema.parametrize()
@settings(
    max_examples=PER_OPERATION,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_the_server_behaves_as_the_document_says(case: schemathesis.Case[Any]) -> None:
    excluded: list[Any] = [positive_data_acceptance] if case.path.startswith(BAD_PHOTO_IS_400) else []
    headers = {"X-API-Key": KEY, **session()}
    reply = case.call(headers=headers)
    excluded += [negative_data_rejection] if ALL_REJECTED in reply.content else []
    case.validate_response(reply, excluded_checks=excluded, headers=headers)


def session() -> dict[str, str]:
    """Sign in; return the headers of the session."""
    client = APP.test_client()
    reply = client.post(SESSION, json={"password": PASSWORD})
    cookie = client.get_cookie(COOKIE, path="/admin")
    assert cookie is not None
    return {"Cookie": f"{COOKIE}={cookie.value}", "X-CSRF-Token": reply.get_json()["results"]["csrf"]}
