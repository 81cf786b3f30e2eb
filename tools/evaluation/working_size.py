"""What decoding large photos at the working size changes, compared with decoding them whole.

`python -m tools.evaluation.working_size FOLDER` takes portraits from FOLDER/PERSON/, makes a photo of 12 megapixels of
each, as phones do, with the person near and far, and prints how far faces, scores and liveness verdicts differ; and,
to compare with, how far they differ between two whole photos of the same scene, one with new noise and 3 pixels aside.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import cv2
import numpy as np

from bootstrap.models import WEIGHTS
from pipeline.models.embedders import load_embedder
from pipeline.models.liveness import load_judge
from pipeline.models.mtcnn import MtcnnDetector
from pipeline.models.weights import WeightStore
from pipeline.registry import REGISTRY
from pipeline.stages.align import crop_face
from pipeline.stages.decode import CLOSER_AREA, WORKING_AREA, decode
from pipeline.stages.quality import assess, look
from pipeline.stages.subject import people_of
from pipeline.stages.upright import find_faces
from pipeline.types import Detector, Embedder, Face, LivenessJudge, Pixels
from tools.benchmark.phone import SIZE, phone_photo
from tools.benchmark.photos import encoded, read
from tools.cli.options import FILE, tracked, weights_option

SHARES = (1.0, 0.6, 0.35, 0.2)
"""Height of the portrait as a share of the photo's, by turns."""
MOST_BYTES, MOST_PIXELS, ENGINES = 50_000_000, 108_000_000, ("cnn", "fasnet", "facenox")


@dataclass(frozen=True)
class _Seen:
    """What one way of looking says of a photo; `subject` is the largest face's box in the file's pixels."""

    subject: tuple[float, float, float, float] | None
    people: int
    score: float
    liveness: str


@click.command(help=__doc__)
@click.argument("folder", type=FILE)
@weights_option
@click.option("--photos", default=300)
def main(folder: Path, weights: Path, photos: int) -> None:
    """Print the differences."""
    files = sorted(folder.glob("*/*.jpg"))
    files = files[:: max(1, len(files) // photos)][:photos]
    models = {name: load_embedder(REGISTRY[name], WeightStore(weights)) for name in ("Dlib", "SFace")}
    judge = load_judge(ENGINES, Path("bin/model/liveness_best.h5"), None, weights, WEIGHTS / "compiled")
    see = partial(_seen, detector=MtcnnDetector(), models=models, judge=judge)
    rows = [_looks(file, number, see) for number, file in enumerate(tracked(files, len(files), "Looking at photos"))]
    print(f"{len(rows)} photos of {SIZE[0]}x{SIZE[1]}")
    _show("working size and whole", [(working, whole) for working, whole, _ in rows])
    _show("whole, and another photo of the scene, whole", [(whole, other) for _, whole, other in rows])


def _looks(file: Path, number: int, see: Callable[[bytes, int], _Seen]) -> tuple[_Seen, _Seen, _Seen]:
    """Return what a phone's photo shows at the working size and whole, and what another photo of the scene does whole.

    The scene is a portrait with more around it: its own edge, continued.
    """
    portrait = read(file)
    add = round(portrait.shape[0] * (1 / SHARES[number % len(SHARES)] - 1) / 2)
    wide = np.asarray(cv2.copyMakeBorder(portrait, add, add, add, add, cv2.BORDER_REPLICATE), np.uint8)
    other: Pixels = np.roll(phone_photo(wide, number + MOST_PIXELS), 3, axis=(0, 1))
    data = encoded(phone_photo(wide, number))
    return see(data, WORKING_AREA), see(data, MOST_PIXELS), see(encoded(other), MOST_PIXELS)


def _seen(data: bytes, area: int, detector: Detector, models: Mapping[str, Embedder], judge: LivenessJudge) -> _Seen:
    """Look at a file as an upload does, decoded to at most `area` pixels first."""
    photos = [decode("", data, MOST_BYTES, MOST_PIXELS, area)]
    found = find_faces(photos, detector, lambda one: decode("", one.data, MOST_BYTES, MOST_PIXELS, CLOSER_AREA))[0]
    faces = [Face(photos[0], one, crop_face(photos[0], one)) for one in found]
    if not faces:
        return _Seen(None, 0, 0.0, "none")
    quality = assess(photos[0], faces, look([faces[0].crop], models)[0], 7.0)
    box, scale = found[0].box, photos[0].scale
    place = box.left / scale, box.top / scale, box.width / scale, box.height / scale
    return _Seen(place, people_of(found).count, quality.score, judge.judge(faces[:1])[0].state.value)


def _show(ways: str, both: Sequence[tuple[_Seen, _Seen]]) -> None:
    """Print how far two ways of looking at the same scenes differ."""
    moved = [max(np.abs(np.subtract(a.subject, b.subject))) / b.subject[2] for a, b in both if a.subject and b.subject]
    scores = np.array([(a.score, b.score) for a, b in both])
    apart, on_one_side = np.abs(scores[:, 0] - scores[:, 1]), (scores >= 7).sum(axis=1) == 1
    print(f"{ways}: a face in both {len(moved)}, as many people {sum(a.people == b.people for a, b in both)}, "
          f"the same liveness verdict {sum(a.liveness == b.liveness for a, b in both)}")  # fmt: skip
    print(f"  subject's box moved by at most {max(moved):.1%} of its width (95 %: {np.percentile(moved, 95):.1%})")
    print(f"  score differs by at most {apart.max():.3f} (95 %: {np.percentile(apart, 95):.3f}), by over 0.1 in "
          f"{(apart > 0.1).sum()}; passed on one side only: {on_one_side.sum()}")  # fmt: skip


if __name__ == "__main__":
    main()
