"""What is around a face: the room behind a screen that somebody holds up, and things that prove nothing."""

import cv2
import numpy as np

from pipeline.models.liveness.views import reflected
from pipeline.types import Box, Floats, Pixels
from tools.training.hands import with_hand
from tools.training.scene import CANVAS, FACE, Rng, Scene, as_bytes, as_light, fitted


def cluttered(scene: Scene, other: Pixels, rng: Rng) -> Scene:
    """Return a bona fide scene with rectangles behind the person: frames, screens, windows."""
    light, box = as_light(scene.pixels), scene.box
    height, width = light.shape[:2]
    clear = _person(height, width, box)
    for _ in range(int(rng.integers(1, 4))):
        size = (rng.uniform(0.3, 2.0, 2) * FACE).astype(int)
        x, y = int(rng.uniform(-0.5, 1) * width), int(rng.uniform(-0.5, 0.8) * height)
        frame = np.zeros((height, width), np.float32)
        cv2.rectangle(frame, (x, y), (x + int(size[0]), y + int(size[1])), 1.0, -1)
        inner = np.zeros((height, width), np.float32)
        rim = int(rng.uniform(1, 12))
        cv2.rectangle(inner, (x + rim, y + rim), (x + int(size[0]) - rim, y + int(size[1]) - rim), 1.0, -1)
        shown = fitted(other, width, height) * np.float32(rng.uniform(0.3, 1.3))
        rim_colour = np.float32(rng.uniform(0, 1)) + rng.normal(0, 0.05, 3).astype(np.float32)
        drawn = np.where(inner[..., None] > 0, shown, rim_colour)
        share = (cv2.GaussianBlur(frame, (0, 0), 0.8) * clear)[..., None]
        light = light * (1 - share) + np.clip(drawn, 0, 1) * share
    if rng.random() < 0.3:
        light = with_hand(np.asarray(light, dtype=np.float32), scene.pixels, rng)
    return scene.with_pixels(as_bytes(np.asarray(light, dtype=np.float32)))


def room_behind(behind: Scene, rng: Rng) -> Floats:
    """Return what is behind the thing: somebody who holds it, a part of that photo, or a plain wall.

    It comes from the same photos as bona fide faces do, and is as dark as a camera shows it that looks at a screen.
    """
    draw = rng.random()
    if draw < 0.12:
        slope = np.linspace(0, rng.normal(0, 0.2), CANVAS, dtype=np.float32)[None, :, None]
        wall = rng.uniform(0.05, 0.9) * (1 + rng.normal(0, 0.06, 3))
        return np.asarray(np.clip(np.ones((CANVAS, 1, 1)) * (wall + slope), 0, 1), dtype=np.float32)
    light = _zoomed(behind, rng) if draw < 0.75 else _part(behind.pixels, rng)
    if rng.random() < 0.45:
        light = cv2.GaussianBlur(light, (0, 0), float(np.exp(rng.uniform(-0.3, 1.7))))
    return np.asarray(np.clip(light * np.float32(np.exp(rng.normal(-0.3, 0.5))), 0, 1), dtype=np.float32)


def _zoomed(behind: Scene, rng: Rng) -> Floats:
    """Return the scene as seen past the thing: its person at 0.8 to 2.2 times the size of the face that is shown."""
    wide = extended(behind)
    zoom = float(np.exp(rng.uniform(np.log(0.8), np.log(2.2))))
    side = CANVAS / zoom
    aim = np.array(wide.box.centre) + rng.normal(0, 0.35, 2) * FACE
    at = np.clip(aim - side / 2, 0, max(CANVAS - side, 0)).astype(int)
    whole = round(min(side, CANVAS))
    region = wide.pixels[at[1] : at[1] + whole, at[0] : at[0] + whole]
    return fitted(region, CANVAS, CANVAS)


def _part(around: Pixels, rng: Rng) -> Floats:
    height, width = around.shape[:2]
    side = int(min(height, width) * rng.uniform(0.4, 1.0))
    y, x = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    return fitted(around[y : y + side, x : x + side], CANVAS, CANVAS)


def extended(scene: Scene) -> Scene:
    """Return the scene continued by its mirror image to a whole canvas with the face in the middle."""
    box, (height, width) = scene.box, scene.pixels.shape[:2]
    left, top = (round(CANVAS / 2 - value) for value in box.centre)
    rows = reflected(np.arange(CANVAS) - top, height)
    columns = reflected(np.arange(CANVAS) - left, width)
    return Scene(
        scene.pixels[rows[:, None], columns[None, :]], Box(box.left + left, box.top + top, box.width, box.height)
    )


def _person(height: int, width: int, box: Box) -> Floats:
    """Return 0 where the person is, 1 elsewhere: a head with hair, and shoulders below it."""
    clear = np.ones((height, width), np.float32)
    x, y = box.centre
    cv2.ellipse(
        clear, (int(x), int(y - 0.08 * box.height)), (int(box.width * 0.95), int(box.height * 0.95)), 0, 0, 360, 0.0, -1
    )
    shoulders = np.array([[x - 0.6 * box.width, y + 0.5 * box.height], [x + 0.6 * box.width, y + 0.5 * box.height],
                          [x + 2.2 * box.width, height + 9], [x - 2.2 * box.width, height + 9]])  # fmt: skip
    cv2.fillConvexPoly(clear, shoulders.astype(np.int32), 0.0)
    return np.asarray(cv2.GaussianBlur(clear, (0, 0), 2.0), dtype=np.float32)
