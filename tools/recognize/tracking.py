"""Follows faces from frame to frame, by where they are and, where that does not tell, by what they look like.

A track is named once, by the template of its first looks: the frames between them cost a detection and nothing more.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.stages.recheck import overlap
from pipeline.types import Box, Detection, Floats, Person

SAME_PLACE = 0.3
"""Overlap, intersection over union, from which on a face is the one that was there in the frame before."""
LOST_AFTER_S = 1.5
"""Seconds after which a face that is not seen any more can no longer go on as the same track."""
LOOKS, BETWEEN_S = 3, 0.2
"""Embeddings of a track before it is named, and the least seconds between them."""

Embeddings = Mapping[str, Floats]
Embed = Callable[[Detection], Embeddings]


@dataclass(frozen=True)
class Named:
    """Who a face is: the person, the fused score, and the false match rate at which it would just pass.

    All are None for a face that is nobody's within the search threshold.
    """

    person: Person | None = None
    score: float | None = None
    rate: float | None = None


@dataclass(eq=False)
class Track:
    """A face over time. `looks` are its embeddings, (d,) per model; `named` is None until it is named."""

    number: int
    detection: Detection
    first_seen: float
    last_seen: float
    looks: list[Embeddings] = field(default_factory=list)
    looked: float = -1.0
    frames: int = 1
    named: Named | None = None

    def stacked(self) -> dict[str, Floats]:
        """Return the looks as (n, d) per model."""
        return {name: np.stack([look[name] for look in self.looks]) for name in self.looks[0]}


@dataclass(eq=False)
class Tracker:
    """All tracks of a source. `name` names a track by its looks; `is_same` compares one look with a track's looks."""

    name: Callable[[Track], Named]
    is_same: Callable[[Embeddings, Track], bool]
    tracks: list[Track] = field(default_factory=list)

    def step(self, seconds: float, found: Sequence[Detection], embed: Embed) -> list[Track]:
        """Take one frame's faces; return their tracks, in the order of `found`."""
        open_ones = [one for one in self.tracks if seconds - one.last_seen <= LOST_AFTER_S]
        taken = _pairs(found, open_ones)
        for at, face in enumerate(found):
            if at not in taken:
                lost = [one for one in open_ones if one not in taken.values()]
                taken[at] = self._begun(seconds, face, embed, lost)
        for at, face in enumerate(found):
            self._go_on(taken[at], seconds, face, embed)
        return [taken[at] for at in range(len(found))]

    def end(self) -> None:
        """Name the tracks that ended before they had enough looks."""
        for track in self.tracks:
            if track.named is None:
                track.named = self.name(track)

    def _begun(self, seconds: float, face: Detection, embed: Embed, lost: Sequence[Track]) -> Track:
        """Return the lost track that looks the same, or a new one."""
        look = embed(face)
        for track in sorted(lost, key=lambda one: -one.last_seen):
            if self.is_same(look, track):
                return track
        track = Track(len(self.tracks) + 1, face, seconds, seconds, [look], seconds, 0)
        self.tracks.append(track)
        return track

    def _go_on(self, track: Track, seconds: float, face: Detection, embed: Embed) -> None:
        track.detection, track.last_seen, track.frames = face, seconds, track.frames + 1
        if track.named is None and len(track.looks) < LOOKS and seconds - track.looked >= BETWEEN_S:
            track.looks.append(embed(face))
            track.looked = seconds
        if track.named is None and len(track.looks) >= LOOKS:
            track.named = self.name(track)


def _pairs(found: Sequence[Detection], tracks: Sequence[Track]) -> dict[int, Track]:
    """Return which face goes on as which track: the pairs that overlap most first, each face and track once."""
    overlaps = sorted(
        (
            (overlap(face.box, track.detection.box), at, number)
            for at, face in enumerate(found)
            for number, track in enumerate(tracks)
        ),
        reverse=True,
    )
    pairs: dict[int, Track] = {}
    for share, at, number in overlaps:
        if share >= SAME_PLACE and at not in pairs and tracks[number] not in pairs.values():
            pairs[at] = tracks[number]
    return pairs


def box_inside(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Return a box in whole pixels, clipped at the picture: left, top, right, bottom."""
    left, top = max(0, round(box.left)), max(0, round(box.top))
    return left, top, min(width, round(box.left + box.width)), min(height, round(box.top + box.height))
