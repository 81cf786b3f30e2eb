"""Where pictures (faces, rows, columns, channels) lie in memory, in float32.

A picture lies in a frame of zeros as wide as the layers that read it need, so that none of them copies it to pad it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipeline.types import Floats

AT_ONCE = 8
"""Faces in one pass: more would not compute faster, and their pictures would take more memory."""
NUMBER = 4
"""Bytes of a float32."""
_BEHIND = 16

Shape = tuple[int, int, int]
"""Height, width and channels of a picture."""


@dataclass(frozen=True)
class Frame:
    """Where a picture lies: its size, the zeros above and left of it, and the room that it has altogether."""

    height: int
    width: int
    channels: int
    lead: int
    rows: int
    columns: int

    @property
    def size(self) -> int:
        """Numbers for one face."""
        return self.rows * self.columns * self.channels

    def inside(self, values: Floats) -> Floats:
        """Return the pictures of these frames (faces, rows, columns, channels) without the zeros."""
        return values[:, self.lead : self.lead + self.height, self.lead : self.lead + self.width]

    def clear(self, values: Floats) -> None:
        """Put zeros around the pictures."""
        bottom, right = self.lead + self.height, self.lead + self.width
        values[:, : self.lead] = 0
        values[:, bottom:] = 0
        values[:, self.lead : bottom, : self.lead] = 0
        values[:, self.lead : bottom, right:] = 0


class Need(NamedTuple):
    """The room that a layer takes for granted: zeros before a picture, and rows and columns from its first pixel on."""

    name: str
    lead: int
    down: int
    across: int


def frames(shapes: Mapping[str, Shape], needs: Iterable[Need]) -> dict[str, Frame]:
    """Return a frame for every picture that has all the room that is needed."""
    leads = dict.fromkeys(shapes, 0)
    reaches = {name: (height, width) for name, (height, width, _) in shapes.items()}
    for name, lead, down, across in needs:
        leads[name] = max(leads[name], lead)
        reaches[name] = max(reaches[name][0], down), max(reaches[name][1], across)
    return {
        name: Frame(*shape, leads[name], *(leads[name] + reach for reach in reaches[name]))
        for name, shape in shapes.items()
    }


class Place(NamedTuple):
    """Pictures in memory: the address of a pixel, and how many numbers further the next face, row and column are."""

    address: int
    face: int
    row: int
    column: int

    def moved(self, face: int, row: int) -> int:
        """Return the address so much further."""
        return self.address + NUMBER * (face * self.face + row * self.row)


def pictures_at(values: Floats, corner: int) -> Place:
    """Return the place of pictures (faces, rows, columns, channels) from a pixel on that is so far down and right."""
    face, row, column = (step // NUMBER for step in values.strides[:3])
    return Place(values.ctypes.data + NUMBER * corner * (row + column), face, row, column)


class Memory:
    """The pictures of one pass, all zeros at first: what lies around them stays so."""

    def __init__(self, frames: Mapping[str, Frame], rooms: Mapping[str, int]) -> None:
        self._frames, self._rooms = frames, rooms
        sizes = {room: frames[name] for name, room in rooms.items()}
        self._all = {room: _zeros(frame) for room, frame in sizes.items()}
        self.scratch = Scratch()

    def frame(self, name: str) -> Frame:
        """Return the frame of a picture."""
        return self._frames[name]

    def whole(self, name: str, faces: int) -> Floats:
        """Return a picture of so many faces with its frame."""
        return self._all[self._rooms[name]][:faces]

    def inside(self, name: str, faces: int) -> Floats:
        """Return it without its frame."""
        return self._frames[name].inside(self.whole(name, faces))

    def place(self, name: str, faces: int, padding: int = 0) -> Place:
        """Return where it begins, with so many zeros before it."""
        return pictures_at(self.whole(name, faces), self._frames[name].lead - padding)


def _zeros(frame: Frame) -> Floats:
    """Return pictures of zeros, behind which a vector may be read."""
    shape = (AT_ONCE, frame.rows, frame.columns, frame.channels)
    return np.zeros(AT_ONCE * frame.size + _BEHIND, np.float32)[: AT_ONCE * frame.size].reshape(shape)


class Scratch:
    """Memory between the steps of a layer, used again by the next one."""

    def __init__(self) -> None:
        self._piece = np.empty(0, np.float32)

    def address(self, numbers: int) -> int:
        """Return the address of room for so many numbers."""
        if len(self._piece) < numbers:
            self._piece = np.empty(numbers, np.float32)
        return self._piece.ctypes.data
