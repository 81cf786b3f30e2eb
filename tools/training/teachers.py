"""What the teachers say: Fasnet's two networks and facenox, as log-odds of an attack."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.models.liveness.cnn import log_odds
from pipeline.models.liveness.facenox import Facenox, load_facenox
from pipeline.models.liveness.fasnet import LIVE, Fasnet, FasnetScores, load_fasnet
from pipeline.models.liveness.fusion import LOUDEST
from pipeline.types import Box, Floats, Pixels
from tools.cli.options import batches
from tools.training.sources import Sample, read_pixels

TEACHERS = ("near", "far", "facenox")
"""The columns of what `Teachers.judge` returns: Fasnet's network for 2.7 times the box, its other one, and facenox."""
_BATCH = 16


@dataclass(frozen=True, eq=False)
class Readings:
    """Fasnet's scores, facenox's log-odds (n,) and the reach of the photo around the face (n,), of samples."""

    fasnet: FasnetScores
    facenox: Floats
    reach: Floats


@dataclass(frozen=True, eq=False)
class Teachers:
    """The networks that our own one learns from."""

    fasnet: Fasnet
    facenox: Facenox

    def judge(self, photos: Sequence[Pixels], boxes: Sequence[Box]) -> Floats:
        """Return each teacher's log-odds of an attack, cut at 6: float32 (faces, 3)."""
        fasnet, facenox = self.fasnet.score(photos, boxes), self.facenox.score(photos, boxes)
        odds = np.column_stack([log_odds(1 - fasnet.plain[:, :, LIVE]), facenox])
        return np.asarray(np.clip(odds, -LOUDEST, LOUDEST), dtype=np.float32)

    def read(self, samples: Sequence[Sample]) -> Readings:
        """Run the teachers over every sample's picture, which is read again."""
        boxes = {one.item: one.box for one in samples}
        fasnet, facenox, reach = list[FasnetScores](), list[Floats](), list[float]()
        for chunk in batches(read_pixels([one.item for one in samples]), _BATCH):
            photos, faces = [pixels for _, pixels in chunk], [boxes[item] for item, _ in chunk]
            fasnet.append(self.fasnet.score(photos, faces))
            facenox.append(self.facenox.score(photos, faces))
            reach += [box.reach(pixels) for pixels, box in zip(photos, faces, strict=True)]
        plain, bare = (np.concatenate([getattr(one, name) for one in fasnet]) for name in ("plain", "bare"))
        return Readings(FasnetScores(plain, bare), np.concatenate(facenox), np.array(reach, dtype=np.float32))


def load_teachers(weights: Path, kept: Path | None = None) -> Teachers:
    """Load all teachers from one folder; raises `Refusal(Code.NO_LIVENESS)` naming the file that is missing.

    `kept` is where converted networks are kept, so that they run faster; None keeps none.
    """
    return Teachers(load_fasnet(weights, kept), load_facenox(weights))
