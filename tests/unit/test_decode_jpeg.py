"""JPEG as phones and apps write it, spoil it and append to it: read as long as the pixels are there."""

from __future__ import annotations

import random
import re
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from pipeline.stages.decode import WORKING_AREA, Undecodable, decode
from pipeline.stages.decode.jpeg import scan_end
from pipeline.types import Pixels
from tests.picture_files import (
    EXIF,
    XMP,
    after_soi,
    encoded,
    exif_block,
    file_of,
    gradient,
    jpeg_segment,
    noise,
    xmp_packet,
)

LIMITS: dict[str, Any] = {"max_bytes": 100_000_000, "max_pixels": 25_000_000}
CUT_OFF = "The JPEG is cut off: part of its pixels is missing; send the whole file again."
WRITTEN: list[tuple[str, dict[str, Any]]] = [
    ("RGB", {"subsampling": "4:2:0"}),
    ("RGB", {"subsampling": "4:2:2"}),
    ("RGB", {"subsampling": "4:4:4", "quality": 99}),
    ("RGB", {"progressive": True, "quality": 40}),
    ("RGB", {"restart_marker_blocks": 3}),
    ("L", {}),
    ("L", {"progressive": True}),
]


def picture(mode: str = "RGB", **options: Any) -> bytes:
    return encoded(
        Image.fromarray(noise()).resize((101, 75), Image.Resampling.BICUBIC).convert(mode), "JPEG", **options
    )


def pixels_of(data: bytes) -> Pixels:
    return decode("a", data, **LIMITS).pixels


def as_pillow(data: bytes) -> Pixels:
    return np.asarray(Image.open(BytesIO(data)).convert("RGB"))


def reason(data: bytes) -> str:
    with pytest.raises(Undecodable) as refused:
        decode("a", data, **LIMITS)
    return refused.value.reason


@pytest.mark.parametrize(("mode", "options"), WRITTEN)
def test_a_jpeg_decodes_to_what_pillow_makes_of_it(mode: str, options: dict[str, Any]) -> None:
    data = picture(mode, **options)
    assert (pixels_of(data) == as_pillow(data)).all()


@pytest.mark.parametrize(("mode", "options"), WRITTEN)
def test_without_its_end_marker_it_is_read(mode: str, options: dict[str, Any]) -> None:
    data = picture(mode, **options)
    assert (pixels_of(data[:-2]) == as_pillow(data)).all()
    assert (pixels_of(data[:-1]) == as_pillow(data)).all()


@pytest.mark.parametrize(("mode", "options"), WRITTEN)
def test_with_random_bytes_or_a_video_in_place_of_its_end_or_behind_it_it_is_read(
    mode: str, options: dict[str, Any]
) -> None:
    data, chance = picture(mode, **options), random.Random(3)
    for trailer in (chance.randbytes(70_000), b"\0\0\0\x18ftypmp42" + chance.randbytes(400_000), data, b"\xff\xd8"):
        assert (pixels_of(data + trailer) == as_pillow(data)).all()
        assert (pixels_of(data[:-2] + b"\xff\xe4" + trailer) == as_pillow(data)).all()


@pytest.mark.parametrize(("mode", "options"), WRITTEN)
@pytest.mark.parametrize("left", [0.4, 0.75, 0.95])
def test_where_pixels_are_missing_it_is_refused(mode: str, options: dict[str, Any], left: float) -> None:
    data = picture(mode, **options)
    assert reason(data[: int(len(data) * left)]) == CUT_OFF


def test_a_progressive_jpeg_that_ends_between_two_scans_is_refused_although_a_coarse_picture_is_there() -> None:
    data = picture(progressive=True)
    last = data.rindex(b"\xff\xda")
    table = data.rindex(b"\xff\xc4", 0, last)
    assert reason(data[:table]) == CUT_OFF


@pytest.mark.parametrize("factors", [(0x41, 0x11, 0x11), (0x14, 0x11, 0x11), (0x21, 0x12, 0x12), (0x31, 0x11, 0x11)])
@pytest.mark.parametrize("size", [(96, 96), (2400, 2016)])
def test_colours_that_are_sampled_in_a_rare_way_are_read(factors: tuple[int, ...], size: tuple[int, int]) -> None:
    pixels = pixels_of(red_jpeg(size, factors))
    assert 0.8 * min(WORKING_AREA, size[0] * size[1]) < pixels.shape[0] * pixels.shape[1] <= WORKING_AREA
    assert np.abs(pixels.astype(int) - (220, 81, 128)).max() < 5


