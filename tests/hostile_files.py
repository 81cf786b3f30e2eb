"""Image files that cost as much as a file can: shapes, sizes, modes and structures in every format."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from tests.picture_files import after_soi, encoded, file_of, jpeg_segment, jpeg_with_size, noise, png, png_chunk

Make = Callable[[], bytes]

LARGE = (8000, 6250)
"""50 megapixels."""
SHAPES = ((12_000, 1), (1, 12_000), (8000, 1), (8000, 400), (400, 8000), (16_000, 900))
OPTIONS: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True, "method": 0}, "TIFF": {"compression": "tiff_lzw"}}
Image.MAX_IMAGE_PIXELS = None


def hostile() -> Iterator[tuple[str, Make]]:
    """Yield the name of each file, and what makes it; making some takes seconds."""
    yield from _of_shapes()
    yield from _of_modes()
    yield from _of_claims()
    yield from _of_structures()


def _of_shapes() -> Iterator[tuple[str, Make]]:
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"):
        for width, height in SHAPES:
            yield f"{kind} {width}x{height}", partial(_flat, kind, width, height)
        yield f"{kind} 50 MP", partial(_flat, kind, *LARGE)
    yield "AVIF 8000x400", partial(_flat, "AVIF", 8000, 400)
    yield "AVIF 16 MP", partial(_flat, "AVIF", 4000, 4000)


def _of_modes() -> Iterator[tuple[str, Make]]:
    for mode in ("1", "L", "LA", "P", "RGBA", "I;16"):
        yield f"PNG 50 MP {mode}", partial(_flat, "PNG", *LARGE, mode)
    for mode in ("L", "CMYK"):
        yield f"JPEG 50 MP {mode}", partial(_flat, "JPEG", *LARGE, mode)
    for subsampling in ("4:4:4", "4:2:0"):
        yield f"JPEG 50 MP progressive {subsampling}", partial(progressive, subsampling)
    yield "JPEG 100 MP", partial(_flat, "JPEG", 12_000, 8_300)
    yield "JPEG of noise", partial(encoded, noise(3000, 2200), "JPEG", quality=100, subsampling=0)
    yield "PNG of noise", partial(encoded, noise(3000, 2200), "PNG", compress_level=1)


def _of_claims() -> Iterator[tuple[str, Make]]:
    for width, height in ((65_500, 700), (65_500, 65_500), (1, 65_500), (8000, 6000), (0, 10)):
        yield f"JPEG that claims {width}x{height}", partial(jpeg_with_size, width, height)
    for width, height in ((49_999_999, 1), (7000, 7000), (1 << 30, 1 << 30), (0, 0)):
        yield f"PNG that claims {width}x{height}", partial(png, width, height, 2, bytes(100))


def _of_structures() -> Iterator[tuple[str, Make]]:
    yield "PNG without palette", partial(png, 400, 400, 3, bytes(401 * 400))
    yield "PNG that is interlaced", _interlaced
    for name in (b"zTXt", b"iCCP"):
        yield f"PNG with a bomb in {name.decode()}", partial(_text_bomb, name)
    yield "PNG of 5000 chunks", partial(png, 300, 300, 0, bytes(301 * 300), *[(b"tEXt", b"a\0b")] * 5000)
    yield "APNG of 60 frames", partial(_frames, "PNG")
    yield "GIF of 60 frames", partial(_frames, "GIF")
    yield "WebP of 60 frames", partial(_frames, "WEBP")
    yield "TIFF of 60 pages", partial(_frames, "TIFF")
    yield "JPEG of 300 scans", partial(_many_scans, 300)
    yield "JPEG of 20,000 scans", partial(_many_scans, 20_000)
    yield "JPEG with 16 MB of notes", _notes
    yield "JPEG of fill bytes", lambda: file_of("jpg")[:-2] + b"\xff" * 8_000_000
    yield "JPEG of restart markers", lambda: file_of("jpg")[:-2] + b"\xff\xd0" * 4_000_000
    yield "grid of half faces", _grid


def progressive(subsampling: str) -> bytes:
    """Return a progressive JPEG of 50 megapixels, whose coefficients have to be held all at once."""
    return encoded(_gradient(*LARGE), "JPEG", progressive=True, subsampling=subsampling, quality=60)


def _flat(kind: str, width: int, height: int, mode: str = "RGB") -> bytes:
    image = Image.new("L", (width, height), 128)
    return encoded(image if mode == "L" else image.convert(mode), kind, **OPTIONS.get(kind, {}))


def _gradient(width: int, height: int) -> Image.Image:
    return Image.fromarray(noise(40, 30)).resize((width, height), Image.Resampling.BILINEAR)


def _interlaced() -> bytes:
    rows = zlib.compress(bytes(3 * 7000 * 7000 + 2 * 7000), 9)
    head = struct.pack(">IIBBBBB", 7000, 7000, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")


def _text_bomb(name: bytes) -> bytes:
    return png(300, 300, 0, bytes(301 * 300), (name, b"a\0\0" + zlib.compress(bytes(100_000_000), 9)))


def _frames(kind: str) -> bytes:
    frames = [Image.fromarray(np.full((300, 400, 3), 4 * at, np.uint8)) for at in range(60)]
    buffer = BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:], pnginfo=PngImagePlugin.PngInfo())
    return buffer.getvalue()


def _many_scans(count: int) -> bytes:
    """Return a progressive JPEG whose last scan is repeated."""
    data = encoded(_gradient(1600, 1200), "JPEG", progressive=True, quality=30)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * min(count, 40_000_000 // len(last)) + data[-2:]


def _notes() -> bytes:
    return after_soi(file_of("jpg"), *[jpeg_segment(0xE1, b"Exif\0\0" + bytes(65_000))] * 250)


def _grid() -> bytes:
    tile = np.zeros((24, 24, 3), np.uint8)
    tile[6:10, 5:9] = tile[6:10, 15:19] = tile[16:19, 7:17] = 255
    return encoded(np.tile(tile, (100, 130, 1)), "JPEG", quality=90)
