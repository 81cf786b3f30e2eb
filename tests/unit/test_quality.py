"""The quality score on photos that come inside packages, with their faces' places given: no model is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipeline.stages.align import crop_face
from pipeline.stages.augment import mirror
from pipeline.stages.decode import decode
from pipeline.stages.quality import MOST_IN_COMPANY, FaceLook, assess, look, score_of
from pipeline.stages.quality.advice import FINE, NO_FACE, SECOND_PERSON, advice_for
from pipeline.stages.quality.canonical import canonical_face
from pipeline.stages.quality.components import of_look, of_pixels
from pipeline.stages.quality.geometry import head_pose
from pipeline.stages.quality.score import Limit, Term, Utility, shipped
from pipeline.types import BothSides, Box, Check, Crop, Detection, Face, Floats, Photo, Pixels, Quality
from tools.evaluation.degrade import compressed, exposed

HOPPER = Detection(
    Box(178.4, 109.9, 173.1, 219.9),
    np.array([[220.4, 190.2], [308.2, 186.0], [268.3, 237.4], [231.7, 277.0], [303.6, 272.9]], np.float32),
    0.989,
)


@pytest.fixture(scope="module")
def hopper(grace_hopper: bytes) -> Photo:
    return decode("hopper.jpg", grace_hopper, 10**8, 10**8)


def face_of(photo: Photo, detection: Detection = HOPPER) -> Face:
    return Face(photo, detection, crop_face(photo, detection))


def changed(photo: Photo, pixels: Pixels) -> Photo:
    return replace(photo, pixels=np.ascontiguousarray(pixels, dtype=np.uint8))


def quality_of(photo: Photo, detection: Detection = HOPPER) -> Quality:
    return assess(photo, [face_of(photo, detection)], None, 7.0)


def failed(quality: Quality) -> list[str]:
    return [check.check for check in quality.checks if not check.passed and check.check != "UnifiedQualityScore"]


def resized(photo: Photo, factor: float) -> tuple[Photo, Detection]:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    pixels = cv2.resize(photo.pixels, None, fx=factor, fy=factor, interpolation=how)
    centres = np.asarray((HOPPER.landmarks + 0.5) * factor, np.float32)
    box = Box(*(value * factor for value in (HOPPER.box.left, HOPPER.box.top, HOPPER.box.width, HOPPER.box.height)))
    return changed(photo, pixels), Detection(box, centres - 0.5, HOPPER.confidence)


def test_a_photo_without_a_face_scores_zero_and_says_so(hopper: Photo) -> None:
    assert assess(hopper, [], None, 7.0) == Quality(0.0, (Check("OnePerson", 0.0, 1.0, False, NO_FACE),))


def test_an_ordinary_portrait_passes_every_check(hopper: Photo) -> None:
    quality = quality_of(hopper)
    assert failed(quality) == []
    assert {check.advice for check in quality.checks} == {FINE}
    assert quality.score > 9


def test_the_first_row_is_the_score_against_the_operators_minimum(hopper: Photo) -> None:
    quality = assess(hopper, [face_of(hopper)], None, 9.999)
    assert quality.checks[0].check == "UnifiedQualityScore"
    assert (quality.checks[0].value, quality.checks[0].threshold) == (quality.score, 9.999)
    assert quality.checks[0].passed is False


@pytest.mark.parametrize("factor", [0.5, 2.0, 5.0])
def test_the_score_does_not_depend_on_the_cameras_resolution(hopper: Photo, factor: float) -> None:
    quality = quality_of(*resized(hopper, factor))
    assert failed(quality) == []
    assert abs(quality.score - quality_of(hopper).score) < 0.3


def test_blur_fails_the_sharpness(hopper: Photo) -> None:
    blurred = changed(hopper, cv2.GaussianBlur(hopper.pixels, (0, 0), HOPPER.box.width / 25))
    assert failed(quality_of(blurred)) == ["Sharpness"]
    assert quality_of(blurred).score < 7


def test_three_stops_too_dark_fail_the_under_exposure(hopper: Photo) -> None:
    dark = quality_of(changed(hopper, exposed(hopper.pixels, -3)))
    assert (failed(dark), dark.score < 7) == (["UnderExposurePrevention"], True)


def test_two_and_a_half_stops_too_bright_fail_the_over_exposure(hopper: Photo) -> None:
    bright = quality_of(changed(hopper, exposed(hopper.pixels, 2.5)))
    assert "OverExposurePrevention" in failed(bright)
    assert bright.score < 7


def test_a_face_of_twenty_pixels_between_the_eyes_is_too_small(hopper: Photo) -> None:
    small = quality_of(*resized(hopper, 20 / 87.9))
    check = next(one for one in small.checks if one.check == "InterEyeDistance")
    assert (check.passed, round(check.value or 0), small.score < 7) == (False, 20, True)
    assert check.advice == "Move closer: the face should be about 1.2 times as large."


def test_a_jpeg_of_quality_five_fails_the_compression_and_is_told_by_the_face_not_the_file(hopper: Photo) -> None:
    small, detection = resized(hopper, 0.5)
    blocky = changed(small, compressed(small.pixels, detection, np.random.default_rng(0)))
    assert "CompressionArtifacts" in failed(quality_of(blocky, detection))


@pytest.mark.parametrize("side", ["left", "right", "lower"])
def test_half_a_covered_face_fails_the_occlusion(hopper: Photo, side: str) -> None:
    pixels = hopper.pixels.copy()
    left, top = int(HOPPER.box.left), int(HOPPER.box.top)
    width, height = int(HOPPER.box.width), int(HOPPER.box.height)
    x, y, wide, high = {
        "left": (left, top, width // 2, height),
        "right": (left + width // 2, top, width // 2, height),
        "lower": (left, top + height // 2, width, height // 2),
    }[side]
    pixels[y : y + high, x : x + wide] = (90, 110, 160)
    assert "FaceOcclusionPrevention" in failed(quality_of(changed(hopper, pixels)))


def turned(yaw: float, pitch: float = 0.0) -> Floats:
    """Landmarks of a face of 60 px between the eyes, turned to the image's right by `yaw`, up by `pitch` degrees."""
    face = np.array([[-30, -25, 0], [30, -25, 0], [0, 9, 27], [-25, 44, 5], [25, 44, 5]], np.float64)
    a, b = np.radians(yaw), np.radians(pitch)
    around_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    around_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return np.asarray((face @ (around_x @ around_y).T)[:, :2] + 200, dtype=np.float32)


