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


def reduced(picture: Picture, area: int) -> Image.Image:
    """Return the picture at a whole fraction of its size, of `area` pixels to four times as many if it had them.

    The result is RGB, L or CMYK of 8 bits, alpha laid over white.
    """
    by = max(1, math.isqrt(picture.width * picture.height // area))
    step = by * max(1, _STRIP // (picture.width * by))
    found: Image.Image | None = None
    for top in range(0, picture.height, step):
        strip = _flat(picture.rows(top, min(top + step, picture.height))).reduce(by)
        found = found or Image.new(strip.mode, (strip.width, -(-picture.height // by)))
        found.paste(strip, (0, top // by))
    if found is None:
        raise Undecodable("The image has no rows: send the photo again.")
    return found


def to_rgb(image: Image.Image, profile: bytes | None, area: int) -> Pixels:
    """Return what `reduced` gave in sRGB with at most `area` pixels: uint8 (height, width, 3)."""
    return np.asarray(to_srgb(_fitted(image, area), profile))


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
    """Convert from a profile to sRGB; None where it is sRGB already or meant for another mode.

    A profile of greys fits an RGB image that shows nothing but greys: a grey image had become RGB before.
    """
    if source.profile.xcolor_space.strip() == "GRAY" and image.mode == "RGB":
        red, green, blue = (channel.tobytes() for channel in image.split())
        image = image.getchannel(0) if red == green == blue else image
    fits = source.profile.xcolor_space.strip() == _PROFILE_SPACES.get(image.mode)
    if not fits or "sRGB" in ImageCms.getProfileDescription(source):
        return None
    return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
