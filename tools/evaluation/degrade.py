"""Photos that the quality score has to stop: made worse on purpose, the way a bad capture would, and turned heads.

What makes a photo worse takes it (uint8 RGB), the face in it and a seeded generator, and returns a new photo.

Strong yaw cannot be simulated from a frontal photo, and the score's own estimate must not select its test data. So
people selected frames of clips: those where the outline of the far cheek reaches the far eye, up to a profile (about 40
degrees and more).
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np

from pipeline.types import Detection, Floats, Photo, Pixels
from tools.benchmark.photos import decoded, encoded
from tools.evaluation.clips import LABELS
from tools.evaluation.layout import LayoutError
from tools.training.sources import Item, read_pixels

Degrade = Callable[[Pixels, Detection, np.random.Generator], Pixels]
LIST = "turned.json"
"""A file in the clips' folder, `{"<clip>": [frame, ...]}`, counted from 0: strongly turned frames of more clips."""


def blurred(photo: Pixels, face: Detection, _: np.random.Generator) -> Pixels:
    """Out of focus: Gaussian blur of 1/25 of the face's width."""
    return np.asarray(cv2.GaussianBlur(photo, (0, 0), max(face.box.width / 25, 0.1)), dtype=np.uint8)


def exposed(photo: Pixels, stops: float) -> Pixels:
    """Change the exposure by `stops` in linear light (IEC 61966-2-1), clipped to 8 bit."""
    levels = np.arange(256) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    light = np.clip(linear * 2.0**stops, 0, 1)
    coded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    table = np.round(coded * 255).astype(np.uint8)
    return np.asarray(table[photo])


def small(photo: Pixels, face: Detection, rng: np.random.Generator) -> Pixels:
    """Too far away: 16 to 23.5 pixels between the eyes."""
    between = float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))
    factor = float(rng.uniform(16, 23.5)) / between
    height, width = photo.shape[:2]
    size = max(1, round(width * factor)), max(1, round(height * factor))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(photo, size, interpolation=how), dtype=np.uint8)


def compressed(photo: Pixels, _: Detection, __: np.random.Generator) -> Pixels:
    """Saved as a JPEG of quality 5."""
    return decoded(encoded(photo, quality=5))


def covered(photo: Pixels, face: Detection, rng: np.random.Generator) -> Pixels:
    """Half of the face's box covered: left, right, upper or lower half, by a colour, noise or other parts."""
    height, width = photo.shape[:2]
    left, top, right, bottom = _half(face, str(rng.choice(["left", "right", "upper", "lower"])))
    left, right = max(0, round(left)), min(width, round(right))
    top, bottom = max(0, round(top)), min(height, round(bottom))
    worse = photo.copy()
    if right > left and bottom > top:
        worse[top:bottom, left:right] = _cover(photo, bottom - top, right - left, rng)
    return worse


def _half(face: Detection, side: str) -> tuple[float, float, float, float]:
    """Return one half of the face's box: left, top, right, bottom."""
    box = face.box
    right, bottom = box.left + box.width, box.top + box.height
    across, down = box.centre
    return {
        "left": (box.left, box.top, across, bottom),
        "right": (across, box.top, right, bottom),
        "upper": (box.left, box.top, right, down),
        "lower": (box.left, down, right, bottom),
    }[side]


def _cover(photo: Pixels, height: int, width: int, rng: np.random.Generator) -> Pixels:
    """Return what covers: black, white, grey, a colour, noise, stripes, or a piece of the photo's corner."""
    kind = int(rng.integers(7))
    if kind < 3:
        return np.full((height, width, 3), (0, 255, 128)[kind], np.uint8)
    if kind == 3:
        return np.broadcast_to(rng.integers(0, 256, 3, dtype=np.uint8), (height, width, 3))
    if kind == 4:
        return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if kind == 5:
        stripes = (np.arange(height) // max(1, height // 6) % 2 * 160 + 40).astype(np.uint8)
        return np.broadcast_to(stripes[:, None, None], (height, width, 3))
    corner: Floats | Pixels = photo[: photo.shape[0] // 4, : photo.shape[1] // 4]
    return np.asarray(cv2.resize(corner, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def unusual(photo: Pixels, face: Detection, rng: np.random.Generator) -> Pixels:
    """Light from one side, tinted light, or a photo cut close to the face: nothing that covers it."""
    linear = (photo.astype(np.float32) / 255) ** 2.2
    if rng.random() < 0.7:
        linear = linear * (2.0 ** rng.uniform(-0.7, 0.7, 3)).astype(np.float32)
    if rng.random() < 0.7:
        across = (np.arange(photo.shape[1]) - face.box.centre[0]) / face.box.width
        stops = np.clip(across * rng.choice([-1, 1]) - 0.5, -1, 0) * rng.uniform(0.5, 3)
        linear = linear * (2.0**stops).astype(np.float32)[None, :, None]
    lit = np.round(np.clip(linear, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)
    if rng.random() < 0.5:
        return lit
    margin = float(rng.uniform(0, 0.3)) * face.box.width
    left, top = max(0, int(face.box.left - margin)), max(0, int(face.box.top - margin))
    right, bottom = int(face.box.left + face.box.width + margin), int(face.box.top + face.box.height + margin)
    return np.ascontiguousarray(lit[top:bottom, left:right])


DEGRADATIONS: Mapping[str, Degrade] = MappingProxyType(
    {
        "blur": blurred,
        "underexposure": lambda photo, _, __: exposed(photo, -3.0),
        "overexposure": lambda photo, _, __: exposed(photo, 2.5),
        "small": small,
        "covered": covered,
        "jpeg5": compressed,
    }
)
"""Every kind of degraded copy, by the name that reports use; strong yaw is taken from clips (`turned`)."""


def turned_frames(folder: Path) -> list[Photo]:
    """Return the strongly turned frames of the clips in `folder` that are known or listed.

    Raises `LayoutError` if the list cannot be read or names a missing clip.
    """
    listed = _listed(folder / LIST)
    missing = sorted(name for name in listed if not (folder / name).is_file())
    if missing:
        raise LayoutError(f"{folder / LIST} names {missing[0]}, which is not in the same folder.")
    known = {name: labels.turned for name, labels in LABELS.items()}
    wanted = {name: frames for name, frames in {**known, **listed}.items() if (folder / name).is_file()}
    return [photo for name, frames in wanted.items() for photo in _photos(folder / name, frames)]


def _photos(clip: Path, frames: tuple[int, ...]) -> list[Photo]:
    items = [Item(clip, frame, False, clip.stem) for frame in frames]
    try:
        return [
            Photo(f"{clip.name} {item.frame}", pixels, f"{clip.name}:{item.frame}")
            for item, pixels in read_pixels(items)
        ]
    except KeyError as error:
        raise LayoutError(f"{clip} has no frame {error.args[0]}.") from error


def _listed(file: Path) -> dict[str, tuple[int, ...]]:
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LayoutError(f"{file} cannot be read as JSON.") from error
    if not isinstance(content, dict) or not all(
        isinstance(frames, list) and all(type(one) is int and one >= 0 for one in frames) for frames in content.values()
    ):
        raise LayoutError(f'{file} is not of the form {{"<clip>": [frame, ...]}}.')
    return {Path(name).name: tuple(frames) for name, frames in content.items()}
