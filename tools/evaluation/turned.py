"""Frames of clips in which a head is strongly turned to a side: photos that the quality score must stop.

Strong yaw cannot be simulated from a frontal photo, and the score's own estimate must not select its test data. So
people selected the frames: those where the outline of the far cheek reaches the far eye, up to a profile (about 40
degrees and more).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pipeline.types import Photo
from tools.evaluation.layout import LayoutError
from tools.training.sources import Item, read_pixels

LIST = "turned.json"
"""A file in the clips' folder, `{"<clip>": [frame, ...]}`, counted from 0: strongly turned frames of more clips."""

TURNED: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "intel_head-pose-female.gif": (*range(7), *range(12, 16)),
        "Krzysiek354_real.mp4": (40, 42, 44, 54, 56, 58, 60),
        "Apfol_real2.webm": (30, 33, 36, 39, 81, 84, 87, 90),
    }
)
"""The strongly turned frames of the public clips, about ten of a second: neighbours look alike."""


def turned_frames(folder: Path) -> list[Photo]:
    """Return the strongly turned frames of the clips in `folder` that are known or listed.

    Raises `LayoutError` if the list cannot be read or names a missing clip.
    """
    listed = _listed(folder / LIST)
    missing = sorted(name for name in listed if not (folder / name).is_file())
    if missing:
        raise LayoutError(f"{folder / LIST} names {missing[0]}, which is not in the same folder.")
    wanted = {name: frames for name, frames in {**TURNED, **listed}.items() if (folder / name).is_file()}
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
