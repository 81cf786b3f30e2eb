"""Finding faces and their five landmarks: MTCNN (Zhang et al. 2016) on compiled networks.

Every photo is first looked at in one working size. Only where that shows no face that is large and sure, a large photo
is looked at closer, so that the smallest face that can still be recognised is 20 pixels wide there. The candidates of
all photos of a call go through the second and the third network in one batch each.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.models import mtcnn_networks as networks
from pipeline.models import second_faces
from pipeline.models.batching import RequestBatcher
from pipeline.models.landmarks import look_again
from pipeline.models.runtime import OpenVinoRunner, Runner, in_parts, rounded
from pipeline.models.second_faces import Boxes
from pipeline.parallel import parallel_map
from pipeline.types import Box, Detection, Floats, Pixels

SMALLEST_FACE = 48
"""Width in pixels of the smallest face that is looked for in a large photo: about 20 px between the eyes."""
NETWORK_FACE = 20
"""Width of the smallest face that the networks find in what they are given."""
KEPT_AREA = 640 * 480
"""Pixels that a photo is scaled to at first. Landmarks are placed again in the photo's own pixels."""
LARGE = 80
"""Width in the working size from which on a face is large: whoever counts beside it is found as well."""
MOST_AREA = 1706 * 1280
"""Pixels that are looked at in one photo at most, whatever its shape."""
MOST_FACES = 10
"""Faces returned of one photo at most."""

_CELL, _STRIDE, _PYRAMID_STEP = 12, 2, 0.709
_PROPOSED, _REFINED, _ACCEPTED = 0.6, 0.7, 0.8
_OVERLAP_IN_SCALE, _OVERLAP = 0.5, 0.7
_NORMALISED = (np.arange(256, dtype=np.float32) - 127.5) / 128
STRIP_AREA = 75_000
"""Pixels that the first network is given at once: OpenVINO keeps the memory of the most."""
_KEPT_STEPS = 64
"""Steps of the first network, which sees the most shapes, that OpenVINO keeps for each core; each some 300 KB."""
_PATCHES_AT_ONCE, _MOST_PATCHES = 16, 1024
_CANDIDATES = 1000
"""Cells of one size, and candidates of all sizes, that are considered, best first; crowds have a few hundred."""
_SURE, _SPECK = 0.95, 0.25
_FRAME, _FILLING, _FILLED_SIDE, _FILLED_AREA = 0.25, 0.4, 192, 192 * 512
_FRAMED_SHAPE = 2
"""A frame is measured by the longer side, but by no more than so many times the shorter one."""


_Look = tuple[list[Detection], list[Detection]]
"""A photo's faces, and what may be a person beside the only one who counts."""


@dataclass(frozen=True, eq=False)
class _View:
    """A photo as the networks see it: float32 (RGB - 127.5) / 128, scaled, and how it came about."""

    pixels: Floats
    scale: tuple[float, float]
    border: int


