"""Photos that were used before: known again, owned by who used them first, forgotten in time."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import sqlalchemy as sa

from db.replays import Replays, remember
from db.schema import replay_bands, replays
from pipeline.ports import EnrolmentRequest, PhotoMark
from pipeline.stages.replay import NEAR_BITS, NEAR_FACE_BITS, fine_hash
from pipeline.types import Pixels
from tests.db_house import BLUE, GREEN, RED, House, Where

DAY = 86_400


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def house(where: Where, tmp_path: Path) -> House:
    return House(where, tmp_path)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(house: House, clock: Clock) -> Replays:
    return Replays(house.database, NEAR_BITS, NEAR_FACE_BITS, 30, clock)


def mark(seed: int, flipped: int = 0, digest: str = "") -> PhotoMark:
    """Return the mark of a photo, a number of whose bits are flipped, spread over all bands."""
    draw = random.Random(seed)
    bits = draw.getrandbits(1024)
    for place in random.Random(seed + 1).sample(range(1024), 1024)[:flipped]:
        bits ^= 1 << place
    return PhotoMark(digest or f"{seed}-{flipped}".rjust(64, "0"), bits.to_bytes(128, "big"))


def count(house: House) -> tuple[int, int]:
    """Return how many marks and bands are kept."""
    with house.database.reading() as connection:
        found = [
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (replays, replay_bands)
        ]
    return found[0], found[1]


def test_a_photo_of_another_upload_is_known_again_and_one_s_own_is_not(store: Replays) -> None:
    photos = [mark(1), mark(2)]
    assert store.claim("A-1", photos) == [False, False]
    assert store.claim("A-1", photos) == [False, False]
    assert store.claim("B-1", [mark(2), mark(3)]) == [True, False]
    assert store.claim("A-1", photos) == [False, False]
    assert store.claim("A-2", [mark(3)]) == [True]


def test_photos_of_one_upload_are_no_replays_of_each_other(store: Replays, house: House) -> None:
    assert store.claim("A-1", [mark(1), mark(1), mark(1, 3)]) == [False, False, False]
    assert count(house) == (2, 32)


def test_the_same_file_is_known_whatever_its_hash(store: Replays) -> None:
    store.claim("A-1", [mark(1, digest="d" * 64)])
    assert store.claim("A-2", [mark(2, digest="d" * 64)]) == [True]


@pytest.mark.parametrize(("flipped", "known"), [(1, True), (15, True), (16, False), (40, False)])
def test_a_hash_is_found_up_to_15_bits_away(store: Replays, flipped: int, known: bool) -> None:
    store.claim("A-1", [mark(seed) for seed in range(5)])
    for seed in range(5):
        assert store.claim(f"B-{seed}", [mark(seed, flipped)]) == [known]


def test_a_difference_in_every_band_but_one_is_found(store: Replays) -> None:
    bits = random.Random(9).getrandbits(1024)
    store.claim("A-1", [PhotoMark("a" * 64, bits.to_bytes(128, "big"))])
    for left_alone in range(16):
        other = bits
        for band in set(range(16)) - {left_alone}:
            other ^= 1 << (64 * band + 7)
        assert store.claim("B-1", [PhotoMark(f"{left_alone}".rjust(64, "b"), other.to_bytes(128, "big"))]) == [True]


def test_no_more_bits_than_bands_can_be_asked_for(house: House) -> None:
    with pytest.raises(ValueError, match="0 to 15"):
        Replays(house.database, 16, NEAR_FACE_BITS, 30)


def face_mark(seed: int, code: bytes, *views: bytes) -> PhotoMark:
    """Return the mark of another photo, with the code of its face and those that a copy of it is looked up by."""
    return replace(mark(seed), faces=(code,), views=views or (code,))


def test_a_copy_of_a_face_is_known_again_for_the_same_id_alone(store: Replays) -> None:
    code, other = bytes(37), bytes([255] * 37)
    near = bytes([255] * (NEAR_FACE_BITS // 8) + [(1 << NEAR_FACE_BITS % 8) - 1]).ljust(37, b"\0")
    far = bytes([255] * (NEAR_FACE_BITS // 8 + 1)).ljust(37, b"\0")
    assert store.claim("A-1", [face_mark(1, code)]) == [False]
    assert store.claim("A-1", [face_mark(2, code)]) == [False]
    assert store.claim("A-2", [face_mark(3, other, other, near)]) == [True]
    assert store.claim("A-3", [face_mark(4, other, other, far)]) == [False]
    assert store.claim("B-1", [face_mark(5, code)]) == [False]
    assert store.claim("A-4", [mark(6)]) == [False]


def test_a_replay_is_not_remembered_as_the_one_s_who_replayed_it(store: Replays, house: House) -> None:
    store.claim("A-1", [mark(1)])
    assert store.claim("B-1", [mark(1, 2)]) == [True]
    assert store.claim("B-1", [mark(1, 2)]) == [True]
    assert store.claim("A-1", [mark(1)]) == [False]
    assert count(house) == (1, 16)


def test_a_photo_is_forgotten_after_the_retention_period(store: Replays, house: House, clock: Clock) -> None:
    store.claim("A-1", [mark(1)])
    clock.now += 30 * DAY
    assert store.claim("B-1", [mark(1)]) == [True]
    clock.now += 1
    assert store.claim("B-1", [mark(1)]) == [False]
    clock.now += 30 * DAY + 1
    assert store.claim("C-1", []) == []
    assert count(house) == (0, 0)


def test_an_enrolled_photo_is_known_as_long_as_it_is_enrolled(store: Replays, house: House, clock: Clock) -> None:
    upload = house.upload("A", RED)
    house.enrol("A", "Ada", RED, upload=upload)
    with house.database.writing() as connection:
        remember(connection, upload.upload_id, [mark(1)], int(clock.now))
    clock.now += 400 * DAY
    assert store.claim("B-1", [mark(1, 5)]) == [True]
    assert store.forget() == 0
    house.enrol("A", "Ada", GREEN, in_place=True)
    assert store.claim("B-1", [mark(1, 5)]) == [False]
    assert store.forget() == 1


def test_an_enrolment_remembers_its_photos_with_its_commit(store: Replays, house: House) -> None:
    upload = house.upload("A", BLUE)
    store.claim(upload.upload_id, [mark(1)])
    request = EnrolmentRequest("A", "Ada", False, upload, house.faces(BLUE), [mark(1), mark(2)])
    house.enroller.enrol(request)
    assert count(house) == (2, 32)
    assert store.claim("B-1", [mark(2)]) == [True]


def test_of_two_who_use_a_photo_at_once_one_is_first(house: House, tmp_path: Path) -> None:
    stores = [Replays(house.another().database, NEAR_BITS, NEAR_FACE_BITS, 30) for _ in range(4)]
    answers: list[bool] = []
    start = threading.Barrier(4)

    def use(number: int) -> None:
        start.wait()
        answers.extend(stores[number].claim(f"U-{number}", [mark(1, number)]))

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False, True, True, True]


def pixels_of(photo: bytes) -> Pixels:
    return np.asarray(cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def differing(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def test_a_photo_saved_again_keeps_its_hash_and_another_has_another(astronaut: bytes, grace_hopper: bytes) -> None:
    photos = [pixels_of(astronaut), pixels_of(grace_hopper)]
    for photo in photos:
        again = cv2.imdecode(cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 75])[1], cv2.IMREAD_COLOR)
        half = cv2.resize(photo, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        assert len(fine_hash(photo)) == 128
        for copy in (again, half):
            assert differing(fine_hash(photo), fine_hash(np.asarray(copy, np.uint8))) <= NEAR_BITS
    assert differing(fine_hash(photos[0]), fine_hash(photos[1])) > 300


def test_frames_a_second_apart_are_told_apart(shared_data: Path) -> None:
    clips = sorted((shared_data / "data" / "video").glob("*real*"))
    for clip in clips:
        capture = cv2.VideoCapture(str(clip))
        rate = round(capture.get(cv2.CAP_PROP_FPS))
        hashes = []
        for number in range(4 * rate):
            _, frame = capture.read()
            if number % rate == 0:
                hashes.append(fine_hash(np.asarray(frame[..., ::-1], np.uint8)))
        capture.release()
        distances = [differing(one, other) for at, one in enumerate(hashes) for other in hashes[:at]]
        assert min(distances) > NEAR_BITS
    assert clips
