"""Bytes to an upright sRGB photo: by content, within limits, first frame only."""

from __future__ import annotations

import hashlib
import struct
import zlib
from io import BytesIO

import numpy as np
import simplejpeg
from PIL import BmpImagePlugin, Image, ImageCms, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from pipeline.stages.containers import Header, Undecodable, extension_of, read_header
from pipeline.types import Photo, Pixels

__all__ = ["Undecodable", "decode", "extension_of"]

ENOUGH_PIXELS = 3200
"""A JPEG whose longer side keeps at least this many pixels is decoded at a half, a quarter or an eighth."""

_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "jpg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
}
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, OverflowError, struct.error, zlib.error)
"""What Pillow's readers raise on broken files."""

_USUAL_COLOURS = frozenset({"YCbCr", "Gray"})
_PROFILE_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}


def decode(name: str, data: bytes, max_bytes: int, max_pixels: int) -> Photo:
    """Decode a JPEG, PNG, WebP or BMP file to an upright sRGB photo.

    `max_pixels` bounds width x height as the header names them, before anything is decoded. Alpha is laid
    over white, 16-bit samples are scaled, colour profiles are converted to sRGB, of an animation the first
    frame is taken; a JPEG far larger than needed is decoded at a fraction of its size (see `ENOUGH_PIXELS`).
    Raises `Undecodable`.
    """
    if not data:
        raise Undecodable("The file is empty.")
    if len(data) > max_bytes:
        raise Undecodable(f"The file is larger than {max_bytes} bytes.")
    header = read_header(data)
    if header.width * header.height > max_pixels:
        size = f"{header.width}x{header.height}"
        raise Undecodable(f"The image is {size}; at most {max_pixels} pixels are accepted.")
    try:
        pixels = _usual_jpeg(header)
        if pixels is None:
            pixels = _rgb(_load(header))
    except _BROKEN as error:
        raise Undecodable("The image is damaged or cut off and could not be decoded.") from error
    digest = hashlib.sha256(data).hexdigest()
    return Photo(name, _upright(pixels, header.orientation), digest, data, header.kind)


def _usual_jpeg(header: Header) -> Pixels | None:
    """Decode a JPEG as cameras and phones write them to RGB: the same values as through Pillow, in half the time.

    None where it is another file: one with a colour profile, of four inks, far too large, or damaged, of which Pillow
    has to tell whether it can be mended.
    """
    if header.kind != "jpg" or _shrink(header) > 1 or b"ICC_PROFILE" in header.data:
        return None
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(header.data)
        if (width, height) != (header.width, header.height) or colours not in _USUAL_COLOURS:
            return None
        return np.asarray(simplejpeg.decode_jpeg(header.data, "RGB"), np.uint8)
    except ValueError:
        return None


def _load(header: Header) -> ImageFile.ImageFile:
    """Decode with the one reader of the file's kind; it never opens another kind, nor a second frame.

    The reader's class is called instead of `Image.open`, whose bomb check is process-wide and warns.
    """
    image = _READERS[header.kind](BytesIO(header.data))
    if image.size != (header.width, header.height):
        raise Undecodable("The image's header contradicts itself.")
    shrink = _shrink(header)
    if shrink > 1:
        image.draft(None, (header.width // shrink, header.height // shrink))
    image.load()
    return image


def _shrink(header: Header) -> int:
    """Return the divisor, 1, 2, 4 or 8, that leaves the longer side `ENOUGH_PIXELS`."""
    if header.kind != "jpg":
        return 1
    longer = max(header.width, header.height)
    return next((by for by in (8, 4, 2) if longer >= by * ENOUGH_PIXELS), 1)


def _rgb(image: Image.Image) -> Pixels:
    """Convert a loaded image of any mode to uint8 RGB of shape (height, width, 3)."""
    if image.mode.startswith("I"):
        return _from_16_bit(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        colour = _to_srgb(rgba.convert("RGB"), image.info.get("icc_profile"))
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(colour, mask=rgba.getchannel("A"))
        return np.asarray(white)
    if image.mode in ("1", "P"):
        image = _with_profile_of(image, image.convert("L" if image.mode == "1" else "RGB"))
    return np.asarray(_to_srgb(image, image.info.get("icc_profile")))


def _with_profile_of(source: Image.Image, image: Image.Image) -> Image.Image:
    """Carry the colour profile over a change of mode."""
    image.info["icc_profile"] = source.info.get("icc_profile")
    return image


def _from_16_bit(image: Image.Image) -> Pixels:
    """Scale 16-bit grey to 8 bit; Pillow's own conversion would clip it."""
    grey = np.clip(np.asarray(image, dtype=np.int64), 0, 65535)
    eight = ((grey + 128) // 257).astype(np.uint8)
    return np.repeat(eight[:, :, None], 3, axis=2)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to sRGB by the embedded profile; a profile that is broken or of another kind is passed over.

    A photo with a bad profile is shown by every viewer as if it had none; refusing it would surprise.
    """
    converted: Image.Image | None = None
    if profile:
        try:
            converted = _by_profile(image, ImageCms.ImageCmsProfile(BytesIO(profile)))
        except (ImageCms.PyCMSError, OSError):
            converted = None
    return converted or (image if image.mode == "RGB" else image.convert("RGB"))


def _by_profile(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image | None:
    """Convert from a profile to sRGB; None where it is sRGB already or meant for another mode."""
    fits = source.profile.xcolor_space.strip() == _PROFILE_SPACES.get(image.mode)
    if not fits or "sRGB" in ImageCms.getProfileDescription(source):
        return None
    return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """Apply an Exif orientation, 1 to 8, so that row 0 is the top."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
