"""Composed scenes: a face on a phone, a monitor or a sheet that somebody holds up to a camera, and what is around it.

A face alone shows a replay only by its texture; what gives most replays away is seen around it: a bezel, a hand, a
desk, the light of the screen against the light of the room. So bona fide faces are put into such scenes, at many sizes
and distances; and others get rectangles behind them that prove nothing: frames, screens and windows on a wall.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.types import Box, Floats, Pixels
from tools.training.attacks import displayed, glared, printed
from tools.training.scene import CANVAS, FACE, Rng, Scene, as_bytes, as_light
from tools.training.surroundings import extended, room_behind, with_arm, with_fingers


@dataclass(frozen=True, eq=False)
class _Thing:
    """A flat thing that shows a face: light (h, w, 3), where it covers what is behind it (h, w), and the face's box."""

    light: Floats
    cover: Floats
    box: Box


def presented(scene: Scene, behind: Scene, skin: Pixels, rng: Rng) -> Scene:
    """Return the face as somebody presents it to a camera, on a screen or a sheet.

    `behind` is another bona fide scene, which shows behind; `skin` a photo of a face, whose middle colours the hand.
    """
    paper = rng.random() < 0.25
    if rng.random() < 0.6:
        scene = extended(scene)
    thing = _sheet(scene, rng) if paper else _device(scene, rng)
    room = room_behind(behind, rng)
    if rng.random() < 0.4:
        room = with_arm(room, skin, rng)
    made, box = _placed(thing, room, rng)
    if rng.random() < 0.4:
        made = with_fingers(made, (box.left - thing.box.left, box.top - thing.box.top), thing.cover.shape, skin, rng)
    return Scene(as_bytes(made), box)


def _device(scene: Scene, rng: Rng) -> _Thing:
    """Return a phone, a tablet, a laptop or a monitor that shows the face, maybe beside bars or a page."""
    kind = rng.random()
    if kind < 0.35:
        height = scene.pixels.shape[0] * rng.uniform(0.85, 1.0)
        width = height / rng.uniform(1.3, 2.2)
    elif kind < 0.6:
        width = FACE / rng.uniform(0.4, 0.95)
        height = width * rng.uniform(1.6, 2.2)
    elif kind < 0.75:
        height = FACE / rng.uniform(0.35, 0.9)
        width = height * rng.uniform(1.4, 2.2)
    else:
        width = FACE / rng.uniform(0.15, 0.6)
        height = width * rng.uniform(0.55, 0.8)
    size = (round(min(height, CANVAS * 1.4)), round(min(width, CANVAS * 1.4)))
    light, box = _page(displayed(scene, rng), size, _bar_colour(rng), rng)
    rims = np.round(np.array([rng.uniform(0.02, 0.14), rng.uniform(0.015, 0.07)]) * min(size)).astype(int)
    least, most, spread = (0.0, 0.15, 0.015) if rng.random() < 0.75 else (0.2, 0.95, 0.05)
    body = rng.uniform(least, most) + rng.normal(0, spread, 3)
    light = _bordered(light, rims, np.asarray(np.clip(body, 0, 1), dtype=np.float32))
    if rng.random() < 0.4:
        light = glared(light, rng)
    cover = _rounded(light.shape[0], light.shape[1], round(min(light.shape[:2]) * rng.uniform(0, 0.13)))
    return _Thing(light, cover, Box(box.left + rims[1], box.top + rims[0], box.width, box.height))


def _sheet(scene: Scene, rng: Rng) -> _Thing:
    """Return a print of the face, maybe with a white border, maybe bent or cut."""
    width = FACE / rng.uniform(0.25, 0.9)
    size = (round(width * rng.uniform(0.7, 1.6)), round(width))
    paper = np.float32(rng.uniform(0.6, 1.0)) * np.array([1.0, 0.98, rng.uniform(0.85, 1.0)], np.float32)
    light, box = _page(printed(scene, rng), size, paper, rng)
    rim = round(width * rng.uniform(0.0, 0.12))
    light = _bordered(light, np.array([rim, rim]), paper)
    if rng.random() < 0.25:
        light = glared(light, rng)
    return _Thing(
        light, _rounded(light.shape[0], light.shape[1], 0), Box(box.left + rim, box.top + rim, box.width, box.height)
    )


