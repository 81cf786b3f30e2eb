"""All formats but JPEG: opened by the one reader of the kind, checked by the size that it names, then decoded whole."""

import struct
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from pipeline.stages.decode.colour import Picture
from pipeline.stages.decode.kinds import Undecodable
from pipeline.stages.decode.notes import orientation_in, orientation_of
from pipeline.types import Pixels

CheckSize = Callable[[int, int], None]
"""Raises `Undecodable` for a width and height that may not be decoded."""

_MUCH = 12_000_000
"""Pixels from which on Pillow's WebP reader, which holds the canvas four times, gives way to OpenCV's."""

_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "tif": TiffImagePlugin.TiffImageFile,
}


def open_picture(kind: str, data: bytes, check_size: CheckSize) -> Picture:
    """Decode a file of this kind, which is not JPEG; of an animation or of several pages the first picture.

    Raises `Undecodable` where `check_size` does, and whatever a decoder raises where the file is broken.
    """
    if kind == "webp":
        return _open_webp(data, check_size)
    if kind == "heic":
        return _open_heic(data, check_size)
    if kind == "avif":
        return _open_avif(data, check_size)
    return _open_with_pillow(kind, data, check_size)


def _open_with_pillow(kind: str, data: bytes, check_size: CheckSize) -> Picture:
    """Decode with Pillow's reader, called instead of `Image.open`, whose bomb check is process-wide and warns."""
    image = _READERS[kind](BytesIO(data))
    check_size(*image.size)
    image.load()
    return _of_image(image)


def _of_image(image: Image.Image) -> Picture:
    def rows(top: int, bottom: int) -> Image.Image:
        return image if bottom - top == image.height else image.crop((0, top, image.width, bottom))

    return Picture(*image.size, rows, image.info.get("icc_profile"), orientation_in(image))


def _of_array(
    pixels: Pixels, profile: bytes | None = None, orientation: int = 1, owner: object = None, order: Sequence[int] = ()
) -> Picture:
    """Return a picture of pixels whose memory `owner` frees when nobody holds it any longer.

    `order` says which of their channels become red, green, blue and alpha, if they do not stand in this order.
    """

    def rows(top: int, bottom: int, _owner: object = owner) -> Image.Image:
        strip = pixels[top:bottom]
        return Image.fromarray(strip[..., list(order)] if order else strip)

    return Picture(pixels.shape[1], pixels.shape[0], rows, profile, orientation)


def _open_avif(data: bytes, check_size: CheckSize) -> Picture:
    """Decode AVIF; the frame is taken from Pillow's decoder as it is, without another copy of a large image."""
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    image = AvifImagePlugin.AvifImageFile(BytesIO(data))
    check_size(*image.size)
    decoder: Any = image._decoder
    frame = np.frombuffer(decoder.get_frame(0)[0], np.uint8)
    bands = len(image.getbands())
    pixels = frame.reshape((image.height, image.width, bands)[: 2 if bands == 1 else 3])
    return _of_array(pixels, image.info.get("icc_profile"), orientation_in(image))


def _open_heic(data: bytes, check_size: CheckSize) -> Picture:
    """Decode HEIC; libheif turns and mirrors as the file says, which counts instead of Exif's orientation."""
    import pi_heif  # not before the first HEIC: few processes ever see one

    pi_heif.options.DECODE_THREADS = 1
    pi_heif.options.THUMBNAILS = pi_heif.options.DEPTH_IMAGES = pi_heif.options.AUX_IMAGES = False
    image = pi_heif.open_heif(data)
    check_size(*image.size)
    width, height = image.size
    pixels = np.asarray(image)[:, :width]
    if pixels.shape[:2] != (height, width) or pixels.dtype != np.uint8:
        raise Undecodable("The image's header contradicts itself: save it as JPEG and send that.")
    return _of_array(pixels, image.info.get("icc_profile"), owner=image)


def _open_webp(data: bytes, check_size: CheckSize) -> Picture:
    """Decode WebP; its size is read first, because Pillow's reader takes memory for the canvas when it opens."""
    if len(data) < 8 + struct.unpack_from("<I", data, 4)[0]:
        raise Undecodable("The WebP is cut off: send the whole file again.")
    width = height = 0
    notes: dict[bytes, bytes] = {}
    for name, at, length in _chunks(data):
        wide, high = _size(data, name, at)
        width, height = max(width, wide), max(height, high)
        if name in (b"EXIF", b"XMP ", b"ICCP"):
            notes.setdefault(name, data[at : at + length])
    check_size(width, height)
    if width * height < _MUCH:
        return _open_with_pillow("webp", data, check_size)
    import cv2  # heavy, and hardly ever needed

    cv2.setNumThreads(1)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)  # as it is stored, blue first
    if pixels is None:
        raise Undecodable("The WebP could not be decoded: save it as JPEG and send that.")
    orientation = orientation_of([notes.get(b"EXIF", b"").removeprefix(b"Exif\0\0")], notes.get(b"XMP ", b""))
    return _of_array(
        np.asarray(pixels, np.uint8), notes.get(b"ICCP"), orientation, order=(2, 1, 0, 3)[: pixels.shape[2]]
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, start of the body, length of the body) of each RIFF chunk."""
    at = 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        yield name, at + 8, length
        at += 8 + length + length % 2


def _size(data: bytes, name: bytes, at: int) -> tuple[int, int]:
    """Return the size that a chunk names, (0, 0) for chunks without one (RFC 9649)."""
    if name == b"VP8X":
        wide, high = data[at + 4 : at + 7], data[at + 7 : at + 10]
        return 1 + int.from_bytes(wide, "little"), 1 + int.from_bytes(high, "little")
    if name == b"VP8L":
        bits = struct.unpack_from("<I", data, at + 1)[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if name == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, at + 6)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0
