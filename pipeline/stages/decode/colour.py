"""From an image of any mode to sRGB at a bounded size, a strip of rows at a time: no second copy of a large image."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from pipeline.stages.decode.kinds import Undecodable
from pipeline.types import Pixels

_STRIP = 1 << 20
"""Pixels of a strip."""

_PROFILE_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded image: `rows(top, bottom)` gives a strip of it as a Pillow image, `profile` is its ICC profile."""

    width: int
    height: int
    rows: Callable[[int, int], Image.Image]
    profile: bytes | None = None
    orientation: int = 1


def to_rgb(picture: Picture, area: int) -> Pixels:
    """Return the picture in sRGB with at most `area` pixels: uint8 (height, width, 3), alpha laid over white."""
    by = max(1, math.isqrt(picture.width * picture.height // area))
    step = by * max(1, _STRIP // (picture.width * by))
    strips = [
        np.asarray(_flat(picture.rows(top, min(top + step, picture.height))).reduce(by))
        for top in range(0, picture.height, step)
    ]
    image = Image.fromarray(np.concatenate(strips)) if strips[0].ndim < 3 or strips[0].shape[2] == 3 else _inks(strips)
    return np.asarray(to_srgb(_fitted(image, area), picture.profile))


def _inks(strips: list[Pixels]) -> Image.Image:
    height, width, _ = (joined := np.concatenate(strips)).shape
    return Image.frombuffer("CMYK", (width, height), joined.tobytes(), "raw", "CMYK", 0, 1)


def _fitted(image: Image.Image, area: int) -> Image.Image:
    factor = math.sqrt(area / (image.width * image.height))
    if factor >= 1:
        return image
    size = max(1, int(image.width * factor)), max(1, int(image.height * factor))
    return image.resize(size, Image.Resampling.BILINEAR)


def _flat(image: Image.Image) -> Image.Image:
    """Return a strip as RGB, L or CMYK of 8 bits, alpha laid over white."""
    if image.mode.startswith("I"):
        return Image.fromarray(_from_16_bit(image))
    if image.mode in ("F", "LAB"):
        raise Undecodable(f"Images with samples of the kind {image.mode} cannot be read: save the photo as JPEG.")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(rgba.convert("RGB"), mask=rgba.getchannel("A"))
        return white
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in _PROFILE_SPACES else image.convert("RGB")


def _from_16_bit(image: Image.Image) -> Pixels:
    """Scale 16-bit grey to 8 bit; Pillow's own conversion would clip it."""
    grey = np.clip(np.asarray(image, dtype=np.int64), 0, 65535)
    return ((grey + 128) // 257).astype(np.uint8)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
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
