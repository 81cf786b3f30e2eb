"""CompreFace's subjects: listed, made, renamed, deleted."""

from flask import Response, request

from api.access import lend
from api.compreface.asked import needed_text
from api.compreface.form import BASE, BODY, blueprint, described
from api.envelope import reply
from api.gate import gate
from api.openapi import JSON, LEASED, Other
from api.photos import sent
from api.shapes import compreface as shapes
from codes_dict import Code, Outcome
from pipeline.flows import subjects as flows

_SUBJECTS = f"{BASE}/recognition/subjects"


@blueprint.get(_SUBJECTS, strict_slashes=False)
@described(refuses=LEASED, other={200: Other("The names.", model=shapes.SubjectList)})
def list_subjects() -> Response:
    """List the names of all subjects."""
    with lend() as services:
        return answer(flows.list_subjects(services))


@blueprint.post(_SUBJECTS, strict_slashes=False)
@described(
    refuses=[*LEASED, Code.BAD_NAME, Code.CONFLICT, Code.VALUE_REFUSED],
    body={JSON: shapes.SubjectName},
    other={201: Other("The subject is made.", model=shapes.Subject)},
)
def add_subject() -> Response:
    """Make a subject without an image."""
    name = needed_text(sent(request, 0), "subject")
    with lend() as services:
        return answer(flows.add_subject(name, services), created=True)


@blueprint.delete(_SUBJECTS, strict_slashes=False)
@described(refuses=LEASED, other={200: Other("How many there were.", model=shapes.DeletedCount)})
def delete_subjects() -> Response:
    """Forget all subjects. People who were enrolled by other endpoints stay."""
    with gate().passing(), lend() as services:
        return answer(flows.delete_subjects(services))


@blueprint.put(f"{_SUBJECTS}/<path:subject>")
@described(
    refuses=[
        *(*LEASED, Code.NO_ROW, Code.NO_FOLDER, Code.BAD_NAME, Code.INSERT_FAILED, Code.DIFFERENT_PEOPLE),
        Code.VALUE_REFUSED,
    ],
    body={JSON: shapes.SubjectName},
    other={200: Other("The subject has the new name.", model=shapes.Updated)},
)
def rename_subject(subject: str) -> Response:
    """Give a subject another name.

    Where another subject has that name, the faces become that one's, if both are one person.
    """
    name = needed_text(sent(request, 0), "subject")
    with gate().passing(), lend() as services:
        return answer(flows.rename_subject(subject, name, services))


@blueprint.delete(f"{_SUBJECTS}/<path:subject>")
@described(refuses=[*LEASED, Code.NO_ROW], other={200: Other("The subject is forgotten.", model=shapes.DeletedSubject)})
def delete_subject(subject: str) -> Response:
    """Forget a subject with all images. The receipt is signed."""
    with gate().passing(), lend() as services:
        return answer(flows.delete_subject(subject, services))


def answer(outcome: Outcome, body: object = None, *, created: bool = False) -> Response:
    """Return the reply to an outcome: its results, or another body; with the status of something new if created."""
    shown = body if body is not None else {key: one for key, one in outcome.results.items() if key != "stages"}
    response = reply(outcome.code, {BODY: shown, "stages": outcome.results.get("stages")})
    response.status_code = 201 if created else response.status_code
    return response
