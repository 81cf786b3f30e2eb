"""The ids of subjects' images: UUIDs that lead back to their faces."""

from __future__ import annotations

from uuid import UUID

import pytest

from pipeline.flows.subject_rules import MOST_NUMBERED, _face_ids, image_id_of

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("number", [1, 2, 57, MOST_NUMBERED])
def test_a_faces_image_id_is_a_uuid_that_leads_back(number: int) -> None:
    face_id = f"{TOKEN}_{number:02}"
    image_id = image_id_of(face_id)
    assert (str(UUID(image_id)), face_id in _face_ids(image_id)) == (image_id, True)


def test_faces_of_an_enrolment_have_ids_of_their_own() -> None:
    ids = {image_id_of(f"{TOKEN}_{number:02}") for number in range(1, MOST_NUMBERED + 1)}
    assert len(ids) == MOST_NUMBERED
    assert image_id_of(f"{TOKEN}_01") == str(UUID(TOKEN))


@pytest.mark.parametrize("face_id", [f"{TOKEN}_{MOST_NUMBERED + 1}", f"{TOKEN}_00", "another id"])
def test_other_ids_stay_as_they_are(face_id: str) -> None:
    assert (image_id_of(face_id), list(_face_ids("another id"))) == (face_id, ["another id"])
