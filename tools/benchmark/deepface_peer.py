"""The peer: DeepFace, and the procedure that the seed document builds from it."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipeline.models.weights import packaged_file
from pipeline.registry import REGISTRY
from pipeline.types import Pixels
from tools.benchmark.photos import decoded

SIDE = 224
"""Side of the crops that the seed's procedure compares, in pixels."""
ENOUGH, ENOUGH_AUGMENTED = 2, 20
CALLED = {"model_name": "Dlib", "detector_backend": "mtcnn", "enforce_detection": False}
"""How DeepFace is called."""


@contextmanager
def deepface(model: str = "Dlib", weights: Path | None = None) -> Iterator[Any]:
    """Give DeepFace with a model's weights where it looks for them, by default Dlib's, so that it downloads nothing."""
    packaged = REGISTRY[model].packaged
    weights = weights or (packaged_file(packaged) if packaged else None)
    if weights is None:
        raise FileNotFoundError("the package face_recognition_models is not installed")
    with tempfile.TemporaryDirectory(prefix="faceapp-peer-") as home:
        folder = Path(home) / ".deepface" / "weights"
        folder.mkdir(parents=True)
        (folder / Path(REGISTRY[model].file).name).symlink_to(weights.resolve())
        os.environ["DEEPFACE_HOME"] = home
        try:
            from deepface import DeepFace

            yield DeepFace
        finally:
            del os.environ["DEEPFACE_HOME"]


def verifying(module: Any, photos: Sequence[bytes]) -> Callable[[], object]:
    """Return one call of `DeepFace.verify` on the first two photos."""
    pair = [decoded(photo)[..., ::-1].copy() for photo in photos[:2]]
    return partial(module.verify, *pair, **CALLED)


@dataclass(frozen=True)
class Seed:
    """The seed's procedure for one model: `enrolled` and `augmented` are crops that its database holds as files."""

    module: Any
    detector: Any
    folder: Path
    enrolled: Sequence[Path]
    stored: Sequence[Path]

    def crops(self, photos: Sequence[bytes]) -> list[Pixels]:
        """Find each photo's face and cut it out, 224 x 224."""
        return [crop(self.detector, decoded(photo)) for photo in photos]

    def run(self, photos: Sequence[bytes], augment: Callable[[Pixels], Sequence[Pixels]]) -> bool:
        """Verify the photos: all real pairs, then all augmented ones, then a search. True where the pairs verify."""
        probes = self.crops(photos)
        if self.matches(probes, self.enrolled, ENOUGH):
            return True
        copies = [copy for probe in probes for copy in augment(probe)]
        if self.matches(copies, [*self.enrolled, *self.stored], ENOUGH_AUGMENTED):
            return True
        self.module.find(probes[0][..., ::-1].copy(), str(self.folder), **CALLED, silent=True)
        return False

    def matches(self, probes: Sequence[Pixels], files: Sequence[Path], enough: int) -> bool:
        """Compare pair by pair until enough match."""
        found = 0
        for probe in probes:
            for file in files:
                found += bool(self.module.verify(probe[..., ::-1].copy(), str(file), **CALLED)["verified"])
                if found >= enough:
                    return True
        return False


def crop(detector: Any, photo: Pixels) -> Pixels:
    """Return the largest face that the package `mtcnn` finds, 224 x 224; the whole photo where it finds none."""
    faces = detector.detect_faces(photo)
    part = photo
    if faces:
        left, top, width, height = max((face["box"] for face in faces), key=lambda box: box[2] * box[3])
        part = photo[max(top, 0) : top + height, max(left, 0) : left + width]
    return np.asarray(cv2.resize(part, (SIDE, SIDE)), np.uint8)


def altered(probe: Pixels) -> list[Pixels]:
    """Return augmentations of a crop: mirrored, turned, darker, blurred."""
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), 6, 1.0)
    return [
        np.ascontiguousarray(probe[:, ::-1]),
        np.asarray(cv2.warpAffine(probe, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE), np.uint8),
        (probe * 0.8).astype(np.uint8),
        np.asarray(cv2.GaussianBlur(probe, (0, 0), 1.0), np.uint8),
    ]


def seed(module: Any, folder: Path, photos: Sequence[bytes]) -> Seed:
    """Enrol as the seed does: crops and their augmentations as files in the person's folder."""
    from mtcnn import MTCNN

    detector = MTCNN()
    enrolled, stored = [], []
    for number, photo in enumerate(photos):
        face = crop(detector, decoded(photo))
        enrolled.append(_written(folder / f"face{number}.png", face))
        stored += [_written(folder / f"face{number}_{turn}.png", one) for turn, one in enumerate(altered(face))]
    return Seed(module, detector, folder, enrolled, stored)


def _written(file: Path, pixels: Pixels) -> Path:
    cv2.imwrite(str(file), pixels[..., ::-1])
    return file
