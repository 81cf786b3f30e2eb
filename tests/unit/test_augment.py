"""Augmentation: the same every time, steps drawn independently, and landmarks that stay on what they mark."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.stages.augment import augment, mirror
from pipeline.types import Box, Crop

ROOT = Path(__file__).resolve().parents[2]
LANDMARKS = np.array([[70, 80], [120, 82], [96, 112], [76, 138], [116, 140]], np.float32)
Many = tuple[list[Crop], list[dict[str, dict[str, Any]]]]
"""Variants, and for each what every step drew."""

COLOURS = [(230, 30, 30), (30, 230, 30), (30, 30, 230), (220, 220, 30), (30, 220, 220)]


def marked(digest: str = "ab" * 32) -> Crop:
    """Return a grey crop with a disc of another colour on each landmark."""
    pixels = np.full((240, 190, 3), 128, np.uint8)
    for (x, y), colour in zip(LANDMARKS, COLOURS, strict=True):
        cv2.circle(pixels, (int(x), int(y)), 7, colour, -1)
    return Crop(pixels, LANDMARKS, Box(50, 60, 90, 110), digest)


def hue_at(crop: Crop, point: np.ndarray[Any, Any]) -> list[bool]:
    """Tell which channels are bright around a point."""
    x, y = round(float(point[0])), round(float(point[1]))
    mean = crop.pixels[y - 2 : y + 3, x - 2 : x + 3].mean(axis=(0, 1))
    return [bool(value > mean.mean()) for value in mean]


def test_the_same_crop_gets_the_same_variants_in_every_run() -> None:
    first, second = augment(marked(), 6), augment(marked(), 6)
    for one, same in zip(first, second, strict=True):
        assert np.array_equal(one.pixels, same.pixels)
        assert np.array_equal(one.landmarks, same.landmarks)
        assert one.digest == same.digest


def test_fewer_variants_are_the_first_of_more() -> None:
    few, more = augment(marked(), 2), augment(marked(), 5)
    assert [np.array_equal(a.pixels, b.pixels) for a, b in zip(few, more, strict=False)] == [True, True]


def test_variants_differ_from_each_other_and_from_other_crops() -> None:
    variants = [*augment(marked(), 5), *augment(marked("cd" * 32), 5)]
    assert len({one.pixels.tobytes() for one in variants}) == 10
    assert len({one.digest for one in variants}) == 10


def test_landmarks_stay_on_what_they_mark() -> None:
    for variant in augment(marked(), 20):
        mirrored = hue_at(variant, variant.landmarks[0]) == [False, True, False]
        order = [1, 0, 2, 4, 3] if mirrored else [0, 1, 2, 3, 4]
        expected = [[value > 160 for value in COLOURS[index]] for index in order]
        assert [hue_at(variant, point) for point in variant.landmarks] == expected


def test_left_stays_left_and_some_variants_are_mirrored() -> None:
    variants = augment(marked(), 20)
    assert [one.landmarks[0, 0] < one.landmarks[1, 0] for one in variants] == [True] * 20
    flipped = [hue_at(one, one.landmarks[0]) == [False, True, False] for one in variants]
    assert [one.mirrored for one in variants] == flipped
    assert 3 <= sum(flipped) <= 17


def test_a_variant_keeps_the_crops_size_and_a_box_around_the_face() -> None:
    for variant in augment(marked(), 10):
        assert variant.pixels.shape == (240, 190, 3)
        left, top = variant.landmarks.min(axis=0)
        right, bottom = variant.landmarks.max(axis=0)
        box = variant.box
        assert box.left < left < right < box.left + box.width
        assert box.top < top < bottom < box.top + box.height


def test_a_mirror_of_a_mirror_is_the_crop() -> None:
    twice = mirror(mirror(marked()))
    assert np.array_equal(twice.pixels, marked().pixels)
    assert np.array_equal(twice.landmarks, LANDMARKS)
    assert twice.box == marked().box


def test_no_variants_and_a_negative_number_of_them() -> None:
    assert augment(marked(), 0) == []
    with pytest.raises(ValueError, match="negative"):
        augment(marked(), -1)


def textured(size: int = 48) -> Crop:
    """Return a small crop without two equal pixels beside each other."""
    pixels = np.random.default_rng(1).integers(0, 255, (size, size, 3)).astype(np.uint8)
    return Crop(pixels, (LANDMARKS * size / 240).astype(np.float32), Box(10, 10, size / 2, size / 2), "ab" * 32)


@pytest.fixture(scope="module")
def many() -> Many:
    """Return 600 variants, and what each step drew for each, by its name: empty where it was left out."""
    import albumentations as alb

    drawn: list[dict[str, dict[str, Any]]] = []

    def recorded(camera: Any, *args: Any, **data: Any) -> Any:
        done = plain(camera, *args, **data)
        drawn.append({type(step).__name__: dict(step.params) for step in camera.transforms})
        return done

    plain = alb.Compose.__call__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alb.Compose, "__call__", recorded)
        return augment(textured(), 600), drawn


def strongest(columns: list[list[float]]) -> float:
    """Return the largest absolute correlation of two different columns."""
    correlations = np.abs(np.corrcoef(np.array(columns, np.float64)))
    return float(np.triu(correlations, 1).max())


def test_whether_a_step_is_applied_says_nothing_about_the_other_steps(
    many: Many,
) -> None:
    names = ["RandomGamma", "HueSaturationValue", "GaussianBlur", "GaussNoise", "ImageCompression"]
    applied = [[float(bool(one[name])) for one in many[1]] for name in names]
    assert [np.mean(column) for column in applied] == pytest.approx([0.5, 0.4, 0.4, 0.4, 0.5], abs=0.08)
    assert strongest(applied) < 0.15  # chance alone: a standard deviation of 0.04


def test_what_one_step_draws_says_nothing_about_what_another_one_draws(
    many: Many,
) -> None:
    tilt = [one["Affine"]["rotate"] for one in many[1]]
    wide = [one["Affine"]["scale"]["x"] for one in many[1]]
    light = [one["RandomBrightnessContrast"]["beta"] for one in many[1]]
    contrast = [one["RandomBrightnessContrast"]["alpha"] for one in many[1]]
    noisy = [float(bool(one["GaussNoise"])) for one in many[1]]
    assert strongest([tilt, wide, light, contrast, noisy]) < 0.15


def test_no_variant_is_its_source_or_its_mirror_image(
    many: Many,
) -> None:
    crop = textured()
    same = [crop.pixels.tobytes(), mirror(crop).pixels.tobytes()]
    assert [one.pixels.tobytes() in same for one in many[0]] == [False] * 600


@pytest.fixture(scope="module")
def elsewhere() -> subprocess.CompletedProcess[str]:
    """Augment in another process, without any network, and print each variant's SHA-256."""
    code = (
        "import socket\n"
        "def refuse(*_): raise SystemExit('a connection was opened')\n"
        "socket.socket.connect = refuse; socket.getaddrinfo = refuse\n"
        "import hashlib\n"
        "from pipeline.stages.augment import augment\n"
        "from tests.unit.test_augment import marked\n"
        "print(*(hashlib.sha256(one.pixels).hexdigest() for one in augment(marked(), 6)))\n"
    )
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_another_process_makes_the_same_variants(elsewhere: subprocess.CompletedProcess[str]) -> None:
    here = [hashlib.sha256(one.pixels.tobytes()).hexdigest() for one in augment(marked(), 6)]
    assert elsewhere.stdout.split() == here


@pytest.mark.slow
def test_augmenting_asks_no_package_index(elsewhere: subprocess.CompletedProcess[str]) -> None:
    assert (elsewhere.returncode, len(elsewhere.stdout.split())) == (0, 6)
