"""Looks at one frame after the other: names, draws, crops, and remembers who was seen when."""

import math

from pipeline.stages.compare import shown
from pipeline.types import Detection, Pixels
from tools.recognize.outputs import Label, Outputs, Seen, draw
from tools.recognize.sources import Frame
from tools.recognize.tracking import Named, Track, Tracker, box_inside
from tools.recognize.workbench import Recogniser, name_of

MOST_KEPT = 10
"""Pictures of an unknown face that are kept for `--register`."""


class Looking:
    """One run over a source. With `is_moving`, faces are followed, and every `every`-th frame is looked at."""

    def __init__(self, recogniser: Recogniser, outputs: Outputs, is_moving: bool, every: int) -> None:
        self._recogniser, self._outputs = recogniser, outputs
        self._is_moving, self._every = is_moving, max(1, every)
        self._tracker = Tracker(recogniser.name, recogniser.is_same)
        self._rows: list[Seen] = []
        self._unknown: list[Pixels] = []
        self._kept: dict[int, list[Pixels]] = {}
        self._best: dict[int, tuple[float, Pixels, Detection]] = {}
        self._shown: list[Track] = []

    def take(self, frame: Frame) -> None:
        """Look at a frame."""
        labels = self._follow(frame) if self._is_moving else self._photo(frame)
        self._outputs.picture(frame, draw(frame.pixels, labels))

    def end(self) -> list[Seen]:
        """Name what is left, save the tracks' crops, and return all rows."""
        self._tracker.end()
        for track in self._tracker.tracks:
            _, pixels, face = self._best[track.number]
            where = f"track {track.number}"
            self._rows.append(_row(where, track.named, face, pixels, (track.first_seen, track.last_seen), track.frames))
            if track.named is not None and track.named.person is not None:
                self._outputs.crop(name_of(track.named), where, pixels, face.box)
            else:
                self._unknown += self._kept.get(track.number, [])
        return self._rows

    def unknown(self) -> list[Pixels]:
        """Return pictures of unknown faces, spread over the time, for `--register`."""
        step = max(1, math.ceil(len(self._unknown) / MOST_KEPT))
        return self._unknown[::step]

    def _photo(self, frame: Frame) -> list[Label]:
        pixels, faces = self._recogniser.find_upright(frame.pixels)
        names = self._recogniser.name_all([self._recogniser.embed(pixels, face) for face in faces])
        for at, (face, named) in enumerate(zip(faces, names, strict=True), start=1):
            self._rows.append(_row(str(frame.file), named, face, pixels, (0.0, 0.0), 1))
            if named.person is not None and frame.file is not None:
                self._outputs.crop(name_of(named), f"{frame.number:05}-{frame.file.stem}-{at}", pixels, face.box)
        if len(faces) == 1 and names[0].person is None:
            self._unknown.append(pixels)
        if pixels.shape != frame.pixels.shape:
            return []  # it was turned: the boxes are not those of the picture as it lies
        return [_label(face, named) for face, named in zip(faces, names, strict=True)]

    def _follow(self, frame: Frame) -> list[Label]:
        if frame.number % self._every == 0:
            found = self._recogniser.find(frame.pixels)
            self._shown = self._tracker.step(
                frame.seconds, found, lambda face: self._recogniser.embed(frame.pixels, face)
            )
            for track in self._shown:
                self._remember(track, frame, is_alone=len(found) == 1)
        return [_label(track.detection, track.named) for track in self._shown]

    def _remember(self, track: Track, frame: Frame, is_alone: bool) -> None:
        size = track.detection.box.area * track.detection.confidence
        if size > self._best.get(track.number, (0.0,))[0]:
            self._best[track.number] = size, frame.pixels, track.detection
        kept = self._kept.setdefault(track.number, [])
        is_nobody = track.named is None or track.named.person is None
        if is_alone and is_nobody and len(kept) < MOST_KEPT and track.frames % 5 == 1:
            kept.append(frame.pixels)


def _label(face: Detection, named: Named | None) -> Label:
    """Return what is drawn of a face; `named` is None for one that is not named yet."""
    if named is None:
        return Label(face.box, "...", False)
    distance = "" if named.score is None else f" {named.score:.3f}"
    return Label(face.box, f"{name_of(named)}{distance}", named.person is not None)


def _row(
    where: str, named: Named | None, face: Detection, pixels: Pixels, seconds: tuple[float, float], frames: int
) -> Seen:
    named = named or Named()
    left, top, right, bottom = box_inside(face.box, pixels.shape[1], pixels.shape[0])
    score = None if named.score is None else shown(named.score)
    first, last = (round(moment, 2) for moment in seconds)
    box = left, top, right - left, bottom - top
    person_id = named.person.id if named.person else ""
    return Seen(where, name_of(named), person_id, first, last, frames, score, named.rate, box)