class MtcnnDetector:
    """MTCNN as a `Detector`; safe to call from several threads.

    Raises `ModelUnavailable` where the package `mtcnn`, whose weights it uses, is not there.
    """

    def __init__(self) -> None:
        pnet, rnet, onet = (networks.read_weights(name) for name in ("pnet", "rnet", "onet"))
        proposals = networks.proposal_network(pnet)
        self._proposals: Runner = OpenVinoRunner(proposals, alone=True, kept_steps=_KEPT_STEPS)
        refinement = OpenVinoRunner(networks.refinement_network(rnet))
        output = OpenVinoRunner(networks.output_network(onet))
        self._refinement: Runner = RequestBatcher(
            in_parts(refinement, _PATCHES_AT_ONCE), _MOST_PATCHES, name="MTCNN R-Net"
        )
        self._output: Runner = RequestBatcher(in_parts(output, _PATCHES_AT_ONCE), _MOST_PATCHES, name="MTCNN O-Net")

    def detect(self, photos: Sequence[Pixels]) -> list[list[Detection]]:
        """Return the faces of each photo, largest first and at most `MOST_FACES`; see `Detector`."""
        looks = self._look_closer(photos)
        found = [_without_specks(faces) for faces, _ in looks]
        found = self._with_second_faces(photos, found, [doubtful for _, doubtful in looks])
        empty = [index for index, faces in enumerate(found) if not faces]
        for index, faces in zip(empty, self._detect_filling([photos[index] for index in empty]), strict=True):
            found[index] = faces
        return look_again(photos, found, self._output)

    def _look_closer(self, photos: Sequence[Pixels]) -> list[_Look]:
        """Look at every photo in the working size, and closer at large ones whose face is not large there."""
        scales, closest = list(map(working_scale, photos)), list(map(closer_scale, photos))
        looks = self._look(photos, scales)
        small = [not _is_large(faces, scale) for (faces, _), scale in zip(looks, scales, strict=True)]
        again = [at for at in range(len(photos)) if small[at] and scales[at] < closest[at]]
        closer = self._look([photos[at] for at in again], [closest[at] for at in again])
        for at, look in zip(again, closer, strict=True):
            looks[at] = look
        return looks

    def _with_second_faces(
        self, photos: Sequence[Pixels], found: Sequence[list[Detection]], doubtful: Sequence[list[Detection]]
    ) -> list[list[Detection]]:
        """Look once more at what may be a person beside the subject, and add who is found."""
        tries = [(at, one) for at, its in enumerate(doubtful) for one in its[: second_faces.MOST]]
        cuts = [cut for at, one in tries for cut in second_faces.cuts_of(photos[at], one.box)]
        seen = self.detect_scaled([cut.pixels for cut in cuts], [cut.scale for cut in cuts], second_faces.FRAME)
        placed = [[cut.placed(one) for one in faces] for cut, faces in zip(cuts, seen, strict=True)]
        more = [list(faces) for faces in found]
        for (at, one), straight, mirrored in zip(tries, placed[::2], placed[1::2], strict=True):
            more[at] += second_faces.confirmed(one, straight + mirrored, more[at])
        return [sorted(faces, key=lambda face: -face.box.area)[:MOST_FACES] for faces in more]

    def _detect_filling(self, photos: Sequence[Pixels]) -> list[list[Detection]]:
        """Look for a face that touches the photo's edges: with a frame around it, the networks see it whole."""
        scales = [_filling_scale(photo) for photo in photos]
        found = self.detect_scaled(photos, scales, _FRAME)
        return [
            [face for face in faces if face.box.width >= _FILLING * min(photo.shape[:2])]
            for photo, faces in zip(photos, found, strict=True)
        ]

    def detect_scaled(
        self, photos: Sequence[Pixels], scales: Sequence[float], frame: float = 0.0
    ) -> list[list[Detection]]:
        """Return the faces as the package finds them in each photo scaled by its own factor.

        `frame` is the width of a grey frame that is put around each photo, over the photo's longer side, which counts
        as no more than twice the shorter one.
        """
        scaled = list(zip(photos, scales, strict=True))
        views = parallel_map(lambda one: _view(*one, frame), scaled)
        found = self._finish(views, _sure(self._refine(views, self._propose(views))))
        return [_detections(view, *faces) for view, faces in zip(views, found, strict=True)]

    def _look(self, photos: Sequence[Pixels], scales: Sequence[float]) -> list[_Look]:
        """Return each photo's faces at its scale, and what may be a person beside the only one who counts."""
        views = parallel_map(lambda one: _view(*one, 0.0), list(zip(photos, scales, strict=True)))
        refined = self._refine(views, self._propose(views))
        found = self._finish(views, _sure(refined))
        others = [
            _squares(second_faces.beside_subject(boxes, faces))
            for boxes, (faces, _) in zip(refined, found, strict=True)
        ]
        doubtful = self._finish(views, others, second_faces.LIKELY)
        return [
            (_detections(view, *faces), _detections(view, *its))
            for view, faces, its in zip(views, found, doubtful, strict=True)
        ]

    def _propose(self, views: list[_View]) -> list[Boxes]:
        """First network: each view's candidates over a pyramid of sizes, as squares in the view's pixels."""
        levels = [(view, scale) for view in views for scale in _pyramid(*view.pixels.shape[:2])]
        found: dict[_View, list[Boxes]] = {view: [np.empty((0, 5))] for view in views}
        for (view, _), boxes in zip(levels, parallel_map(self._propose_at, levels), strict=True):
            found[view].append(boxes)
        return [_squares(boxes[_best(boxes, _OVERLAP)]) for boxes in map(_likeliest, found.values())]

    def _propose_at(self, level: tuple[_View, float]) -> Boxes:
        view, scale = level
        height, width = view.pixels.shape[:2]
        size = int(width * scale), int(height * scale)
        offsets, scores = _in_strips(self._proposals, _level(view.pixels, size))
        across, down = (-(-(side - 2) // 2) - 4 for side in size)  # the cells that see the photo
        boxes = _boxes_of(offsets[0, :down, :across], scores[0, :down, :across], scale)
        return np.asarray(boxes[_best(boxes, _OVERLAP_IN_SCALE)])

    def _refine(self, views: list[_View], proposals: list[Boxes]) -> list[Boxes]:
        """Second network: each view's boxes moved, with its scores, without those that are hardly faces."""
        counts = [len(boxes) for boxes in proposals]
        patches = _patches(views, proposals, 24)
        if not len(patches):
            return [np.empty((0, 5)) for _ in views]
        offsets, scores = self._refinement([patches])
        moved = map(_moved, proposals, _split(offsets, counts), _split(scores, counts))
        return [boxes[boxes[:, 4] > second_faces.DOUBTFUL] for boxes in moved]

    def _finish(self, views: list[_View], refined: list[Boxes], least: float = _ACCEPTED) -> list[tuple[Boxes, Floats]]:
        """Third network: boxes and landmarks (n, 5, 2) of each view that score more than `least`."""
        counts = [len(boxes) for boxes in refined]
        patches = _patches(views, refined, 48)
        if not len(patches):
            return [(np.empty((0, 5)), np.empty((0, 5, 2), np.float32)) for _ in views]
        outputs = self._output([patches])
        faces = []
        for boxes, moved, points, score in zip(refined, *(_split(o, counts) for o in outputs), strict=True):
            landmarks = _landmarks(boxes, points)[score > least]
            better = _moved(boxes, moved, score)[score > least]
            kept = _best(better, _OVERLAP, of_smaller=True)
            faces.append((better[kept], landmarks[kept]))
        return faces


def _sure(refined: list[Boxes]) -> list[Boxes]:
    """Return the squares around the boxes that the second network takes for faces."""
    sure = [boxes[boxes[:, 4] > _REFINED] for boxes in refined]
    return [_squares(boxes[_best(boxes, _OVERLAP)]) for boxes in sure]


def working_scale(photo: Pixels) -> float:
    """Return the factor, at most 1, by which a photo is scaled before faces are looked for."""
    return min(1.0, math.sqrt(KEPT_AREA / int(photo.shape[0] * photo.shape[1])))


def closer_scale(photo: Pixels) -> float:
    """Return the factor, at most 1, at which a photo is looked at closer; the first one unless the photo is large."""
    area = int(photo.shape[0] * photo.shape[1])
    wanted = max(NETWORK_FACE / SMALLEST_FACE, math.sqrt(KEPT_AREA / area))
    return min(1.0, wanted, math.sqrt(MOST_AREA / area))


def _is_large(faces: list[Detection], scale: float) -> bool:
    """Whether the largest face is sure, and large in a photo that was scaled by this factor."""
    return bool(faces) and faces[0].confidence >= _SURE and faces[0].box.width * scale >= LARGE


def _filling_scale(photo: Pixels) -> float:
    """Return the factor, at most 1, at which a face that fills the photo is as large as the networks like it."""
    height, width = map(int, photo.shape[:2])
    return min(1.0, _FILLED_SIDE / min(height, width), math.sqrt(_FILLED_AREA / (height * width)))


def _without_specks(faces: list[Detection]) -> list[Detection]:
    """Leave out doubtful finds that are tiny beside the largest face: in large photos they are mostly texture."""
    widest = max((face.box.width for face in faces), default=0.0)
    return [face for face in faces if face.confidence >= _SURE or face.box.width >= _SPECK * widest]


def _view(photo: Pixels, scale: float, frame: float) -> _View:
    height, width = photo.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    pixels = photo if size == (width, height) else cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    normalised = np.asarray(cv2.LUT(pixels, _NORMALISED), np.float32)
    border = round(frame * min(max(size), _FRAMED_SHAPE * min(size)))
    if border:
        normalised = np.pad(normalised, ((border, border), (border, border), (0, 0)))
    return _View(normalised, (size[0] / width, size[1] / height), border)


def _pyramid(height: int, width: int) -> list[float]:
    """Scales from the one at which the smallest face fills the first network's cell; none if it is tiny."""
    if min(height, width) < _CELL:
        return []
    count = round(math.log(min(height, width) / _CELL) / -math.log(_PYRAMID_STEP) - 1)
    scales = [_CELL / NETWORK_FACE * _PYRAMID_STEP**level for level in range(count)]
    return [scale for scale in scales if int(min(height, width) * scale) >= _CELL]


def _level(pixels: Floats, size: tuple[int, int]) -> Floats:
    """Return the photo at one size of the pyramid, as a batch, with a grey edge to the next `rounded` sides.

    So photos of all sizes come in few shapes, which OpenVINO has to prepare for. The last row and column of cells look
    one pixel into the edge where a side is odd.
    """
    width, height = size
    level = np.zeros((1, rounded(height), rounded(width), 3), np.float32)
    cv2.resize(pixels, size, dst=level[0, :height, :width], interpolation=cv2.INTER_AREA)
    return level


def _in_strips(network: Runner, level: Floats) -> Sequence[Floats]:
    """Run the first network over a level, a large one in strips of rows: the result is that of the whole level.

    A strip of 2 n + 10 rows gives n rows of cells, and its neighbours begin 2 n rows further up and down.
    """
    _, height, width, _ = level.shape
    if height * width <= STRIP_AREA:
        return network([level])
    overlap = _CELL - _STRIDE
    count = -(-(height - overlap) // (max(_CELL, STRIP_AREA // width) - overlap))
    rows = -(-(height - overlap) // count)
    rows += rows % 2
    starts = range(0, height - overlap, rows)
    missing = starts[-1] + rows + overlap - height
    whole = np.pad(level, ((0, 0), (0, missing), (0, 0), (0, 0)))
    strips = [network([whole[:, start : start + rows + overlap]]) for start in starts]
    return [np.concatenate(parts, axis=1) for parts in zip(*strips, strict=True)]


def _boxes_of(offsets: Floats, scores: Floats, scale: float) -> Boxes:
    """Return the cells that may hold a face, moved by what the network says, best first."""
    rows, columns = np.nonzero(scores > _PROPOSED)
    cells = np.stack([columns, rows, columns, rows], axis=1) * _STRIDE + np.array([1, 1, _CELL, _CELL])
    boxes = (cells + offsets[rows, columns] * (_CELL - 1)) / scale
    table = np.concatenate([boxes, scores[rows, columns, np.newaxis]], axis=1)
    return table[np.argsort(-table[:, 4], kind="stable")][:_CANDIDATES]


def _likeliest(proposals: list[Boxes]) -> Boxes:
    """Return the likeliest candidates of all sizes, in their order."""
    boxes = np.concatenate(proposals)
    return np.asarray(boxes[np.sort(np.argsort(-boxes[:, 4], kind="stable")[:_CANDIDATES])])


def _best(boxes: Boxes, most: float, of_smaller: bool = False) -> npt.NDArray[np.intp]:
    """Return the rows, best first, that no better row overlaps by more than `most`.

    Overlap is intersection over union, or over the smaller of both. Unlike the greedy rule, a row that is
    dropped still suppresses others: the package does so, and its faces are the reference.
    """
    order = np.argsort(-boxes[:, 4], kind="stable")
    left, top, right, bottom = boxes[order, :4].T
    area = (right - left) * (bottom - top)
    width = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    height = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    common = np.maximum(width, 0) * np.maximum(height, 0)
    whole = np.minimum(area[:, None], area) if of_smaller else area[:, None] + area - common
    clash = np.triu(common > most * whole, k=1).any(axis=0)
    return np.asarray(order[~clash])


def _squares(boxes: Boxes) -> Boxes:
    """Return the boxes grown to squares around their middles."""
    middle = (boxes[:, :2] + boxes[:, 2:4]) / 2
    half = (boxes[:, 2:4] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([middle - half, middle + half, boxes[:, 4:]], axis=1)


def _moved(boxes: Boxes, offsets: Floats, scores: Floats) -> Boxes:
    """Return the boxes moved by the network's offsets (shares of the box), with its scores."""
    size = np.tile(boxes[:, 2:4] - boxes[:, :2] + 1, 2)
    return np.concatenate([boxes[:, :4] + offsets * size, scores[:, np.newaxis]], axis=1)


def _landmarks(boxes: Boxes, points: Floats) -> Floats:
    """Return landmarks (n, 5, 2) in the view's pixels from shares of the boxes."""
    size = boxes[:, np.newaxis, 2:4] - boxes[:, np.newaxis, :2] + 1
    xy = points.reshape(-1, 2, 5).transpose(0, 2, 1)
    return (xy * size + boxes[:, np.newaxis, :2] - 1).astype(np.float32)


def _patches(views: list[_View], boxes: list[Boxes], side: int) -> Floats:
    """Cut every box of every view as a `side` x `side` patch, bilinearly; outside the photo is mid-grey."""
    cut = np.empty((sum(map(len, boxes)), side, side, 3), np.float32)
    flags, left = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cut
    for view, table in zip(views, boxes, strict=True):
        its, left = left[: len(table)], left[len(table) :]
        # The shrinking by (length - 1) / length is the package's, which its networks' results rest on.
        last = np.array(view.pixels.shape[1::-1]) - 1
        origins = table[:, :2] * last / (last + 1)
        steps = (table[:, 2:4] - table[:, :2]) * last / (last + 1) / (side - 1)
        matrices = np.zeros((len(table), 2, 3))
        matrices[:, (0, 1), (0, 1)], matrices[:, :, 2] = steps, origins
        for patch, matrix in zip(its, matrices, strict=True):
            cv2.warpAffine(view.pixels, matrix, (side, side), dst=patch, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        points = origins[:, np.newaxis] + np.arange(side)[:, np.newaxis] * steps[:, np.newaxis]
        outside = (points < 0) | (points > last)
        its[outside[:, :, np.newaxis, 1] | outside[:, np.newaxis, :, 0]] = 0
    return cut


def _split(rows: npt.NDArray[np.float32], counts: list[int]) -> list[npt.NDArray[np.float32]]:
    return np.split(rows, np.cumsum(counts)[:-1])


def _detections(view: _View, boxes: Boxes, landmarks: Floats) -> list[Detection]:
    """Return the faces in the photo's own pixels, largest first."""
    scale = np.array(view.scale)
    found = []
    for (left, top, right, bottom, score), points in zip(boxes, landmarks, strict=True):
        corner = (np.array([left, top]) - view.border) / scale
        size = np.array([right - left, bottom - top]) / scale
        box = Box(float(corner[0]), float(corner[1]), float(size[0]), float(size[1]))
        moved = ((points - view.border) / scale).astype(np.float32)
        found.append(Detection(box, moved, float(min(max(score, 0.0), 1.0))))
    return sorted(found, key=lambda face: -face.box.area)[:MOST_FACES]
