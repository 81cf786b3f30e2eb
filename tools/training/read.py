"""What Fasnet says of the training data's faces, read from the pictures themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from pipeline.models.liveness.fasnet import Fasnet, FasnetScores
from pipeline.models.liveness.views import visible_scale
from pipeline.types import Floats
from tools.training.sources import Item, Sample, read_pixels

_BATCH = 16


@dataclass(frozen=True, eq=False)
class FasnetReadings:
    """Fasnet's scores and the reach of the photo around the face, by item."""

    scores: FasnetScores
    reach: Floats
    rows: dict[Item, int]

    def of(self, samples: Sequence[Sample]) -> FasnetReadings:
        """Return the readings of these samples, in their order."""
        chosen = np.array([self.rows[one.item] for one in samples])
        scores = FasnetScores(self.scores.plain[chosen], self.scores.bare[chosen])
        rows = {one.item: index for index, one in enumerate(samples)}
        return FasnetReadings(scores, self.reach[chosen], rows)


def read_with_fasnet(samples: Sequence[Sample], fasnet: Fasnet) -> FasnetReadings:
    """Run Fasnet over every sample's picture, which is read again."""
    boxes = {one.item: one.box for one in samples}
    pairs = read_pixels([one.item for one in samples])
    plain, bare, reach = [], [], []
    rows: dict[Item, int] = {}
    while chunk := list(islice(pairs, _BATCH)):
        faces = [boxes[item] for item, _ in chunk]
        scores = fasnet.score([pixels for _, pixels in chunk], faces)
        plain.append(scores.plain)
        bare.append(scores.bare)
        reach += [visible_scale(pixels, box) for (_, pixels), box in zip(chunk, faces, strict=True)]
        rows |= {item: len(rows) + index for index, (item, _) in enumerate(chunk)}
    return FasnetReadings(
        FasnetScores(np.concatenate(plain), np.concatenate(bare)), np.array(reach, dtype=np.float32), rows
    )
