"""FaceHash's flows: who is recognised, what a training learns, and what it leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import cv2
import numpy as np

from codes_dict import Code, Outcome
from pipeline.flows import SentFile, look_at_lesson, recognise, train
from pipeline.flows.facehash import FIRST_FACES, MOST_FACES
from pipeline.types import Detection, Liveness, Pixels
from tests.fakes import ColourDetector, detection_in
from tests.flows.world import BLACK, BLUE, DARK_RED, GREEN, RED, Colour, World, ended, photo_file

HOME = "API_KEY_TEST_1"


def sent(*colours: Colour | None) -> list[SentFile]:
    """Return photos of these colours; None is damaged base64."""
    files = [None if colour is None else photo_file(colour) for colour in colours]
    return [SentFile(f"image_{at}", data, "damaged") for at, data in enumerate(files, start=1)]


def trained(world: World, user: str, *colours: Colour | None) -> Outcome:
    """Do what /train does."""
    lesson = look_at_lesson(HOME, user, sent(*colours), world.services, lambda share: None)
    return train(HOME, lesson, {}, world.services, lambda share: None)


def test_a_trained_user_is_recognised_and_somebody_else_is_not() -> None:
    world = World()
    assert trained(world, "Ада", *[RED] * 10).results["faces"] == 10
    code, results = ended(lambda: recognise(HOME, "Ада", sent(DARK_RED)[0], world.services))
    assert (code, set(results)) == (Code.DONE, {"detectionTime", "confidencePercentage"})
    assert ended(lambda: recognise(HOME, "Ада", sent(BLUE)[0], world.services))[0] is Code.NOT_VERIFIED
    assert ended(lambda: recognise(HOME, "Ада", sent(BLACK)[0], world.services))[0] is Code.NO_FACE
    assert ended(lambda: recognise(HOME, "Ада", sent(None)[0], world.services))[0] is Code.BAD_BASE64


def test_an_unknown_user_and_another_keys_user_are_422() -> None:
    world = World()
    trained(world, "ada", *[RED] * 10)
    for home, user in ((HOME, "ben"), ("0a1b2c3d", "ada")):
        code, results = ended(partial(recognise, home, user, sent(RED)[0], world.services))
        assert (code, results["field"]) == (Code.VALUE_REFUSED, "username")


def test_photos_without_the_user_are_left_out_and_named() -> None:
    results = trained(World(), "ada", *[RED] * 7, BLACK, None, BLUE).results
    assert results["faces"] == 7
    assert results["left_out"] == {"image_8": 630, "image_9": 193, "image_10": 852}


def test_too_few_images_or_faces_and_several_people_are_refused() -> None:
    world = World()
    assert ended(lambda: trained(world, "ada", *[RED] * 9))[0] is Code.VALUE_REFUSED
    assert ended(lambda: trained(world, "ada", *[None] * 10))[0] is Code.BAD_BASE64
    assert ended(lambda: trained(world, "ada", *[BLACK] * 10))[0] is Code.NO_FACE
    assert ended(lambda: trained(world, "ada", *[RED] * 5, *[BLUE] * 5))[0] is Code.DIFFERENT_PEOPLE
    assert ended(lambda: trained(world, "a\nb", *[RED] * 10))[0] is Code.BAD_NAME
    assert world.classifiers.homes == {}


def test_nobody_else_takes_a_name_over_and_more_photos_are_added() -> None:
    world = World()
    trained(world, "ada", *[RED] * 10)
    assert ended(lambda: trained(world, "ada", *[BLUE] * 10))[0] is Code.DIFFERENT_PEOPLE
    assert trained(world, "ada", *[DARK_RED] * 10).results["faces"] == 20
    faces = world.classifiers.homes[HOME]["ada"]
    assert faces.first == 10
    for _ in range(9):
        trained(world, "ada", *[RED] * 10)
    faces = world.classifiers.homes[HOME]["ada"]
    assert len(faces["Colour"]) == MOST_FACES
    assert faces.first <= FIRST_FACES


def test_the_progress_of_looking_rises_to_one() -> None:
    shares: list[float] = []
    look_at_lesson(HOME, "ada", sent(*[RED] * 10), World().services, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_name_is_the_same_however_its_accents_are_written() -> None:
    world = World()
    trained(world, "Zo\u00eb", *[RED] * 10)
    assert ended(partial(recognise, HOME, "Zoe\u0308", sent(RED)[0], world.services))[0] is Code.DONE


class SideBySide(ColourDetector):
    """Finds a face in each third of a wide photo, of 1, 3/4 and 3/10 the size."""

    def detect(self, photos: Sequence[Pixels]) -> list[list[Detection]]:
        """Return those of wide photos, and one of others."""
        usual = super().detect(photos)
        return [_in_thirds(one) if one.shape[1] == 600 else found for one, found in zip(photos, usual, strict=True)]


def _in_thirds(photo: Pixels) -> list[Detection]:
    found = []
    for left, side in ((0, 200), (225, 150), (470, 60)):
        one = detection_in(photo[:side, :side])
        box = replace(one.box, left=one.box.left + left)
        found.append(replace(one, box=box, landmarks=one.landmarks + np.array([left, 0], np.float32)))
    return found


def test_every_face_that_counts_may_be_the_user_and_with_live_has_to_be_live() -> None:
    world = World()
    world.detector = SideBySide()
    for user, colour in (("ada", RED), ("ben", BLUE), ("cleo", GREEN)):
        trained(world, user, *[colour] * 10)
    wide = np.repeat(np.array([[RED, BLUE, GREEN]], np.uint8)[..., ::-1], 200, axis=1).repeat(200, axis=0)
    photo = SentFile("image_1", cv2.imencode(".png", wide)[1].tobytes(), "")

    def code_of(user: str, *, live: bool = False) -> Code:
        return ended(partial(recognise, HOME, user, photo, world.services, live=live))[0]

    assert [code_of(user) for user in ("ada", "ben", "cleo")] == [Code.DONE, Code.DONE, Code.NOT_VERIFIED]
    world.state_of = lambda face: Liveness.LIVE if face.detection.box.left < 200 else Liveness.SPOOF
    assert [code_of(user, live=True) for user in ("ada", "ben")] == [Code.DONE, Code.NOT_VERIFIED]
