"""The Fasnet engine: MiniFASNet as DeepFace carries it, run compiled and in batches.

Two networks look at the face with 2.7 and 4 times its box (minivision-ai, Silent-Face-Anti-Spoofing, Apache-2.0).
Both need the surroundings. So each face is read as DeepFace reads it, and by the second network once more, cut out on
a black ground, which puts a face that fills its photo at the size that the network knows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from codes_dict import Code, Refusal
from pipeline.models.batching import RequestBatcher
from pipeline.models.keras_network import KerasFunction, kept_file, keras_runner
from pipeline.models.liveness.views import box_inside, checked, warm
from pipeline.models.runtime import in_parts
from pipeline.models.weights import check_weights
from pipeline.registry import FASNET_WEIGHTS
from pipeline.types import Box, Floats, Pixels

FILES: dict[str, str] = {one.file: str(one.sha256) for one in FASNET_WEIGHTS}
"""The weights' names, in the order of `SCALES`, and their SHA-256."""
SCALES = (2.7, 4.0)
SIZE = 80
LIVE = 1
"""The column that means a live face; columns 0 and 2 are attacks."""
_FACES_AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class FasnetScores:
    """Probabilities: `plain` (faces, networks, 3) of the photo, `bare` (faces, 3) of the face's box alone on black."""

    plain: Floats
    bare: Floats

    @property
    def attack(self) -> Floats:
        """DeepFace's own reading as the probability of an attack (faces,): one minus the mean for live."""
        return np.asarray(1 - self.plain[:, :, LIVE].mean(axis=1), dtype=np.float32)

    @property
    def spoof(self) -> list[bool]:
        """DeepFace's own decision: whether another column than live has the largest sum."""
        return [int(row.argmax()) != LIVE for row in self.plain.sum(axis=1)]


@dataclass(frozen=True, eq=False)
class Fasnet:
    """Both networks, compiled: pixels (n, 80, 80, 3) to probabilities (n, 3); safe to call from several threads."""

    near: Callable[[Floats], Floats]
    far: Callable[[Floats], Floats]

    def score(self, photos: Sequence[Pixels], boxes: Sequence[Box]) -> FasnetScores:
        """Score every face, all readings, in one call of each network.

        Raises `Refusal(Code.NO_LIVENESS)` where the output has another length than asked for or is not finite.
        """
        plain = [_plain_inputs(photo, box) for photo, box in zip(photos, boxes, strict=True)]
        bare = [_bare_input(photo, box) for photo, box in zip(photos, boxes, strict=True)]
        near = checked(self.near(_stacked([pair[0] for pair in plain])), (len(photos), 3), "Fasnet")
        far = checked(self.far(_stacked([*(pair[1] for pair in plain), *bare])), (2 * len(photos), 3), "Fasnet")
        return FasnetScores(np.stack([near, far[: len(photos)]], axis=1), far[len(photos) :])


def load_fasnet(weights: Path, kept: Path | None = None) -> Fasnet:
    """Load both networks from the folder `weights`, check their SHA-256, compile and run them once.

    `kept` is where converted networks are kept, so that later loads do without Keras; None keeps none. Raises
    `Refusal(Code.NO_LIVENESS)` naming the file that is missing or not the expected one.
    """
    for one in FASNET_WEIGHTS:
        check_weights(weights, one, "Fasnet")
    loaded = cache(lambda: [_function(network) for network in load_networks(weights)])
    files = [kept_file(kept, "fasnet", digest) for digest in FILES.values()]
    near, far = (
        RequestBatcher(
            in_parts(keras_runner(lambda at=at: loaded()[at], file, 0.0, 255.0), _FACES_AT_ONCE),  # type: ignore[misc]
            name=f"fasnet {at + 1}",
        )
        for at, file in enumerate(files)
    )
    fasnet = Fasnet(lambda faces: softmax(near([faces])[0]), lambda faces: softmax(far([faces])[0]))
    warm(fasnet.score)
    return fasnet


def load_networks(weights: Path) -> list[Any]:
    """Build both networks with Keras from the folder `weights`, in the order of `FILES`.

    Raises `Refusal(Code.NO_LIVENESS)` naming the file that is missing, not the expected one or does not load.
    """
    for one in FASNET_WEIGHTS:
        check_weights(weights, one, "Fasnet")
    try:
        from deepface.commons import weight_utils
        from deepface.models.spoofing.tf import FasNetBackbone

        makers = (FasNetBackbone.MiniFASNetV2, FasNetBackbone.MiniFASNetV1SE)
        return [
            weight_utils.load_model_weights(make(conv6_kernel=(5, 5)), str(weights / name))
            for make, name in zip(makers, FILES, strict=True)
        ]
    except Exception as fault:
        raise Refusal(Code.NO_LIVENESS, f"Fasnet does not load: {type(fault).__name__}: {fault}") from fault


def _function(network: Any) -> KerasFunction:
    return KerasFunction(lambda batch: network(batch, training=False), [((SIZE, SIZE, 3), np.float32)])


def _stacked(inputs: Sequence[Pixels]) -> Floats:
    return np.stack(inputs).astype(np.float32)


def softmax(logits: Floats) -> Floats:
    """Return probabilities (n, classes) that sum to 1."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def _plain_inputs(photo: Pixels, box: Box) -> list[Pixels]:
    """Return the crops that DeepFace makes: BGR, around the box's integer part, moved and shrunk into the photo."""
    from deepface.models.spoofing.FasNetUtils import crop

    area = (int(box.left), int(box.top), max(1, int(box.width)), max(1, int(box.height)))
    return [np.asarray(crop(photo, area, scale, SIZE, SIZE)[..., ::-1], dtype=np.uint8) for scale in SCALES]


def _bare_input(photo: Pixels, box: Box) -> Pixels:
    """Return the box alone in the middle of a black square of the second network's scale."""
    face = box_inside(photo, box)[..., ::-1]
    ground = np.zeros((round(face.shape[0] * SCALES[1]), round(face.shape[1] * SCALES[1]), 3), np.uint8)
    y, x = (ground.shape[0] - face.shape[0]) // 2, (ground.shape[1] - face.shape[1]) // 2
    ground[y : y + face.shape[0], x : x + face.shape[1]] = face
    return np.asarray(cv2.resize(ground, (SIZE, SIZE)), dtype=np.uint8)
