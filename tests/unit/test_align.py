"""Alignment: known transforms have to be undone exactly, whatever the photo's size and the face's tilt."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.registry import REGISTRY
from pipeline.stages.align import (
    ARCFACE_TEMPLATE,
    DLIB_TEMPLATE,
    aligned,
    crop_face,
    deepface_crop,
    dlib_chip,
    similarity,
    warp,
)
from pipeline.stages.augment import mirror
from pipeline.types import Box, Crop, Detection, Photo, Pixels


def turned(
    points: np.ndarray[Any, Any], angle: float, scale: float, shift: tuple[float, float]
) -> np.ndarray[Any, Any]:
    cosine, sine = scale * math.cos(math.radians(angle)), scale * math.sin(math.radians(angle))
    return np.asarray(points @ np.array([[cosine, sine], [-sine, cosine]]) + shift, np.float32)


def smooth_picture(width: int, height: int) -> Pixels:
    """Return a picture without edges, so that resampling it twice still gives nearly the same values."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    waves = [np.sin(5 * x + 3 * y), np.cos(4 * x - 2 * y), np.sin(6 * y + x)]
    return np.stack([127 + 100 * wave for wave in waves], axis=2).astype(np.uint8)


def crop_with(landmarks: np.ndarray[Any, Any], pixels: Pixels) -> Crop:
    left, top = landmarks.min(axis=0)
    right, bottom = landmarks.max(axis=0)
    return Crop(pixels, landmarks, Box(float(left), float(top), float(right - left), float(bottom - top)), "0" * 64)


@pytest.mark.parametrize(("angle", "scale", "shift"), [(0, 1, (0, 0)), (25, 3.3, (40, 90)), (-170, 0.2, (-5.5, 7.25))])
def test_a_similarity_is_found_exactly(angle: float, scale: float, shift: tuple[float, float]) -> None:
    moved = turned(ARCFACE_TEMPLATE, angle, scale, shift)
    matrix = similarity(moved, ARCFACE_TEMPLATE)
    assert np.abs(moved @ matrix[:, :2].T + matrix[:, 2] - ARCFACE_TEMPLATE).max() < 1e-3


def test_a_similarity_never_mirrors() -> None:
    mirrored = ARCFACE_TEMPLATE * (-1, 1)
    assert np.linalg.det(similarity(mirrored, ARCFACE_TEMPLATE)[:, :2]) > 0


def test_landmarks_that_coincide_or_are_no_numbers_are_refused() -> None:
    for landmarks in (np.full((5, 2), 3.0), np.full((5, 2), np.nan)):
        with pytest.raises(ValueError, match="do not span a face"):
            similarity(landmarks, ARCFACE_TEMPLATE)


