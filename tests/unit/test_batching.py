"""Calls that meet at a busy model are run as one, and nobody notices but the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

from pipeline.models.batching import RequestBatcher
from pipeline.models.runtime import Array


class Gated:
    """Doubles numbers; waits at a gate, notes the size of every call, and refuses 13."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.entered, self.open = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, arrays: Sequence[Array]) -> list[Array]:
        self.sizes.append(len(arrays[0]))
        self.entered.release()
        self.open.acquire()
        if (arrays[0] == 13).any():
            raise ValueError("13 is refused")
        return [arrays[0] * 2]


def meet(model: Gated, shared: RequestBatcher, values: Sequence[Sequence[float]]) -> list[Future[Sequence[Array]]]:
    """Start one call, let the others queue up behind it, in order, and open the gate for all."""
    pool = ThreadPoolExecutor(len(values))
    calls: list[Future[Sequence[Array]]] = []
    for number, rows in enumerate(values):
        calls.append(pool.submit(shared, [np.array(rows)]))
        if number == 0:
            model.entered.acquire()
        while len(shared._waiting) < number:
            pass
    model.open.release(100)
    pool.shutdown()
    return calls


def test_calls_that_arrive_while_the_model_is_busy_are_run_as_one() -> None:
    model = Gated()
    calls = meet(model, RequestBatcher(model), [[1], [2, 3], [4], [5, 6, 7]])
    assert [call.result()[0].tolist() for call in calls] == [[2], [4, 6], [8], [10, 12, 14]]
    assert model.sizes == [1, 6]


def test_a_lone_call_runs_at_once_and_alone() -> None:
    model = Gated()
    model.open.release(2)
    shared = RequestBatcher(model)
    assert [shared([np.array([number])])[0].tolist() for number in (1, 2)] == [[2], [4]]
    assert model.sizes == [1, 1]


def test_an_exception_reaches_only_the_caller_whose_rows_caused_it() -> None:
    model = Gated()
    calls = meet(model, RequestBatcher(model), [[1], [2], [13], [4]])
    assert [None if call.exception() else call.result()[0].tolist() for call in calls] == [[2], [4], None, [8]]
    with pytest.raises(ValueError, match="13 is refused"):
        calls[2].result()
    assert model.sizes == [1, 3, 1, 1, 1]


def test_no_joint_call_is_larger_than_the_limit_and_no_callers_rows_are_divided() -> None:
    model = Gated()
    calls = meet(model, RequestBatcher(model, most=4), [[1], [2, 2, 2], [3, 3], [4], [5, 5, 5, 5, 5]])
    assert [len(call.result()[0]) for call in calls] == [1, 3, 2, 1, 5]
    assert model.sizes == [1, 4, 2, 5]


def test_rows_of_another_shape_are_run_apart() -> None:
    model = Gated()
    shared = RequestBatcher(model)
    pool = ThreadPoolExecutor(3)
    calls = [pool.submit(shared, [np.zeros((1, 2))])]
    model.entered.acquire()
    for number, shape in enumerate([(2, 2), (1, 3)], start=1):
        calls.append(pool.submit(shared, [np.ones(shape)]))
        while len(shared._waiting) < number:
            pass
    model.open.release(10)
    assert [call.result()[0].shape for call in calls] == [(1, 2), (2, 2), (1, 3)]
    assert sorted(model.sizes) == [1, 1, 2]


@pytest.mark.parametrize("answer", [lambda rows: rows[:-1], lambda rows: np.concatenate([rows, rows])])
def test_a_model_that_gives_another_number_of_rows_is_an_error(answer: Callable[[Array], Array]) -> None:
    with pytest.raises(ValueError, match="rows for 2"):
        RequestBatcher(lambda arrays: [answer(arrays[0])])([np.ones((2, 3))])


def test_many_threads_at_once_each_get_their_own_rows_back() -> None:
    shared = RequestBatcher(lambda arrays: [arrays[0] * 3], most=7)

    def ask(number: int) -> bool:
        rows = np.full((1 + number % 5, 2), number)
        (tripled,) = shared([rows])
        return bool(len(tripled) == len(rows) and (tripled == rows * 3).all())

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(400)))
