"""How people who are drawn differ: a head is the first person's, seen through a change of its measures and colours."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tools.samples.noise import Floats, f32
from tools.samples.shape import HAIR, SKIN, Triple

Parts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Build:
    """Somebody's measures beside the first person's. `skin` and `hair` multiply the colours."""

    wide: float = 1.0
    tall: float = 1.0
    jaw: float = 0.0
    """How much wider the jaw gets, and the forehead narrower."""
    nose: float = 0.0
    """How much further the nose comes out."""
    eyes: float = 0.0
    """How much further the eyes are apart."""
    skin: Triple = (1.0, 1.0, 1.0)
    hair: Triple = (1.0, 1.0, 1.0)


def standard(points: Floats, build: Build) -> Floats:
    """Return where these points (n, 3) of somebody's head are in the first person's."""
    y = points[:, 1] / build.tall
    x = points[:, 0] / (build.wide * (1 - build.jaw * np.clip(y, -0.9, 0.5)))
    x = x - build.eyes * np.tanh(8 * x) * np.exp(-(((np.abs(x) - 0.3) / 0.2) ** 2) - ((y - 0.08) / 0.2) ** 2)
    z = points[:, 2] - build.nose * np.exp(-((x / 0.13) ** 2) - ((y + 0.17) / 0.18) ** 2)
    return f32(np.stack([x, y, z], axis=-1))


def tints(parts: Parts, build: Build) -> Floats:
    """Return by what the colours of points of these parts (n,) are multiplied, (n, 3)."""
    found = np.ones((len(parts), 3), np.float32)
    found[parts == SKIN], found[parts == HAIR] = build.skin, build.hair
    return found
