"""Who the subject of a photo is, and who else counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from codes_dict import Code
from pipeline.ledger import Ledger
from pipeline.stages.subject import is_alone, only_subjects, people_of
from pipeline.types import Box, Detection
from tests.fakes import detection_in, photo_of, sighting_of

RED, BLUE = (200, 10, 10), (10, 10, 200)


def face(width: float, height: float | None = None) -> Detection:
    found = detection_in(photo_of(RED).pixels)
    return replace(found, box=Box(0, 0, width, width if height is None else height))


@pytest.mark.parametrize(
    ("size", "count"),
    [(1.0, 2), (0.5, 2), (0.41, 2), (0.39, 1), (0.2, 1)],
    ids=["as near", "half", "just counts", "just not", "on a card"],
)
def test_a_face_counts_by_its_size_beside_the_subject(size: float, count: int) -> None:
    subject, other = face(100), face(100 * size)
    for faces in ([subject, other], [other, subject]):
        people = people_of(faces)
        assert (people.count, people.subject) == (count, subject if size < 1 else faces[0])


def test_a_narrow_face_in_profile_counts_by_its_area() -> None:
    assert people_of([face(100), face(36, 60)]).count == 2


def test_others_are_named_largest_first() -> None:
    subject, near, far = face(100), face(80), face(50)
    assert people_of([far, subject, near, face(10)]).others == [near, far]


def test_nobody_is_not_one_person() -> None:
    assert [is_alone(faces) for faces in ([], [face(9)], [face(9), face(2)], [face(9), face(8)])] == [0, 1, 1, 0]


def test_photos_without_a_face_or_with_company_are_left_out_and_the_ledger_says_where() -> None:
    one, two, ledger = sighting_of(RED, "one"), sighting_of(BLUE, "two"), Ledger()
    badge = replace(one, detection=replace(one.detection, box=Box(1, 1, 4, 4)))
    friend = replace(two, detection=replace(two.detection, box=Box(1, 2, 20, 21)))
    seen = {one.photo: [badge, one], photo_of(RED, "none"): [], two.photo: [two, friend]}
    kept, left_out = only_subjects(seen, ledger)
    assert kept == [one]
    assert left_out == {"none": Code.NO_FACE, "two": Code.NO_SINGLE_FACE}
    assert ledger.as_list()[0]["items"] == [
        {"image": "none", "code": 630},
        {"image": "two", "code": 152, "others": [(1, 2, 20, 21)]},
    ]
