"""Cuts what a liveness network looks at out of a photo."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.models.liveness.card import Card, View
from pipeline.types import Box, Floats, Pixels


def cut_view(photo: Pixels, box: Box, view: View) -> Pixels:
    """Cut one view of a face: uint8 RGB of shape (view.size, view.size, 3).

    Shrinking averages areas, so that no detail is folded into another; enlarging interpolates. What lies outside
    the photo takes the view's fill value.
    """
    width = max(box.width, box.height) if view.square else box.width
    height = max(box.width, box.height) if view.square else box.height
    centre_x, centre_y = box.centre
    left = round(centre_x - width * view.scale / 2)
    top = round(centre_y - height * view.scale / 2)
    right = left + max(1, round(width * view.scale))
    bottom = top + max(1, round(height * view.scale))
    region = _cut(photo, left, top, right, bottom, view.fill)
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
