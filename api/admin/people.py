"""Who is enrolled, what is stored of a person, forgetting, and letting an ID verify again; and the uploads."""

from flask import Response, request

from api import people as endpoints
from api.admin.session import blueprint
from api.envelope import reply
from api.openapi import Other, describe
from api.shapes.admin import FacePath, PeopleQuery, PeopleResults, PersonResults, UploadsResults
from api.source import source
from codes_dict import Code

MOST = 50
"""People, or uploads, of a reply."""

blueprint.delete("/admin/api/people/<person_id>")(endpoints.forget)
blueprint.delete("/admin/api/limits/<person_id>")(endpoints.lift)


@blueprint.get("/admin/api/people")
@describe(PeopleResults, refuses=[Code.BAD_ENV, Code.DB_DOWN], query=PeopleQuery)
def people() -> Response:
    """List people whose ID or name contains a text."""
    found = source().operator.people(request.args.get("text", "").strip(), MOST + 1)
    return reply(Code.DONE, {"people": found[:MOST], "more": len(found) > MOST, "count": source().gallery_people()})


@blueprint.get("/admin/api/people/<person_id>")
@describe(PersonResults, refuses=[Code.NO_ROW, Code.BAD_ENV, Code.DB_DOWN])
def person(person_id: str) -> Response:
    """Show what is stored of a person."""
    return reply(Code.DONE, source().operator.person(person_id))


@blueprint.get("/admin/api/people/<person_id>/faces/<int:number>")
@describe(path=FacePath, refuses=[Code.BAD_ENV, Code.DB_DOWN], other={200: Other("The face.", "image/png")})
def face(person_id: str, number: int) -> Response:
    """Show one of a person's enrolled faces."""
    return Response(source().operator.face(person_id, number), content_type="image/png")


@blueprint.get("/admin/api/uploads")
@describe(UploadsResults, refuses=[Code.BAD_ENV])
def uploads() -> Response:
    """List the newest uploads and when each ends."""
    return reply(Code.DONE, source().operator.uploads(MOST))
