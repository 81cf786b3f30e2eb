"""Decoding: what is accepted, what is refused, and that colours and orientation come out right."""

from __future__ import annotations

import hashlib
import struct
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from pipeline.stages.containers import read_header
from pipeline.stages.decode import Undecodable, _usual_jpeg, decode, extension_of
from pipeline.types import Pixels

LIMITS: dict[str, Any] = {"max_bytes": 10_000_000, "max_pixels": 25_000_000}


def gradient(width: int = 64, height: int = 48) -> Pixels:
    """A smooth picture whose four corners differ."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], axis=2).astype(np.uint8)


def encoded(pixels: Pixels | Image.Image, kind: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def reason(data: bytes, **limits: int) -> str:
    with pytest.raises(Undecodable) as refused:
        decode("photo", data, **{**LIMITS, **limits})
    return refused.value.reason


@pytest.mark.parametrize(("kind", "extension"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("BMP", "bmp")])
def test_each_of_the_four_kinds_is_told_by_its_content_and_decodes_to_the_same_picture(
    kind: str, extension: str
) -> None:
    data = encoded(gradient(), kind, **({"quality": 95} if kind in ("JPEG", "WEBP") else {}))
    photo = decode("holiday.txt", data, **LIMITS)
    assert extension_of(data) == extension
    assert (photo.name, photo.digest) == ("holiday.txt", hashlib.sha256(data).hexdigest())
    assert (photo.data, photo.kind) == (data, extension)
    assert photo.pixels.dtype == np.uint8
    assert np.abs(photo.pixels.astype(int) - gradient()).mean() < 3


@pytest.mark.parametrize(
    "data",
    [
        b"just text",
        b"%PDF-1.7",
        b"GIF89a" + bytes(40),
        b"II*\0" + bytes(40),
        b"\0\0\0\x18ftypavif",
        b"<svg/>",
    ],
    ids=["text", "pdf", "gif", "tiff", "avif", "svg"],
)
def test_anything_else_is_refused_whatever_it_is_called(data: bytes) -> None:
    assert reason(data) == "This is not a JPEG, PNG, WebP or BMP image."


def test_an_empty_file_is_refused() -> None:
    assert reason(b"") == "The file is empty."


def test_a_file_over_the_byte_limit_is_refused_and_one_at_the_limit_is_not() -> None:
    data = encoded(gradient(), "PNG")
    assert reason(data, max_bytes=len(data) - 1) == f"The file is larger than {len(data) - 1} bytes."
    assert decode("a", data, max_bytes=len(data), max_pixels=64 * 48).pixels.shape == (48, 64, 3)


def huge_png() -> bytes:
    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(90_000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in parts)


def huge_jpeg() -> bytes:
    data = bytearray(encoded(gradient(), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 30_000, 30_000)
    return bytes(data)


def huge_bmp() -> bytes:
    data = bytearray(encoded(gradient(), "BMP"))
    data[18:26] = struct.pack("<ii", 30_000, -30_000)
    return bytes(data)


def huge_webp() -> bytes:
    canvas = (29_999).to_bytes(3, "little")
    body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + canvas + canvas + encoded(gradient(), "WEBP")[12:]
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


@pytest.mark.parametrize("make", [huge_png, huge_jpeg, huge_bmp, huge_webp])
def test_a_header_of_30000_x_30000_is_refused_by_the_header_alone(make: Any) -> None:
    assert reason(make()) == "The image is 30000x30000; at most 25000000 pixels are accepted."


def test_a_webp_whose_canvas_is_smaller_than_its_frame_counts_as_large_as_the_frame() -> None:
    body = b"VP8X" + struct.pack("<I", 10) + bytes(10) + encoded(gradient(), "WEBP")[12:]
    data = b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
    assert reason(data, max_pixels=1000) == "The image is 64x48; at most 1000 pixels are accepted."


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
@pytest.mark.parametrize("left", [0.05, 0.3, 0.7, 0.98])
def test_a_truncated_file_is_refused_wherever_it_was_cut(kind: str, left: float) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    data = encoded(noise, kind)
    with pytest.raises(Undecodable):
        decode("a", data[: int(len(data) * left)], **LIMITS)


def test_a_jpeg_that_lacks_only_its_last_two_bytes_is_refused() -> None:
    assert reason(encoded(gradient(), "JPEG")[:-2]) == "The JPEG is cut off."


def test_a_truncated_progressive_jpeg_is_refused_although_a_coarse_picture_is_there() -> None:
    data = encoded(gradient(400, 300), "JPEG", progressive=True)
    assert reason(data[: len(data) * 3 // 4]) == "The JPEG is cut off."


def test_a_jpeg_of_a_thousand_scans_is_refused() -> None:
    data = encoded(gradient(), "JPEG", progressive=True)
    scan = data.index(b"\xff\xda")
    assert reason(data[:scan] + b"\xff\xda\0\x02" * 1000 + data[scan:]) == "The JPEG has too many scans."


def test_every_byte_string_gives_a_photo_or_a_reason() -> None:
    rng = np.random.default_rng(7)
    outcomes: set[int | str] = set()
    for kind in ("JPEG", "PNG", "WEBP", "BMP"):
        whole = encoded(gradient(24, 20), kind)
        for _ in range(150):
            broken = bytearray(whole)
            for at in rng.integers(0, len(whole), 3):
                broken[at] = rng.integers(256)
            try:
                outcomes.add(decode("a", bytes(broken), 10_000, 100_000).pixels.ndim)
            except Undecodable as refused:
                outcomes.add(refused.reason[-1])
    assert outcomes == {3, "."}


UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    expected = UPRIGHT[orientation](gradient())
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    photo = decode("a", encoded(gradient(), kind, exif=exif.tobytes(), **options), **LIMITS)
    assert photo.pixels.shape == expected.shape
    assert np.abs(photo.pixels.astype(int) - expected).mean() < 3


@pytest.mark.parametrize("block", [b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"XX", b""])
def test_a_broken_exif_block_leaves_the_photo_as_it_is_and_warns_of_nothing(block: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        photo = decode("a", encoded(gradient(), "JPEG", quality=95, exif=b"Exif\0\0" + block), **LIMITS)
    assert photo.pixels.shape == (48, 64, 3)


def test_a_one_pixel_image_decodes() -> None:
    assert decode("a", encoded(np.full((1, 1, 3), 9, np.uint8), "PNG"), **LIMITS).pixels.tolist() == [[[9, 9, 9]]]


def test_16_bit_grey_is_scaled_and_not_clipped() -> None:
    grey = np.array([[0, 257 * 100, 40_000, 65_535]], dtype=np.uint16)
    pixels = decode("a", encoded(Image.fromarray(grey), "PNG"), **LIMITS).pixels
    assert pixels[0, :, 0].tolist() == [0, 100, 156, 255]
    assert (pixels[..., 0] == pixels[..., 2]).all()


def test_16_bit_colour_is_scaled() -> None:
    rows = b"\0" + struct.pack(">HHH", 0, 32_896, 65_535)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in parts)
    assert decode("a", data, **LIMITS).pixels.tolist() == [[[0, 128, 255]]]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_what_is_transparent_is_laid_over_white(mode: str) -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    converted = image.quantize() if mode == "PA" else image.convert(mode)
    assert decode("a", encoded(converted, "PNG"), **LIMITS).pixels[0, :, 0].tolist() == [0, 255]


@pytest.mark.parametrize(("mode", "value"), [("L", 77), ("P", 77), ("1", 255)])
def test_grey_palette_and_bilevel_images_become_rgb(mode: str, value: int) -> None:
    image = Image.new("L", (5, 4), value).convert(mode)
    assert np.unique(decode("a", encoded(image, "PNG"), **LIMITS).pixels).tolist() == [value]


def test_a_cmyk_jpeg_as_adobe_writes_it_keeps_its_colours() -> None:
    inks = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    red = decode("a", encoded(inks, "JPEG", quality=95), **LIMITS).pixels.reshape(-1, 3).mean(axis=0)
    assert (red[0] > 240, red[1] < 15, red[2] < 15) == (True, True, True)


def animation(kind: str) -> bytes:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((200, 0, 0), (0, 200, 0))]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50, lossless=True)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    assert decode("a", animation(kind), **LIMITS).pixels[4, 4].tolist() == [200, 0, 0]


def test_a_colour_profile_is_converted_to_srgb() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    grey = np.full((4, 4, 3), 128, np.uint8)
    foreign = decode("a", encoded(grey, "PNG", icc_profile=lab), **LIMITS)
    assert foreign.pixels[0, 0].tolist() == [128, 128, 128]
    swapped = decode(
        "a",
        encoded(np.full((4, 4, 3), (200, 60, 60), np.uint8), "PNG", icc_profile=swapped_primaries()),
        **LIMITS,
    )
    red, green, _ = swapped.pixels[0, 0].tolist()
    assert (red < 90, green > 170) == (True, True)


def swapped_primaries() -> bytes:
    """An RGB profile whose red and green primaries are exchanged."""
    profile = bytearray(
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"s\0R\0G\0B", b"x\0x\0x\0x")
    )
    entries = {
        bytes(profile[at : at + 4]): at for at in range(132, 132 + 12 * struct.unpack_from(">I", profile, 128)[0], 12)
    }
    red, green = entries[b"rXYZ"], entries[b"gXYZ"]
    profile[red + 4 : red + 12], profile[green + 4 : green + 12] = (
        profile[green + 4 : green + 12],
        profile[red + 4 : red + 12],
    )
    return bytes(profile)


def test_a_broken_colour_profile_is_passed_over() -> None:
    data = encoded(gradient(), "PNG", icc_profile=b"not a profile" * 20)
    assert (decode("a", data, **LIMITS).pixels == gradient()).all()


def test_a_jpeg_far_larger_than_needed_is_decoded_at_half_its_size() -> None:
    data = encoded(Image.new("RGB", (6400, 100), (9, 90, 180)), "JPEG")
    assert decode("a", data, **LIMITS).pixels.shape == (50, 3200, 3)
    smaller = encoded(Image.new("RGB", (6399, 100)), "JPEG")
    assert decode("a", smaller, **LIMITS).pixels.shape == (100, 6399, 3)


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {"subsampling": "4:2:0"}),
        ("RGB", {"subsampling": "4:2:2"}),
        ("RGB", {"subsampling": "4:4:4", "quality": 99}),
        ("RGB", {"progressive": True, "quality": 40}),
        ("L", {}),
    ],
)
def test_a_usual_jpeg_decodes_to_what_pillow_makes_of_it(mode: str, options: dict[str, Any]) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (9, 13, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((101, 75), Image.Resampling.BICUBIC).convert(mode)
    data = encoded(picture, "JPEG", **options)
    expected = np.asarray(Image.open(BytesIO(data)).convert("RGB"))
    assert _usual_jpeg(read_header(data)) is not None
    assert (decode("a", data, **LIMITS).pixels == expected).all()


def test_a_jpeg_whose_middle_is_damaged_is_what_viewers_show_of_it() -> None:
    data = bytearray(encoded(gradient(640, 480), "JPEG", quality=95))
    data[-4000:-3950] = bytes(50)
    assert _usual_jpeg(read_header(bytes(data))) is None
    assert decode("a", bytes(data), **LIMITS).pixels.shape == (480, 640, 3)


def test_many_threads_decode_the_same_as_one_and_pillows_settings_stay() -> None:
    before = Image.MAX_IMAGE_PIXELS
    files = [encoded(gradient(60 + index, 50), "JPEG") for index in range(16)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: decode("a", data, **LIMITS).pixels, files))
    assert all((one == decode("a", data, **LIMITS).pixels).all() for one, data in zip(together, files, strict=True))
    assert before == Image.MAX_IMAGE_PIXELS
