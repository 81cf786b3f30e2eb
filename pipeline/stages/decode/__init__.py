"""Bytes to an upright sRGB photo: by content, within limits, at the size that is needed, first picture only."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from pipeline.stages.decode.budget import Budget as Budget
from pipeline.stages.decode.budget import most_seconds as most_seconds
from pipeline.stages.decode.colour import Picture, reduced, to_rgb
from pipeline.stages.decode.jpeg import decode_jpeg, read_jpeg
from pipeline.stages.decode.kinds import Undecodable as Undecodable
from pipeline.stages.decode.kinds import kind_of as kind_of
from pipeline.stages.decode.notes import orientation_of, upright
from pipeline.stages.decode.pictures import open_picture
from pipeline.types import Photo, Pixels

WORKING_AREA = 1728 * 1296
"""Pixels that a photo is decoded to at most: an ordinary portrait's face keeps several times what the models see."""

CLOSER_AREA = 3072 * 2304
"""The same for a second look, where the first found no face that is large enough."""

WHOLE_PIXELS = 52_000_000
"""Most pixels of what has to be decoded whole before it can be scaled: anything but a baseline JPEG."""

_AVIF_PIXELS = 40_000_000
"""The same for AVIF, whose decoder takes more memory for each pixel."""

MOST_AGAIN = 26_000_000
"""Pixels of what has to be decoded whole up to which it is decoded a second time, larger than at first."""

MOST_STRETCHED = 20
"""How many times as long as wide a photo may be; beyond it nothing is a photo of a person."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """An upright photo, its format, and `scale`: one pixel of the file is `scale` pixels here, at most 1."""

    pixels: Pixels
    kind: str
    scale: float


class Decode(Protocol):
    """A way to decode: `decode` below in this process, `pipeline.models.decoding.DecodingPool.decode` in others."""

    def __call__(
        self,
        name: str,
        data: bytes,
        max_bytes: int,
        max_pixels: int,
        area: int = WORKING_AREA,
        budget: Budget | None = None,
    ) -> Photo:
        """Decode a file; see `decode`."""


def decode(
    name: str,
    data: bytes,
    max_bytes: int,
    max_pixels: int,
    area: int = WORKING_AREA,
    budget: Budget | None = None,
) -> Photo:
    """Decode a file of one of the formats that `kind_of` names to an upright sRGB photo of at most `area` pixels.

    `max_pixels` bounds width x height as the header names them, before anything is decoded. Alpha is laid over white,
    16-bit samples are scaled, colour profiles are converted to sRGB, of an animation the first frame is taken.
    `budget` is the request's. Raises `Undecodable`, whatever is wrong with the file.
    """
    check_bytes(data, max_bytes)
    if budget:
        budget.check()
    start = time.thread_time()
    try:
        found = decode_pixels(data, max_pixels, area)
    finally:
        if budget:
            budget.spend(time.thread_time() - start)
    return Photo(name, found.pixels, hashlib.sha256(data).hexdigest(), data, found.kind, found.scale, area=area)


def check_bytes(data: bytes, max_bytes: int) -> None:
    """Raise `Undecodable` for an empty file and for one that is larger than `max_bytes`."""
    if not data:
        raise Undecodable("The file is empty: send the photo again.")
    if len(data) > max_bytes:
        raise Undecodable(f"The file is larger than {max_bytes} bytes: send the photo at a smaller size.")


def decode_pixels(
    data: bytes, max_pixels: int, area: int, permit: Callable[[int], None] = lambda pixels: None
) -> Decoded:
    """Decode a file as `decode` does. Raises `Undecodable`.

    `permit` is called with the number of pixels before a file is decoded that has to be decoded whole.
    """
    kind = kind_of(data)
    try:
        return _decode(kind, data, max_pixels, area, permit)
    except Undecodable:
        raise
    except MemoryError as error:
        raise Undecodable("The image needs too much memory: save it as JPEG at a smaller size.") from error
    except Exception as error:
        reason = "The image is damaged, cut off or of a rare kind: send the whole file again, or save it anew as JPEG."
        raise Undecodable(reason) from error


def _decode(kind: str, data: bytes, max_pixels: int, area: int, permit: Callable[[int], None]) -> Decoded:
    def check_size(width: int, height: int, whole: bool = True) -> None:
        most = max_pixels if not whole else min(max_pixels, _AVIF_PIXELS if kind == "avif" else WHOLE_PIXELS)
        _check_size(width, height, max_pixels, most)
        if whole and area > WORKING_AREA and width * height > MOST_AGAIN:
            raise Undecodable("The image is too large to be decoded again: save it as an ordinary JPEG.")
        if whole:
            permit(width * height)

    if kind == "jpg":
        jpeg = read_jpeg(data)
        check_size(jpeg.width, jpeg.height, jpeg.progressive)
        full = jpeg.width * jpeg.height
        pixels, orientation = decode_jpeg(jpeg, area), orientation_of(jpeg.exif, jpeg.xmp)
        if jpeg.profile or pixels.shape[2] == 4 or pixels.shape[0] * pixels.shape[1] > area:
            pixels = to_rgb(reduced(_as_picture(pixels), area), jpeg.profile, area)
    else:
        picture = open_picture(kind, data, check_size)
        full, orientation, profile = picture.width * picture.height, picture.orientation, picture.profile
        image = reduced(picture, area)
        del picture  # the whole image's memory, before others are made of what is left of it
        pixels = to_rgb(image, profile, area)
    scale = min(1.0, float(np.sqrt(pixels.shape[0] * pixels.shape[1] / full)))
    return Decoded(upright(pixels, orientation), kind, scale)


def _as_picture(pixels: Pixels) -> Picture:
    height, width, channels = pixels.shape
    mode = "CMYK" if channels == 4 else "RGB"

    def rows(top: int, bottom: int) -> Image.Image:
        strip = np.ascontiguousarray(pixels[top:bottom])
        return Image.frombuffer(mode, (width, bottom - top), strip, "raw", mode, 0, 1)

    return Picture(width, height, rows)


def _check_size(width: int, height: int, max_pixels: int, most: int) -> None:
    size = f"The image is {width}x{height}"
    if width < 1 or height < 1:
        raise Undecodable("The image's header names no size: send the photo again.")
    if width * height > max_pixels:
        raise Undecodable(f"{size}; at most {max_pixels} pixels are accepted: send it at a smaller size.")
    if width * height > most:
        raise Undecodable(f"{size}; of its format at most {most} pixels are accepted: save it as an ordinary JPEG.")
    if max(width, height) > MOST_STRETCHED * min(width, height):
        raise Undecodable(f"{size}, which is not the shape of a photo: crop it around the person.")
