"""What /upload_imgs keeps, what it says of the rest, and what is not computed again."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.stages.sent_files import SentFile, named_apart
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
