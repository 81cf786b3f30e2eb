"""Whether something covers the face: a linear model on the shapes and colours of the canonical view."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from pipeline.stages.quality.canonical import CanonicalFace
from pipeline.types import Floats

_HOG_SIDE, _COLOUR_SIDE = 64, 8
FEATURES = 7 * 7 * 36 + _COLOUR_SIDE * _COLOUR_SIDE * 3
"""Numbers that describe a face: oriented gradients (Dalal & Triggs 2005) and an 8 x 8 picture of its colours."""


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A fitted linear model: `weights` float32 (FEATURES,), and what is added to the sum."""

    weights: Floats
    bias: float


def describe(face: CanonicalFace) -> Floats:
    """Return what the model looks at, float32 of shape (FEATURES,).

    The colours are taken relative to the face's median and spread, so that complexion, light and exposure cancel out.
    """
    size = (_HOG_SIDE, _HOG_SIDE)
    grey = cv2.resize(face.luma, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    hog = np.ravel(cv2.HOGDescriptor(size, (16, 16), (8, 8), (8, 8), 9).compute(grey))
    lab = cv2.cvtColor(face.pixels, cv2.COLOR_RGB2LAB).astype(np.float32)
    inside = [channel[face.inside] for channel in cv2.split(lab)]
    low = cv2.resize(lab, (_COLOUR_SIDE, _COLOUR_SIDE), interpolation=cv2.INTER_AREA).reshape(-1, 3)
    middle = np.array([np.median(channel) for channel in inside], dtype=np.float32)
    spread = np.array([inside[0].std() + 4, 12, 12], dtype=np.float32)
    colours = np.clip((low - middle) / spread, -3, 3)
    return np.concatenate([hog, 0.3 * np.abs(colours).ravel()]).astype(np.float32)


def covered(face: CanonicalFace) -> float:
    """Return the log odds that half of the face is covered; most open faces are below -2."""
    model = shipped_model()
    return float(describe(face) @ model.weights + model.bias)


@cache
def shipped_model() -> LinearModel:
    """Read the shipped weights, fitted by `bin/fit-quality` (see docs/quality.md)."""
    stored = json.loads(Path(__file__).with_name("occlusion.json").read_text())
    return LinearModel(np.array(stored["weights"], dtype=np.float32), float(stored["bias"]))
