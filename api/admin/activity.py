"""What happened: the last requests, counts by code and hour, seconds by stage, and the log."""

import re
from typing import Any

from flask import Response, request

from api.admin.session import blueprint
from api.envelope import reply
from api.jobs import jobs as all_jobs
from api.log_reading import codes_in, last_lines, lines_of, log_files
from api.openapi import describe
from api.shapes import admin as shapes
from api.source import source
from api.telemetry import telemetry
from api.telemetry.recent import stage_seconds
from codes_dict import Code, Refusal
from pipeline.jobs import Job

MOST_REQUESTS, MOST_LINES, HOURS = 100, 300, 24
_BY_NUMBER = {int(code): code for code in Code}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


@blueprint.get("/admin/api/requests")
@describe(shapes.RequestsResults, query=shapes.RequestsQuery)
def requests() -> Response:
    """List the last requests, the newest first; `code`, `person` and `request_id` (a part of it) narrow them down."""
    asked = request.args
    number = asked.get("code", "")
    if number and number not in map(str, _BY_NUMBER):
        raise Refusal(Code.MALFORMED, advice="There is no such code.", field="code")
    found = telemetry().recent.matching(
        int(number) if number else None, asked.get("person", ""), asked.get("request_id", "")
    )
    return reply(Code.DONE, {"requests": [one.summary() for one in found[:MOST_REQUESTS]], "count": len(found)})


@blueprint.get("/admin/api/requests/<request_id>")
@describe(shapes.RequestResults, refuses=[Code.BAD_ENV])
def one_request(request_id: str) -> Response:
    """Show all that is known of a request: what is in memory, its lines of the log, and what its codes mean."""
    if not _REQUEST_ID.fullmatch(request_id):
        raise Refusal(Code.MALFORMED, advice="A request id is 1 to 64 of A-Z a-z 0-9 . _ -", field="request_id")
    seen = telemetry().recent.find(request_id)
    found = list(lines_of(request_id, log_files(source().operator.log_file())))[-MOST_LINES:]
    if not seen and not found:
        raise Refusal(Code.NO_ROUTE, advice="Neither memory nor log has this request id.", field="request_id")
    numbers = dict.fromkeys([*(one.code for one in seen), *codes_in(message for _, message in found)])
    return reply(
        Code.DONE,
        {
            "requests": [{**one.summary(), "stages": list(one.stages)} for one in seen],
            "codes": [_explained(number) for number in numbers if number in _BY_NUMBER],
            "log": [line for line, _ in found],
        },
    )


@blueprint.get("/admin/api/counts")
@describe(shapes.CountsResults)
def counts() -> Response:
    """Serve how often each code was the answer, by hour and today, since the process started."""
    by_hour, today = telemetry().counts.by_hour(HOURS), telemetry().counts.all_today()
    seen = sorted({*today, *(number for _, found in by_hour for number in found)})
    return reply(
        Code.DONE,
        {
            "since": telemetry().counts.since,
            "hours": [{"begins": begins, "counts": found} for begins, found in by_hour],
            "today": dict(today),
            "codes": {number: _BY_NUMBER[number].described for number in seen if number in _BY_NUMBER},
        },
    )


@blueprint.get("/admin/api/stages")
@describe(shapes.LatencyResults)
def stages() -> Response:
    """Serve how long each stage took in the last requests."""
    return reply(Code.DONE, {"latency": stage_seconds(telemetry().recent)})


@blueprint.get("/admin/api/log")
@describe(shapes.LogResults, refuses=[Code.BAD_ENV], query=shapes.LogQuery)
def log() -> Response:
    """Serve the log's last lines, or all of a request."""
    request_id, file = request.args.get("request_id", ""), source().operator.log_file()
    if not request_id:
        return reply(Code.DONE, {"lines": last_lines(file, MOST_LINES)})
    return reply(Code.DONE, {"lines": [line for line, _ in lines_of(request_id, log_files(file))][-MOST_LINES:]})


@blueprint.get("/admin/api/jobs")
@describe(shapes.JobsResults)
def jobs() -> Response:
    """List the jobs, whoever made them, without their results."""
    return reply(Code.DONE, {"jobs": [_shown(job) for job in all_jobs().all()]})


@blueprint.get("/admin/api/codes")
@describe(shapes.KnownCodesResults)
def codes() -> Response:
    """List every code with its cause, what to do about it, and how often it came today."""
    return reply(Code.DONE, {"codes": [_explained(number) for number in _BY_NUMBER]})


def _shown(job: Job) -> dict[str, Any]:
    known = job.as_dict()
    about = {name: known[name] for name in ("kind", "state", "progress", "seconds")}
    code = None if job.outcome is None else int(job.outcome.code)
    return {**about, "owner": job.owner, "started": job.started, "code": code}


def _explained(number: int) -> dict[str, Any]:
    return {**_BY_NUMBER[number].described, "today": telemetry().counts.today(number)}
