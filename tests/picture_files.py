"""Image files made on the spot, whole and in the ways that phones, apps and strangers spoil them."""

from __future__ import annotations

import base64
import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from pipeline.types import Pixels

HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9j"
    "AAAAAERAAAEAAQAAAAABoQABAAAAAAAAAJAAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/Wlw"
    "cnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AA"
    "AAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAA"
    "QAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWB"
    "AgMFhAAAAJhtZGF0AAAAjCgBrwngPg6bnk4QeI6OUX9Bmi7dL3NeBbukU9/bJ7Ik+fERfk/6ioT8xVY2DDUhRxcY9LVDBL+qPb2Qkk7Uvccm"
    "8pI5k1Zb6Y30VoGxrH405TXcRsYuySWiKR16mVI8T9mVdAcn2Tx7f1292ZbDEDAy5nZxAPaGGsglex9F25UIAm8tx/5UhX6i2btR"
)
"""`gradient()` as HEIC, which nothing that the server runs with can write."""

FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "jpg": ("JPEG", {"quality": 95}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {"quality": 95}),
    "bmp": ("BMP", {}),
    "gif": ("GIF", {}),
    "tif": ("TIFF", {"compression": "tiff_lzw"}),
    "avif": ("AVIF", {"quality": 90}),
}
"""Extension to Pillow's name and options of a format."""


def gradient(width: int = 64, height: int = 48) -> Pixels:
    """Return a smooth picture whose four corners differ."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], axis=2).astype(np.uint8)


def noise(width: int = 120, height: int = 90) -> Pixels:
    """Return a picture that cannot be compressed."""
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(pixels: Pixels | Image.Image, kind: str, **options: Any) -> bytes:
    """Return a picture as a file; `kind` is Pillow's name of the format."""
    buffer = BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def file_of(extension: str, pixels: Pixels | None = None) -> bytes:
    """Return `pixels`, or the gradient, in the format of this extension; of HEIC there is the gradient alone."""
    if extension == "heic":
        return HEIC
    kind, options = FORMATS[extension]
    return encoded(gradient() if pixels is None else pixels, kind, **options)


def png(width: int, height: int, colour: int, rows: bytes, *more: tuple[bytes, bytes], depth: int = 8) -> bytes:
    """Return a PNG of these parts, whatever they are worth; `more` are chunks between header and pixels."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", head), *more, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in parts)


def png_chunk(name: bytes, body: bytes) -> bytes:
    """Return a PNG chunk with its check sum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def jpeg_with_size(width: int, height: int, data: bytes | None = None) -> bytes:
    """Return a small JPEG that claims another size."""
    changed = bytearray(data or file_of("jpg"))
    at = next(at for at in (changed.find(b"\xff\xc0"), changed.find(b"\xff\xc2")) if at >= 0)
    changed[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(changed)


def jpeg_segment(marker: int, body: bytes, length: int | None = None) -> bytes:
    """Return a JPEG segment; `length` is what it says of itself, the truth where None."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2 if length is None else length) + body


def after_soi(data: bytes, *segments: bytes) -> bytes:
    """Return a JPEG with these bytes after its first marker."""
    return data[:2] + b"".join(segments) + data[2:]


def exif_block(orientation: int | None, order: str = "II", as_long: bool = False) -> bytes:
    """Return an Exif block (TIFF form) with the orientation, as a SHORT or as a LONG."""
    code = "<" if order == "II" else ">"
    value = struct.pack(code + ("I" if as_long else "Hxx"), orientation or 1)
    entry = struct.pack(code + "HHI", 274 if orientation else 305, 4 if as_long else 3, 1) + value
    return order.encode() + struct.pack(code + "HIH", 42, 8, 1) + entry + bytes(4)


def xmp_packet(orientation: int) -> bytes:
    """Return an XMP packet that names an orientation."""
    name = 'xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
    inner = f'<rdf:Description {name} tiff:Orientation="{orientation}"/>'
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{inner}</x:xmpmeta>'.encode()


EXIF, XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
"""What an APP1 of each kind begins with."""
