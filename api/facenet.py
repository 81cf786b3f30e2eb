"""The person / face API under /api, and /help."""

from typing import Any

from flask import Blueprint, Response, request

from api.access import lend
from api.bodies import FORM, MULTIPART
from api.envelope import answer, reply
from api.gate import gate
from api.openapi import JSON, LEASED, NO_PHOTO, describe
from api.openapi.pages import document
from api.photos import ALL, Sent, sent
from api.shapes import facenet as shapes
from api.shapes.people import ForgottenResults, RenamedResults, RenameForm
from api.source import source
from api.telemetry import concerns
from codes_dict import Code, Refusal
from pipeline.flows import facenet, people

blueprint = Blueprint("facenet", __name__)

MOST = 100
_FACE_REFUSES = (
    *(*LEASED, Code.NO_ROW, Code.NO_FOLDER, Code.NO_FILES, Code.BAD_BASE64, Code.VALUE_REFUSED, Code.NO_LIVENESS),
    *(Code.INSERT_FAILED, Code.UPLOAD_GONE, Code.ID_NOT_MATCHED, Code.NO_IMAGES, Code.IMAGE_MISSING),
)


@blueprint.get("/api/person/listall", strict_slashes=False)
@describe(shapes.PeopleWithFaces, refuses=[*LEASED, Code.VALUE_REFUSED, Code.NO_ROUTE], query=shapes.PageQuery)
def list_people() -> Response:
    """List people, those without a face last."""
    with lend() as services:
        return answer(facenet.page_of_people(*_page(), services))


@blueprint.post("/api/person/create", strict_slashes=False)
@describe(
    shapes.CreatedPerson,
    refuses=[*LEASED, Code.ID_NOT_MATCHED, Code.BAD_NAME, Code.CONFLICT, Code.VALUE_REFUSED],
    body={JSON: shapes.NewPerson, FORM: shapes.NewPerson, MULTIPART: shapes.NewPerson},
)
def create_person() -> Response:
    """Make a person. The row in the database is made with the first face."""
    body = _body()
    person_id, name = body.text("reco_id"), body.text("name")
    concerns(person_id)
    with lend() as services:
        return answer(facenet.create_person(person_id, name, services))


@blueprint.route("/api/person/update/<person_id>", methods=["POST", "PUT", "PATCH"], strict_slashes=False)
@describe(
    RenamedResults,
    refuses=[*LEASED, Code.NO_ROW, Code.BAD_NAME, Code.INSERT_FAILED, Code.VALUE_REFUSED],
    body={JSON: RenameForm, FORM: RenameForm, MULTIPART: RenameForm},
)
def update_person(person_id: str) -> Response:
    """Give a person another name."""
    name = _body().text("name")
    with lend() as services:
        return answer(facenet.update_person(person_id, name, services))


@blueprint.route("/api/person/delete/<person_id>", methods=["DELETE", "POST"], strict_slashes=False)
@describe(ForgottenResults, refuses=[*LEASED, Code.NO_ROW, Code.ID_NOT_MATCHED])
def delete_person(person_id: str) -> Response:
    """Forget a person: every trace goes, and the receipt says so."""
    with gate().passing(), lend() as services:
        return answer(people.forget(person_id, services))


@blueprint.get("/api/face/listall", strict_slashes=False)
@describe(shapes.AllFaces, refuses=[*LEASED, Code.VALUE_REFUSED, Code.NO_ROUTE], query=shapes.PageQuery)
def list_faces() -> Response:
    """List all faces, oldest first."""
    with lend() as services:
        return answer(facenet.page_of_faces(*_page(), services))


@blueprint.get("/api/face/listbyperson/<person_id>", strict_slashes=False)
@describe(shapes.FacesOfPerson, refuses=[*LEASED, Code.NO_ROW])
def list_faces_of(person_id: str) -> Response:
    """List a person's faces, oldest first."""
    with lend() as services:
        return answer(facenet.faces_of_person(person_id, services))


@blueprint.post("/api/face/create", strict_slashes=False)
@describe(shapes.CreatedFace, refuses=_FACE_REFUSES, body=shapes.NEW_FACE)
def create_face() -> Response:
    """Add a face to a person, from one photo."""
    with gate().passing():
        body = _body()
        person_id = body.text("person_id")
        concerns(person_id)
        with lend() as services:
            return answer(facenet.create_face(person_id, body.photos[ALL], services))


