"""429: too many requests of a caller, and too many failures of an ID, with the seconds to wait."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from api import people
from api.access import refusal_of
from api.head import Head
from api.source import Source
from codes_dict import Code, Outcome, Refusal
from faceapp import create_app
from pipeline import flows
from pipeline.flows import Services
from security.callers import Rules
from security.keys import KeySet
from tests.http.documented import client_of
from tests.http.front import FORM, FrontSource, front
from tests.http.site import code, results
from tests.http.test_keys import KEYS


def test_beyond_the_limit_a_caller_waits_and_others_do_not(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    client = front(Rules(request_limit="3/hour"), lambda: KeySet([record for _, record in KEYS.values()]))

    def send(scope: str) -> Any:
        return client.post("/verify", data=FORM, headers={"X-API-Key": KEYS[scope][0]})

    assert [code(send("verify")) for _ in range(4)] == [176, 176, 176, 429]
    reply = send("verify")
    assert reply.status_code == 429
    assert f", key {KEYS['verify'][1].key_id} (" in caplog.messages[-1]
    assert int(reply.headers["Retry-After"]) == results(reply)["retry_after"] > 3000
    assert code(send("admin")) == 176
    assert code(client.get("/health", headers={"X-API-Key": KEYS["verify"][0]})) == 101


def test_the_body_of_a_caller_who_has_to_wait_is_not_received() -> None:
    source = cast(Source, FrontSource(Rules(request_limit="1/hour")))
    head = Head("POST", "/verify", "1.1", "127.0.0.1", {"HOST": "localhost"})
    client = client_of(create_app(source))
    assert [refusal_of(head, source), code(client.post("/verify", data=FORM)), refusal_of(head, source)] == [
        None,
        176,
        None,
    ]
    assert code(client.post("/verify", data=FORM)) == 429
    refusal = refusal_of(head, source)
    assert refusal is not None
    assert refusal.code is Code.TOO_MANY


class Ending(FrontSource):
    """Lends nothing, for a flow that a test replaces."""

    def lease(self) -> AbstractContextManager[Services]:
        """Lend nothing."""
        return nullcontext(cast(Services, None))


@pytest.fixture
def noted() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, noted: list[tuple[str, str]]) -> FlaskClient:
    def verify(ask: flows.VerifyRequest, services: Services) -> Outcome:
        if ask.upload_id.endswith("good"):
            return Outcome(Code.VERIFIED, {})
        raise Refusal(Code.NOT_VERIFIED)

    monkeypatch.setattr(flows, "verify", verify)
    monkeypatch.setattr(people, "note", lambda action, _services, person_id: noted.append((action, person_id)))
    return create_app(cast(Source, Ending(Rules(failed_verify_limit="5/3 minutes")))).test_client()


def test_an_id_that_failed_five_times_waits_until_an_operator_lifts_it(
    client: FlaskClient, noted: list[tuple[str, str]]
) -> None:
    def send(upload_id: str) -> Any:
        return client.post("/verify", data={**FORM, "upload_id": upload_id})

    assert [code(send(f"A-1-{number}")) for number in range(6)] == [500] * 5 + [429]
    reply = send("A-1-good")
    assert (code(reply), results(reply)["accepted"], results(reply)["retry"]) == (429, False, True)
    assert 1 <= int(reply.headers["Retry-After"]) <= 30
    assert code(send("A-2-good")) == 200
    assert code(client.delete("/limits/A-1")) == 101
    assert noted == [("limits lifted", "A-1")]
    assert code(send("A-1-good")) == 200
