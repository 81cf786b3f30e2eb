"""Cuts what a liveness network looks at out of a photo."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from codes_dict import Code, Refusal
from pipeline.models.liveness.card import Card, View
from pipeline.types import Box, Counts, Floats, Pixels


def cut_view(photo: Pixels, box: Box, view: View) -> Pixels:
    """Cut one view of a face: uint8 RGB of shape (view.size, view.size, 3).

    Shrinking averages areas, so that no detail is folded into another; enlarging interpolates. What lies outside
    the photo takes the view's fill value, unless the view stays inside it.
    """
    left, top, width, height = _area(box, view)
    if view.inside:
        left, top, width, height = _moved_inside(photo, box, width, height)
    region = _cut(photo, left, top, left + width, top + height, view.fill)
    shrinks = region.shape[0] > view.size or region.shape[1] > view.size
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(region, (view.size, view.size), interpolation=method), dtype=np.uint8)


def network_inputs(photos: Sequence[Pixels], boxes: Sequence[Box], card: Card) -> list[Floats]:
    """Return the network's inputs for a batch of faces: one float32 (faces, size, size, 3) array per view."""
    inputs = []
    for view in card.views:
        pixels = [cut_view(photo, box, view) for photo, box in zip(photos, boxes, strict=True)]
        batch = np.stack(pixels).astype(np.float32)
        batch = batch if card.colour == "RGB" else batch[..., ::-1]
        inputs.append(np.ascontiguousarray(batch * np.float32(card.factor) + np.float32(card.offset)))
    return inputs


def checked(outputs: Floats, shape: tuple[int, int], engine: str) -> Floats:
    """Return an engine's outputs; raises `Refusal(NO_LIVENESS)` for another shape and where one is not finite."""
    if outputs.shape != shape:
        raise Refusal(Code.NO_LIVENESS, f"{engine} gave {outputs.shape} for {shape[0]} faces")
    if not np.isfinite(outputs).all():
        raise Refusal(Code.NO_LIVENESS, f"{engine}'s output is not a number")
    return outputs


def warm(score: Callable[[Sequence[Pixels], Sequence[Box]], object]) -> None:
    """Score one face and several, so that no request pays for the first call."""
    for count in (1, 6):
        score([np.full((64, 64, 3), 127, np.uint8)] * count, [Box(16, 16, 32, 32)] * count)


def box_inside(photo: Pixels, box: Box) -> Pixels:
    """Return the pixels of the part of the box that is inside the photo, at least one pixel each way."""
    height, width = photo.shape[:2]
    left, top = min(max(int(box.left), 0), width - 1), min(max(int(box.top), 0), height - 1)
    right = min(max(int(box.left + box.width), left + 1), width)
    bottom = min(max(int(box.top + box.height), top + 1), height)
    return photo[top:bottom, left:right]


def reflected(places: Counts, length: int) -> Counts:
    """Return which pixel is seen at each place when both edges of a row of `length` pixels are mirrors."""
    period = max(1, 2 * (length - 1))
    turned = places % period
    return np.asarray(np.minimum(turned, period - turned), dtype=np.int64)


def _area(box: Box, view: View) -> tuple[int, int, int, int]:
    """Return left, top, width and height of the view in the photo's pixels."""
    width = (max(box.width, box.height) if view.square else box.width) * view.scale
    height = (max(box.width, box.height) if view.square else box.height) * view.scale
    centre_x, centre_y = box.centre
    return round(centre_x - width / 2), round(centre_y - height / 2), max(1, round(width)), max(1, round(height))


def _moved_inside(photo: Pixels, box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Shrink an area around the box in its own proportions, and move it, until the photo holds all of it."""
    rows, columns = photo.shape[:2]
    share = min(1.0, rows / height, columns / width)
    width, height = max(1, int(width * share)), max(1, int(height * share))
    centre_x, centre_y = box.centre
    left = min(max(round(centre_x - width / 2), 0), columns - width)
    top = min(max(round(centre_y - height / 2), 0), rows - height)
    return left, top, width, height


def _cut(photo: Pixels, left: int, top: int, right: int, bottom: int, fill: int) -> Pixels:
    height, width = photo.shape[:2]
    inner = photo[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if inner.shape[:2] == (bottom - top, right - left):
        return inner
    region = np.full((bottom - top, right - left, 3), fill, np.uint8)
    y, x = max(-top, 0), max(-left, 0)
    if inner.size and top < height and left < width:
        region[y : y + inner.shape[0], x : x + inner.shape[1]] = inner
    return region
