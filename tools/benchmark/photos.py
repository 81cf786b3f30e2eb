"""The photos for measurements: LFW's if available, else variants of two photos from packages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from pipeline.types import Pixels

SIDE = 1000
"""Longer side of the photos that are sent, in pixels."""


@dataclass(frozen=True)
class People:
    """JPEG files: a person's enrolled and probe photos, three each, and three of somebody else."""

    enrolled: Sequence[bytes]
    genuine: Sequence[bytes]
    impostor: Sequence[bytes]
    source: str


def people(data: Path | None) -> Iterator[People]:
    """Yield people until one is found whom both sides can verify."""
    folders = _folders(data) if data else []
    for person, other in pairwise(folders):
        own = [scaled(read(file), SIDE) for file in sorted(person.iterdir())[:6]]
        foreign = [scaled(read(file), SIDE) for file in sorted(other.iterdir())[:3]]
        yield People(own[:3], own[3:], foreign, "LFW")
    hers, others = package_photos()
    variants = [scaled(varied(hers, number), SIDE) for number in range(6)]
    foreign = [scaled(varied(others, number), SIDE) for number in range(3)]
    yield People(variants[:3], variants[3:], foreign, "variants of two package photos")


def package_photos() -> tuple[Pixels, Pixels]:
    """Return scikit-image's astronaut and matplotlib's Grace Hopper, RGB."""
    astronaut = (resources.files("skimage") / "data" / "astronaut.png").read_bytes()
    hopper = (resources.files("matplotlib") / "mpl-data" / "sample_data" / "grace_hopper.jpg").read_bytes()
    return decoded(astronaut), decoded(hopper)


def of_sizes(data: Path | None, sides: Sequence[int]) -> list[Pixels]:
    """Return photos of these longer sides, RGB, each with a face of 250 pixels' photo somewhere in it."""
    first, second = package_photos()
    faces = [first, second]
    if data:
        faces = [read(next(folder.iterdir())) for folder in _folders(data)[: len(sides)]]
    return [_on_canvas(faces[number % len(faces)], side, number) for number, side in enumerate(sides)]


def read(file: Path) -> Pixels:
    """Return a photo's pixels, RGB."""
    return decoded(file.read_bytes())


def decoded(data: bytes) -> Pixels:
    """Decode an image file to RGB; raises `ValueError` where it is none."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError("not an image")
    return np.ascontiguousarray(pixels[..., ::-1], np.uint8)


def encoded(pixels: Pixels, kind: str = ".jpg", quality: int = 92) -> bytes:
    """Return an image file; `quality` is a JPEG's."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if kind == ".jpg" else []
    done, data = cv2.imencode(kind, np.ascontiguousarray(pixels[..., ::-1]), options)
    if not done:
        raise ValueError("the photo cannot be encoded")
    return bytes(data.tobytes())


def scaled(pixels: Pixels, side: int) -> bytes:
    """Return a JPEG of the photo with this longer side."""
    factor = side / max(pixels.shape[:2])
    return encoded(np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC), np.uint8))


def varied(pixels: Pixels, number: int) -> Pixels:
    """Return another photo of the same face: turned, moved, of other light. Number 0 is the photo itself."""
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 2.5 * number, 1.0)
    turn[:, 2] += 5 * number
    moved = cv2.warpAffine(pixels, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(np.clip(moved * (1 - 0.05 * number), 0, 255), np.uint8)


def _folders(data: Path) -> list[Path]:
    root = data / "data" / "lfw" / "images"
    return sorted(folder for folder in root.iterdir() if len(list(folder.iterdir())) >= 6) if root.is_dir() else []


def _on_canvas(face: Pixels, side: int, seed: int) -> Pixels:
    """Return a photo of `side` x three quarters of it: smooth background, the face at a third of its width."""
    height = side * 3 // 4
    noise = np.random.default_rng(seed).integers(40, 200, (9, 12, 3), dtype=np.uint8)
    canvas = np.asarray(cv2.resize(noise, (side, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    width = side // 2
    small = cv2.resize(face, (width, round(width * face.shape[0] / face.shape[1])), interpolation=cv2.INTER_AREA)
    small = small[: height - 1]
    top, left = (height - small.shape[0]) // 2, side // 4
    canvas[top : top + small.shape[0], left : left + width] = small
    return canvas
