"""Work that is divided over the parallel."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from pipeline import parallel
from pipeline.parallel import parallel_map, run_alongside, usable_cores


def test_the_results_come_in_the_order_of_the_items() -> None:
    assert parallel_map(lambda number: number * number, range(20)) == [number * number for number in range(20)]


def test_one_item_stays_in_the_callers_thread() -> None:
    assert parallel_map(lambda _: threading.get_ident(), ["one"]) == [threading.get_ident()]


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the machine seem to have two parallel."""
    monkeypatch.setattr(parallel, "usable_cores", lambda: 2)
    parallel._helpers.cache_clear()
    yield
    parallel._helpers.cache_clear()


def test_two_items_run_at_the_same_time(two_cores: None) -> None:
    both_are_here = threading.Barrier(2, timeout=60)
    parallel_map(lambda _: both_are_here.wait(), [1, 2])


def test_nobody_waits_for_another_callers_work(two_cores: None) -> None:
    go_on, started = threading.Event(), threading.Barrier(3, timeout=60)

    def slow(_: int) -> None:
        started.wait()
        go_on.wait(60)

    other = threading.Thread(target=parallel_map, args=(slow, range(2)), daemon=True)
    blocker = parallel._helpers().submit(go_on.wait, 60)
    other.start()
    started.wait()  # both helpers are busy now: one here, one with the other caller
    assert parallel_map(lambda number: number + 1, range(5)) == [1, 2, 3, 4, 5]
    go_on.set()
    other.join(60)
    assert blocker.result(60)


def test_a_fault_is_raised_when_the_other_items_are_done() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number == 0:
            raise KeyError(number)
        done.append(number)

    with pytest.raises(KeyError, match="0"):
        parallel_map(work, range(5))
    assert sorted(done) == [1, 2, 3, 4]


def test_something_else_is_done_meanwhile(two_cores: None) -> None:
    both_are_here = threading.Barrier(2, timeout=60)

    def first() -> str:
        both_are_here.wait()
        return "first"

    def work(number: int) -> int:
        both_are_here.wait()
        return number + 1

    assert run_alongside(first, work, [1]) == ("first", [2])


def test_a_fault_of_what_is_done_first_is_raised_when_the_rest_is_done() -> None:
    done: list[int] = []

    def first() -> None:
        raise KeyError("first")

    with pytest.raises(KeyError, match="first"):
        run_alongside(first, done.append, range(4))
    assert sorted(done) == [0, 1, 2, 3]


def test_there_is_at_least_one_core() -> None:
    assert usable_cores() >= 1


def test_helpers_work_in_the_callers_context(two_cores: None) -> None:
    request = ContextVar("request", default="-")
    request.set("asked")
    meeting = threading.Barrier(2)

    def look(_: int) -> str:
        meeting.wait(60)
        return request.get()

    assert parallel_map(look, range(2)) == ["asked", "asked"]
