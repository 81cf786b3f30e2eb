"""Decoding: what is accepted, what is refused, and that colours and orientation come out right."""

from __future__ import annotations

import hashlib
import math
import struct
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from pipeline.stages.decode import (
    CLOSER_AREA,
    MOST_AGAIN,
    MOST_STRETCHED,
    WHOLE_PIXELS,
    WORKING_AREA,
    Undecodable,
    decode,
    kind_of,
)
from pipeline.types import Pixels
from tests.picture_files import (
    EXIF,
    FORMATS,
    HEIC,
    XMP,
    encoded,
    exif_block,
    file_of,
    gradient,
    jpeg_with_size,
    noise,
    png,
    png_chunk,
    xmp_packet,
)

LIMITS: dict[str, Any] = {"max_bytes": 10_000_000, "max_pixels": 25_000_000}
EXTENSIONS = [*FORMATS, "heic"]


def reason(data: bytes, **limits: int) -> str:
    with pytest.raises(Undecodable) as refused:
        decode("photo", data, **{**LIMITS, **limits})
    return refused.value.reason


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_each_format_is_told_by_its_content_and_decodes_to_the_same_picture(extension: str) -> None:
    data = file_of(extension)
    photo = decode("holiday.txt", data, **LIMITS)
    assert kind_of(data) == extension
    assert (photo.name, photo.digest) == ("holiday.txt", hashlib.sha256(data).hexdigest())
    assert (photo.data, photo.kind, photo.scale) == (data, extension, 1.0)
    assert photo.pixels.dtype == np.uint8
    assert np.abs(photo.pixels.astype(int) - gradient()).mean() < 5


def ftyp(major: bytes, *brands: bytes) -> bytes:
    body = b"ftyp" + major + bytes(4) + b"".join(brands)
    return struct.pack(">I", len(body) + 4) + body + bytes(40)


def tiff_of(*entries: tuple[int, int]) -> bytes:
    fields = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + fields + bytes(4)


RAW = "A camera's raw file cannot be read: export the photo as JPEG and send that."
VIDEO = "A video is not a photo: send a photo, or one frame of it saved as JPEG."
SEND = "is not a photo: send a JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF or BMP file."


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"%PDF-1.7\n", f"A PDF document {SEND}"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", f"An SVG drawing {SEND}"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg/>", f"An SVG drawing {SEND}"),
        (b"<!DOCTYPE html><title>Sign in</title>", f"A web page {SEND}"),
        (b"just text\n", f"A text {SEND}"),
        (b"PK\3\4" + bytes(40), f"An archive or office document {SEND}"),
        (b"8BPS" + bytes(40), f"A Photoshop document {SEND}"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", f"A JPEG XL image {SEND}"),
        (b"\xff\x0a" + bytes(40), f"A JPEG XL image {SEND}"),
        (b"RIFF\x24\0\0\0WAVEfmt ", f"A sound file {SEND}"),
        (b"ID3\x04\0\0", f"A sound file {SEND}"),
        (b"OggS\0\2", f"A sound file {SEND}"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", VIDEO),
        ("\ufeffa text".encode("utf-16"), f"A text {SEND}"),
        (b"RIFF\x24\0\0\0AVI LIST", VIDEO),
        (ftyp(b"isom", b"isom", b"mp41"), VIDEO),
        (ftyp(b"qt  ", b"qt  "), VIDEO),
        (ftyp(b"M4A ", b"M4A ", b"isom"), f"A sound file {SEND}"),
        (b"\x1aE\xdf\xa3" + bytes(40), VIDEO),
        (ftyp(b"crx ", b"crx ", b"isom"), RAW),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(40), RAW),
        (tiff_of((254, 1), (256, 160), (330, 900)), RAW),
        (tiff_of((254, 0), (256, 4000), (50706, 0x0401)), RAW),
        (b"FUJIFILMCCD-RAW " + bytes(40), RAW),
        (b"II\x1a\0\0\0HEAPCCDR" + bytes(40), RAW),
        (b"\0MRM" + bytes(40), RAW),
        (b"FOVb" + bytes(40), RAW),
        (
            ftyp(b"hevc", b"msf1", b"hevc"),
            "This is a HEIC sequence: send one photo of it, saved as a still HEIC or JPEG.",
        ),
        (
            bytes(range(128, 200)),
            "This is not a photo in a known format: send a JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF or BMP file.",
        ),
    ],
)
def test_what_is_no_photo_is_named_by_its_kind_with_the_remedy(data: bytes, said: str) -> None:
    assert reason(data) == said