@pytest.mark.parametrize("angle", [-45, -20, 0, 20, 45])
def test_yaw_is_estimated_to_ten_degrees_and_positive_to_the_images_right(angle: float) -> None:
    assert abs(head_pose(turned(angle)).yaw - angle) < 10


@pytest.mark.parametrize("angle", [-30, 0, 30])
def test_pitch_is_estimated_to_ten_degrees_and_positive_upwards(angle: float) -> None:
    assert abs(head_pose(turned(0, angle)).pitch - angle) < 10


def test_roll_is_the_angle_of_the_eyes() -> None:
    tilt = np.radians(15)
    rotation = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    pose = head_pose(np.asarray(turned(0) @ rotation.T, dtype=np.float32))
    assert round(pose.roll) == 15
    assert abs(pose.yaw) < 3


def test_the_share_of_a_box_inside_the_photo() -> None:
    photo = np.zeros((200, 200, 3), np.uint8)
    assert Box(-50, 0, 100, 100).share_inside(photo) == 0.5
    assert Box(150, 150, 100, 100).share_inside(photo) == 0.25
    assert Box(300, 0, 10, 10).share_inside(photo) == 0.0


@pytest.mark.parametrize(
    ("name", "value", "threshold", "advice"),
    [
        ("HeadPoseYaw", 38.0, 35.0, "Turn the head about 40 degrees to your right."),
        ("HeadPoseYaw", -42.0, 35.0, "Turn the head about 40 degrees to your left."),
        ("HeadPosePitch", 31.0, 30.0, "Lower the chin by about 30 degrees."),
        ("HeadPosePitch", -31.0, 30.0, "Raise the chin by about 30 degrees."),
        ("InterEyeDistance", 12.0, 24.0, "Move closer: the face should be about 2.0 times as large."),
        ("UnderExposurePrevention", 50.0, 90.0, "Move to the light: the face is too dark."),
    ],
)
def test_advice_says_what_to_do_next(name: str, value: float, threshold: float, advice: str) -> None:
    assert advice_for(name, value, threshold) == advice


