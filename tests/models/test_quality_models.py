"""The quality score with the real detector and real recognition models on real photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.models.embedders import load_embedder
from pipeline.models.mtcnn import MtcnnDetector
from pipeline.models.weights import WeightStore
from pipeline.registry import REGISTRY
from pipeline.stages.decode import decode
from pipeline.stages.quality import MOST_IN_COMPANY
from pipeline.types import Photo, Pixels
from tools.evaluation.degrade import DEGRADATIONS, turned_frames
from tools.evaluation.quality import Assessor, degraded_stopped, turned_stopped

pytestmark = pytest.mark.models

PEOPLE = 20


@pytest.fixture(scope="module")
def assessor(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Assessor:
    store = WeightStore(tmp_path_factory.mktemp("weights"), str(shared_data / "weights"))
    models = {name: load_embedder(REGISTRY[name], store) for name in ("Dlib", "MobileFaceNet")}
    return Assessor(MtcnnDetector(), models)


@pytest.fixture(scope="module")
def portraits(shared_data: Path) -> list[Path]:
    """One photo each of some people, spread over the alphabet."""
    people = sorted((shared_data / "data" / "lfw" / "images").iterdir())
    return [min(person.iterdir()) for person in people[7 :: len(people) // PEOPLE][:PEOPLE]]


def frames(clip: Path) -> Iterator[Pixels]:
    video = cv2.VideoCapture(str(clip))
    while True:
        there, frame = video.read()
        if not there:
            return
        yield np.ascontiguousarray(frame[..., ::-1], dtype=np.uint8)


def named(pixels: Pixels, number: int) -> Photo:
    return Photo(f"frame {number}", pixels, f"{number:064x}")


def test_ordinary_portraits_pass(assessor: Assessor, portraits: list[Path]) -> None:
    scores = assessor.files(portraits)
    alone = scores[scores != MOST_IN_COMPANY]
    assert len(alone) >= 0.8 * PEOPLE
    assert int((alone >= 7).sum()) >= len(alone) - 1


def test_nine_in_ten_copies_of_every_degraded_kind_are_stopped(assessor: Assessor, portraits: list[Path]) -> None:
    rates = degraded_stopped(portraits, np.arange(PEOPLE), assessor, seed=1)
    assert {kind: rate for kind, rate in rates.items() if rate < 0.9} == {}
    assert set(rates) == set(DEGRADATIONS)


def test_a_head_turned_far_to_the_side_is_stopped_with_the_side_to_turn_to(
    assessor: Assessor, shared_data: Path
) -> None:
    clip = shared_data / "data" / "video" / "intel_head-pose-female.gif"
    turned = [named(frame, number) for number, frame in enumerate(frames(clip)) if number <= 6]
    judged = assessor.photos(turned)
    assert [quality.score < 7 for quality in judged] == [True] * 7
    advice = {check.advice for quality in judged for check in quality.checks if check.check == "HeadPoseYaw"}
    assert all(line.endswith("degrees to your left.") for line in advice)


def test_four_in_five_strongly_turned_heads_of_clips_are_stopped(assessor: Assessor, shared_data: Path) -> None:
    heads = turned_frames(shared_data / "data" / "video")
    assert turned_stopped(heads, assessor)["yaw"] >= 0.8


def test_a_webcams_frames_of_a_person_who_looks_ahead_pass(assessor: Assessor, shared_data: Path) -> None:
    clip = shared_data / "data" / "video" / "intel_head-pose-male.gif"
    judged = assessor.photos([named(frame, number) for number, frame in enumerate(frames(clip)) if number % 15 == 0])
    assert all(quality.score >= 7 for quality in judged)


def test_a_phones_photo_of_twelve_megapixels_scores_as_the_small_one(assessor: Assessor, grace_hopper: bytes) -> None:
    photo = decode("hopper", grace_hopper, 10**8, 10**8)
    large = cv2.resize(photo.pixels, (3000, 3516), interpolation=cv2.INTER_CUBIC)
    small, phone = assessor.photos([photo, Photo("phone", np.asarray(large, np.uint8), "0" * 64)])
    assert [check.check for check in phone.checks if not check.passed] == []
    assert abs(small.score - phone.score) < 0.5


def test_a_photo_of_no_face_scores_zero(assessor: Assessor) -> None:
    sky = np.full((300, 400, 3), (90, 140, 220), np.uint8)
    assert assessor.photos([named(sky, 1)])[0].score == 0.0


def test_dlib_alone_judges_too(assessor: Assessor, astronaut: bytes) -> None:
    alone = Assessor(assessor.detector, {"Dlib": assessor.embedders["Dlib"]})
    quality = alone.photos([decode("astronaut", astronaut, 10**8, 10**8)])[0]
    assert quality.score >= 7
    assert "MirrorAgreement.Dlib" in {check.check for check in quality.checks}