@pytest.mark.parametrize(("angle", "scale"), [(0, 1), (20, 2.5), (-35, 6.0), (90, 11.0), (10, 0.5)])
def test_a_warp_undoes_tilt_and_size_to_a_fraction_of_a_pixel(angle: float, scale: float) -> None:
    face = smooth_picture(112, 112)
    side = math.ceil(112 * scale * 2.2)
    centre = (ARCFACE_TEMPLATE.mean(axis=0) * scale).tolist()
    shift = np.array([side / 2, side / 2]) - turned(np.array([centre]) / scale, angle, scale, (0, 0))[0]
    landmarks = turned(ARCFACE_TEMPLATE, angle, scale, (float(shift[0]), float(shift[1])))
    there = similarity(ARCFACE_TEMPLATE, landmarks)
    photo = cv2.warpAffine(face, there, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    back = warp(crop_with(landmarks, np.asarray(photo, np.uint8)), ARCFACE_TEMPLATE, (112, 112))
    inner = np.abs(back.astype(int) - face)[20:-20, 20:-20]
    assert inner.mean() < (2.0 if scale >= 1 else 3.0)


def test_shrinking_a_large_face_averages_instead_of_picking_pixels() -> None:
    checks = (np.indices((1200, 1200)).sum(axis=0) % 2 * 255).astype(np.uint8)
    landmarks = turned(ARCFACE_TEMPLATE, 0, 8.0, (152, 152))
    back = warp(crop_with(landmarks, np.dstack([checks] * 3)), ARCFACE_TEMPLATE, (112, 112))
    assert back[10:-10, 10:-10].std() < 12
    assert abs(float(back[10:-10, 10:-10].mean()) - 127.5) < 3


def test_dlibs_chip_has_its_landmarks_where_the_template_has_them() -> None:
    picture = np.zeros((300, 300, 3), np.uint8)
    landmarks = turned(DLIB_TEMPLATE, 15, 1.2, (70, 20))
    for x, y in landmarks:
        cv2.circle(picture, (round(float(x)), round(float(y))), 4, (255, 255, 255), -1)
    chip = dlib_chip(crop_with(landmarks, picture))
    assert chip.shape == (150, 150, 3)
    assert [bool(chip[round(float(y)), round(float(x)), 0] > 200) for x, y in DLIB_TEMPLATE] == [True] * 5


def test_a_face_and_its_mirror_image_are_shown_at_the_sizes_that_the_model_wants() -> None:
    picture = np.zeros((300, 300, 3), np.uint8)
    landmarks = turned(ARCFACE_TEMPLATE, 0, 2.0, (30, 20))
    for x, y in landmarks[:2]:
        cv2.circle(picture, (round(float(x)), round(float(y))), 6, (255, 255, 255), -1)
    crop, spec = crop_with(landmarks, picture), replace(REGISTRY["ArcFace"], zooms=(1.2, 0.8))
    views = [aligned(crop, spec), aligned(mirror(crop), spec)]
    rows = [np.flatnonzero(view[:, :, 0].max(axis=1) > 200).mean() for view in views]
    assert rows == [pytest.approx(56 + (51.6 - 56) * zoom, abs=0.6) for zoom in (1.2, 0.8)]
    widths = [np.ptp(np.flatnonzero(view[:, :, 0].max(axis=0) > 200)) for view in views]
    assert widths[0] / widths[1] == pytest.approx(1.5, abs=0.05)


def photo_of(width: int, height: int) -> Photo:
    return Photo("p", smooth_picture(width, height), "ab" * 32)


def test_the_source_crop_is_twice_the_box_with_landmarks_moved_along() -> None:
    detection = Detection(Box(100, 80, 50, 60), ARCFACE_TEMPLATE + np.array([60, 40], np.float32), 0.9)
    crop = crop_face(photo_of(400, 300), detection)
    assert crop.pixels.shape == (120, 100, 3)
    assert np.array_equal(crop.pixels, photo_of(400, 300).pixels[50:170, 75:175])
    assert np.allclose(crop.landmarks, detection.landmarks - (75, 50))
    assert crop.box == Box(25, 30, 50, 60)


def test_the_source_crop_ends_at_the_photos_edge() -> None:
    crop = crop_face(photo_of(100, 100), Detection(Box(-10, -20, 60, 80), ARCFACE_TEMPLATE, 0.9))
    assert crop.pixels.shape == (100, 80, 3)
    assert crop.box == Box(-10, -20, 60, 80)


def test_a_box_outside_of_the_photo_is_refused() -> None:
    with pytest.raises(ValueError, match="outside the photo"):
        crop_face(photo_of(100, 100), Detection(Box(300, 300, 40, 40), ARCFACE_TEMPLATE, 0.9))


def test_the_digest_tells_photos_and_boxes_apart() -> None:
    boxes = [Box(10, 10, 30, 30), Box(11, 10, 30, 30)]
    digests = {crop_face(photo_of(90, 90), Detection(box, ARCFACE_TEMPLATE, 0.9)).digest for box in boxes}
    other = Photo("p", photo_of(90, 90).pixels, "cd" * 32)
    digests.add(crop_face(other, Detection(boxes[0], ARCFACE_TEMPLATE, 0.9)).digest)
    assert len(digests) == 3


@pytest.mark.parametrize("name", list(REGISTRY))
def test_every_model_gets_its_input_size(name: str) -> None:
    detection = Detection(Box(60, 50, 90, 110), ARCFACE_TEMPLATE + np.array([50, 40], np.float32), 0.9)
    width, height = REGISTRY[name].input_size
    assert aligned(crop_face(photo_of(240, 240), detection), REGISTRY[name]).shape == (height, width, 3)


@pytest.mark.models
@pytest.mark.parametrize("angle", [0.0, 12.0, -20.0])
def test_deepfaces_crop_is_what_deepface_cuts(angle: float) -> None:
    from deepface.models.Detector import FacialAreaRegion
    from deepface.modules.detection import extract_face
    from deepface.modules.preprocessing import resize_image

    photo = photo_of(300, 260)
    landmarks = np.round(turned(ARCFACE_TEMPLATE, angle, 0.9, (90, 75)))
    box = Box(100, 70, 80, 100)
    region = FacialAreaRegion(
        x=100, y=70, w=80, h=100, confidence=0.9,
        left_eye=tuple(int(v) for v in landmarks[1]), right_eye=tuple(int(v) for v in landmarks[0]),
    )  # fmt: skip
    face = extract_face(region, photo.pixels, True, 0, 0, 0, "mtcnn").img
    theirs = resize_image(face, (160, 160))[0] * 255
    ours = deepface_crop(crop_face(photo, Detection(box, landmarks.astype(np.float32), 0.9)), (160, 160))
    assert np.abs(ours - theirs).max() <= 1.01
