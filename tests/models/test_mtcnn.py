"""The face detector against the package whose weights it uses, and on photos that make detectors stumble."""

from __future__ import annotations

import gc
import os
import threading
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.models import mtcnn
from pipeline.models.mtcnn import MtcnnDetector, closer_scale, working_scale
from pipeline.parallel import give_back
from pipeline.types import Detection, Pixels
from tests.models.faces import pixels_of

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def detector() -> MtcnnDetector:
    return MtcnnDetector()


def lfw(shared_data: Path, count: int) -> list[Pixels]:
    """Return photos from all over LFW."""
    files = sorted((shared_data / "data" / "lfw" / "images").glob("*/*.jpg"))
    return [pixels_of(file) for file in files[:: len(files) // count][:count]]


def same_faces(ours: list[Detection], theirs: np.ndarray[Any, Any]) -> bool:
    """Compare with the package's rows: photo, left, top, right, bottom, confidence, five x, five y."""
    rows = sorted(theirs.tolist(), key=lambda row: -(row[3] - row[1]) * (row[4] - row[2]))
    found = sorted(ours, key=lambda face: -face.box.area)
    return len(found) == len(rows) and all(
        abs(face.box.left - row[1]) < 0.03 * face.box.width
        and abs(face.box.top + face.box.height - row[4]) < 0.03 * face.box.height
        and abs(face.confidence - row[5]) < 0.02
        and np.abs(face.landmarks - np.array(row[6:]).reshape(2, 5).T).max() < 0.03 * face.box.width
        for face, row in zip(found, rows, strict=True)
    )


def test_it_finds_the_faces_that_the_package_finds(
    detector: MtcnnDetector, shared_data: Path, astronaut: bytes, grace_hopper: bytes
) -> None:
    from mtcnn import MTCNN

    package = MTCNN()
    photos = [pixels_of(astronaut), pixels_of(grace_hopper), *lfw(shared_data, 12)]
    ours = detector.detect_scaled(photos, [1.0] * len(photos))
    theirs = [
        package.detect_faces(photo, output_type="numpy", box_format="xyxy", fit_to_image=False) for photo in photos
    ]
    assert [same_faces(mine, other) for mine, other in zip(ours, theirs, strict=True)] == [True] * len(photos)


def test_photos_in_one_call_get_the_faces_that_they_get_alone(
    detector: MtcnnDetector, astronaut: bytes, grace_hopper: bytes
) -> None:
    photos = [pixels_of(astronaut), np.zeros((90, 90, 3), np.uint8), pixels_of(grace_hopper)]
    together = detector.detect(photos)
    alone = [detector.detect([photo])[0] for photo in photos]
    assert [len(faces) for faces in together] == [1, 0, 1]
    for mine, other in zip(together, alone, strict=True):
        for face, same in zip(mine, other, strict=True):
            assert np.abs(face.landmarks - same.landmarks).max() < 0.01


def test_a_photo_smaller_than_the_networks_has_no_face(detector: MtcnnDetector) -> None:
    sizes = [(1, 1), (1, 400), (11, 11), (12, 12), (13, 30), (20, 20)]
    assert detector.detect([np.zeros((*size, 3), np.uint8) for size in sizes]) == [[] for _ in sizes]


def test_no_photo_has_no_faces(detector: MtcnnDetector) -> None:
    assert detector.detect([]) == []


def test_landmarks_keep_their_sides_in_a_mirror(detector: MtcnnDetector, astronaut: bytes) -> None:
    photo = pixels_of(astronaut)
    (face,), (mirrored,) = detector.detect([photo, np.ascontiguousarray(photo[:, ::-1])])
    expected = face.landmarks[[1, 0, 2, 4, 3]] * (-1, 1) + (photo.shape[1] - 1, 0)
    assert np.abs(mirrored.landmarks - expected).max() < 3
    assert mirrored.landmarks[0, 0] < mirrored.landmarks[1, 0]
    assert mirrored.landmarks[0, 1] < mirrored.landmarks[3, 1]


def test_a_large_photo_gives_the_face_in_its_own_pixels(detector: MtcnnDetector, astronaut: bytes) -> None:
    photo = pixels_of(astronaut)
    large = cv2.resize(photo, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    (face,), (fourfold,) = detector.detect([photo, np.asarray(large, np.uint8)])
    eyes = float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))
    assert np.abs(fourfold.landmarks / 4 - face.landmarks).max() < 0.1 * eyes


def test_a_crowd_gives_ten_faces_largest_first(detector: MtcnnDetector, astronaut: bytes) -> None:
    face = pixels_of(astronaut)[20:220, 130:310]
    crowd = np.tile(face, (3, 5, 1))
    crowd[:200, :180] = face
    found = detector.detect([crowd])[0]
    assert len(found) == mtcnn.MOST_FACES
    assert [one.box.area for one in found] == sorted((one.box.area for one in found), reverse=True)


def test_eight_threads_get_what_one_gets(detector: MtcnnDetector, astronaut: bytes) -> None:
    photo = pixels_of(astronaut)
    expected = detector.detect([photo])[0][0].landmarks
    found: list[list[Detection]] = []
    threads = [threading.Thread(target=lambda: found.extend(detector.detect([photo]))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [np.array_equal(faces[0].landmarks, expected) for faces in found] == [True] * 8


@pytest.mark.parametrize("size", [100, 180, 900])
def test_a_face_that_touches_all_edges_is_found(detector: MtcnnDetector, astronaut: bytes, size: int) -> None:
    tight = np.ascontiguousarray(pixels_of(astronaut)[72:166, 190:262])
    photo = np.asarray(cv2.resize(tight, (round(size * 0.77), size), interpolation=cv2.INTER_CUBIC), np.uint8)
    (face,) = detector.detect([photo])[0]
    eyes = (face.landmarks[:2] / (size / 94)).tolist()
    assert np.abs(np.array(eyes) - [[14.1, 28.6], [55.8, 30.8]]).max() < 5


def test_noise_has_no_face_with_or_without_a_frame(detector: MtcnnDetector) -> None:
    generator = np.random.default_rng(11)
    photos = [generator.integers(0, 256, (side, side, 3), dtype=np.uint8) for side in (60, 150, 300)]
    photos += [np.full((200, 160, 3), value, np.uint8) for value in (0, 127, 255)]
    assert detector.detect(photos) == [[]] * 6


@pytest.mark.parametrize(
    ("height", "width", "first", "closer"),
    [
        (75, 100, 1.0, 1.0),
        (480, 640, 1.0, 1.0),
        (750, 1000, 0.64, 0.64),
        (1536, 2048, 0.3125, 20 / 48),
        (100, 3072, 1.0, 1.0),
        (3072, 4096, 0.15625, 20 / 48),
    ],
)
def test_large_photos_are_looked_at_in_one_size_and_closer_down_to_the_smallest_face_that_matters(
    height: int, width: int, first: float, closer: float
) -> None:
    photo = np.empty((height, width, 3), np.uint8)
    assert (working_scale(photo), closer_scale(photo)) == pytest.approx((first, closer), rel=1e-3)


@pytest.mark.parametrize(("share", "looks"), [(0.3, [0.3125]), (0.05, [0.3125, 20 / 48])])
def test_a_large_photo_is_looked_at_closer_only_where_its_face_is_small(
    share: float, looks: list[float], detector: MtcnnDetector, astronaut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []
    look = MtcnnDetector._look

    def counted(self: MtcnnDetector, photos: list[Pixels], scales: list[float]) -> Any:
        seen.extend(scales)
        return look(self, photos, scales)

    monkeypatch.setattr(MtcnnDetector, "_look", counted)
    face = pixels_of(astronaut)[:256, 96:352]  # the face is half as wide
    side = round(2 * share * 1536)
    photo = np.full((1536, 2048, 3), 90, np.uint8)
    photo[: min(side, 1536), :side] = cv2.resize(face, (side, side))[:1536]
    (faces,) = detector.detect([photo])
    assert [len(faces), *seen] == pytest.approx([1, *looks])


@pytest.mark.parametrize("area", [2_000, 20_000, 60_000])
def test_a_level_in_strips_gives_what_the_whole_level_gives(
    area: int, detector: MtcnnDetector, astronaut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = (pixels_of(astronaut).astype(np.float32) - np.float32(127.5)) / np.float32(128)
    level = mtcnn._level(pixels, (450, 301))
    whole = detector._proposals([level])
    monkeypatch.setattr(mtcnn, "STRIP_AREA", area)
    for part, expected in zip(mtcnn._in_strips(detector._proposals, level), whole, strict=True):
        assert np.abs(part[:, : expected.shape[1]] - expected).max() < 1e-5


@pytest.mark.parametrize("size", [(1, 12_000), (12_000, 1), (1, 4_000_000), (400, 8_000), (8_000, 6_000), (30, 600)])
def test_what_is_looked_at_is_bounded_by_area_whatever_the_shape(
    detector: MtcnnDetector, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[int] = []
    view = mtcnn._view

    def noted(*given: Any) -> Any:
        made = view(*given)
        looked_at.append(made.pixels.shape[0] * made.pixels.shape[1])
        return made

    monkeypatch.setattr(mtcnn, "_view", noted)
    assert detector.detect([np.full((*size, 3), 90, np.uint8)]) == [[]]
    assert len(looked_at) <= 3
    assert max(looked_at) <= 1.01 * mtcnn.MOST_AREA


def test_the_detector_does_not_keep_memory_for_every_shape_that_it_has_seen() -> None:
    run = MtcnnDetector()._proposals
    held = []
    for heights in (range(140, 150), range(130, 140), range(100, 130)):
        for height, width in product(heights, range(201, 221, 2)):
            run([np.zeros((1, height, width, 3), np.float32)])
        gc.collect()
        give_back()
        held.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6)
    assert held[-1] - held[1] < 40, "it is 124 MB where every shape is kept"


def test_a_picture_full_of_half_faces_costs_no_more_than_a_crowd() -> None:
    scores = np.random.default_rng(0).uniform(0.7, 1.0, (190, 255)).astype(np.float32)
    boxes = mtcnn._boxes_of(np.zeros((190, 255, 4), np.float32), scores, 0.6)
    assert len(boxes) == mtcnn._CANDIDATES
    assert boxes[:, 4].min() >= np.sort(scores.ravel())[-mtcnn._CANDIDATES]
