"""What the quality score is fitted on: measured components of portraits and of degraded copies of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.stages.align import crop_face
from pipeline.stages.quality.canonical import canonical_face
from pipeline.stages.quality.components import of_look, of_pixels
from pipeline.stages.quality.looks import look
from pipeline.stages.quality.occlusion import FEATURES, describe
from pipeline.types import Detector, Doubles, Embedder, Face, Floats, Photo
from tools.calibration.sample import Ints
from tools.cli.options import batches, tracked
from tools.evaluation.degrade import DEGRADATIONS, unusual
from tools.evaluation.faces import read_photo, subjects
from tools.evaluation.layout import Dataset

AT_ONCE = 16
PARTS = ("values", "features", "person")

UNUSUAL = "unusual"
KINDS = {**DEGRADATIONS, UNUSUAL: unusual}
"""Every kind of copy; the unusual ones should pass."""


@dataclass(frozen=True, eq=False)
class Faces:
    """Measured faces: `values` (n, k) by component, `features` (n, FEATURES) of the occlusion model, `person` (n,).

    A photo in which no face was found has a row of NaN. `embeddings[model]` (n, d) are means of both sides.
    """

    values: Doubles
    features: Floats
    person: Ints
    embeddings: Mapping[str, Floats]


@dataclass(frozen=True, eq=False)
class Measurements:
    """Portraits and, per kind, degraded copies of some people's first portraits; `names` are the components."""

    names: tuple[str, ...]
    portraits: Faces
    copies: Mapping[str, Faces]

    def save(self, path: Path) -> None:
        """Write everything to an `.npz` file."""
        stored = {"names": np.array(self.names)}
        for place, faces in {"portraits": self.portraits, **self.copies}.items():
            stored |= {f"{place}/{part}": getattr(faces, part) for part in PARTS}
            stored |= {f"{place}/embeddings/{name}": vectors for name, vectors in faces.embeddings.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.savez(file, **stored)  # type: ignore[arg-type]  # the stub takes the arrays for its flag


def load(path: Path) -> Measurements:
    """Read what `Measurements.save` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        arrays = dict(stored)
    faces = {}
    for place in dict.fromkeys(key.partition("/")[0] for key in arrays if "/" in key):
        prefix = f"{place}/embeddings/"
        vectors = {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}
        faces[place] = Faces(**{part: arrays[f"{place}/{part}"] for part in PARTS}, embeddings=vectors)
    return Measurements(tuple(arrays["names"].tolist()), faces.pop("portraits"), faces)


def collect(
    data: Dataset, detector: Detector, embedders: Mapping[str, Embedder], copies_of: int, seed: int
) -> Measurements:
    """Measure every portrait of `data`, and one degraded copy per kind of the first portraits of `copies_of` people.

    Portraits without a face are left out. Raises `LayoutError` where a file is not a photo.
    """
    measure = partial(_measured, detector=detector, embedders=embedders)
    everybody = list(zip(data.files, data.person, strict=True))
    rows = [
        row
        for part in batches(tracked(everybody, len(everybody), "Measuring portraits"), AT_ONCE)
        for row in measure([(read_photo(file), who) for file, who in part])
    ]
    found = [row for row in rows if row.values]
    names = tuple(found[0].values)
    rng = np.random.default_rng(seed)
    firsts = rng.permutation(np.unique(data.person, return_index=True)[1])[:copies_of]
    copies: dict[str, list[_Row]] = {kind: [] for kind in KINDS}
    for part in batches((everybody[int(row)] for row in firsts), AT_ONCE):
        photos = [(read_photo(file), who) for file, who in part]
        found_faces = subjects([photo for photo, _ in photos], detector)
        shown = [(photo, who, face) for (photo, who), face in zip(photos, found_faces, strict=True) if face]
        for kind, degrade in KINDS.items():
            worse = [(replace(p, pixels=degrade(p.pixels, face, rng), digest=f"{p.digest}:{kind}"), who)
                     for p, who, face in shown]  # fmt: skip
            copies[kind] += measure(worse)
    return Measurements(names, _stacked(names, found), {kind: _stacked(names, some) for kind, some in copies.items()})


@dataclass(frozen=True, eq=False)
class _Row:
    """One photo; `values` is empty where no face was found."""

    person: int
    values: Mapping[str, float]
    features: Floats
    embeddings: Mapping[str, Floats]


def _measured(
    photos: Sequence[tuple[Photo, int]], detector: Detector, embedders: Mapping[str, Embedder]
) -> Iterator[_Row]:
    """Yield a row for each photo and who is on it."""
    shown = subjects([photo for photo, _ in photos], detector)
    faces = [Face(p, s, crop_face(p, s)) for (p, _), s in zip(photos, shown, strict=True) if s]
    seen = iter(zip(faces, look([face.crop for face in faces], embedders), strict=True))
    for (photo, who), found in zip(photos, shown, strict=True):
        if found is None:
            sizes = {name: np.full(model.size, np.nan, np.float32) for name, model in embedders.items()}
            yield _Row(who, {}, np.zeros(FEATURES, np.float32), sizes)
        else:
            face, its = next(seen)
            values = {**of_pixels(photo.pixels, face), **of_look(its)}
            yield _Row(who, values, describe(canonical_face(face.crop)), its.embedding)


def _stacked(names: Sequence[str], rows: Sequence[_Row]) -> Faces:
    return Faces(
        np.array([[row.values.get(name, np.nan) for name in names] for row in rows]).reshape(len(rows), len(names)),
        np.array([row.features for row in rows], np.float32).reshape(len(rows), FEATURES),
        np.array([row.person for row in rows], np.int64),
        {name: np.stack([row.embeddings[name] for row in rows]) for name in (rows[0].embeddings if rows else ())},
    )
