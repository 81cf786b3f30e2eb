"""A head as a photo: where each pixel's ray meets it, how light falls there, and what a camera makes of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from tools.samples.build import Build, Parts, standard, tints
from tools.samples.noise import Floats, f32, three_noises
from tools.samples.paint import colours
from tools.samples.shape import CLOTH, EYES, HAIR, SKIN, Triple, distances

Pixels = npt.NDArray[np.uint8]
Field = Callable[[Floats], Floats]

_CAMERA: Triple = (0, -0.15, 7.0)
_HALF_VIEW = 1.75
_STEPS = 70
_FARTHEST = 9.5
_NEAR_ENOUGH = 0.0012
_SHINE = {SKIN: (0.16, 22), EYES: (1.4, 350), HAIR: (0.10, 14), CLOTH: (0.0, 1)}
_BUMP = {SKIN: 1.0, EYES: 0.0, HAIR: 0.0, CLOTH: 1.5}


@dataclass(frozen=True)
class Scene:
    """How a photo is taken. Angles in degrees: to the image's right, down, and against the clock are positive.

    `shift` moves the picture and `zoom` enlarges it; `light` is where the light comes from; `exposure` is a factor.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    smile: float = 0.0
    light: Triple = (-0.5, 0.7, 0.8)
    warmth: float = 1.0
    exposure: float = 0.55
    wall: tuple[Triple, Triple] = ((0.62, 0.66, 0.70), (0.42, 0.46, 0.52))
    cloth: Triple = (0.16, 0.22, 0.34)
    shift: tuple[float, float] = (0.0, 0.0)
    zoom: float = 1.0
    seed: int = 1
    build: Build = field(default_factory=Build)


def photo(scene: Scene, side: int) -> Pixels:
    """Return a square RGB photo of `side` pixels."""
    angles = [scene.roll, scene.pitch, scene.yaw]
    turn = f32(Rotation.from_euler("ZXY", angles, degrees=True).as_matrix())  # from the head's own view to the camera's
    origins, rays = _rays(scene, side, turn)

    def field(points: Floats) -> Floats:
        return np.asarray(distances(standard(points, scene.build), scene.smile).min(axis=-1))

    reach, is_hit = _march(origins, rays, field)
    points = origins[is_hit] + rays[is_hit] * reach[is_hit, None]
    picture = _wall(scene, side).reshape(-1, 3)
    picture[is_hit] = _lit(points, -rays[is_hit], field, scene, turn)
    return _exposed(picture.reshape(side, side, 3), scene)


def _rays(scene: Scene, side: int, turn: Floats) -> tuple[Floats, Floats]:
    """Return origin and direction of every pixel's ray as the head sees them, both (pixels, 3)."""
    y, x = (np.mgrid[:side, :side].astype(np.float32) + 0.5) / side * 2 - 1
    half = _HALF_VIEW / scene.zoom
    aims = np.stack([x * half + scene.shift[0], -y * half - 0.25 + scene.shift[1], np.zeros_like(x)], axis=-1)
    rays = aims.reshape(-1, 3) - f32(_CAMERA)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    origins = np.broadcast_to(f32(_CAMERA), rays.shape)
    return (origins @ turn).astype(np.float32), (rays @ turn).astype(np.float32)


