"""The files that people reported of photo apps and face servers: each folder of `cases`, decoded as it says."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from pipeline.stages.decode import decode
from pipeline.types import Photo

MOST = 100_000_000


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> Path:
    folder = shared_data / "cases"
    if not folder.is_dir():
        pytest.skip(f"no cases at {folder}: FACEAPP_TEST_DATA names the folder with cases/ in it")
    return folder


def read(file: Path, more: bytes = b"") -> Photo:
    return decode(file.name, file.read_bytes() + more, MOST, MOST)


def difference(one: Photo, other: Photo) -> float:
    assert one.pixels.shape == other.pixels.shape
    return float(np.abs(one.pixels.astype(int) - other.pixels).mean())


@pytest.mark.parametrize("name", ["long_BE.jpg", "two_exif.jpg", "xmp_only.jpg"])
def test_the_orientation_is_found_wherever_it_stands(cases: Path, name: str) -> None:
    folder = cases / "03-exif-orientation-missed"
    upright = read(folder / "one_exif.jpg")
    assert upright.pixels.shape == (426, 640, 3)
    assert difference(read(folder / name), upright) == 0


@pytest.mark.parametrize(
    ("name", "shape"), [("exif_in_two_segments.jpg", (640, 480, 3)), ("png_raw_profile_exif.png", (400, 300, 3))]
)
def test_the_same_portrait_is_upright(cases: Path, name: str, shape: tuple[int, int, int]) -> None:
    assert read(cases / "03-exif-orientation-missed" / name).pixels.shape == shape


@pytest.mark.parametrize(
    ("name", "kind", "shape"),
    [
        ("IMG_0042.HEIC", "heic", (640, 480, 3)),
        ("still.avif", "avif", (640, 480, 3)),
        ("still.gif", "gif", (400, 300, 3)),
        ("still.tif", "tif", (300, 225, 3)),
    ],
)
def test_what_phones_and_scanners_send_is_read(cases: Path, name: str, kind: str, shape: tuple[int, int, int]) -> None:
    photo = read(cases / "05-heic-avif-gif-tiff" / name)
    assert (photo.kind, photo.pixels.shape) == (kind, shape)
    assert photo.pixels.mean() == pytest.approx(131.7, abs=0.5)


@pytest.mark.parametrize(
    "name",
    [
        "06-jpeg-without-eoi/no_eoi.jpg",
        "06-jpeg-without-eoi/no_eoi_trailer.jpg",
        "06-jpeg-without-eoi/samsung_noeoi_rand0.jpg",
        "06-jpeg-without-eoi/samsung_noeoi_rand1.jpg",
        "06-jpeg-without-eoi/samsung_noeoi_rand2.jpg",
        "07-jpeg-stray-bytes-between-segments/app1_short.jpg",
        "07-jpeg-stray-bytes-between-segments/one_zero_before_dqt.jpg",
    ],
)
def test_a_file_whose_pixels_are_there_is_read(cases: Path, name: str) -> None:
    whole = read(cases / "08-motion-photo-too-many-scans" / "base.jpg")
    assert difference(read(cases / name), whole) == 0


def test_a_motion_photo_is_its_still(cases: Path) -> None:
    base = cases / "08-motion-photo-too-many-scans" / "base.jpg"
    video = b"\0\0\0\x18ftypmp42" + random.Random(1).randbytes(15_900_000)
    assert difference(read(base, video), read(base)) == 0


def test_a_png_without_its_end_is_read(cases: Path) -> None:
    assert read(cases / "17-png-without-iend" / "png_noIEND.png").pixels.shape == (400, 300, 3)
