"""The people who are enrolled: listed, shown, renamed, forgotten; their faces; and IDs that have failed too often."""

from flask import Blueprint, Response, g, request

from api.access import lend
from api.bodies import FORM
from api.envelope import answer, reply
from api.gate import gate
from api.openapi import JSON, LEASED, Other, describe
from api.photos import sent
from api.shapes import people as shapes
from api.source import source
from api.telemetry import telemetry
from codes_dict import Code
from pipeline.flows import people as flows
from pipeline.flows.audit import note

blueprint = Blueprint("people", __name__)
limits = Blueprint("limits", __name__)

_EDITED = (*LEASED, Code.NO_ROW, Code.NO_FOLDER, Code.VALUE_REFUSED, Code.INSERT_FAILED)


@blueprint.get("/people", strict_slashes=False)
@describe(shapes.PeoplePage, refuses=[*LEASED, Code.VALUE_REFUSED], query=shapes.PeoplePageQuery)
def people() -> Response:
    """List people, by ID, whose ID or name contains a text."""
    query = sent(request, 0)
    text, after = query.text("search").strip(), query.text("after")
    with lend() as services:
        return answer(flows.list_people(text, after, query.number("limit", 1, flows.MOST_PEOPLE, 50), services))


@blueprint.get("/people/<person_id>")
@describe(shapes.PersonFaces, refuses=[*LEASED, Code.NO_ROW])
def person(person_id: str) -> Response:
    """Show a person, and the ids of the faces that are enrolled."""
    with lend() as services:
        return answer(flows.show_person(person_id, services))


@blueprint.patch("/people/<person_id>")
@describe(
    shapes.RenamedResults,
    refuses=[*LEASED, Code.NO_ROW, Code.BAD_NAME, Code.INSERT_FAILED, Code.VALUE_REFUSED],
    body={JSON: shapes.RenameForm, FORM: shapes.RenameForm},
)
def rename(person_id: str) -> Response:
    """Give a person another name. The folder keeps its name."""
    name = sent(request, 0).text("name")
    with lend() as services:
        return answer(flows.rename_person(person_id, name, services))


@blueprint.get("/people/<person_id>/faces/<face_id>")
@describe(
    refuses=[*LEASED, Code.NO_ROW, Code.NO_FOLDER, Code.VALUE_REFUSED],
    query=shapes.FacePictureQuery,
    other={200: Other("The aligned face, TARGET_WIDTH x TARGET_HEIGHT.", "image/png")},
)
def face(person_id: str, face_id: str) -> Response:
    """Show an enrolled face, or with `augmented` one of its augmentations, as a picture."""
    augmented = sent(request, 0).number("augmented", 0, shapes.MOST_AUGMENTED, 0)
    with lend() as services:
        picture = flows.face_picture(person_id, face_id, services, augmented)
    return Response(picture, mimetype="image/png")


@blueprint.delete("/people/<person_id>/faces/<face_id>")
@describe(shapes.PersonFaces, refuses=_EDITED)
def take_face(person_id: str, face_id: str) -> Response:
    """Take a face away from a person. The only face stays: forget the person."""
    with gate().passing(), lend() as services:
        return answer(flows.take_face(person_id, face_id, services))


@blueprint.post("/people/<person_id>/faces/<face_id>/move")
@describe(
    shapes.PersonFaces, refuses=[*_EDITED, Code.DIFFERENT_PEOPLE], body={JSON: shapes.MoveForm, FORM: shapes.MoveForm}
)
def move_face(person_id: str, face_id: str) -> Response:
    """Move a face to another person, whom it has to show; shows that person."""
    to = sent(request, 0).text("to")
    with gate().passing(), lend() as services:
        return answer(flows.move_face(person_id, face_id, to, services))


@blueprint.delete("/people/<person_id>")
@describe(shapes.ForgottenResults, refuses=[*LEASED, Code.ID_NOT_MATCHED, Code.NO_ROW])
def forget(person_id: str) -> Response:
    """Forget a person.

    Every trace of the ID is removed; the signed receipt says how much that was. It is not stored.
    """
    with gate().passing(), lend() as services:
        outcome = flows.forget(person_id, services)
        if "person" in g:
            telemetry().recent.forget(g.person)
    return answer(outcome)


@limits.delete("/limits/<path:person_id>")
@describe(shapes.LiftedResults, path=shapes.AnyIdPath)
def lift(person_id: str) -> Response:
    """Forget the failed verifications of an ID; of a FaceHash user, whose ID here is `KEY_ID:username`."""
    key_id, is_user, _ = person_id.partition(":")  # which no ID holds; the audit keeps no user's name
    with lend() as services:
        note("limits lifted", services, "" if is_user else person_id, **({"facehash_key": key_id} if is_user else {}))
    source().limits().lift(person_id, source().rules().failed_verify_limit)
    return reply(Code.DONE, {"id": person_id})