def test_a_burst_that_holds_a_still_is_tried() -> None:
    assert kind_of(ftyp(b"msf1", b"msf1", b"heic")) == "heic"
    assert kind_of(ftyp(b"mif1", b"mif1", b"avif")) == "avif"


def test_an_empty_file_is_refused() -> None:
    assert reason(b"") == "The file is empty: send the photo again."


def test_a_file_over_the_byte_limit_is_refused_and_one_at_the_limit_is_not() -> None:
    data = file_of("png")
    said = f"The file is larger than {len(data) - 1} bytes: send the photo at a smaller size."
    assert reason(data, max_bytes=len(data) - 1) == said
    assert decode("a", data, max_bytes=len(data), max_pixels=64 * 48).pixels.shape == (48, 64, 3)


def huge_bmp() -> bytes:
    data = bytearray(file_of("bmp"))
    data[18:26] = struct.pack("<ii", 30_000, -30_000)
    return bytes(data)


def webp_on(canvas: int) -> bytes:
    side = (canvas - 1).to_bytes(3, "little")
    body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + side + side + file_of("webp")[12:]
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def huge_gif() -> bytes:
    data = bytearray(file_of("gif"))
    data[6:10] = struct.pack("<HH", 30_000, 30_000)
    return bytes(data)


def huge_tiff() -> bytes:
    data = bytearray(encoded(gradient(), "TIFF"))
    start = struct.unpack_from("<I", data, 4)[0] + 2
    for entry in range(start, start + 24, 12):
        assert struct.unpack_from("<H", data, entry)[0] in (256, 257)
        struct.pack_into("<HII", data, entry + 2, 4, 1, 30_000)
    return bytes(data)


@pytest.mark.parametrize(
    "make",
    [
        lambda: png(30_000, 30_000, 2, bytes(90_000)),
        lambda: jpeg_with_size(30_000, 30_000),
        huge_bmp,
        lambda: webp_on(30_000),
        huge_gif,
        huge_tiff,
        lambda: HEIC.replace(struct.pack(">II", 64, 64), struct.pack(">II", 30_000, 30_000)).replace(
            struct.pack(">IIII", 64, 1, 48, 1), struct.pack(">IIII", 30_000, 1, 30_000, 1)
        ),
    ],
    ids=["png", "jpg", "bmp", "webp", "gif", "tif", "heic"],
)
def test_a_header_of_30000_x_30000_is_refused_by_the_header_alone(make: Callable[[], bytes]) -> None:
    said = "The image is 30000x30000; at most 25000000 pixels are accepted: send it at a smaller size."
    assert reason(make()) == said


def test_a_webp_whose_canvas_is_smaller_than_its_frame_counts_as_large_as_the_frame() -> None:
    said = "The image is 64x48; at most 1000 pixels are accepted: send it at a smaller size."
    assert reason(webp_on(1), max_pixels=1000) == said


@pytest.mark.parametrize("size", [(12_000, 1), (1, 12_000), (8_000, 1), (65_500, 700), (1_300, 60)])
@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_what_is_far_longer_than_wide_is_refused_before_it_is_decoded(kind: str, size: tuple[int, int]) -> None:
    data = png(*size, 2, b"") if kind == "png" else jpeg_with_size(*size)
    said = f"The image is {size[0]}x{size[1]}, which is not the shape of a photo: crop it around the person."
    assert reason(data, max_pixels=100_000_000) == said


def test_a_panorama_as_long_as_may_be_is_read() -> None:
    data = encoded(Image.new("RGB", (50 * MOST_STRETCHED, 50)), "PNG")
    assert decode("a", data, **LIMITS).pixels.shape == (50, 50 * MOST_STRETCHED, 3)


def test_what_has_to_be_decoded_whole_has_a_limit_of_its_own() -> None:
    side = 7_300
    most = f"of its format at most {WHOLE_PIXELS} pixels are accepted: save it as an ordinary JPEG."
    said = f"The image is {side}x{side}; {most}"
    assert reason(png(side, side, 2, b""), max_pixels=108_000_000) == said
    progressive = jpeg_with_size(side, side, encoded(gradient(), "JPEG", progressive=True))
    assert reason(progressive, max_pixels=108_000_000) == said


