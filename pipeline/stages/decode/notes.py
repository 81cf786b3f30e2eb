"""What a photo's notes say of how to show it: the orientation, by Pillow's reading of Exif and XMP. Nothing is kept."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from pipeline.types import Pixels

_ORIENTATION = 274
_RAW_PROFILES = ("Raw profile type APP1", "Raw profile type xmp")
"""What ImageMagick calls a PNG's texts with a JPEG's notes in hexadecimal; one more is read by Pillow."""


def orientation_of(exif: Sequence[bytes] = (), xmp: bytes = b"") -> int:
    """Return the orientation, 1 to 8, that some Exif blocks (TIFF form) or an XMP packet name; 1 where none does.

    The first block that names one counts, as programs that turn a photo leave what others wrote behind it; a block that
    is split over several segments is put together, XMP comes last.
    """
    candidates = [*exif, b"".join(exif)] if len(exif) > 1 else list(exif)
    named = (_read(block, b"") for block in candidates)
    return next((value for value in named if value), None) or _read(b"", xmp) or 1


def orientation_in(image: Image.Image) -> int:
    """Return the orientation, 1 to 8, that a loaded image's own notes name, wherever its format keeps them."""
    return _named(image) or _in_raw_profiles(image) or 1


def _in_raw_profiles(image: Image.Image) -> int | None:
    for name in _RAW_PROFILES:
        try:
            note = bytes.fromhex("".join(image.info[name].split("\n")[3:]))
        except (KeyError, ValueError, AttributeError):
            continue
        is_exif = note.startswith(b"Exif\0\0")
        value = _read(note[6:], b"") if is_exif else _read(b"", note)
        if value:
            return value
    return None


def _named(image: Image.Image) -> int | None:
    try:
        value = image.getexif().get(_ORIENTATION)
    except Exception:  # noqa: BLE001 - a photo with broken notes is shown as if it had none
        return None
    return value if isinstance(value, int) and 1 <= value <= 8 else None


def _read(exif: bytes, xmp: bytes) -> int | None:
    carrier = Image.new("1", (1, 1))
    if exif:
        carrier.info["exif"] = b"Exif\0\0" + exif
    if xmp:
        carrier.info["xmp"] = xmp
    return _named(carrier)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Apply an Exif orientation, 1 to 8, so that row 0 is the top."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