@blueprint.route("/api/face/update/<face_id>", methods=["POST", "PUT", "PATCH"], strict_slashes=False)
@describe(shapes.CreatedFace, refuses=_FACE_REFUSES, body=shapes.FACE_IMAGE)
def update_face(face_id: str) -> Response:
    """Put another photo of the person in a face's place. The face keeps its id."""
    with gate().passing():
        body = _body()
        with lend() as services:
            return answer(facenet.update_face(face_id, body.photos[ALL], services))


@blueprint.route("/api/face/delete/<face_id>", methods=["DELETE", "POST"], strict_slashes=False)
@describe(shapes.DeletedFace, refuses=[*LEASED, Code.NO_ROW, Code.NO_FOLDER, Code.ID_NOT_MATCHED])
def delete_face(face_id: str) -> Response:
    """Take a face away. With the only face the person is forgotten, and the receipt says so."""
    with gate().passing(), lend() as services:
        return answer(facenet.delete_face(face_id, services))


@blueprint.post("/api/verify/linear", strict_slashes=False)
@describe(
    shapes.LinearResults,
    refuses=[*LEASED, *NO_PHOTO, Code.NO_ROW, Code.NO_FACE, Code.NO_SINGLE_FACE, Code.VALUE_REFUSED],
    body=shapes.LINEAR,
)
def verify_linear() -> Response:
    """Compare one photo with every enrolled face, or with one person's."""
    with gate().passing():
        body = _body()
        person_id, limit = body.text("person_id"), body.number("limit", 1, 1000, 50)
        with lend() as services:
            return answer(facenet.compare_with_all(body.photos[ALL], person_id, limit, services))


@blueprint.get("/api/dev/embeddings/<face_id>", strict_slashes=False)
@describe(shapes.EmbeddingsOfFace, refuses=[*LEASED, Code.NO_ROW, Code.NO_FOLDER])
def embeddings(face_id: str) -> Response:
    """Show a face's embeddings. Only where DEV_API is true."""
    with lend() as services:
        if not services.policy.dev_api:
            raise Refusal(Code.NO_ROUTE, advice="This endpoint is off. An operator can set DEV_API=true.")
        return answer(facenet.face_embeddings(face_id, services))


@blueprint.get("/help/<path:path>", strict_slashes=False)
@describe(shapes.HelpResults)
def show_help(path: str) -> Response:
    """Say what an endpoint does: purpose, methods, fields, and an example of a reply."""
    wanted = f"/{path.strip('/')}"
    paths: dict[str, Any] = document()["paths"]
    found = next((one for one in paths if _fits(one, wanted)), None)
    if found is None:
        raise Refusal(Code.NO_ROUTE, advice="/docs lists every endpoint.")
    return reply(
        Code.DONE, {"path": found, "methods": {name.upper(): _help(one) for name, one in paths[found].items()}}
    )


def _fits(path: str, wanted: str) -> bool:
    """Whether a path of the document is the wanted one, which may name an argument or leave it out."""
    pieces, sent_pieces = path.rstrip("/").split("/"), wanted.rstrip("/").split("/")
    if pieces[-1].startswith("{") and len(sent_pieces) == len(pieces) - 1:
        pieces = pieces[:-1]
    return len(pieces) == len(sent_pieces) and all(
        piece.startswith("{") or piece == other for piece, other in zip(pieces, sent_pieces, strict=True)
    )


def _help(operation: dict[str, Any]) -> dict[str, Any]:
    schemas, examples = document()["components"]["schemas"], document()["components"]["examples"]
    content = operation.get("requestBody", {}).get("content", {})
    refs = {kind: schemas[media["schema"]["$ref"].rpartition("/")[2]] for kind, media in content.items()}
    fields = {kind: {name: one.get("description", "") for name, one in schema["properties"].items()}
              for kind, schema in refs.items()}  # fmt: skip
    shown = operation["responses"].get("200", {}).get("content", {}).get(JSON, {}).get("examples", {})
    first = next((one["$ref"].rpartition("/")[2] for one in shown.values()), None)
    return {
        "purpose": " ".join([operation["summary"], operation.get("description", "")]).strip(),
        "scope": operation["x-scope"],
        "parameters": {one["name"]: one.get("description", "") for one in operation["parameters"]},
        "fields": fields,
        "example": examples[first]["value"] if first else None,
    }


def _body() -> Sent:
    return sent(request, source().max_photos())


def _page() -> tuple[int, int]:
    query = _body()
    return query.number("page", 1, shapes.MOST_PAGES, 1), query.number("page_size", 1, MOST, 50)
