"""What is around a face: hands and arms, the room behind a screen that is held up, and things that prove nothing."""

import cv2
import numpy as np

from pipeline.models.liveness.views import reflected
from pipeline.types import Box, Floats, Pixels
from tools.training.scene import CANVAS, FACE, Rng, Scene, as_bytes, as_light, fitted


def with_arm(room: Floats, skin: Pixels, rng: Rng) -> Floats:
    """Draw a forearm, or a sleeve, that comes up from below behind the thing."""
    x, spread = rng.uniform(0.2, 0.8) * CANVAS, rng.uniform(30, 70)
    lean = rng.normal(0, 60)
    shape = np.array([[x - spread / 2, CANVAS * 0.5], [x + spread / 2, CANVAS * 0.5], [x + spread + lean, CANVAS],
                      [x - spread + lean, CANVAS]])  # fmt: skip
    mask = np.zeros((CANVAS, CANVAS), np.float32)
    cv2.fillConvexPoly(mask, shape.astype(np.int32), 1.0)
    if rng.random() < 0.5:
        return _laid(room, mask, _skin_colour(skin, rng), rng)
    sleeve = rng.uniform(0.02, 0.8) * np.exp(rng.normal(0, 0.25, 3))
    return _laid(room, mask, np.asarray(sleeve, dtype=np.float32), rng)


def with_fingers(made: Floats, at: tuple[float, float], size: tuple[int, ...], skin: Pixels, rng: Rng) -> Floats:
    """Draw fingers over one edge of a thing at (x, y) of `size` (height, width), maybe a thumb over the other."""
    (left, top), (height, width) = at, size
    colour = _skin_colour(skin, rng)
    at_left = rng.random() < 0.5
    mask = np.zeros((CANVAS, CANVAS), np.float32)
    start = top + rng.uniform(0.3, 0.8) * height
    thick = int(rng.uniform(12, 26))
    for number in range(int(rng.integers(1, 5))):
        y = start + number * thick * rng.uniform(0.95, 1.2)
        _finger(mask, left if at_left else left + width, y, thick, 1 if at_left else -1, rng)
    if rng.random() < 0.6:
        y = top + rng.uniform(0.3, 0.9) * height
        _finger(mask, left + width if at_left else left, y, int(thick * 1.3), -1 if at_left else 1, rng)
    return _laid(made, mask, colour, rng)


def with_hand(light: Floats, skin: Pixels, rng: Rng) -> Floats:
    """Draw fingers that come in from the side, below the eyes, as people have them who hold something else."""
    height, width = light.shape[:2]
    mask = np.zeros((height, width), np.float32)
    at_left, thick = rng.random() < 0.5, int(rng.uniform(12, 26))
    y, x = rng.uniform(0.5, 0.95) * height, rng.uniform(0.0, 0.3) * width
    for _ in range(int(rng.integers(1, 5))):
        _finger(mask, x if at_left else width - x, y, thick, 1 if at_left else -1, rng)
        y += thick * rng.uniform(0.95, 1.2)
    return _laid(light, mask, _skin_colour(skin, rng), rng)


def _finger(mask: Floats, x: float, y: float, thick: int, inward: int, rng: Rng) -> None:
    tip = (int(x + inward * rng.uniform(4, 34)), int(y + rng.normal(0, 5)))
    root = (int(x - inward * rng.uniform(20, 70)), int(y + rng.normal(8, 10)))
    cv2.line(mask, root, tip, 1.0, thick)


def _laid(light: Floats, mask: Floats, colour: Floats, rng: Rng) -> Floats:
    """Lay a softly shaded colour over the light where the mask is."""
    shade = cv2.GaussianBlur(mask, (0, 0), 5.0)[..., None]
    grain = cv2.GaussianBlur(rng.standard_normal(mask.shape, dtype=np.float32), (0, 0), 3.0)[..., None] * 0.06
    body = colour * (0.45 + 0.65 * shade + grain)
    share = cv2.GaussianBlur(mask, (0, 0), 0.8)[..., None]
    return np.asarray(np.clip(light * (1 - share) + body * share, 0, 1), dtype=np.float32)


def _skin_colour(skin: Pixels, rng: Rng) -> Floats:
    height, width = skin.shape[:2]
    middle = skin[int(height * 0.45) : int(height * 0.6), int(width * 0.42) : int(width * 0.58)]
    colour = as_light(middle).reshape(-1, 3).mean(axis=0) * rng.uniform(0.4, 1.2)
    return np.asarray(np.clip(colour, 0, 1), dtype=np.float32)


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
    moved = Box(box.left + left, box.top + top, box.width, box.height)
    return Scene(scene.pixels[rows[:, None], columns[None, :]], moved)


def _person(height: int, width: int, box: Box) -> Floats:
    """Return 0 where the person is, 1 elsewhere: a head with hair, and shoulders below it."""
    clear = np.ones((height, width), np.float32)
    x, y = box.centre
    centre, axes = (int(x), int(y - 0.08 * box.height)), (int(box.width * 0.95), int(box.height * 0.95))
    cv2.ellipse(clear, centre, axes, 0, 0, 360, 0.0, -1)
    shoulders = np.array([[x - 0.6 * box.width, y + 0.5 * box.height], [x + 0.6 * box.width, y + 0.5 * box.height],
                          [x + 2.2 * box.width, height + 9], [x - 2.2 * box.width, height + 9]])  # fmt: skip
    cv2.fillConvexPoly(clear, shoulders.astype(np.int32), 0.0)
    return np.asarray(cv2.GaussianBlur(clear, (0, 0), 2.0), dtype=np.float32)
