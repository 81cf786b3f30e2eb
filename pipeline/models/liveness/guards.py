"""What no engine can judge: faces too small, too dark, too bright, turned, cut off or without colour."""

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.models.liveness.views import box_inside
from pipeline.types import TIGHT_REACH, Face, Floats, Pixels

LEAST_SIDE = 48
"""Shorter side of the face's box in pixels."""
DARK, BRIGHT = 22.0, 238.0
"""Bounds for the median brightness of the face, 0 to 255."""
BURNT_SHARE = 0.6
"""Share of the face's pixels that may be saturated in all colours."""
CUT_SHARE = 0.18
"""Largest share of the box that may be outside the photo."""
MOST_ROLL = 50.0
"""Tilt of the line between the eyes, in degrees."""
LEAST_COLOUR = 2.0
"""Mean spread between a pixel's colours, 0 to 255; a grey photo has 0, a compressed one a little more."""


def doubt_about(face: Face) -> str:
    """Return why the face cannot be judged by its picture, and what to do about it; empty where it can."""
    box, photo = face.detection.box, face.photo.pixels
    if min(box.width, box.height) < LEAST_SIDE:
        return "the face is too small: come closer to the camera or send a larger photo"
    if 1 - box.share_inside(photo) > CUT_SHARE:
        return "the face is at the edge of the frame: keep the whole head in the frame"
    if abs(_roll(face.detection.landmarks)) > MOST_ROLL:
        return "the face is turned on its side: send the photo upright"
    return _doubt_about_light(box_inside(photo, box))


def doubt_about_room(face: Face) -> str:
    """Return that the photo shows too little around the face for any engine to tell an attack; else an empty text."""
    if face.detection.box.reach(face.photo.pixels) < TIGHT_REACH:
        return "the face fills the frame: show your whole head with some space around it"
    return ""


def _doubt_about_light(pixels: Pixels) -> str:
    brightness = median(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8))
    red, green, blue = cv2.split(pixels)
    least, most = cv2.min(cv2.min(red, green), blue), cv2.max(cv2.max(red, green), blue)
    if brightness < DARK:
        return "the face is too dark: turn towards a light"
    if brightness > BRIGHT or float(np.mean(least >= 250)) > BURNT_SHARE:
        return "the face is over-exposed: move away from the bright light"
    if cv2.mean(cv2.subtract(most, least))[0] < LEAST_COLOUR:
        return "the photo has no colour: send a colour photo"
    return ""


def median(grey: npt.NDArray[np.uint8]) -> float:
    """Return the median of 8-bit values, from their histogram: ten times as fast as sorting them."""
    below = np.cumsum(cv2.calcHist([grey], [0], None, [256], (0, 256)).astype(np.int64))
    return float(np.searchsorted(below, [(grey.size + 1) // 2, grey.size // 2 + 1]).mean())


def _roll(landmarks: Floats) -> float:
    """Return the tilt of the line between the eyes in degrees, 0 where it is level, 180 for a head upside down."""
    across, down = landmarks[1] - landmarks[0]
    return float(np.degrees(np.arctan2(down, across)))
