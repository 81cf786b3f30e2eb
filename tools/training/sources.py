"""Reads the faces that training and evaluation work on: which files, what they show, and where the face is.

The data folder holds `spoof/<source>/{bona_fide,attack}/` with images, `lfw/images/<person>/` with bona fide
photos, and `video/` with clips, whose name says `fake` where they show an attack.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import cv2
import numpy as np

from pipeline.types import Box, Detection, Detector, Pixels
from tools.cli.options import batches
from tools.training.scene import Scene, cut_scene

IMAGES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp"))
CLIPS = frozenset((".webm", ".mp4", ".gif", ".avi", ".mov", ".mkv"))
CONFIDENT = 0.9
PORTRAITS, CLIP = "portraits", "clip"
"""The source of all portraits, and how the sources of clips begin."""
_BATCH = 32


@dataclass(frozen=True)
class Item:
    """A picture of the data folder: a file, or one frame of a clip (`frame` is -1 for a file)."""

    path: Path
    frame: int
    attack: bool
    source: str


@dataclass(frozen=True, eq=False)
class Sample:
    """A face that was found in an item: its box in the item's pixels, and its scene."""

    item: Item
    scene: Scene
    box: Box


def spoof_items(folder: Path) -> list[Item]:
    """List the images and the clips' frames of `folder/<source>/{bona_fide,attack}/`, sources sorted by name."""
    items = []
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        for kind in ("bona_fide", "attack"):
            for path in sorted((place / kind).glob("*")):
                items += _items_of(path, kind == "attack", place.name, step=10)
    return items


def portrait_items(folder: Path) -> list[Item]:
    """List the photos of `folder/<person>/`, all bona fide, as the source `portraits`."""
    paths = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in IMAGES)
    return [Item(path, -1, False, PORTRAITS) for path in paths]


def clip_items(folder: Path, step: int) -> list[Item]:
    """List every `step`-th frame of the clips in `folder`; each clip is a source of its own."""
    items = []
    for path in sorted(folder.iterdir()):
        items += _items_of(path, "fake" in path.name.lower(), f"{CLIP} {path.stem}", step)
    return items


def read_pixels(items: Sequence[Item]) -> Iterator[tuple[Item, Pixels]]:
    """Yield each item with its pixels, RGB; a file that is no picture raises `ValueError` with its name."""
    for path, group in groupby(items, attrgetter("path")):
        wanted = list(group)
        frames = {item.frame for item in wanted}
        if frames == {-1}:
            pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if pixels is None:
                raise ValueError(f"{path.name} is not a picture")
            seen = {-1: np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)}
        else:
            seen = {index: frame for index, frame in enumerate(frames_of(path)) if index in frames}
        for item in wanted:
            yield item, seen[item.frame]


def frames_of(path: Path) -> Iterator[Pixels]:
    """Yield every frame of a clip, RGB."""
    reader = cv2.VideoCapture(str(path))
    try:
        while (read := reader.read())[0]:
            yield np.asarray(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB), dtype=np.uint8)
    finally:
        reader.release()


def find_faces(detector: Detector, photos: Sequence[Pixels]) -> list[list[Detection]]:
    """Detect faces, once more with a grey border around the photos in which none was found.

    A detector that was trained on whole scenes often misses a face that fills its photo; a border of a quarter of
    the longer side mends that. Boxes and landmarks come back in the photo's own pixels.
    """

    def detected(some: Sequence[Pixels]) -> list[list[Detection]]:
        return [[face for face in faces if face.confidence >= CONFIDENT] for faces in detector.detect(some)]

    found = detected(photos)
    missed = [index for index, faces in enumerate(found) if not faces]
    if missed:
        widths = [max(photos[index].shape[:2]) // 4 for index in missed]
        bordered = [bordered_photo(photos[index], width) for index, width in zip(missed, widths, strict=True)]
        for index, width, faces in zip(missed, widths, detected(bordered), strict=True):
            found[index] = [
                Detection(replace(face.box, left=face.box.left - width, top=face.box.top - width),
                          face.landmarks - np.float32(width), face.confidence)
                for face in faces
            ]  # fmt: skip
    return found


def bordered_photo(photo: Pixels, width: int) -> Pixels:
    """Return the photo with a grey border of `width` pixels."""
    grey = (127, 127, 127)
    border = cv2.copyMakeBorder(photo, width, width, width, width, cv2.BORDER_CONSTANT, value=grey)
    return np.asarray(border, dtype=np.uint8)


def collect(items: Sequence[Item], detector: Detector, cache: Path | None = None) -> tuple[list[Sample], list[Item]]:
    """Find the faces of every item; return the samples, and the items in which no face was found.

    Of a portrait the face nearest to the middle is taken, of anything else the largest. Boxes are kept in the JSON
    file `cache` where one is given.
    """
    boxes: dict[str, list[float] | None] = json.loads(cache.read_text()) if cache and cache.exists() else {}
    samples, missed = [], []
    for chunk in batches(read_pixels(items), _BATCH):
        fresh = [pair for pair in chunk if _key(pair[0]) not in boxes]
        found = find_faces(detector, [pixels for _, pixels in fresh]) if fresh else []
        for (item, pixels), faces in zip(fresh, found, strict=True):
            boxes[_key(item)] = _chosen(item, pixels, faces)
        for item, pixels in chunk:
            box = boxes[_key(item)]
            if box is None:
                missed.append(item)
            else:
                samples.append(Sample(item, cut_scene(pixels, Box(*box)), Box(*box)))
    if cache:
        cache.write_text(json.dumps(boxes))
    return samples, missed


def _items_of(path: Path, attack: bool, source: str, step: int) -> list[Item]:
    if path.suffix.lower() in IMAGES:
        return [Item(path, -1, attack, source)]
    if path.suffix.lower() in CLIPS:
        count = sum(1 for _ in frames_of(path))
        return [Item(path, frame, attack, source) for frame in range(0, count, step)]
    return []


def _key(item: Item) -> str:
    return f"{item.source}/{item.path.parent.name}/{item.path.name}#{item.frame}"


def _chosen(item: Item, pixels: Pixels, faces: Sequence[Detection]) -> list[float] | None:
    if not faces:
        return None
    box = faces[0].box
    if item.source == PORTRAITS:
        middle = (pixels.shape[1] / 2, pixels.shape[0] / 2)
        box = min((face.box for face in faces), key=lambda one: float(np.hypot(*np.subtract(one.centre, middle))))
    return [box.left, box.top, box.width, box.height]
