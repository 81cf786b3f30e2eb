"""The shape of a head as signed distances: negative inside, in units of about 12 cm.

The head looks along z, x is to the image's right, y up. Points are float32 (n, 3), distances float32 (n,). Left and
right are alike, so most parts are described for positive x.
"""

import numpy as np

from tools.samples.noise import Floats, f32, noise

Triple = tuple[float, float, float]

EYE: Triple = (0.265, 0.06, 0.555)
EYE_RADIUS = 0.135
SKIN, EYES, HAIR, CLOTH = range(4)
"""The parts, in the order of `distances`."""


def distances(points: Floats, smile: float) -> Floats:
    """Return the distance to each part, float32 (n, 4)."""
    eyes = _sphere(mirrored(points), EYE, EYE_RADIUS)
    return np.stack([_skin(points, smile), eyes, _hair(points), _cloth(points)], axis=-1)


def mirrored(points: Floats) -> Floats:
    """Return the points with x made positive."""
    one_side = points.copy()
    one_side[:, 0] = np.abs(one_side[:, 0])
    return one_side


def lid_edges(x: Floats) -> tuple[Floats, Floats]:
    """Return the upper and the lower lid's edge above the eye's centre, by the distance x from it."""
    return 0.052 - 1.6 * x * x, -0.045 + 1.2 * x * x


def mouth_corner(smile: float) -> tuple[float, float]:
    """Return how far the mouth's corner is from the middle, and how much a smile lifts it."""
    return 0.18 + 0.03 * smile, 0.05 * smile


def _skin(points: Floats, smile: float) -> Floats:
    side = mirrored(points)
    shape = _skull(points, side)
    shape = _nose(shape, points, side)
    shape = _mouth(shape, side, smile)
    shape = _join(shape, _lids(side), 0.018)
    shape = _join(shape, _ellipsoid(side, (0.735, 0.0, -0.1), (0.06, 0.2, 0.13)), 0.05)
    return _join(shape, _capsule(points, (0, -0.7, -0.25), (0, -2.0, -0.35), 0.36, 0.42), 0.16)


def _skull(points: Floats, side: Floats) -> Floats:
    shape = _ellipsoid(points, (0, 0.2, -0.12), (0.72, 0.86, 0.86))
    shape = _join(shape, _ellipsoid(points, (0, -0.3, 0.12), (0.53, 0.68, 0.60)), 0.22)
    shape = _join(shape, _ellipsoid(side, (0.17, -0.62, 0.2), (0.28, 0.28, 0.36)), 0.2)  # jaw
    shape = _join(shape, _sphere(points, (0, -0.9, 0.44), 0.13), 0.2)  # chin
    shape = _join(shape, _sphere(side, (0.36, -0.16, 0.44), 0.17), 0.22)  # cheekbones
    shape = _join(shape, _capsule(side, (0, 0.21, 0.66), (0.36, 0.2, 0.52), 0.08, 0.08), 0.14)  # brow ridge
    return _cut(shape, _sphere(side, (0.265, 0.06, 0.80), 0.13), 0.12)  # eye sockets


def _nose(shape: Floats, points: Floats, side: Floats) -> Floats:
    shape = _join(shape, _capsule(points, (0, 0.16, 0.68), (0, -0.2, 0.86), 0.05, 0.075), 0.10)
    shape = _join(shape, _sphere(points, (0, -0.235, 0.87), 0.085), 0.06)
    shape = _join(shape, _ellipsoid(side, (0.095, -0.265, 0.77), (0.062, 0.06, 0.085)), 0.05)
    return _cut(shape, _ellipsoid(side, (0.05, -0.325, 0.83), (0.028, 0.02, 0.04)), 0.03)


def _mouth(shape: Floats, side: Floats, smile: float) -> Floats:
    out, up = mouth_corner(smile)
    shape = _join(shape, _capsule(side, (0, -0.475, 0.715), (out, -0.53 + up, 0.60), 0.042, 0.012), 0.035)
    shape = _join(shape, _capsule(side, (0, -0.585, 0.70), (out - 0.03, -0.55 + up, 0.60), 0.052, 0.014), 0.035)
    return _cut(shape, _capsule(side, (0, -0.527, 0.765), (out - 0.01, -0.535 + up, 0.63), 0.014, 0.008), 0.012)


def _lids(side: Floats) -> Floats:
    upper, lower = lid_edges(side[:, 0] - EYE[0])
    height = side[:, 1] - EYE[1]
    opening = np.maximum(np.minimum(upper - height, height - lower), -0.2)
    return f32(np.maximum(_sphere(side, EYE, EYE_RADIUS + 0.016), opening * 0.7))


def _hair(points: Floats) -> Floats:
    side = mirrored(points)
    strands = 0.014 * noise(points * f32([1, 0.18, 1]), 14, 1)
    cap = _ellipsoid(points, (0, 0.27, -0.16), (0.79, 0.90, 0.90)) + strands
    hairline = 0.60 - 0.25 * side[:, 0] ** 2 + 0.05 * np.sin(9 * points[:, 0] + 1)
    above_the_forehead = np.minimum(points[:, 2] - 0.25, hairline - points[:, 1])
    above_the_ears = np.minimum(0.2 - points[:, 1], points[:, 2] + 0.15)
    return f32(np.maximum.reduce([cap, above_the_forehead, above_the_ears, -0.30 - points[:, 1]]))


def _cloth(points: Floats) -> Floats:
    collar = _capsule(points, (0, -1.45, -0.33), (0, -2, -0.35), 0.5, 0.7)
    return _join(_ellipsoid(points, (0, -2.15, -0.42), (1.55, 0.62, 0.55)), collar, 0.2)


def _sphere(points: Floats, centre: Triple, radius: float) -> Floats:
    return f32(np.linalg.norm(points - f32(centre), axis=-1) - f32(radius))


def _ellipsoid(points: Floats, centre: Triple, radii: Triple) -> Floats:
    scaled = (points - f32(centre)) / f32(radii)
    length = np.linalg.norm(scaled, axis=-1)
    return f32(length * (length - 1) / (np.linalg.norm(scaled / f32(radii), axis=-1) + f32(1e-6)))


def _capsule(points: Floats, start: Triple, end: Triple, first: float, last: float) -> Floats:
    """Return the distance to a rod whose radius goes from `first` to `last`."""
    along = f32(end) - f32(start)
    from_start = points - f32(start)
    share = np.clip(from_start @ along / (along @ along), 0, 1)
    return f32(np.linalg.norm(from_start - share[:, None] * along, axis=-1) - (first + (last - first) * share))


def _join(one: Floats, other: Floats, softness: float) -> Floats:
    share = np.clip(0.5 + 0.5 * (other - one) / softness, 0, 1)
    return f32(other * (1 - share) + one * share - softness * share * (1 - share))


def _cut(one: Floats, other: Floats, softness: float) -> Floats:
    share = np.clip(0.5 - 0.5 * (one + other) / softness, 0, 1)
    return f32(one * (1 - share) - other * share + softness * share * (1 - share))
