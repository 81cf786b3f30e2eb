"""What the recognition models say of a face: they know best which faces they will fail on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.types import Crop, Embedder, Floats


@dataclass(frozen=True)
class FaceLook:
    """Of one face and each model by its registry name.

    `length` is the embedding's length before normalisation (Meng et al. 2021: it grows with quality). `agreement` is
    the cosine, -1 to 1, between the face's embedding and its mirror image's: what a face shows clearly, its mirror
    image shows as well. `embedding` is what `Embedder.embed` returns, float32 (d,).
    """

    length: Mapping[str, float] = field(default_factory=dict)
    agreement: Mapping[str, float] = field(default_factory=dict)
    embedding: Mapping[str, Floats] = field(default_factory=dict, compare=False, repr=False)


def look(crops: Sequence[Crop], embedders: Mapping[str, Embedder]) -> list[FaceLook]:
    """Look at every face with every model: one call per model for all faces and their mirror images together."""
    if not crops:
        return []
    sides = {name: embedder.both_sides(crops) for name, embedder in embedders.items()}
    lengths = {name: both.lengths for name, both in sides.items()}
    agreements = {name: both.agreements for name, both in sides.items()}
    means = {name: both.mean for name, both in sides.items()}
    return [
        FaceLook(
            {name: float(values[at]) for name, values in lengths.items()},
            {name: float(values[at]) for name, values in agreements.items()},
            {name: values[at] for name, values in means.items()},
        )
        for at in range(len(crops))
    ]
