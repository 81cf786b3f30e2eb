"""How often: requests by caller, failed verifications by ID, in memory and in a real Redis where there is one."""

from __future__ import annotations

import threading
import time

import pytest

from codes_dict import Code, Refusal
from security.limits import LONGEST_WAIT_S, STOP, Limits
from tests.redis_server import RedisServer
from tools.installation.ports import free_port

LIMIT = "5/3 minutes"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.time", clock)
    return clock


def attempt(limits: Limits, code: Code | None = Code.NOT_VERIFIED, person_id: str = "A", limit: str = LIMIT) -> int:
    """Return 0 where a verification could run, else the seconds to wait. `code` is how it ended, None for well."""
    try:
        with limits.attempt(person_id, limit):
            if code is not None:
                raise Refusal(code)
    except Refusal as refusal:
        if refusal.code is Code.TOO_MANY:
            return int((refusal.results or {})["retry_after"])
    return 0


def test_after_five_failures_an_id_waits_30_seconds_and_then_twice_as_long_each_time(clock: Clock) -> None:
    limits, waits = Limits(), []
    assert [attempt(limits) for _ in range(5)] == [0] * 5
    for _ in range(10):
        waits.append(attempt(limits))
        clock.now += waits[-1] - 1
        assert attempt(limits, None) == 1
        clock.now += 1.5
        assert attempt(limits) == 0
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, LONGEST_WAIT_S]


def test_fifty_failures_close_an_id_for_a_day_or_until_an_operator_opens_it(clock: Clock) -> None:
    limits = Limits()
    for _ in range(STOP):
        assert attempt(limits, limit="3/second") == 0
        assert attempt(limits, None, "B") == 0
        clock.now += 1.1
    assert attempt(limits, None, limit="3/second") > 3600
    limits.lift("A", "3/second")
    assert attempt(limits, None, limit="3/second") == 0


def test_a_day_opens_it_too(clock: Clock) -> None:
    limits = Limits()
    for _ in range(STOP):
        attempt(limits, limit="100/second")
        clock.now += 1.1
    wait = attempt(limits, None, limit="100/second")
    assert 86_000 < wait <= 86_400
    clock.now += wait + 1
    assert attempt(limits, None, limit="100/second") == 0


def test_a_success_forgets_failures_and_other_ids_are_not_concerned(clock: Clock) -> None:
    limits = Limits()
    for _ in range(3):
        assert [attempt(limits) for _ in range(4)] == [0] * 4
        assert attempt(limits, None) == 0
    for _ in range(5):
        attempt(limits)
    assert (attempt(limits), attempt(limits, person_id="B")) == (30, 0)


@pytest.mark.parametrize("code", [Code.DB_DOWN, Code.UPLOAD_GONE, Code.BAD_ENV, Code.NO_ROW])
def test_what_is_no_verdict_is_no_failure(clock: Clock, code: Code) -> None:
    limits = Limits()
    assert [attempt(limits, code) for _ in range(9)] == [0] * 9


def test_failures_long_ago_do_not_count(clock: Clock) -> None:
    limits = Limits()
    for _ in range(20):
        assert attempt(limits) == 0
        clock.now += 50


def test_no_more_run_together_than_failures_are_left() -> None:
    limits, inside, go = Limits(), threading.Semaphore(0), threading.Event()
    waits: list[int] = []

    def fail_slowly() -> None:
        try:
            with limits.attempt("A", LIMIT):
                inside.release()
                go.wait(60)
                raise Refusal(Code.NOT_VERIFIED)
        except Refusal as refusal:
            waits.append(int(refusal.code))

    threads = [threading.Thread(target=fail_slowly) for _ in range(5)]
    for thread in threads:
        thread.start()
        assert inside.acquire(timeout=60)
    assert attempt(limits) == 1
    begun = time.monotonic()
    go.set()
    for thread in threads:
        thread.join()
    assert waits == [500] * 5
    left = attempt(limits)
    assert 29 - (time.monotonic() - begun) <= left <= 30


def test_requests_of_a_caller_are_counted(clock: Clock) -> None:
    limits = Limits()

    def wait(caller: str) -> int:
        try:
            limits.take(caller, "3/minute")
        except Refusal as refusal:
            return int((refusal.results or {})["retry_after"])
        return 0

    assert [wait("a") for _ in range(3)] == [0] * 3
    limits.check_known("a", "3/minute")
    assert 1 <= wait("a") <= 61
    with pytest.raises(Refusal, match="429"):
        limits.check_known("a", "3/minute")
    limits.check_known("a", "")
    limits.check_known("b", "3/minute")
    assert wait("b") == 0
    clock.now += 61
    limits.check_known("a", "3/minute")
    assert wait("a") == 0
    for _ in range(9):
        limits.take("c", "")
        assert attempt(limits, limit="") == 0


def test_servers_that_share_a_redis_share_their_counts(redis_server: RedisServer) -> None:
    one, other = Limits(redis_server.uri), Limits(redis_server.uri)
    begun = time.monotonic()
    for limits in (one, other, one, other, one):
        assert attempt(limits) == 0
    left = attempt(other, None)
    assert 29 - (time.monotonic() - begun) <= left <= 30
    one.lift("A", LIMIT)
    assert attempt(other) == 0
    one.take("a", "1/minute")
    with pytest.raises(Refusal, match="429"):
        other.take("a", "1/minute")


def test_a_redis_that_is_killed_closes_what_is_limited_and_counts_on_when_it_is_back(redis_server: RedisServer) -> None:
    limits, other = Limits(redis_server.uri), Limits(redis_server.uri)
    begun = time.monotonic()
    assert [attempt(limits, person_id="K") for _ in range(5)] == [0] * 5
    limits.take("k", "2/minute")
    redis_server.stop()
    try:
        with pytest.raises(Refusal, match="503 BUSY: LIMIT_STORE"):
            limits.lift("K", LIMIT)
        with pytest.raises(Refusal, match="503 BUSY: LIMIT_STORE"):
            other.take("k", "2/minute")
    finally:
        redis_server.start()
    left = attempt(limits, None, "K")
    assert 29 - (time.monotonic() - begun) <= left <= 30
    other.take("k", "2/minute")
    with pytest.raises(Refusal, match="429"):
        limits.take("k", "2/minute")


def test_a_store_that_is_away_closes_what_is_limited() -> None:
    pytest.importorskip("redis", reason="requirements-redis.txt is not installed")
    limits = Limits(f"redis://127.0.0.1:{free_port()}")
    with pytest.raises(Refusal, match="503 BUSY: LIMIT_STORE"):
        limits.take("a", LIMIT)
    with pytest.raises(Refusal, match="503 BUSY: LIMIT_STORE"):
        limits.lift("A", LIMIT)