@pytest.mark.parametrize(
    ("width", "height", "size", "scale"),
    [(4000, 3000, (1125, 1500, 3), 0.375), (3000, 2250, (1125, 1500, 3), 0.5), (12_000, 9_000, (1125, 1500, 3), 0.125)],
)
def test_a_large_jpeg_is_decoded_at_the_size_that_is_needed(
    width: int, height: int, size: tuple[int, int, int], scale: float
) -> None:
    photo = decode("a", encoded(Image.new("RGB", (width, height), (9, 90, 180)), "JPEG"), 10**8, 108_000_000)
    assert photo.pixels.shape == size
    assert photo.scale == pytest.approx(scale, rel=1e-3)
    assert np.abs(photo.pixels[::50, ::50].astype(int) - (9, 90, 180)).max() <= 2


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "I;16"])
def test_a_large_png_of_any_mode_is_scaled_to_the_size_that_is_needed(mode: str) -> None:
    grey = Image.fromarray(gradient(2600, 2000)[:, :, 0])
    image = Image.fromarray(np.asarray(grey, np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    photo = decode("a", encoded(image, "PNG"), 10**8, 10**8, area=320 * 240)
    height, width = photo.pixels.shape[:2]
    assert 0.97 * 320 * 240 < height * width <= 320 * 240
    assert photo.scale == pytest.approx(height / 2000, rel=0.01)
    expected = np.asarray(grey.resize((width, height)), int)
    assert np.abs(photo.pixels[..., 1].astype(int) - expected).max() <= 8


def test_a_photo_of_ordinary_size_is_decoded_as_it_is() -> None:
    photo = decode("a", encoded(Image.new("RGB", (1728, 1296)), "JPEG"), **LIMITS)
    assert (photo.pixels.shape, photo.scale) == ((1296, 1728, 3), 1.0)
    assert photo.pixels.shape[0] * photo.pixels.shape[1] == WORKING_AREA


def test_what_has_to_be_decoded_whole_is_decoded_larger_up_to_a_size() -> None:
    side = math.isqrt(MOST_AGAIN)
    for more, options in ((0, {"progressive": True}), (9, {})):
        data = encoded(Image.new("L", (side + more, side)), "JPEG", **options)
        assert decode("a", data, 10**8, 10**8, area=CLOSER_AREA).pixels.size > 3 * WORKING_AREA
    data = encoded(Image.new("L", (side + 9, side)), "JPEG", progressive=True)
    assert decode("a", data, 10**8, 10**8).pixels.size <= 3 * WORKING_AREA
    with pytest.raises(Undecodable, match="too large to be decoded again"):
        decode("a", data, 10**8, 10**8, area=CLOSER_AREA)


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("left", [0.05, 0.3, 0.7, 0.95])
def test_a_truncated_file_is_refused_wherever_it_was_cut(extension: str, left: float) -> None:
    data = file_of(extension, noise())
    with pytest.raises(Undecodable) as refused:
        decode("a", data[: int(len(data) * left)], **LIMITS)
    assert refused.value.reason.endswith(
        ("send the whole file again.", "or save it anew as JPEG.", "send the photo again.")
    )


@pytest.mark.parametrize("cut", [1, 4, 11, 12])
def test_a_png_without_its_end_marker_is_read(cut: int) -> None:
    assert (decode("a", file_of("png")[:-cut], **LIMITS).pixels == gradient()).all()


@pytest.mark.parametrize(
    "data",
    [
        png(8, 8, 3, bytes(72)),
        png(8, 8, 7, bytes(72)),
        png(8, 8, 2, bytes(10)),
        png(8, 8, 2, b"", depth=3),
        b"BM" + bytes(60),
        b"GIF89a" + bytes(40),
        b"II*\0" + bytes(40),
        ftyp(b"avif", b"avif"),
        ftyp(b"heic", b"mif1"),
        b"RIFF\x20\0\0\0WEBPVP8 " + bytes(24),
        b"RIFF",
        b"\xff\xd8\xff",
        b"\xff\xd8" + b"\xff\xda\0\2" * 9,
    ],
)
def test_whatever_a_decoder_says_of_a_broken_file_is_that_files_refusal(data: bytes) -> None:
    assert reason(data)[-1] == "."


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
@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "avif", "tif"])
def test_the_exif_orientation_is_applied(extension: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    expected = UPRIGHT[orientation](gradient())
    kind, options = FORMATS[extension]
    photo = decode("a", encoded(gradient(), kind, **{**options, "exif": exif.tobytes()}), **LIMITS)
    assert photo.pixels.shape == expected.shape
    assert np.abs(photo.pixels.astype(int) - expected).mean() < 3


@pytest.mark.parametrize("block", [b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"XX", b""])
def test_a_broken_exif_block_leaves_the_photo_as_it_is_and_warns_of_nothing(block: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        photo = decode("a", encoded(gradient(), "JPEG", quality=95, exif=b"Exif\0\0" + block), **LIMITS)
    assert photo.pixels.shape == (48, 64, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_a_large_webp_is_applied_once(orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    size = (4200, 3000) if orientation < 5 else (3000, 4200)
    stored = Image.fromarray(UPRIGHT[{6: 8, 8: 6}.get(orientation, orientation)](gradient())).resize(size)
    photo = decode("a", encoded(stored, "WEBP", method=0, exif=exif.tobytes()), **LIMITS)
    small = np.asarray(Image.fromarray(photo.pixels).resize((64, 48)), int)
    assert np.abs(small - gradient()).mean() < 3


def raw_profile(name: bytes, note: bytes) -> bytes:
    """Return a PNG with a note as ImageMagick stores it."""
    data = file_of("png")
    text = b"\n%s\n%8d\n%s\n" % (name, len(note), note.hex().encode())
    return data[:33] + png_chunk(b"zTXt", b"Raw profile type " + name + b"\0\0" + zlib.compress(text)) + data[33:]


@pytest.mark.parametrize(
    ("name", "note", "shape"),
    [
        (b"exif", EXIF + exif_block(6), (64, 48, 3)),
        (b"APP1", EXIF + exif_block(6), (64, 48, 3)),
        (b"APP1", XMP + xmp_packet(6), (64, 48, 3)),
        (b"xmp", xmp_packet(6), (64, 48, 3)),
        (b"APP1", b"neither", (48, 64, 3)),
    ],
)
def test_the_orientation_counts_in_whatever_imagemagick_makes_of_a_jpegs_notes(
    name: bytes, note: bytes, shape: tuple[int, ...]
) -> None:
    assert decode("a", raw_profile(name, note), **LIMITS).pixels.shape == shape


def test_a_one_pixel_image_decodes() -> None:
    assert decode("a", encoded(np.full((1, 1, 3), 9, np.uint8), "PNG"), **LIMITS).pixels.tolist() == [[[9, 9, 9]]]


def test_16_bit_grey_is_scaled_and_not_clipped() -> None:
    grey = np.array([[0, 257 * 100, 40_000, 65_535]], dtype=np.uint16)
    pixels = decode("a", encoded(Image.fromarray(grey), "PNG"), **LIMITS).pixels
    assert pixels[0, :, 0].tolist() == [0, 100, 156, 255]
    assert (pixels[..., 0] == pixels[..., 2]).all()


def test_16_bit_colour_is_scaled() -> None:
    data = png(1, 1, 2, b"\0" + struct.pack(">HHH", 0, 32_896, 65_535), depth=16)
    assert decode("a", data, **LIMITS).pixels.tolist() == [[[0, 128, 255]]]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_what_is_transparent_is_laid_over_white(mode: str) -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    converted = image.quantize() if mode == "PA" else image.convert(mode)
    assert decode("a", encoded(converted, "PNG"), **LIMITS).pixels[0, :, 0].tolist() == [0, 255]


def test_what_is_transparent_of_a_large_webp_is_laid_over_white() -> None:
    image = Image.new("RGBA", (4200, 3000), (0, 0, 200, 255))
    image.paste((0, 0, 200, 0), (0, 0, 2100, 3000))
    pixels = decode("a", encoded(image, "WEBP", method=0, exact=True), **LIMITS).pixels
    left, right = (pixels[500, at].astype(int) for at in (300, -300))
    assert left.tolist() == [255, 255, 255]
    assert np.abs(right - (0, 0, 200)).max() < 5


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_an_avif_of_greys_is_read(mode: str) -> None:
    pixels = decode("a", encoded(Image.fromarray(gradient()).convert(mode), "AVIF", quality=95), **LIMITS).pixels
    grey = np.asarray(Image.fromarray(gradient()).convert("L"), int)
    assert np.abs(pixels - grey[..., None]).mean() < 3


@pytest.mark.parametrize(("mode", "value"), [("L", 77), ("P", 77), ("1", 255)])
def test_grey_palette_and_bilevel_images_become_rgb(mode: str, value: int) -> None:
    image = Image.new("L", (5, 4), value).convert(mode)
    assert np.unique(decode("a", encoded(image, "PNG"), **LIMITS).pixels).tolist() == [value]


def test_samples_that_nobody_can_guess_the_range_of_are_refused_with_the_remedy() -> None:
    data = encoded(Image.new("F", (8, 8), 0.5), "TIFF")
    assert reason(data) == "Images with samples of the kind F cannot be read: save the photo as JPEG."


def animation(kind: str) -> bytes:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((200, 0, 0), (0, 200, 0))]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50, lossless=True)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "TIFF"])
def test_of_an_animation_or_several_pages_the_first_picture_is_taken(kind: str) -> None:
    assert decode("a", animation(kind), **LIMITS).pixels[4, 4].tolist() == [200, 0, 0]


