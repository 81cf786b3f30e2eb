"""What looking at large photos in one working size changes, beside looking at all of them closely.

`python -m tools.evaluation.working_size FOLDER` takes portraits from FOLDER/PERSON/, makes a photo of 12 megapixels of
each, as phones do, with the person near and far, and prints how far faces, scores and liveness verdicts differ.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from pipeline.stages.decode import decode
from pipeline.stages.quality import assess, look
from pipeline.stages.subject import people_of
from pipeline.types import Detector, Embedder, Face, LivenessJudge, Photo
from tools.benchmark.phone import SIZE, phone_photo
from tools.benchmark.photos import encoded, read
from tools.cli.options import FILE, batches, tracked, weights_option

SHARES = (1.0, 0.6, 0.35, 0.2)
"""Height of the portrait as a share of the photo's, by turns."""
AT_ONCE = 4
MOST_BYTES, MOST_PIXELS, ENGINES = 50_000_000, 108_000_000, ("cnn", "fasnet", "facenox")


@dataclass(frozen=True)
class _Seen:
    """What one way of looking says of a photo; `subject` is the largest face's box."""

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
    both = list(_seen_both(files, weights))
    faces = [pair for pair in both if pair[0].subject and pair[1].subject]
    print(f"{len(files)} photos of {SIZE[0]}x{SIZE[1]}: with a face {len(faces)}, in both ways the same person count "
          f"{sum(a.people == b.people for a, b in both)}, the same liveness verdict "
          f"{sum(a.liveness == b.liveness for a, b in both)}")  # fmt: skip
    moved = [max(np.abs(np.subtract(a.subject, b.subject))) / b.subject[2] for a, b in faces if a.subject and b.subject]
    scores = np.abs([a.score - b.score for a, b in both])
    print(f"subject's box moved by at most {max(moved):.1%} of its width (95 %: {np.percentile(moved, 95):.1%})")
    print(f"score differs by at most {scores.max():.3f} (95 %: {np.percentile(scores, 95):.3f}); "
          f"passed on one side only: {sum((a.score >= 7) != (b.score >= 7) for a, b in both)}")  # fmt: skip


def _seen_both(files: Sequence[Path], weights: Path) -> Iterator[tuple[_Seen, _Seen]]:
    """Yield what both ways say of each photo."""
    store = WeightStore(weights)
    models: dict[str, Embedder] = {name: load_embedder(REGISTRY[name], store) for name in ("Dlib", "MobileFaceNet")}
    judge = load_judge(ENGINES, Path("bin/model/liveness_best.h5"), None, weights, WEIGHTS / "compiled")
    ways = MtcnnDetector(always_closer=False), MtcnnDetector(always_closer=True)
    for part in batches(enumerate(tracked(files, len(files), "Looking at photos")), AT_ONCE):
        photos = [_photo(file, number) for number, file in part]
        one, other = (_seen(photos, way, models, judge) for way in ways)
        yield from zip(one, other, strict=True)


def _seen(
    photos: Sequence[Photo], detector: Detector, models: Mapping[str, Embedder], judge: LivenessJudge
) -> Iterator[_Seen]:
    for photo, found in zip(photos, detector.detect([one.pixels for one in photos]), strict=True):
        faces = [Face(photo, one, crop_face(photo, one)) for one in found]
        if not faces:
            yield _Seen(None, 0, 0.0, "none")
            continue
        quality = assess(photo, faces, look([faces[0].crop], models)[0], 7.0)
        box, verdict = found[0].box, judge.judge(faces[:1])[0]
        place = box.left, box.top, box.width, box.height
        yield _Seen(place, people_of(found).count, quality.score, verdict.state.value)


def _photo(file: Path, number: int) -> Photo:
    """Return a phone's photo of a portrait with more around it: its own edge, continued."""
    portrait = read(file)
    add = round(portrait.shape[0] * (1 / SHARES[number % len(SHARES)] - 1) / 2)
    wide = np.asarray(cv2.copyMakeBorder(portrait, add, add, add, add, cv2.BORDER_REPLICATE), np.uint8)
    return decode(file.name, encoded(phone_photo(wide, number)), MOST_BYTES, MOST_PIXELS)


if __name__ == "__main__":
    main()
