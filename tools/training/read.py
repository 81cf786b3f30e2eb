"""What the engines of others say of the training data's faces, read from the pictures themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from pipeline.models.liveness.fasnet import FasnetScores
from pipeline.types import Floats
from tools.training.sources import Item, Sample, read_pixels
from tools.training.teachers import Teachers

_BATCH = 16


@dataclass(frozen=True, eq=False)
class Readings:
    """Fasnet's scores, facenox's log-odds (n,) and the reach of the photo around the face (n,), by item."""

    fasnet: FasnetScores
    facenox: Floats
    reach: Floats
    rows: dict[Item, int]

    def of(self, samples: Sequence[Sample]) -> Readings:
        """Return the readings of these samples, in their order."""
        chosen = np.array([self.rows[one.item] for one in samples])
        fasnet = FasnetScores(self.fasnet.plain[chosen], self.fasnet.bare[chosen])
        rows = {one.item: index for index, one in enumerate(samples)}
        return Readings(fasnet, self.facenox[chosen], self.reach[chosen], rows)


def read_with(teachers: Teachers, samples: Sequence[Sample]) -> Readings:
    """Run the engines over every sample's picture, which is read again."""
    boxes = {one.item: one.box for one in samples}
    pairs = read_pixels([one.item for one in samples])
    plain, bare, facenox, reach = [], [], [], []
    rows: dict[Item, int] = {}
    while chunk := list(islice(pairs, _BATCH)):
        photos, faces = [pixels for _, pixels in chunk], [boxes[item] for item, _ in chunk]
        scores = teachers.fasnet.score(photos, faces)
        plain.append(scores.plain)
        bare.append(scores.bare)
        facenox.append(teachers.facenox.score(photos, faces))
        reach += [box.reach(pixels) for pixels, box in zip(photos, faces, strict=True)]
        rows |= {item: len(rows) + index for index, (item, _) in enumerate(chunk)}
    fasnet = FasnetScores(np.concatenate(plain), np.concatenate(bare))
    return Readings(fasnet, np.concatenate(facenox), np.array(reach, dtype=np.float32), rows)
