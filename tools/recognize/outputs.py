"""What is saved: annotated pictures or a video, crops of whoever was recognised, and who was seen when."""

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.types import Box, Pixels
from tools.benchmark.photos import encoded
from tools.recognize.sources import Frame, Source
from tools.recognize.tracking import box_inside

KNOWN, UNKNOWN = (0, 200, 80), (230, 60, 40)


@dataclass(frozen=True)
class Seen:
    """A row of the report: somebody in a photo, or a track of a video from `first_s` to `last_s` in seconds.

    `id` is empty for an unknown face, and `distance` and `fmr` are None then.
    """

    where: str
    name: str
    id: str
    first_s: float
    last_s: float
    frames: int
    distance: float | None
    fmr: float | None
    box: tuple[int, int, int, int]


class Outputs:
    """Writes below one folder: `annotated/`, `crops/NAME/`, `seen.csv`, `seen.json`."""

    def __init__(self, folder: Path, source: Source) -> None:
        self.folder, self._source = folder, source
        self._video: Any = None
        (folder / "annotated").mkdir(parents=True, exist_ok=True)

    def picture(self, frame: Frame, pixels: Pixels) -> None:
        """Save an annotated frame: as a photo of its own, or as the next one of the video."""
        if frame.file is not None:
            _write(self.folder / "annotated" / f"{frame.number:05}-{safe(frame.file.stem)}.jpg", pixels)
            return
        if self._video is None:
            file = self.folder / "annotated" / f"{safe(self._source.name)}.mp4"
            size = pixels.shape[1], pixels.shape[0]
            self._video = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), self._source.fps, size)
            if not self._video.isOpened():
                raise OSError(f"{file} cannot be written")
        self._video.write(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))

    def crop(self, name: str, stem: str, pixels: Pixels, box: Box) -> None:
        """Save the face of somebody who was recognised."""
        left, top, right, bottom = box_inside(box, pixels.shape[1], pixels.shape[0])
        if right > left and bottom > top:
            _write(self.folder / "crops" / safe(name) / f"{safe(stem)}.jpg", pixels[top:bottom, left:right])

    def report(self, rows: Sequence[Seen]) -> None:
        """Write who was seen when, as CSV and as JSON, and end the video."""
        if self._video is not None:
            self._video.release()
        found = [asdict(row) for row in rows]
        (self.folder / "seen.json").write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        with (self.folder / "seen.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(Seen.__dataclass_fields__))
            writer.writeheader()
            writer.writerows(found)


def safe(text: str) -> str:
    """Return a name as a file's or folder's: letters and digits of any alphabet, no separators."""
    return re.sub(r"[^\w-]+", "_", text).strip("_")[:80] or "face"


def _write(file: Path, pixels: Pixels) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encoded(pixels, quality=95))


@dataclass(frozen=True)
class Label:
    """What is drawn of a face; `is_known` chooses the colour."""

    box: Box
    text: str
    is_known: bool


def draw(pixels: Pixels, labels: Sequence[Label]) -> Pixels:
    """Return the picture with a box and a text for each label."""
    if not labels:
        return pixels
    picture = Image.fromarray(pixels)
    canvas = ImageDraw.Draw(picture)
    size = max(12, round(min(picture.size) / 30))
    font = ImageFont.load_default(size)
    for label in labels:
        colour = KNOWN if label.is_known else UNKNOWN
        box = label.box
        corners = (box.left, box.top, box.left + box.width, box.top + box.height)
        canvas.rectangle(corners, outline=colour, width=max(2, size // 8))
        place = box.left, max(0.0, box.top - size - 4)
        canvas.rectangle(canvas.textbbox(place, label.text, font=font), fill=colour)
        canvas.text(place, label.text, fill=(255, 255, 255), font=font)
    return np.asarray(picture, np.uint8)
