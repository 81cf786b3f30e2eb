"""What the recognition models say of a face: they know best which faces they will fail on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.stages.both_sides import mirrored, sides, together
from pipeline.types import Crop, Embedder, Floats


@dataclass(frozen=True)
class FaceLook:
    """Of one face and each model by its registry name.

    `length` is the embedding's length before normalisation (Meng et al. 2021: it grows with quality). `agreement` is
    the cosine, -1 to 1, between the face's embedding and its mirror image's: what a face shows clearly, its mirror
    image shows as well. `embedding` is `pipeline.stages.both_sides` of it, made of the two on the way.
    """

    length: Mapping[str, float] = field(default_factory=dict)
    agreement: Mapping[str, float] = field(default_factory=dict)
    embedding: Mapping[str, Floats] = field(default_factory=dict, compare=False, repr=False)


def look(crops: Sequence[Crop], embedders: Mapping[str, Embedder]) -> list[FaceLook]:
    """Look at every face with every model: one call per model for all faces and their mirror images together."""
    if not crops:
        return []
    lengths: dict[str, Floats] = {}
    agreements: dict[str, Floats] = {}
    embeddings: dict[str, Floats] = {}
    mirrors = mirrored(crops)
    for name, embedder in embedders.items():
        both = sides(embedder, crops, mirrors)
        lengths[name], agreements[name] = measure(*both)
        embeddings[name] = together(*both)
    return [
        FaceLook(
            {name: float(values[at]) for name, values in lengths.items()},
            {name: float(values[at]) for name, values in agreements.items()},
            {name: values[at] for name, values in embeddings.items()},
        )
        for at in range(len(crops))
    ]


def measure(faces: Floats, mirrors: Floats) -> tuple[Floats, Floats]:
    """Return length and mirror agreement, (n,) each, of embeddings (n, d) and those of the mirror images."""
    length = np.linalg.norm(faces, axis=1)
    product = length * np.linalg.norm(mirrors, axis=1)
    return length, (faces * mirrors).sum(axis=1) / np.maximum(product, 1e-12)
