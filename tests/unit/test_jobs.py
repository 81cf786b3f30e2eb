"""Jobs: they run beside requests, belong to one caller, are bounded, and survive no restart."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from codes_dict import Code, Outcome, Refusal
from pipeline.jobs import Jobs, Progress, State


def done(progress: Progress) -> Outcome:
    progress(0.5)
    return Outcome(Code.DONE, {"x": 1})


def refused(call: Callable[[], object]) -> Code:
    with pytest.raises(Refusal) as refusal:
        call()
    return refusal.value.code


def test_a_job_ends_with_the_reply_of_its_work() -> None:
    jobs = Jobs()
    job = jobs.start("train", "ann", "home", done)
    assert job.wait().results == {"x": 1}
    shown = jobs.find(job.id, "ann").as_dict()
    assert (shown["state"], shown["progress"]) == ("done", 1.0)
    assert shown["result"] == {"code": 101, "message": "Done.", "results": {"x": 1}}


def test_the_progress_shows_while_it_runs_and_a_second_one_for_the_same_subject_is_409() -> None:
    jobs, half, go_on = Jobs(), threading.Event(), threading.Event()

    def work(progress: Progress) -> Outcome:
        progress(0.5)
        half.set()
        go_on.wait(30)
        return Outcome(Code.DONE)

    job = jobs.start("train", "", "home", work)
    assert half.wait(30)
    assert jobs.find(job.id, "").as_dict()["progress"] == 0.5
    assert jobs.find(job.id, "").as_dict()["result"] is None
    assert refused(lambda: jobs.start("train", "", "home", done)) is Code.CONFLICT
    assert jobs.start("train", "", "another home", done).wait().code is Code.DONE
    go_on.set()
    job.wait()
    assert jobs.start("train", "", "home", done).wait().code is Code.DONE


def test_more_than_a_few_at_once_are_503() -> None:
    jobs, go_on = Jobs(most=1), threading.Event()

    def work(_: Progress) -> Outcome:
        go_on.wait(30)
        return Outcome(Code.DONE)

    job = jobs.start("train", "", "a", work)
    assert refused(lambda: jobs.start("train", "", "b", done)) is Code.BUSY
    go_on.set()
    job.wait()


def test_a_refusal_and_a_crash_are_results_of_the_job() -> None:
    jobs = Jobs()

    def refuses(_: Progress) -> Outcome:
        raise Refusal(Code.NO_FACE)

    def crashes(_: Progress) -> Outcome:
        raise ZeroDivisionError

    first, second = jobs.start("train", "", "a", refuses), jobs.start("train", "", "b", crashes)
    assert (refused(first.wait), refused(second.wait)) == (Code.NO_FACE, Code.INTERNAL)
    shown = jobs.find(first.id, "").as_dict()
    assert (shown["state"], shown["result"]["code"], shown["result"]["results"]["retry"]) == ("failed", 630, False)


def test_a_job_is_its_owners_alone_and_a_foreign_one_does_not_show() -> None:
    jobs = Jobs()
    job = jobs.start("train", "ann", "home", done)
    job.wait()
    assert refused(lambda: jobs.find(job.id, "ben")) is Code.NO_ROUTE
    assert refused(lambda: jobs.find("../etc", "ann")) is Code.NO_ROUTE


def test_a_job_of_a_process_that_has_ended_is_lost() -> None:
    job = Jobs().start("train", "ann", "home", done)
    job.wait()
    found = Jobs().find(job.id, "ann")
    assert (found.state, found.as_dict()["result"]) == (State.LOST, None)


def test_results_are_kept_for_a_while() -> None:
    jobs = Jobs(lifetime_s=0.0)
    job = jobs.start("train", "", "home", done)
    job.wait()
    assert refused(lambda: jobs.find(job.id, "")) is Code.NO_ROUTE