def test_a_colour_profile_is_converted_to_srgb() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    grey = np.full((4, 4, 3), 128, np.uint8)
    foreign = decode("a", encoded(grey, "PNG", icc_profile=lab), **LIMITS)
    assert foreign.pixels[0, 0].tolist() == [128, 128, 128]
    reddish = np.full((16, 16, 3), (200, 60, 60), np.uint8)
    for kind in ("PNG", "JPEG", "WEBP", "AVIF"):
        swapped = decode("a", encoded(reddish, kind, icc_profile=swapped_primaries()), **LIMITS)
        red, green, _ = swapped.pixels[0, 0].tolist()
        assert (kind, red < 100, green > 160) == (kind, True, True)


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "L"), ("PNG", "L"), ("PNG", "LA")])
def test_a_profile_of_greys_is_converted_wherever_nothing_but_greys_is_shown(kind: str, mode: str) -> None:
    grey = Image.new("L", (16, 16), 64).convert(mode)
    linear = decode("a", encoded(grey, kind, icc_profile=linear_grey()), **LIMITS)
    assert abs(int(linear.pixels[8, 8, 1]) - 137) <= 2
    colour = decode("a", encoded(gradient(), "PNG", icc_profile=linear_grey()), **LIMITS)
    assert (colour.pixels == gradient()).all()


