"""What /upload_imgs keeps, what it says of the rest, and what is not computed again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from pipeline.flows import upload
from pipeline.stages.decode import Budget, decode
from pipeline.stages.sent_files import SentFile, named_apart
from pipeline.types import Detection, Liveness, Photo, Pixels
from tests.fakes import ColourDetector
from tests.flows.world import ANN, RED, World, code_of, ended, photo_file, stages


def good_photo() -> bytes:
    """Return a PNG that scores more than 1, where one of a single colour scores 0."""
    noise = np.random.default_rng(1).integers(-20, 21, (8, 8, 3)).astype(np.float32)
    pixels = np.clip(np.array(RED) + cv2.resize(noise, (200, 200), interpolation=cv2.INTER_CUBIC), 0, 255)
    return bytes(cv2.imencode(".png", pixels.astype(np.uint8)[..., ::-1])[1].tobytes())


def test_files_are_sorted_by_what_became_of_them() -> None:
    world = World(score_tol=1.0)
    files = good_photo(), photo_file(RED), b"no photo", None, good_photo()
    code, results = ended(lambda: world.upload(*files))
    assert code == 119
    assert (results["saved"], results["rejected"]) == (["photo 0.png", "photo 4.png"], ["photo 1.png"])
    assert results["errors"] == ["photo 2.png", "photo 3.png"]
    assert set(results["scores"]) == {"photo 0.png", "photo 1.png", "photo 4.png"}
    assert set(results["reasons"]) == {f"photo {number}.png" for number in range(5)}
    assert results["reasons"]["photo 3.png"][0]["advice"] == "damaged"
    assert results["saved_as"]["photo 4.png"] == f"{results['upload_id']}/0002.png"
    assert results["folder_name"] == results["upload_id"]


def test_the_clients_names_scores_and_bytes_are_kept() -> None:
    world = World()
    _, results = ended(lambda: world.upload(photo_file(RED), good_photo()))
    kept = world.uploads.open(results["upload_id"]).photos
    assert [photo.image.name for photo in kept] == ["photo 0.png", "photo 1.png"]
    assert [photo.data for photo in kept] == [photo_file(RED), good_photo()]
    assert [round(photo.image.score, 3) for photo in kept] == list(results["scores"].values())


def test_what_the_upload_computed_is_used_by_enrolment_and_verification() -> None:
    world = World()
    _, enrolled = ended(lambda: world.upload(good_photo()))
    _, verified = ended(lambda: world.upload(photo_file(RED)))
    world.embedder.calls.clear()
    assert code_of(lambda: world.enrol(enrolled["upload_id"])) == 800
    assert code_of(lambda: world.verify(verified["upload_id"])) == 200
    assert world.embedder.calls == []


def test_twenty_files_are_decoded_in_batches_and_the_ledger_adds_them_up() -> None:
    world = World()
    _, results = ended(lambda: world.upload(*[photo_file(RED)] * 20))
    rows = stages(results)
    assert list(rows) == ["id", "decode", "detect", "quality", "store"]
    assert {(row["in"], row["out"]) for name, row in rows.items() if name != "id"} == {(20, 20)}


def test_an_answer_keeps_every_frame_with_a_face_but_needs_a_good_one() -> None:
    world = World(score_tol=1.0)
    nonces = [world.challenges.issue(ANN, ["turn_left"]) for _ in range(2)]
    black = photo_file((0, 0, 0))
    code, results = ended(lambda: world.upload(good_photo(), photo_file(RED), black, nonce=nonces[0]))
    assert (code, results["saved"], results["rejected"]) == (119, ["photo 0.png", "photo 1.png"], ["photo 2.png"])
    assert world.uploads.open(results["upload_id"]).challenge == ("turn_left",)
    assert code_of(lambda: world.upload(photo_file(RED), black, nonce=nonces[1])) == 120


def test_where_none_is_good_nothing_is_kept() -> None:
    world = World(score_tol=1.0)
    code, results = ended(lambda: world.upload(photo_file(RED)))
    assert (code, results["upload_id"], world.uploads.open_ones) == (120, None, {})
    assert (results["retry"], stages(results)["store"]["code"]) == (False, 120)


def test_files_of_one_name_are_told_apart() -> None:
    files = [SentFile(name, b"") for name in ("a", "a", "b", "a (2)", "a")]
    assert [file.name for file in named_apart(files)] == ["a", "a (2)", "b", "a (2) (2)", "a (3)"]


def test_photos_beyond_the_requests_budget_are_left_out_with_the_reason() -> None:
    world = World()
    opened: list[Budget | None] = []

    def costly(
        name: str, data: bytes, max_bytes: int, max_pixels: int, area: int = 0, budget: Budget | None = None
    ) -> Photo:
        photo = decode(name, data, max_bytes, max_pixels, budget=budget)
        opened.append(budget)
        if budget:
            budget.spend(2.0)
        return photo

    services = replace(world.services, decode=costly)
    files = [SentFile(f"photo {number}.png", photo_file(RED)) for number in range(10)]
    _, results = ended(lambda: upload(ANN, files, services))
    assert len(results["saved"]) == len(opened) < 5
    said = "The photos before this one used up the time to decode one request: send it in a request of its own."
    assert {results["reasons"][name][0]["advice"] for name in results["errors"]} == {said}
    assert len(set(map(id, opened))) == 1


def test_a_photo_on_its_side_is_kept_as_it_came_and_the_reply_says_that_it_was_turned() -> None:
    world = World()
    world.detector = OnlyUpright()
    data = bytes(cv2.imencode(".png", np.rot90(good_pixels(), 3)[..., ::-1])[1].tobytes())
    _, results = ended(lambda: world.upload(data))
    first = results["reasons"]["photo 0.png"][0]
    assert (first["check"], first["value"], first["passed"]) == ("Upright", 90.0, True)
    assert first["advice"] == "The photo lay on its side and was turned by 90 degrees; send it upright next time."
    (detected,) = stages(results)["detect"]["items"]
    assert (detected["faces"], detected["turned"], len(detected["found"])) == (1, 90, 1)
    (kept,) = world.uploads.open(results["upload_id"]).photos
    assert kept.cache is not None
    assert (kept.data, kept.cache.turn) == (data, 1)
    world.known(ANN, RED)
    opened: list[Photo] = []
    world.state_of = lambda face: opened.append(face.photo) or Liveness.LIVE  # type: ignore[func-returns-value]
    code_of(lambda: world.verify(results["upload_id"]))
    assert [np.array_equal(photo.pixels, good_pixels()) for photo in opened] == [True]


class OnlyUpright(ColourDetector):
    """Finds a face only in photos that are brighter at the top."""

    def detect(self, photos: Sequence[Pixels]) -> list[list[Detection]]:
        """Return one detection per photo that is upright."""
        return [
            found if photo[0].mean() > 210 else [] for photo, found in zip(photos, super().detect(photos), strict=True)
        ]


def good_pixels() -> Pixels:
    """Return pixels with a bright row at the top."""
    pixels = np.full((200, 160, 3), RED, np.uint8)
    pixels[0] = 255
    return pixels
