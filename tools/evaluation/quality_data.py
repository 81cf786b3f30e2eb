"""What the quality score is fitted on: measured components of portraits and of degraded copies of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.stages.align import crop_face
from pipeline.stages.quality.canonical import canonical_face
from pipeline.stages.quality.components import components
from pipeline.stages.quality.looks import look
from pipeline.stages.quality.occlusion import FEATURES, describe
from pipeline.types import Detection, Detector, Doubles, Embedder, Face, Floats, Photo
from tools.calibration.sample import Ints
from tools.evaluation.degrade import DEGRADATIONS, unusual
from tools.evaluation.faces import read_photo, subject
from tools.evaluation.layout import Dataset

AT_ONCE = 16

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
        parts = {"portraits": self.portraits, **{f"copies.{kind}": faces for kind, faces in self.copies.items()}}
        stored = {"names": np.array(self.names)}
        for place, faces in parts.items():
            stored |= {f"{place}/values": faces.values, f"{place}/features": faces.features}
            stored |= {f"{place}/person": faces.person}
            stored |= {f"{place}/embeddings/{name}": vectors for name, vectors in faces.embeddings.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.savez(file, **stored)  # type: ignore[arg-type]  # the stub takes the arrays for its flag


def load(path: Path) -> Measurements:
    """Read what `Measurements.save` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        arrays = dict(stored)
    places = dict.fromkeys(key.partition("/")[0] for key in arrays if "/" in key)
    faces = {}
    for place in places:
        prefix = f"{place}/embeddings/"
        vectors = {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}
        values, features, person = (arrays[f"{place}/{part}"] for part in ("values", "features", "person"))
        faces[place] = Faces(values, features, person, vectors)
    copies = {place.removeprefix("copies."): one for place, one in faces.items() if place != "portraits"}
    return Measurements(tuple(arrays["names"].tolist()), faces["portraits"], copies)


def collect(
    data: Dataset, detector: Detector, embedders: Mapping[str, Embedder], copies_of: int, seed: int
) -> Measurements:
    """Measure every portrait of `data`, and one degraded copy per kind of the first portraits of `copies_of` people.

    Portraits without a face are left out. Raises `LayoutError` where a file is not a photo.
    """
    person = np.array(data.person, dtype=np.int64)
    rows: list[_Row] = []
    for start in range(0, len(data.files), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        photos = [read_photo(file) for file in data.files[part]]
        rows += _measured(photos, person[part], detector, embedders)
        print(f"{start + len(photos)} of {len(data.files)} portraits", end="\r", file=sys.stderr, flush=True)
    found = [row for row in rows if row.values]
    names = tuple(found[0].values)
    rng = np.random.default_rng(seed)
    firsts = rng.permutation(np.unique(person, return_index=True)[1])[:copies_of]
    copies: dict[str, list[_Row]] = {kind: [] for kind in KINDS}
    for start in range(0, len(firsts), AT_ONCE):
        some = firsts[start : start + AT_ONCE]
        photos = [read_photo(data.files[int(row)]) for row in some]
        for kind, measured in _degraded(photos, person[some], detector, embedders, rng).items():
            copies[kind] += measured
    return Measurements(names, _stacked(names, found), {kind: _stacked(names, some) for kind, some in copies.items()})


def _degraded(
    photos: Sequence[Photo],
    person: Ints,
    detector: Detector,
    embedders: Mapping[str, Embedder],
    rng: np.random.Generator,
) -> dict[str, list[_Row]]:
    """Measure one copy of every kind of each photo that shows a face."""
    subjects = [_subject(photo, found) for photo, found in _detected(photos, detector)]
    shown = [(p, s, int(who)) for p, s, who in zip(photos, subjects, person, strict=True) if s]
    whose = np.array([who for *_, who in shown], dtype=np.int64)
    return {
        kind: _measured(
            [Photo(p.name, degrade(p.pixels, s, rng), f"{p.digest}:{kind}") for p, s, _ in shown],
            whose,
            detector,
            embedders,
        )
        for kind, degrade in KINDS.items()
    }


@dataclass(frozen=True, eq=False)
class _Row:
    """One photo; `values` is empty where no face was found."""

    person: int
    values: Mapping[str, float]
    features: Floats
    embeddings: Mapping[str, Floats]


def _measured(
    photos: Sequence[Photo], person: Ints, detector: Detector, embedders: Mapping[str, Embedder]
) -> list[_Row]:
    subjects = [_subject(photo, found) for photo, found in _detected(photos, detector)]
    faces = [Face(p, s, crop_face(p, s)) for p, s in zip(photos, subjects, strict=True) if s]
    crops = [face.crop for face in faces]
    looks = look(crops, embedders)
    rows, at = [], 0
    for who, found in zip(person.tolist(), subjects, strict=True):
        if found is None:
            sizes = {name: np.full(model.size, np.nan, np.float32) for name, model in embedders.items()}
            rows.append(_Row(who, {}, np.zeros(FEATURES, np.float32), sizes))
            continue
        values = components(faces[at].photo.pixels, faces[at], looks[at])
        rows.append(_Row(who, values, describe(canonical_face(crops[at])), looks[at].embedding))
        at += 1
    return rows


def _detected(photos: Sequence[Photo], detector: Detector) -> list[tuple[Photo, list[Detection]]]:
    return list(zip(photos, detector.detect([photo.pixels for photo in photos]), strict=True))


def _subject(photo: Photo, found: Sequence[Detection]) -> Detection | None:
    height, width = photo.pixels.shape[:2]
    return subject(found, width, height) if found else None


def _stacked(names: Sequence[str], rows: Sequence[_Row]) -> Faces:
    return Faces(
        np.array([[row.values.get(name, np.nan) for name in names] for row in rows]).reshape(len(rows), len(names)),
        np.array([row.features for row in rows], np.float32).reshape(len(rows), FEATURES),
        np.array([row.person for row in rows], np.int64),
        {name: np.stack([row.embeddings[name] for row in rows]) for name in (rows[0].embeddings if rows else ())},
    )
