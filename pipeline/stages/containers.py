"""What an image file says of itself before a decoder sees it: kind, size in pixels, orientation.

The four kinds are told apart by their first bytes, never by a name. `read_header` walks the file's own
structure, so that a size is known before memory is taken, and repacks JPEG and PNG to the parts that make up
the picture: thumbnails, texts, animation and camera notes, where decoders have most faults, stay behind.

Sources: ITU-T T.81 (JPEG), W3C PNG 3rd edition, RFC 9649 (WebP), Exif 2.32 / TIFF 6.0 (orientation).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAX_SCANS = 200
"""A JPEG of more scans is made to keep a decoder busy; cameras write 1, progressive encoders about 10."""

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"sRGB", b"IDAT", b"IEND"})
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})


class Undecodable(Exception):  # noqa: N818 - an answer about a file, not a fault of the program
    """The bytes are not a picture that may be decoded; `reason` is one sentence for the caller."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Header:
    """What a file says of itself: `kind` is jpg, png, webp or bmp, `orientation` the Exif value 1 to 8.

    `width` and `height` are in pixels as stored, before the orientation is applied. `data` is what to decode.
    """

    kind: str
    width: int
    height: int
    orientation: int
    data: bytes


def extension_of(data: bytes) -> str:
    """Return `jpg`, `png`, `webp` or `bmp` by the first bytes. Raises `Undecodable` for anything else."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if data.startswith(_PNG_MAGIC):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data.startswith(b"BM"):
        return "bmp"
    raise Undecodable("This is not a JPEG, PNG, WebP or BMP image.")


def read_header(data: bytes) -> Header:
    """Read a file's header without decoding it. Raises `Undecodable` where it is broken or cut off."""
    readers = {"jpg": _read_jpeg, "png": _read_png, "webp": _read_webp, "bmp": _read_bmp}
    kind = extension_of(data)
    try:
        header = readers[kind](data)
    except (struct.error, IndexError) as error:
        raise Undecodable("The image's header is broken or cut off.") from error
    if header.width < 1 or header.height < 1:
        raise Undecodable("The image's header names no size.")
    return header


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start, end) of each segment up to and with the first start of scan."""
    at = 2
    while True:
        start = at
        if data[at] != 0xFF:
            raise Undecodable("The JPEG's structure is broken.")
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        at += 1
        if marker not in _JPEG_ALONE:
            at += max(2, struct.unpack_from(">H", data, at)[0])
        yield marker, start, at
        if marker == 0xDA:
            return


def _jpeg_is_kept(marker: int, body: bytes) -> bool:
    """Tell whether a segment bears on the picture: tables, sizes, JFIF, Adobe's marker, colour profiles."""
    if marker == 0xE2:
        return body.startswith(b"ICC_PROFILE\0")
    return not (0xE1 <= marker <= 0xEF or marker == 0xFE) or marker == 0xEE


def _read_jpeg(data: bytes) -> Header:
    size: tuple[int, int] | None = None
    orientation, kept, scan = 1, [data[:2]], 0
    for marker, start, end in _jpeg_segments(data):
        body = data[end - (struct.unpack_from(">H", data, start + 2)[0] - 2) : end] if marker > 0xD8 else b""
        if marker in _JPEG_SIZES and size is None:
            height, width = struct.unpack_from(">HH", data, start + 5)
            size = width, height
        if marker == 0xE1 and body.startswith(b"Exif\0\0"):
            orientation = exif_orientation(body[6:])
        scan = start
        if marker != 0xDA and _jpeg_is_kept(marker, body):
            kept.append(data[start:end])
    if size is None:
        raise Undecodable("The JPEG names no size.")
    if data.find(b"\xff\xd9", scan) < 0:
        raise Undecodable("The JPEG is cut off.")
    if data.count(b"\xff\xda", scan) > MAX_SCANS:
        raise Undecodable("The JPEG has too many scans.")
    return Header("jpg", *size, orientation, b"".join([*kept, data[scan:]]))


def _read_png(data: bytes) -> Header:
    width, height = struct.unpack_from(">II", data, 16)
    orientation, kept, at, ended = 1, [_PNG_MAGIC], 8, False
    while not ended and at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            break
        if at == 8 and (name != b"IHDR" or length != 13):
            raise Undecodable("The PNG's header is broken.")
        if name == b"eXIf":
            orientation = exif_orientation(data[at + 8 : end - 4])
        if name in _PNG_KEPT:
            kept.append(data[at:end])
        ended = name == b"IEND"
        at = end
    if not ended:
        raise Undecodable("The PNG is cut off.")
    return Header("png", width, height, orientation, b"".join(kept))


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, start of the body, length of the body) of each RIFF chunk."""
    at = 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        yield name, at + 8, length
        at += 8 + length + length % 2


def _webp_size(data: bytes, name: bytes, at: int) -> tuple[int, int]:
    """Return the size that an image chunk names, (0, 0) for other chunks."""
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


def _read_webp(data: bytes) -> Header:
    if len(data) < 8 + struct.unpack_from("<I", data, 4)[0]:
        raise Undecodable("The WebP is cut off.")
    width = height = 0
    orientation = 1
    for name, at, length in _webp_chunks(data):
        wide, high = _webp_size(data, name, at)
        width, height = max(width, wide), max(height, high)
        if name == b"EXIF":
            body = data[at : at + length]
            orientation = exif_orientation(body.removeprefix(b"Exif\0\0"))
    return Header("webp", width, height, orientation, data)


def _read_bmp(data: bytes) -> Header:
    form = "<HH" if struct.unpack_from("<I", data, 14)[0] == 12 else "<ii"
    width, height = struct.unpack_from(form, data, 18)
    return Header("bmp", width, abs(height), 1, data)


def exif_orientation(tiff: bytes) -> int:
    """Return the orientation (tag 274) of an Exif block; 1 where it has none or is broken."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 10:
        return 1
    start = struct.unpack_from(order + "I", tiff, 4)[0]
    if start + 2 > len(tiff):
        return 1
    count = struct.unpack_from(order + "H", tiff, start)[0]
    for entry in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, entry)
        if tag == 274:
            return int(value) if 1 <= value <= 8 else 1
    return 1