def red_jpeg(size: tuple[int, int], factors: tuple[int, ...]) -> bytes:
    """Return a JPEG of one colour whose three channels are sampled by these factors, which Pillow cannot write."""
    data = bytearray(encoded(Image.new("L", size, 128).convert("RGB"), "JPEG", quality=50, subsampling="4:4:4"))
    sizes, scan = data.index(b"\xff\xc0"), data.index(b"\xff\xda") + 14
    data[sizes + 11 : sizes + 20 : 3] = bytes(factors)
    across, down = (8 * max(parts) for parts in zip(*(divmod(factor, 16) for factor in factors), strict=True))
    luma, *chroma = (high * low for high, low in (divmod(factor, 16) for factor in factors))
    unit = "001010" * luma + "0000" * sum(chroma)  # no difference to the block before, and nothing but it
    first = unit[: -4 * chroma[1]] + "111101111100" + "0000" * (chroma[1] - 1)  # the red channel: 31 units more
    units = -(-size[0] // across) * -(-size[1] // down)
    bits = first + unit * (units - 1)
    bits += "1" * (-len(bits) % 8)
    return bytes(data[:scan]) + int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0") + b"\xff\xd9"


@pytest.mark.parametrize("spoilt", [(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"), (b"\xff\xc0", b"\xff\xf7")])
def test_a_kind_of_jpeg_that_is_not_read_is_told_from_a_damaged_one(spoilt: tuple[bytes, bytes]) -> None:
    said = "This kind of JPEG is hardly ever used and is not read: save it as an ordinary JPEG."
    assert reason(picture().replace(*spoilt, 1)) == said


def test_stray_bytes_between_segments_are_skipped() -> None:
    data = picture()
    for marker in (b"\xff\xdb", b"\xff\xc4", b"\xff\xc0", b"\xff\xda"):
        for stray in (b"\0", b"\0\0\0\0", b"\xff", b"\x13\x37"):
            at = data.index(marker)
            assert (pixels_of(data[:at] + stray + data[at:]) == as_pillow(data)).all()


@pytest.mark.parametrize("error", [-40, -10, -1, 1, 7, 500, 60_000])
@pytest.mark.parametrize("thumbnail", [b"", file_of("jpg")])
def test_a_note_whose_length_is_wrong_costs_nothing_but_the_note(error: int, thumbnail: bytes) -> None:
    data = picture()
    body = EXIF + exif_block(6) + thumbnail + bytes(60)
    wrong = after_soi(data, jpeg_segment(0xE1, body, min(65_535, len(body) + 2 + error)))
    pixels = pixels_of(wrong)
    expected = as_pillow(data)
    assert (pixels.shape == expected.shape and (pixels == expected).all()) or (pixels == np.rot90(expected, -1)).all()


@pytest.mark.parametrize("order", ["II", "MM"])
@pytest.mark.parametrize("as_long", [False, True])
def test_the_orientation_counts_in_either_byte_order_as_short_and_as_long(order: str, as_long: bool) -> None:
    data = picture()
    turned = after_soi(data, jpeg_segment(0xE1, EXIF + exif_block(6, order, as_long)))
    assert (pixels_of(turned) == np.rot90(as_pillow(data), -1)).all()


def test_the_orientation_counts_wherever_it_stands() -> None:
    data, block = picture(), exif_block(6)
    none = jpeg_segment(0xE1, EXIF + exif_block(None))
    xmp = jpeg_segment(0xE1, XMP + xmp_packet(6))
    places = {
        "alone": [jpeg_segment(0xE1, EXIF + block)],
        "second segment": [none, jpeg_segment(0xE1, EXIF + block)],
        "behind a broken one": [jpeg_segment(0xE1, EXIF + b"MM\0"), jpeg_segment(0xE1, EXIF + block)],
        "split": [jpeg_segment(0xE1, EXIF + block[:11]), jpeg_segment(0xE1, EXIF + block[11:])],
        "xmp alone": [xmp],
        "xmp behind exif without": [none, xmp],
        "xmp before exif": [xmp, jpeg_segment(0xE1, EXIF + block)],
        "exif without its second zero": [jpeg_segment(0xE1, b"Exif\0\xff" + block)],
    }
    expected = np.rot90(as_pillow(data), -1)
    assert [
        name for name, notes in places.items() if not np.array_equal(pixels_of(after_soi(data, *notes)), expected)
    ] == []


@pytest.mark.parametrize("stale", [EXIF + exif_block(6), XMP + xmp_packet(6)])
def test_a_photo_that_a_program_has_turned_is_not_turned_again_by_older_notes_behind(stale: bytes) -> None:
    data = picture()
    notes = jpeg_segment(0xE1, EXIF + exif_block(1)), jpeg_segment(0xE1, stale)
    assert (pixels_of(after_soi(data, *notes)) == as_pillow(data)).all()


@pytest.mark.parametrize("value", [0, 9, 65_535])
def test_an_orientation_that_is_none_leaves_the_photo_as_it_is(value: int) -> None:
    data = picture()
    for block in (exif_block(value or None), exif_block(value, as_long=True)):
        assert (pixels_of(after_soi(data, jpeg_segment(0xE1, EXIF + block))) == as_pillow(data)).all()


def test_of_several_pictures_in_a_file_the_first_is_read() -> None:
    front, back = Image.fromarray(gradient()), Image.new("RGB", (64, 48), (255, 0, 0))
    mpo = encoded(front, "MPO", save_all=True, append_images=[back], quality=95)
    assert np.abs(pixels_of(mpo).astype(int) - gradient()).mean() < 3
    gain_map = jpeg_segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4))
    ultra_hdr = after_soi(file_of("jpg"), gain_map) + encoded(back.convert("L"), "JPEG")
    assert np.abs(pixels_of(ultra_hdr).astype(int) - gradient()).mean() < 3


@pytest.mark.parametrize("size", [(16, 16), (2000, 1600)])
def test_a_cmyk_jpeg_as_adobe_writes_it_keeps_its_colours(size: tuple[int, int]) -> None:
    data = encoded(Image.new("CMYK", size, (0, 255, 255, 0)), "JPEG", quality=95)
    red = decode("a", data, **LIMITS, area=640 * 480).pixels.reshape(-1, 3).mean(axis=0)
    assert (red[0] > 240, red[1] < 15, red[2] < 15) == (True, True, True)


def test_a_jpeg_whose_middle_is_damaged_is_what_viewers_show_of_it() -> None:
    data = bytearray(encoded(gradient(640, 480), "JPEG", quality=95))
    data[-4000:-3950] = bytes(50)
    with pytest.raises(ValueError, match="Corrupt JPEG"):
        simplejpeg.decode_jpeg(bytes(data))
    assert pixels_of(bytes(data)).shape == (480, 640, 3)


@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 3}])
def test_a_cut_off_jpeg_that_somebody_closed_is_refused_all_the_same(options: dict[str, Any]) -> None:
    data = encoded(noise(200, 300), "JPEG", **options)
    assert reason(data[: len(data) * 3 // 4] + b"\xff\xd9") == CUT_OFF


def test_a_profile_of_several_segments_is_put_together_and_a_broken_one_passed_over() -> None:
    halves = [jpeg_segment(0xE2, b"ICC_PROFILE\0" + bytes([number, 2]) + b"x" * 5000) for number in (1, 2)]
    data = picture()
    assert (pixels_of(after_soi(data, *halves)) == as_pillow(data)).all()


def test_a_scan_ends_where_the_first_marker_after_it_begins_fill_bytes_included() -> None:
    end = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
    draw = random.Random(5)
    for _ in range(2000):
        data = bytes(draw.choice((0xFF, 0xFF, 0x00, 0xD0, 0xD7, 0xD9, 0xC4, 7)) for _ in range(draw.randrange(1, 40)))
        data = bytes(draw.choice((0, 0, 600, 5000))) + data + bytes(draw.choice((0, 3)))
        found = end.search(data)
        assert scan_end(data, 0) == (found.start() if found else len(data))
