"""Draws boxes and names, in any alphabet that the font has."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.types import Box, Pixels

KNOWN, UNKNOWN = (0, 200, 80), (230, 60, 40)


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