def test_every_component_with_a_limit_or_a_weight_is_measured_and_has_advice(hopper: Photo) -> None:
    models = {"Dlib": 1.3, "MobileFaceNet": 15.0}
    look = FaceLook(models, dict.fromkeys(models, 0.9))
    measured = {**of_pixels(hopper.pixels, face_of(hopper)), **of_look(look)}
    fitted = shipped()
    used = {*fitted.limits, *(name for utility in fitted.utilities for name in utility.terms)}
    assert used <= set(measured)
    assert all(advice_for(name, measured[name], 1.0) for name in used)


def test_a_limit_caps_at_seven_at_its_threshold_and_falls_to_zero() -> None:
    limit = Limit(worst=10, threshold=20, fine=40)
    caps = [limit.cap(value) for value in (0, 10, 15, 20, 30, 40, 90)]
    assert caps == [0.0, 0.0, 3.5, 7.0, 8.5, 10.0, 10.0]
    falling = Limit(worst=40, threshold=20, fine=10)
    assert [falling.cap(value) for value in (50, 30, 20, 15, 0)] == [0.0, 3.5, 7.0, 8.5, 10.0]


def test_a_term_is_straight_steeper_in_its_tail_and_held_within_four_spreads() -> None:
    term = Term(middle=10, spread=2, weight=0.5, tail=1.0)
    assert [term.value(value) for value in (10, 12, 1000)] == [0.0, 0.5, 2.0]
    assert [term.value(value) for value in (7, 6, -1000)] == [-0.75, -1.0 - 0.5, -2.0 - 2.5]
    falling = Term(middle=10, spread=-2, weight=0.5)
    assert [falling.value(value) for value in (8, 12)] == [0.5, -0.5]


@pytest.mark.parametrize(
    "term", [Term(10, 2, 0.5, 1.0), Term(10, -2, 0.5, 1.0), Term(10, 2, 0.0, 1.0), Term(10, 2, 0.5)]
)
@pytest.mark.parametrize("part", [-1.5, -0.4, 0.9])
def test_what_was_measured_is_found_back_from_its_part(term: Term, part: float) -> None:
    measured = term.measured_at(part)
    if measured is None:
        assert part > 0
        assert term.weight == 0
    else:
        assert round(term.value(measured), 9) == part


def test_a_utilitys_threshold_is_where_its_component_alone_gives_seven() -> None:
    utility = Utility(2.0, {"EmbeddingLength.A": Term(16.0, 2.0, 1.0)})
    threshold = utility.threshold("EmbeddingLength.A")
    assert threshold is not None
    assert round(utility.score({"EmbeddingLength.A": threshold}), 6) == 7.0
    assert Utility(9.0, utility.terms).threshold("EmbeddingLength.A") is None


def test_the_utility_is_ten_times_a_probability() -> None:
    utility = Utility(0.0, {"Sharpness": Term(0.0, 1.0, 1.0)})
    assert utility.score({"Sharpness": 0.0}) == 5.0
    assert round(utility.score({"Sharpness": 2.0}), 3) == 8.808


def test_a_failed_check_never_rounds_up_to_the_pass_mark() -> None:
    measured = {name: limit.fine for name, limit in shipped().limits.items()}
    measured |= {name: term.middle for one in shipped().utilities for name, term in one.terms.items()}
    limit = shipped().limits["InterEyeDistance"]
    just_failed = {**measured, "InterEyeDistance": limit.threshold - 1e-9}
    assert score_of(just_failed, 1, shipped()) == 6.999


