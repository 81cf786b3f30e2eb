"""People that do not exist: embeddings with a person's direction, noise and lengths that tell how much noise."""

from __future__ import annotations

import numpy as np

from tools.calibration.sample import Sample

SIZE = 24


def people(count: int, photos: tuple[int, ...], seed: int, noise: float = 0.7, num_aug: int = 2) -> Sample:
    """Return faces of `count` people; person i has `photos[i % len(photos)]` photos. Models "A" and "B"."""
    generator = np.random.default_rng(seed)
    person = np.repeat(np.arange(count), [photos[index % len(photos)] for index in range(count)])
    embeddings, augmented = {}, {}
    for name, blur in (("A", noise), ("B", 1.3 * noise)):
        centre = generator.normal(0, 1, (count, SIZE)) / np.sqrt(SIZE)
        own = blur * generator.uniform(0.5, 1.5, len(person))
        faces = centre[person] + own[:, None] * generator.normal(0, 1, (len(person), SIZE)) / np.sqrt(SIZE)
        copies = faces[:, None] + 0.2 * generator.normal(0, 1, (len(person), num_aug, SIZE)) / np.sqrt(SIZE)
        length = 8.0 - 2.0 * own
        embeddings[name] = (faces / np.linalg.norm(faces, axis=1, keepdims=True) * length[:, None]).astype(np.float32)
        augmented[name] = (copies * length[:, None, None]).astype(np.float32)
    return Sample(person, embeddings, augmented)
