"""What is looked at: a photo, a folder of photos, a video file, or a camera."""

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipeline.types import Pixels
from tools.evaluation.faces import read_photo
from tools.evaluation.layout import LayoutError

PHOTOS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".heic", ".heif", ".avif", ".gif", ".tif", ".tiff"})
CAMERA = re.compile(r"camera:(?P<device>.+)|(?P<number>[0-9]{1,2})", re.ASCII)
WHOLE = 0.95
"""The share of the length that a video announces which its last frame has to reach; frames are often not counted."""
MOST_MISSED = 5
"""Frames in a row that cannot be decoded before a video counts as broken off."""


class CannotLookError(Exception):
    """Why there is nothing to look at, in one sentence."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture, RGB: its number from 0, its time in seconds (0 for photos), and its file for photos."""

    number: int
    seconds: float
    pixels: Pixels
    file: Path | None = None


@dataclass(eq=False)
class Source:
    """Where frames come from. `is_moving`: faces go on from frame to frame.

    `count` is how many frames are expected, None where that is unknown; `fps` is 0 for photos. `broke_off` says, once
    the frames have ended, that there should have been more; `skipped` names files that are no photos.
    """

    name: str
    is_moving: bool
    frames: Callable[[], Iterator[Frame]]
    fps: float = 0.0
    count: int | None = None
    broke_off: bool = False
    skipped: tuple[str, ...] = ()


def open_source(place: str, seconds: float | None = None) -> Source:
    """Open a path, the number of a camera, or `camera:DEVICE`; of a camera `seconds` are looked at, None for no end.

    Raises `CannotLookError`.
    """
    camera = CAMERA.fullmatch(place)
    path = Path(place)
    if camera and not path.exists():
        return _camera(camera["device"] or camera["number"], seconds)
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.suffix.lower() in PHOTOS and one.is_file())
        if not files:
            raise CannotLookError(f"{path} contains no photos.")
        return _photos(path.name or "photos", files)
    if not path.is_file():
        raise CannotLookError(f"{path} does not exist.")
    return _photos(path.stem, [path]) if path.suffix.lower() in PHOTOS else _video(path)


def _photos(name: str, files: list[Path]) -> Source:
    source = Source(name, False, lambda: iter(()), count=len(files))

    def frames() -> Iterator[Frame]:
        for number, file in enumerate(files):
            try:
                photo = read_photo(file)
            except LayoutError:
                source.skipped += (str(file),)
                continue
            yield Frame(number, 0.0, photo.pixels, file)

    source.frames = frames
    return source


def _video(path: Path) -> Source:
    capture, fps = _opened(str(path), f"{path} is neither a photo nor a video that can be read.")
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    source = Source(path.stem, True, lambda: iter(()), fps, count if count > 0 else None)

    def frames() -> Iterator[Frame]:
        last = -1.0
        for number, pixels in enumerate(_read(capture)):
            last = max(number / fps if count <= 0 else 0.0, float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000)
            yield Frame(number, last, pixels)
        source.broke_off = last < WHOLE * (source.count or 0) / fps - 2 / fps

    source.frames = frames
    return source


def _camera(device: str, seconds: float | None) -> Source:
    wrong = f"Camera {device} cannot be opened: is it connected, and may this user read it?"
    capture, fps = _opened(int(device) if device.isdigit() else device, wrong)

    def frames() -> Iterator[Frame]:
        began = time.monotonic()
        for number, pixels in enumerate(_read(capture)):
            passed = time.monotonic() - began
            yield Frame(number, passed, pixels)
            if seconds is not None and passed >= seconds:
                break
        capture.release()

    return Source(f"camera-{Path(device).stem}", True, frames, fps)


def _opened(place: str | int, wrong: str) -> tuple[Any, float]:
    """Return what OpenCV reads frames from, and how many of them make a second."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what cannot be read is said in one line, by the command
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    capture = cv2.VideoCapture(place)
    if not capture.isOpened():
        raise CannotLookError(wrong)
    return capture, float(capture.get(cv2.CAP_PROP_FPS)) or 25.0


def _read(capture: Any) -> Iterator[Pixels]:
    missed = 0
    while missed < MOST_MISSED:
        is_there, pixels = capture.read()
        if is_there:
            missed = 0
            yield np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
        else:
            missed += 1
    capture.release()