def test_a_second_person_is_refused_at_once_with_a_box_in_the_file_s_pixels(hopper: Photo) -> None:
    other = replace(HOPPER, box=Box(10.4, 20.0, HOPPER.box.width * 0.6, HOPPER.box.height * 0.6))
    half = replace(hopper, scale=0.5)
    both = assess(half, [face_of(half), face_of(half, other)], None, 7.0)
    assert (both.score, failed(both)) == (MOST_IN_COMPANY, ["OnePerson"])
    size = round(HOPPER.box.width * 1.2), round(HOPPER.box.height * 1.2)
    assert both.checks[1] == Check("OnePerson", 2.0, 1.0, False, SECOND_PERSON, (21, 40, *size))


def test_a_second_person_does_not_raise_a_low_score() -> None:
    measured = {name: limit.fine for name, limit in shipped().limits.items()}
    measured |= {name: term.middle for one in shipped().utilities for name, term in one.terms.items()}
    bad = {**measured, "InterEyeDistance": shipped().limits["InterEyeDistance"].worst}
    assert score_of(bad, 2, shipped()) == 0.0


def test_passers_by_in_the_background_do_not_count(hopper: Photo) -> None:
    far = replace(HOPPER, box=replace(HOPPER.box, width=HOPPER.box.width * 0.3, height=HOPPER.box.height * 0.3))
    crowd = assess(hopper, [face_of(hopper), face_of(hopper, far), face_of(hopper, far)], None, 7.0)
    assert crowd == quality_of(hopper)


class Counting:
    """An embedder that remembers what it was called with; an embedding is the crop's mean column profile."""

    name, version, size = "Counting", "0" * 16, 4

    def __init__(self) -> None:
        self.calls: list[int] = []

    def embed(self, crops: Sequence[Crop]) -> Floats:
        return self.both_sides(crops).mean

    def both_sides(self, crops: Sequence[Crop]) -> BothSides:
        self.calls.append(2 * len(crops))
        return BothSides(self.profiles(crops), self.profiles([mirror(crop) for crop in crops]))

    def profiles(self, crops: Sequence[Crop]) -> Floats:
        parts = [np.array_split(crop.pixels.mean(axis=(0, 2)), 4) for crop in crops]
        return np.array([[part.mean() for part in row] for row in parts], dtype=np.float32)


def test_a_look_takes_one_call_per_model_for_all_faces_and_their_mirror_images(hopper: Photo) -> None:
    crop = face_of(hopper).crop
    half = replace(crop, pixels=np.ascontiguousarray(crop.pixels * (np.arange(crop.pixels.shape[1])[:, None] < 99)))
    models = {"A": Counting(), "B": Counting()}
    looks = look([crop, half, crop], models)
    assert [model.calls for model in models.values()] == [[6], [6]]
    assert looks[0] == looks[2] != looks[1]
    assert looks[0].agreement["A"] > 0.9 > looks[1].agreement["A"]
    assert round(looks[0].length["B"], 2) == round(float(np.linalg.norm(Counting().profiles([crop]))), 2)


def test_looking_at_nothing_calls_no_model() -> None:
    model = Counting()
    assert look([], {"A": model}) == []
    assert model.calls == []


def test_a_model_that_was_not_fitted_leaves_the_score_to_the_pixels(hopper: Photo) -> None:
    strange = FaceLook({"Facenet": 3.0}, {"Facenet": 0.1})
    assert assess(hopper, [face_of(hopper)], strange, 7.0) == quality_of(hopper)


def test_the_canonical_view_is_the_same_for_a_photo_of_ten_times_the_pixels(hopper: Photo) -> None:
    plain = canonical_face(face_of(hopper).crop)
    large = canonical_face(face_of(*resized(hopper, 10)).crop)
    assert np.abs(plain.luma - large.luma)[plain.inside].mean() < 2
    assert round(plain.scale / large.scale, 2) == 10.0
