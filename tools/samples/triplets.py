"""A picture of distances: photos of a few people, each compared with each.

`python -m tools.samples.triplets` draws three people and writes docs/img/triplets.png, in about two minutes;
`python -m tools.samples.triplets FOLDER --out FILE` compares photos of your own, FOLDER/PERSON/PHOTO.jpg.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import cv2
import numpy as np

from pipeline.scoring import load_scorer
from pipeline.stages.compare import fused_scores
from pipeline.types import EnrolledFaces, Floats, Pixels
from tools.benchmark.photos import encoded, read
from tools.cli.options import FILE, ROOT, one_line
from tools.evaluation.workbench import FAULTS, common_options, prepare
from tools.samples.build import Build
from tools.samples.render import Scene, photo

PICTURE = ROOT / "docs" / "img" / "triplets.png"
SIDE, MOST_PHOTOS = 320, 12
BUILDS = {
    "Ada": Build(),
    "Ben": Build(wide=1.12, tall=0.93, jaw=0.14, nose=-0.03, eyes=0.03, skin=(0.62, 0.56, 0.52), hair=(0.5, 0.5, 0.5)),
    "Cleo": Build(
        wide=0.90, tall=1.06, jaw=-0.16, nose=0.05, eyes=-0.035, skin=(1.15, 1.2, 1.22), hair=(4.5, 3.4, 2.0)
    ),
}
"""Three people who do not exist."""


@dataclass(frozen=True, eq=False)
class Distances:
    """The fused distance of each photo to each, (n, n), and the threshold of one photo."""

    people: Sequence[str]
    photos: Sequence[Pixels]
    values: Floats
    threshold: float


@click.command(help=__doc__)
@common_options("Dlib,SFace", needs_folder=False)
@click.option("--out", type=FILE, default=PICTURE, show_default=False, metavar="FILE", help="The PNG to write.")
def main(**given: Any) -> None:
    """Run the command."""
    arguments = SimpleNamespace(**given)
    with one_line(*FAULTS, OSError), tempfile.TemporaryDirectory(prefix="faceapp-triplets-") as place:
        if arguments.folder is None:
            arguments.folder = Path(place)
            draw_people(arguments.folder)
        found = measure(arguments)
        print(told(found))
        paint(found, arguments.out)


def draw_people(folder: Path) -> None:
    """Draw two photos of each person into a folder of their own."""
    for number, (name, build) in enumerate(BUILDS.items()):
        (folder / name).mkdir()
        anchor = Scene(yaw=-6, pitch=1, seed=3 + number, build=build)
        positive = Scene(
            yaw=9, pitch=-2, roll=-3, smile=0.5, light=(0.6, 0.5, 0.8), warmth=1.05, zoom=1.1, seed=20 + number,
            build=build, cloth=(0.30, 0.10, 0.10), wall=((0.72, 0.66, 0.58), (0.55, 0.48, 0.42)),
        )  # fmt: skip
        for at, scene in enumerate((anchor, positive), start=1):
            (folder / name / f"{at}.png").write_bytes(encoded(photo(scene, SIDE), ".png"))


def measure(arguments: SimpleNamespace) -> Distances:
    """Return the distances between the photos of a folder. Raises `ValueError` where they are too many to show."""
    bench = prepare(arguments)
    sample = bench.faces.sample
    if len(sample.person) > MOST_PHOTOS:
        raise ValueError(f"{len(sample.person)} photos are too many for a picture; at most {MOST_PHOTOS}.")
    scorer = load_scorer(bench.versions, "cosine", arguments.num_aug, 1e-3, 1e-2)
    faces = sample.embeddings
    values, _ = fused_scores(faces, EnrolledFaces(faces), scorer, "cosine", 1)
    photos = [_square(bench.data.files[row]) for row in bench.faces.rows]
    people = [bench.data.people[int(one)] for one in sample.person]
    return Distances(people, photos, values, scorer.threshold(1, 1))


def told(found: Distances) -> str:
    """Return the distances as a table, the farthest pair of one person, and the nearest of two."""
    names = [f"{name[:9]:>10}" for name in found.people]
    lines = [" " * 10 + "".join(names)]
    for name, row in zip(names, found.values, strict=True):
        lines.append(name + "".join(f"{value:10.3f}" for value in row))
    same = np.equal.outer(np.array(found.people), np.array(found.people))
    others = ~np.eye(len(found.people), dtype=bool)
    lines.append(f"one person: at most {found.values[same & others].max(initial=0.0):.3f}; two: at least "
                 f"{found.values[~same].min(initial=np.inf):.3f}; threshold {found.threshold:.3f}")  # fmt: skip
    return "\n".join(lines)


def paint(found: Distances, file: Path) -> None:
    """Write the distances as a PNG: photos along both sides, green cells for one person, red ones for two."""
    from matplotlib.figure import Figure

    count = len(found.people)
    figure = Figure(figsize=(1.05 * (count + 1), 1.05 * (count + 1)), facecolor="white")
    grid: Any = figure.subplots(count + 1, count + 1, gridspec_kw={"wspace": 0.06, "hspace": 0.06})
    for at, (name, pixels) in enumerate(zip(found.people, found.photos, strict=True), start=1):
        for place in (grid[0, at], grid[at, 0]):
            place.imshow(pixels)
        grid[0, at].set_title(name, fontsize=9)
    for row, column in np.ndindex(count, count):
        value = float(found.values[row, column])
        cell = grid[row + 1, column + 1]
        is_same = found.people[row] == found.people[column]
        cell.set_facecolor("#f0f0f0" if row == column else "#cfe9d6" if is_same else "#f3d3d0")
        shown = "" if row == column else f"{value:.3f}"
        cell.text(0.5, 0.5, shown, ha="center", va="center", fontsize=11, transform=cell.transAxes)
    for cell in grid.flat:
        cell.set(xticks=[], yticks=[])
        cell.spines[:].set_visible(False)
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.95)
    figure.savefig(file, dpi=100, format="png")


def _square(file: Path) -> Pixels:
    pixels = read(file)
    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    cut = cv2.resize(pixels[top : top + side, left : left + side], (128, 128), interpolation=cv2.INTER_AREA)
    return np.asarray(cut, np.uint8)


if __name__ == "__main__":
    main()
