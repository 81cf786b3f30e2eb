"""JPEG: repacked to what makes up the picture, then decoded by libjpeg-turbo at the size that is needed.

Repacking keeps tables, sizes and scans. Thumbnails, notes, a gain map, the video behind a motion photo and stray bytes
stay behind, and the picture ends where its scans are complete, whatever follows: so all that libjpeg-turbo still
complains of is about the picture itself, and its words tell missing pixels from damaged ones.

Source: ITU-T T.81.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
import simplejpeg
from PIL import JpegImagePlugin

from pipeline.stages.decode.kinds import Undecodable
from pipeline.types import Pixels

_MARKER = re.compile(rb"\xff+([^\x00\xff])")
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_JPEG_LS = 0xF7
_ADOBE = 0xEE
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDD, _ADOBE, *_SIZES})
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_NOTES = frozenset({*range(0xE0, 0xF0), 0xFE}) - {_ADOBE}
_ENDS_SCAN = np.array([value not in {0x00, *range(0xD0, 0xD8), 0xFF} for value in range(256)])
"""Which bytes after 0xFF end a scan: all but stuffing, restart markers and fill bytes."""
_FIRST_BLOCK, _LARGEST_BLOCK = 1 << 9, 1 << 20
_MISSING = re.compile(r"premature end|found marker 0xd9", re.IGNORECASE)


@dataclass(eq=False)
class Jpeg:
    """A JPEG, taken apart: `width` x `height` as stored, `channels`, `data` to decode, and its notes as they came.

    `exif` holds the TIFF block of each Exif segment. `complete` says whether every scan of the picture began, `ended`
    whether the end marker follows the last one.
    """

    width: int = 0
    height: int = 0
    channels: int = 0
    progressive: bool = False
    complete: bool = False
    ended: bool = False
    data: bytes = b""
    exif: list[bytes] = field(default_factory=list)
    xmp: bytes = b""
    profile: bytes = b""


def read_jpeg(data: bytes) -> Jpeg:
    """Take a JPEG apart. Raises `Undecodable` where no picture can be found in it, or one of a kind that is not read.

    Where a note's length is wrong, so that nothing follows it, lengths of notes are not believed.
    """
    found = _read(data, trusting=True)
    if not found.data:
        found = _read(data, trusting=False)
    if not found.data:
        raise Undecodable("The JPEG's header is broken or cut off: send the photo again.")
    return found


def _read(data: bytes, trusting: bool) -> Jpeg:
    jpeg, kept = Jpeg(), [data[:2]]
    missing: dict[int, set[int]] = {}
    for marker, body, segment, at in _segments(data, trusting):
        if marker in _NOTES:
            _note(marker, body, jpeg)
        elif marker == _JPEG_LS or (marker in _SIZES and body[:1] != b"\x08"):
            raise Undecodable("This kind of JPEG is hardly ever used and is not read: save it as an ordinary JPEG.")
        elif marker in _SIZES and not jpeg.width:
            jpeg.height, jpeg.width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
            jpeg.progressive = marker in _PROGRESSIVE
            missing = {part: set(range(64)) for part in body[6::3]}
            jpeg.channels = len(missing)
        if marker in _TABLES or marker == _SOS:
            kept.append(segment)
        jpeg.ended = marker == _EOI or data.startswith(b"\xff\xd9", at)
        jpeg.complete = jpeg.ended or (marker == _SOS and _is_last(body, missing))
        if jpeg.complete:
            break
    if jpeg.width and jpeg.height and any(segment[1] == _SOS for segment in kept):
        jpeg.data = b"".join([*kept, b"\xff\xd9"])
    return jpeg


def _segments(data: bytes, trusting: bool) -> Iterator[tuple[int, bytes, bytes, int]]:
    """Yield (marker, body, the whole segment, where it ends) of each, a scan with its coefficients.

    What stands between two segments is skipped.
    """
    at = 2
    while found := _MARKER.search(data, at):
        marker, start, at = found[1][0], found.end() - 2, found.end()
        if marker == _SOI:  # a thumbnail inside of a note whose length is wrong
            at = data.find(b"\xff\xd9", at) + 2 or len(data)
        elif marker == _EOI:
            yield marker, b"", b"", at
        elif marker not in _ALONE:
            length = int.from_bytes(data[at : at + 2], "big") if trusting or marker not in _NOTES else 2
            body, at = data[at + 2 : at + length], at + max(2, length)
            if marker == _SOS:
                at = scan_end(data, at)
            yield marker, body, data[start:at], at


def scan_end(data: bytes, start: int) -> int:
    """Return where the marker begins that ends the scan from `start` on, the data's end where none does.

    Searched in blocks that grow: a photo has few long scans, a hostile file many short ones.
    """
    at, length = start, _FIRST_BLOCK
    while at < len(data) - 1:
        block = np.frombuffer(data, np.uint8, min(length + 1, len(data) - at), at)
        marks = np.flatnonzero(block[:-1] == 0xFF)
        ends = marks[_ENDS_SCAN[block[marks + 1]]]
        if ends.size:
            return start + len(data[start : at + int(ends[0])].rstrip(b"\xff"))
        at, length = at + length, min(2 * length, _LARGEST_BLOCK)
    return len(data)


def _note(marker: int, body: bytes, jpeg: Jpeg) -> None:
    if marker == 0xE1 and body.startswith(b"Exif\0"):
        jpeg.exif.append(body[6:])
    elif marker == 0xE1 and body.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
        jpeg.xmp = jpeg.xmp or body[29:]
    elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
        jpeg.profile += body[14:]


def _is_last(scan: bytes, missing: dict[int, set[int]]) -> bool:
    """Note which coefficients a scan brings to their full precision; tell whether now all are there."""
    count = scan[0] if scan else 0
    parts, bounds = scan[1 : 1 + 2 * count : 2], scan[1 + 2 * count : 4 + 2 * count]
    if len(bounds) == 3 and not bounds[2] & 15:
        for part in parts:
            missing.get(part, set()).difference_update(range(bounds[0], bounds[1] + 1))
    return not any(missing.values())


def decode_jpeg(jpeg: Jpeg, area: int) -> Pixels:
    """Decode to at most `area` pixels: uint8 (height, width, 3) RGB, or (height, width, 4) CMYK, 255 for full ink.

    Pictures whose colours are sampled in a rare way have up to four times as many pixels.
    Whatever can be shown of a damaged picture is shown, as viewers do. Raises `Undecodable` where pixels are missing,
    `ValueError` where there is no picture.
    """
    if not jpeg.complete:
        raise _cut_off()
    space = "CMYK" if jpeg.channels == 4 else "RGB"
    least = _least_size(jpeg, area)
    try:
        pixels = simplejpeg.decode_jpeg(jpeg.data, space, **least)
    except ValueError as warning:
        if "subsampling" in str(warning):
            return _decode_rarely_sampled(jpeg, area)
        pixels = simplejpeg.decode_jpeg(jpeg.data, space, strict=False, **least)
        if _MISSING.search(str(warning)) and not (jpeg.ended and _reaches_the_end(pixels)):
            raise _cut_off() from warning
    return 255 - pixels if space == "CMYK" else np.asarray(pixels, np.uint8)


def _decode_rarely_sampled(jpeg: Jpeg, area: int) -> Pixels:
    """Decode, as `decode_jpeg` does, what simplejpeg has no name for."""
    image = JpegImagePlugin.JpegImageFile(BytesIO(jpeg.data))
    factor = min(1.0, math.sqrt(area / (jpeg.width * jpeg.height)))
    image.draft(None, (math.ceil(jpeg.width * factor), math.ceil(jpeg.height * factor)))
    return np.asarray(image if image.mode == "CMYK" else image.convert("RGB"))


def _reaches_the_end(pixels: Pixels) -> bool:
    """Tell a picture with a damaged spot from one whose last rows are missing, which libjpeg fills with one colour."""
    lowest = pixels[-max(1, len(pixels) // 32) :]
    return bool((lowest != lowest[-1, -1]).any())


def _least_size(jpeg: Jpeg, area: int) -> dict[str, int]:
    """Return what makes libjpeg-turbo decode at the largest of its scales, eighths, that has at most `area` pixels."""
    eighths = max(1, math.floor(8 * math.sqrt(area / (jpeg.width * jpeg.height))))
    if eighths >= 8:
        return {}
    return {"min_height": -(-jpeg.height * eighths // 8), "min_width": -(-jpeg.width * eighths // 8)}


def _cut_off() -> Undecodable:
    return Undecodable("The JPEG is cut off: part of its pixels is missing; send the whole file again.")
