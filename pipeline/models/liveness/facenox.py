"""The facenox engine: a small network that was trained on CelebA-Spoof (facenox/face-antispoof-onnx, Apache-2.0).

It looks at 1.5 times the longer side of the face's box; outside the photo its mirror image is used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from codes_dict import Code, Refusal
from pipeline.models.batching import RequestBatcher
from pipeline.models.liveness.views import checked, reflected, warm
from pipeline.models.runtime import ModelUnavailable, OpenVinoRunner, in_parts
from pipeline.models.weights import check_weights
from pipeline.registry import FACENOX_WEIGHTS
from pipeline.types import Box, Floats, Pixels

SCALE = 1.5
SIZE = 128
LIVE, ATTACK = 0, 1
"""Columns of the output, which is logits."""
_FACES_AT_ONCE = 8


@dataclass(frozen=True, eq=False)
class Facenox:
    """The loaded network: RGB values from 0 to 1 (n, 3, 128, 128) to logits (n, 2); safe to call from threads."""

    run: Callable[[Floats], Floats]

    def score(self, photos: Sequence[Pixels], boxes: Sequence[Box]) -> Floats:
        """Return each face's log-odds of an attack: float32 (faces,), from one call of the network.

        Raises `Refusal(Code.NO_LIVENESS)` where the output has another length than asked for or is not finite.
        """
        crops = [cut_reflected(photo, box) for photo, box in zip(photos, boxes, strict=True)]
        batch = np.stack(crops).astype(np.float32).transpose(0, 3, 1, 2) / np.float32(255)
        logits = checked(self.run(np.ascontiguousarray(batch)), (len(photos), 2), "facenox")
        return np.asarray(logits[:, ATTACK] - logits[:, LIVE], dtype=np.float32)


def load_facenox(weights: Path) -> Facenox:
    """Load the network from the folder `weights`, check its SHA-256 and run it once.

    Raises `Refusal(Code.NO_LIVENESS)` naming the file that is missing, not the expected one or does not load.
    """
    path = check_weights(weights, FACENOX_WEIGHTS, "facenox")
    try:
        runner = OpenVinoRunner(path)
    except ModelUnavailable as reason:
        raise Refusal(Code.NO_LIVENESS, f"{path.name} does not load: {reason}") from reason
    shared = RequestBatcher(in_parts(runner, _FACES_AT_ONCE), name="facenox")
    facenox = Facenox(lambda batch: np.asarray(shared([batch])[0], dtype=np.float32))
    warm(facenox.score)
    return facenox


def cut_reflected(photo: Pixels, box: Box) -> Pixels:
    """Cut a face and what is around it: uint8 RGB (128, 128, 3); beyond the photo's edges its mirror image is seen."""
    side = max(1, round(max(box.width, box.height) * SCALE))
    left, top = round(box.centre[0] - side / 2), round(box.centre[1] - side / 2)
    region = photo[max(top, 0) : top + side, max(left, 0) : left + side]
    if region.shape[:2] != (side, side):
        height, width = photo.shape[:2]
        rows, columns = reflected(top + np.arange(side), height), reflected(left + np.arange(side), width)
        region = photo[rows[:, None], columns[None, :]]
    method = cv2.INTER_AREA if side > SIZE else cv2.INTER_LANCZOS4
    return np.asarray(cv2.resize(region, (SIZE, SIZE), interpolation=method), dtype=np.uint8)