def linear_grey() -> bytes:
    """A profile of greys whose values are proportional to light."""
    white = b"XYZ \0\0\0\0" + struct.pack(">iii", 63_190, 65_536, 54_061)
    curve = b"curv" + bytes(8)
    description = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"grey\0" + bytes(79)
    parts = {b"wtpt": white, b"kTRC": curve, b"desc": description}
    at, table, body = 132 + 12 * len(parts), b"", b""
    for name, part in parts.items():
        table += name + struct.pack(">II", at + len(body), len(part))
        body += part
    head = struct.pack(">I4sI4s4s4s12x4s28x", at + len(body), b"lcms", 0x02400000, b"mntr", b"GRAY", b"XYZ ", b"acsp")
    return head + struct.pack(">iii", 63_190, 65_536, 54_061) + bytes(48) + struct.pack(">I", len(parts)) + table + body


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


def test_a_png_text_that_unpacks_to_gigabytes_is_not_unpacked() -> None:
    bomb = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100_000_000)))
    data = file_of("png")
    assert reason(data[:33] + bomb + data[33:])[-1] == "."


def test_many_threads_decode_the_same_as_one_and_pillows_settings_stay() -> None:
    before = Image.MAX_IMAGE_PIXELS
    files = [encoded(gradient(60 + index, 50), "JPEG") for index in range(16)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: decode("a", data, **LIMITS).pixels, files))
    assert all((one == decode("a", data, **LIMITS).pixels).all() for one, data in zip(together, files, strict=True))
    assert before == Image.MAX_IMAGE_PIXELS