def _page(scene: Scene, size: tuple[int, int], bars: Floats, rng: Rng) -> tuple[Floats, Box]:
    """Return what a screen or sheet of `size` (height, width) shows: the scene, and bars where it does not reach."""
    height, width = size
    box, light = scene.box, as_light(scene.pixels)
    aim = np.array([rng.uniform(0.35, 0.65) * width, rng.uniform(0.35, 0.62) * height])
    left, top = (np.round(aim - np.array(box.centre))).astype(int)
    page = np.ones((height, width, 1), np.float32) * bars
    if rng.random() < 0.5:
        _write_lines(page, rng)
    y0, y1 = max(0, top), min(height, top + light.shape[0])
    x0, x1 = max(0, left), min(width, left + light.shape[1])
    if y1 > y0 and x1 > x0:
        page[y0:y1, x0:x1] = light[y0 - top : y1 - top, x0 - left : x1 - left]
    return page, Box(box.left + left, box.top + top, box.width, box.height)


def _write_lines(page: Floats, rng: Rng) -> None:
    """Write what looks like text and buttons from afar."""
    ink = [float(value) for value in rng.uniform(0, 1, 3)]
    for _ in range(int(rng.integers(2, 12))):
        x, y = int(rng.uniform(0, page.shape[1])), int(rng.uniform(0, page.shape[0]))
        cv2.line(page, (x, y), (x + int(rng.uniform(6, 80)), y), ink, int(rng.integers(1, 7)))


def _bar_colour(rng: Rng) -> Floats:
    if rng.random() < 0.55:
        return np.full(3, rng.uniform(0, 0.08), np.float32)
    return np.asarray(rng.uniform(0.5, 1.0) + rng.normal(0, 0.04, 3), dtype=np.float32)


def _bordered(light: Floats, rims: np.ndarray[tuple[int], np.dtype[np.int64]], colour: Floats) -> Floats:
    border = [float(value) for value in colour]
    rows, columns = int(rims[0]), int(rims[1])
    made = cv2.copyMakeBorder(light, rows, rows, columns, columns, cv2.BORDER_CONSTANT, value=border)
    return np.asarray(made, dtype=np.float32)


def _rounded(height: int, width: int, radius: int) -> Floats:
    cover = np.ones((height, width), np.float32)
    if radius > 1:
        cover[:] = 0
        cv2.rectangle(cover, (radius, 0), (width - radius, height), 1.0, -1)
        cv2.rectangle(cover, (0, radius), (width, height - radius), 1.0, -1)
        for x in (radius, width - radius - 1):
            for y in (radius, height - radius - 1):
                cv2.circle(cover, (x, y), radius, 1.0, -1)
    return cover


def _placed(thing: _Thing, room: Floats, rng: Rng) -> tuple[Floats, Box]:
    """Put the thing before the room, turned, tilted and moved a little; return the scene and where the face is."""
    height, width = thing.cover.shape
    aim = CANVAS / 2 + rng.normal(0, 0.25, 2) * FACE
    shift = aim - np.array(thing.box.centre)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    angle = np.deg2rad(rng.normal(0, 6))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array(thing.box.centre)
    moved = (corners - centre) @ turn.T + centre + shift
    tilt = rng.normal(0, 0.025, (4, 2)) * min(width, height)
    warp = cv2.getPerspectiveTransform(corners, (moved + tilt).astype(np.float32))
    size = (CANVAS, CANVAS)
    cover = cv2.warpPerspective(thing.cover, warp, size, flags=cv2.INTER_LINEAR)
    light = cv2.warpPerspective(thing.light, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    shadow = cv2.GaussianBlur(cover, (0, 0), float(rng.uniform(4, 16))) * np.float32(rng.uniform(0, 0.5))
    share = cv2.GaussianBlur(cover, (0, 0), 0.7)[..., None]
    made = room * (1 - shadow[..., None]) * (1 - share) + light * share
    at = cv2.perspectiveTransform(np.array([[thing.box.centre]], np.float32), warp)[0, 0]
    box = thing.box
    moved = Box(float(at[0]) - box.width / 2, float(at[1]) - box.height / 2, box.width, box.height)
    return np.asarray(made, dtype=np.float32), moved
