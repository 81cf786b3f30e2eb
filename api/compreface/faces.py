"""CompreFace's images of subjects: listed, added, shown, deleted."""

from flask import Response, request

from api.access import lend
from api.compreface.asked import image_ids, needed_text, one_photo
from api.compreface.form import BASE, blueprint, described
from api.compreface.subjects import answer
from api.gate import gate
from api.openapi import JSON, LEASED, NO_PHOTO, NOT_LIVE, Other
from api.photos import sent
from api.shapes import compreface as shapes
from codes_dict import Code
from pipeline.flows import subjects as flows

_FACES = f"{BASE}/recognition/faces"
_MOST_PER_PAGE = 1000
_PNG = "image/png"


@blueprint.get(_FACES, strict_slashes=False)
@described(
    refuses=[*LEASED, Code.VALUE_REFUSED],
    query=shapes.ImagePageQuery,
    other={200: Other("A page of images.", model=shapes.ImagePage)},
)
def list_images() -> Response:
    """List the images of all subjects, or of one, oldest first."""
    query = sent(request, 0)
    page, size = query.number("page", 0, 10**8, 0), query.number("size", 1, _MOST_PER_PAGE, 20)
    with lend() as services:
        return answer(flows.page_of_images(page, size, query.text("subject"), services))


@blueprint.post(_FACES, strict_slashes=False)
@described(
    refuses=[
        *(*LEASED, *NO_PHOTO, *NOT_LIVE, Code.BAD_NAME, Code.VALUE_REFUSED, Code.NO_FACE, Code.NO_SINGLE_FACE),
        *(Code.DIFFERENT_PEOPLE, Code.BELONGS_TO_OTHER, Code.INSERT_FAILED, Code.NO_FOLDER, Code.UPLOAD_GONE),
        *(Code.NO_IMAGES, Code.IMAGE_MISSING),
    ],
    query=shapes.NewImageQuery,
    body=shapes.ONE_PHOTO,
    other={201: Other("The image is added.", model=shapes.AddedImage)},
)
def add_image() -> Response:
    """Add an image with one face to a subject, who is made where there is none."""
    with gate().passing():
        body = sent(request, 2, ("file",))
        subject, least = needed_text(body, "subject"), body.decimal("det_prob_threshold", 0, 1, 0)
        file = one_photo(body, "file")
        with lend() as services:
            return answer(flows.add_image(subject, file, least, services), created=True)


@blueprint.delete(_FACES, strict_slashes=False)
@described(
    refuses=[*LEASED, Code.NO_ROW, Code.VALUE_REFUSED],
    query=shapes.SubjectQuery,
    other={200: Other("How many there were.", model=shapes.DeletedCount)},
)
def delete_images() -> Response:
    """Delete all images of a subject, or of all subjects. The subjects stay."""
    subject = sent(request, 0).text("subject")
    with gate().passing(), lend() as services:
        return answer(flows.delete_images(subject, services))


@blueprint.post(f"{_FACES}/delete")
@described(
    refuses=[*LEASED, Code.VALUE_REFUSED, Code.NO_FOLDER],
    body={JSON: shapes.ImageIds},
    other={200: Other("What was deleted.", model=shapes.ImageRows)},
)
def delete_listed() -> Response:
    """Delete several images. Ids that there are not are ignored."""
    ids = image_ids(request)
    with gate().passing(), lend() as services:
        outcome = flows.delete_listed(ids, services)
        return answer(outcome, outcome.results["images"])


@blueprint.delete(f"{_FACES}/<image:image_id>")
@described(
    refuses=[*LEASED, Code.NO_ROW, Code.NO_FOLDER], other={200: Other("The image is deleted.", model=shapes.ImageRow)}
)
def delete_image(image_id: str) -> Response:
    """Delete an image. The subject stays."""
    with gate().passing(), lend() as services:
        return answer(flows.delete_image(image_id, services))


@blueprint.get(f"{_FACES}/<image:image_id>/img")
@described(refuses=LEASED, other={200: Other("The face as PNG; nothing where there is no such image.", _PNG)})
def show_image(image_id: str) -> Response:
    """Show the aligned face of an image."""
    return _picture(image_id)


@blueprint.get(f"{BASE}/static/<api_key>/images/<image:image_id>")
@described(refuses=LEASED, other={200: Other("The face as PNG; nothing where there is no such image.", _PNG)})
def show_image_by_key(api_key: str, image_id: str) -> Response:
    """Show the aligned face of an image to a page that cannot send headers: the key is in the path."""
    return _picture(image_id)


def _picture(image_id: str) -> Response:
    with lend() as services:
        return Response(flows.image_picture(image_id, services), mimetype=_PNG)