def _march(origins: Floats, rays: Floats, field: Field) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return how far each ray goes, and whether it meets the head; steps are shortened, distances are not exact."""
    reach = np.full(len(rays), 5.0, np.float32)
    under_way = np.arange(len(rays))
    for _ in range(_STEPS):
        ahead = field(origins[under_way] + rays[under_way] * reach[under_way, None])
        reach[under_way] += np.clip(ahead, -0.05, 0.5) * 0.75
        under_way = under_way[(np.abs(ahead) >= _NEAR_ENOUGH) & (reach[under_way] < _FARTHEST)]
    return reach, reach < _FARTHEST


def _lit(points: Floats, to_camera: Floats, field: Field, scene: Scene, turn: Floats) -> Floats:
    """Return the light that points send to the camera: from a lamp, from the room, and mirrored."""
    usual = standard(points, scene.build)
    parts = distances(usual, scene.smile).argmin(axis=-1)
    own = colours(usual, parts, f32([0, 0, 1]) @ turn, scene.smile, scene.cloth) * tints(parts, scene.build)
    smooth = _normals(points, field)
    normals = _grained(points, smooth, parts)
    lamp, room, up = (_unit(f32(way)) @ turn for way in (scene.light, (0.7, 0.1, 0.6), (0, 1, 0)))
    open_sky, shadow = _openness(points, smooth, field), _shadow(points, smooth, lamp, field)
    soft = f32([0.38, 0.2, 0.15])  # red light goes deeper into skin
    softness = np.where((parts == SKIN)[:, None], soft, f32(0))
    direct = np.clip(((normals @ lamp)[:, None] + softness) / (1 + softness), 0, 1) * shadow[:, None]
    fill = np.clip((normals @ room + 0.3) / 1.3, 0, 1) * open_sky
    ambient = (0.55 + 0.45 * (normals @ up)) * open_sky
    tint = f32([1.0, 0.97, 0.92]) * f32([scene.warmth, 1, 1 / scene.warmth])
    cool = f32([0.94, 0.97, 1.05])
    light = 1.75 * direct * tint + (0.42 * fill + 0.50 * ambient)[:, None] * cool
    return f32(own * light + _mirrored(normals, lamp, to_camera, parts, shadow)[:, None])


def _normals(points: Floats, field: Field) -> Floats:
    steps = np.eye(3, dtype=np.float32) * f32(0.0035)
    return _unit(np.stack([field(points + step) - field(points - step) for step in steps], axis=-1))


def _grained(points: Floats, normals: Floats, parts: Parts) -> Floats:
    """Return the normals of a surface that is not smooth: pores, strands and threads."""
    pores = 0.035 * three_noises(points + f32([0.37, 0, 0]), 55) + 0.02 * three_noises(points, 18)
    strands = 0.35 * three_noises(points * f32([1, 0.12, 1]), 60)
    share = f32([_BUMP[part] for part in sorted(_BUMP)])[parts]
    return _unit(normals + pores * share[:, None] + strands * (parts == HAIR)[:, None])


def _openness(points: Floats, normals: Floats, field: Field) -> Floats:
    """Return how much of the room each point sees, 0.15 to 1: less in folds."""
    seen = np.ones(len(points), np.float32)
    for distance, weight in ((0.04, 0.8), (0.10, 0.55), (0.22, 0.35)):
        seen -= weight * 0.5 * np.clip(distance - field(points + normals * distance), 0, distance) / distance
    return np.clip(seen, 0.15, 1)


def _shadow(points: Floats, normals: Floats, lamp: Floats, field: Field) -> Floats:
    """Return how much of the lamp each point sees, 0.25 to 1."""
    seen, way = np.ones(len(points), np.float32), np.full(len(points), 0.05, np.float32)
    for _ in range(22):
        clearance = field(points + normals * f32(0.012) + lamp * way[:, None])
        seen = np.minimum(seen, np.clip(9 * clearance / way, 0, 1))
        way += np.clip(clearance, 0.02, 0.12)
    return 0.25 + 0.75 * seen


def _mirrored(normals: Floats, lamp: Floats, to_camera: Floats, parts: Parts, shadow: Floats) -> Floats:
    between = np.clip((normals * _unit(lamp + to_camera)).sum(axis=-1), 0, 1)
    gloss = np.zeros(len(normals), np.float32)
    for part, (strength, sharpness) in _SHINE.items():
        gloss += (parts == part) * strength * between**sharpness
    grazing = np.clip(1 - np.abs((normals * to_camera).sum(axis=-1)), 0, 1) ** 4
    return f32(gloss * shadow + 0.10 * grazing * (parts == SKIN))


def _wall(scene: Scene, side: int) -> Floats:
    y, x = np.mgrid[:side, :side].astype(np.float32) / side
    share = (0.9 * y + 0.1 * x)[..., None]
    wall = f32(scene.wall[0]) * (1 - share) + f32(scene.wall[1]) * share
    spots = np.random.default_rng(scene.seed).normal(0, 1, (side, side)).astype(np.float32)
    blurred = cv2.GaussianBlur(spots, (0, 0), side / 14) * f32(side / 14 * 0.05)
    return f32(0.9 * (wall * (1 + blurred[..., None])) ** 2.2)


def _exposed(light: Floats, scene: Scene) -> Pixels:
    """Return what a camera keeps: a soft lens, bright parts held back, noise."""
    light = light * f32(scene.exposure)
    picture = cv2.GaussianBlur(light / (1 + 0.18 * light), (0, 0), 0.75).clip(0, 1) ** (1 / 2.2)
    grain = np.random.default_rng(scene.seed + 1)
    picture = picture + grain.normal(0, 0.010, picture.shape)
    picture += cv2.GaussianBlur(grain.normal(0, 0.02, picture.shape), (0, 0), 1)
    return np.asarray(picture.clip(0, 1) * 255, dtype=np.uint8)


def _unit(vectors: Floats) -> Floats:
    return f32(vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + f32(1e-9)))
