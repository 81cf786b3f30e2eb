"""What any camera and any channel does to a picture, of a face or of an attack alike.

Applied to both classes, so that brightness, tint, sharpness or compression alone decides nothing.
"""

import cv2
import numpy as np

from pipeline.types import Floats, Pixels
from tools.training.scene import Rng, as_light


def photograph(pixels: Pixels, rng: Rng, strength: float = 1.0) -> Pixels:
    """Return the picture as another sensor, exposure, white balance, lens and codec might have given it.

    `strength` scales how far it may go: 1 for a whole new camera, less for a picture that already has a history.
    """
    light = as_light(pixels)
    light = _exposure(light, rng, strength)
    light = _optics(light, rng, strength)
    light = _noise(light, rng, strength)
    out = np.asarray(np.clip(light * 255 + 0.5, 0, 255), dtype=np.uint8)
    out = _denoised(out, rng, strength)
    out = _scaled(out, rng, strength)
    return _compressed(out, rng, strength)


def _exposure(light: Floats, rng: Rng, strength: float) -> Floats:
    gamma = np.exp(rng.normal(0, 0.28 * strength))
    gain = np.exp(rng.normal(0, 0.16 * strength))
    balance = np.exp(rng.normal(0, 0.07 * strength, 3)).astype(np.float32)
    out = np.power(light, np.float32(gamma)) * balance * np.float32(gain)
    if rng.random() < 0.5 * strength:
        grey = out.mean(axis=2, keepdims=True)
        out = grey + (out - grey) * np.float32(rng.uniform(0.55, 1.35))
    if rng.random() < 0.3 * strength:
        height, width = out.shape[:2]
        slope = rng.normal(0, 0.35, 2)
        ramp = np.linspace(-1, 1, width)[None, :] * slope[0] + np.linspace(-1, 1, height)[:, None] * slope[1]
        out = out * np.exp(ramp)[..., None].astype(np.float32)
    return np.asarray(np.clip(out, 0, 1), dtype=np.float32)


def _optics(light: Floats, rng: Rng, strength: float) -> Floats:
    draw = rng.random()
    if draw < 0.4 * strength:
        return np.asarray(cv2.GaussianBlur(light, (0, 0), float(rng.uniform(0.3, 1.6))), dtype=np.float32)
    if draw < 0.5 * strength:
        length = int(rng.integers(3, 9))
        kernel = np.zeros((length, length), np.float32)
        angle = rng.uniform(0, np.pi)
        middle = (length - 1) / 2
        for step in np.linspace(-middle, middle, 2 * length):
            kernel[round(middle + step * np.sin(angle)), round(middle + step * np.cos(angle))] = 1
        return np.asarray(cv2.filter2D(light, -1, kernel / kernel.sum()), dtype=np.float32)
    if draw < 0.62 * strength:
        soft = cv2.GaussianBlur(light, (0, 0), 1.2)
        return np.asarray(np.clip(light + (light - soft) * rng.uniform(0.3, 1.2), 0, 1), dtype=np.float32)
    return light


def _noise(light: Floats, rng: Rng, strength: float) -> Floats:
    if rng.random() > 0.6 * strength:
        return light
    level = rng.uniform(0.003, 0.035)
    grain = rng.standard_normal(light.shape, dtype=np.float32)
    if rng.random() < 0.5:
        grain = cv2.GaussianBlur(grain, (0, 0), float(rng.uniform(0.5, 1.2))) * 1.8
    if rng.random() < 0.4:
        grain = np.repeat(grain[..., :1], 3, axis=2)
    return np.asarray(np.clip(light + grain * np.float32(level) * np.sqrt(light + 0.1), 0, 1), dtype=np.float32)


def _denoised(pixels: Pixels, rng: Rng, strength: float) -> Pixels:
    """Smooth the grain away and keep the edges, as phones and studios do with portraits."""
    if rng.random() > 0.3 * strength:
        return pixels
    tones, reach = float(rng.uniform(10, 30)), float(rng.uniform(1.5, 4))
    return np.asarray(cv2.bilateralFilter(np.ascontiguousarray(pixels), 5, tones, reach), dtype=np.uint8)


def _scaled(pixels: Pixels, rng: Rng, strength: float) -> Pixels:
    if rng.random() > 0.45 * strength:
        return pixels
    height, width = pixels.shape[:2]
    share = rng.uniform(0.4, 0.95)
    down = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(3))]
    up = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(2))]
    small = cv2.resize(pixels, (max(8, int(width * share)), max(8, int(height * share))), interpolation=down)
    return np.asarray(cv2.resize(small, (width, height), interpolation=up), dtype=np.uint8)


def _compressed(pixels: Pixels, rng: Rng, strength: float) -> Pixels:
    if rng.random() > 0.7 * strength:
        return pixels
    kind, flag = (".webp", cv2.IMWRITE_WEBP_QUALITY) if rng.random() < 0.2 else (".jpg", cv2.IMWRITE_JPEG_QUALITY)
    done, data = cv2.imencode(kind, np.ascontiguousarray(pixels), [flag, int(rng.uniform(30, 97))])
    if not done:
        raise ValueError("the picture could not be encoded")
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
