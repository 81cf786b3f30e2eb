"""The colour of each point of the head: linear RGB, 0 to 1, before any light."""

import numpy as np

from tools.samples.build import Parts
from tools.samples.noise import Floats, f32, noise
from tools.samples.shape import CLOTH, EYE, EYE_RADIUS, EYES, HAIR, Triple, lid_edges, mirrored, mouth_corner

_SKIN: Triple = (0.72, 0.48, 0.37)
_LIPS: Triple = (0.55, 0.25, 0.24)
_BROWS: Triple = (0.10, 0.065, 0.045)
_HAIR: Triple = (0.075, 0.05, 0.035)
_WHITE: Triple = (0.80, 0.77, 0.74)
_IRIS: Triple = (0.20, 0.13, 0.08)


def colours(points: Floats, parts: Parts, gaze: Floats, smile: float, cloth: Triple) -> Floats:
    """Return the colour of points (n, 3) of the parts (n,); `gaze` is where the eyes look, a unit vector."""
    found = _skin(points, smile)
    found[parts == EYES] = _eye(points[parts == EYES], gaze)
    hair = points[parts == HAIR]
    found[parts == HAIR] = f32(_HAIR) * (1 + 0.55 * noise(hair * f32([1, 0.1, 1]), 48, 1))[:, None]
    worn = points[parts == CLOTH]
    found[parts == CLOTH] = f32(cloth) * (1 + 0.06 * noise(worn, 60, 2))[:, None]
    return found


def _skin(points: Floats, smile: float) -> Floats:
    side = mirrored(points)
    tone = (1 + 0.05 * noise(points, 6, 0) + 0.045 * noise(points, 40, 1))[:, None]
    is_front = (points[:, 2] > 0.4).astype(np.float32)
    flush = 0.5 * _spot(side, 0.36, -0.22, 0.16) + 0.5 * _spot(side, 0.0, -0.25, 0.10) * is_front
    skin = f32(_SKIN) * tone * (1 - flush[:, None] * f32([-0.02, 0.16, 0.14]))
    skin = _painted_mouth(skin, side, tone, is_front, smile)
    skin = _mixed(skin, 0.82 * _brows(points, side, is_front), _BROWS)
    return f32(skin * (1 - _lines(side, is_front))[:, None])


def _painted_mouth(skin: Floats, side: Floats, tone: Floats, is_front: Floats, smile: float) -> Floats:
    out, up = mouth_corner(smile)
    across = side[:, 0] / out
    middle = -0.53 + up * across
    thick = 0.088 * np.sqrt(np.clip(1 - across**2, 0.02, 1))
    lips = np.clip(4 * (1.25 - across**2 - ((side[:, 1] - middle) / thick) ** 2), 0, 1) * is_front
    skin = _mixed(skin, 0.8 * lips, _LIPS) * (1 + 0.3 * (tone - 1))
    seam = np.exp(-(((side[:, 1] - middle) / 0.010) ** 2)) * (across < 1) * is_front
    return np.asarray(skin * (1 - 0.75 * seam)[:, None])


def _brows(points: Floats, side: Floats, is_front: Floats) -> Floats:
    along = (side[:, 0] - 0.27) / 0.19
    above = side[:, 1] - (0.245 + 0.03 * along - 0.05 * along**2)
    hairs = 0.5 * noise(points * f32([1, 0.4, 1]), 70, 2)
    thick = 0.034 * (1.1 - 0.35 * along)
    return f32(np.clip(1.4 - (above / thick) ** 2 - 1.2 * along**4 + hairs, 0, 1) * is_front)


def _lines(side: Floats, is_front: Floats) -> Floats:
    """Return how much darker lashes, lids and folds are, 0 to 1."""
    x, y = side[:, 0] - EYE[0], side[:, 1] - EYE[1]
    upper, _ = lid_edges(x)
    is_near = (np.abs(x) < 0.145) * is_front
    lash = 0.7 * np.exp(-(((y - upper) / 0.010) ** 2)) * is_near
    crease = 0.25 * np.exp(-(((y - upper - 0.043) / 0.012) ** 2)) * is_near
    shade = 0.10 * _spot(side, EYE[0], EYE[1] - 0.10, 0.09) * is_front
    fold_x = 0.19 + 0.45 * np.clip(-0.25 - side[:, 1], 0, 0.4)
    is_cheek = (side[:, 1] < -0.27) & (side[:, 1] > -0.55)
    fold = 0.12 * np.exp(-(((side[:, 0] - fold_x) / 0.022) ** 2)) * is_cheek * is_front
    return f32(np.clip(lash + crease + shade + fold, 0, 0.9))


def _eye(points: Floats, gaze: Floats) -> Floats:
    centres = f32(EYE) * np.where(points[:, :1] > 0, f32([1, 1, 1]), f32([-1, 1, 1]))
    outward = (points - centres) / f32(EYE_RADIUS)
    angle = np.degrees(np.arccos(np.clip(outward @ gaze, -1, 1)))[:, None]
    iris = f32(_IRIS) * (1 + 0.5 * noise(outward, 9, 3))[:, None]
    white = f32(_WHITE) * (1 - 0.25 * np.clip(np.abs(outward[:, :1]) - 0.3, 0, 1))
    eye = np.where(angle < 24, iris, white)
    eye = np.where((angle > 21.5) & (angle < 25), eye * 0.45, eye)
    return f32(np.where(angle < 10, f32(0.01), eye))


def _spot(points: Floats, x: float, y: float, size: float) -> Floats:
    return np.exp(-(((points[:, 0] - x) / size) ** 2) - ((points[:, 1] - y) / size) ** 2)


def _mixed(colour: Floats, share: Floats, other: Triple) -> Floats:
    return f32(colour * (1 - share[:, None]) + share[:, None] * f32(other))
