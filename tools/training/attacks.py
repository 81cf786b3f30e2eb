"""Simulated presentation attacks: what a screen or a sheet of paper and a second camera do to a face.

Each function takes a scene of a bona fide face and returns the scene of an attack with it. The parts are modelled
on what recapture is known to leave (ISO/IEC 30107-3 names the instruments; the physics is elementary): the
screen's sub-pixel grid and its moire with the sensor, its gamma and gamut, glare, refresh bands and bezel; a
print's halftone, paper tint and grain, limited gamut, curvature, edges and cut-outs.
"""

import cv2
import numpy as np

from pipeline.types import Floats, Pixels
from tools.training.scene import FACE, Rng, Scene, as_bytes, as_light, fitted

SCREEN, PRINT, DRAWING = "screen", "print", "drawing"


def simulate(scene: Scene, background: Pixels, rng: Rng) -> tuple[Scene, str]:
    """Turn a bona fide scene into an attack; return it with its kind, `screen` or `print`.

    `background` is any photo; it shows around the screen or sheet where that does not fill the frame.
    """
    if rng.random() < 0.68:
        return on_screen(scene, background, rng), SCREEN
    return on_paper(scene, background, rng), PRINT


def on_screen(scene: Scene, background: Pixels, rng: Rng) -> Scene:
    """Return the face as a camera sees it on a phone's, tablet's or monitor's screen."""
    placed = displayed(scene, rng)
    if rng.random() < 0.45:
        placed = placed.with_pixels(as_bytes(glared(as_light(placed.pixels), rng)))
    if rng.random() < 0.25:
        placed = placed.with_pixels(as_bytes(_reflection(as_light(placed.pixels), background, rng)))
    if rng.random() < 0.55:
        placed = _framed(placed, background, rng, bezel=True)
    return placed


def displayed(scene: Scene, rng: Rng) -> Scene:
    """Return what a camera sees of a screen that shows the scene: its colours, its grid and their beat, blurred."""
    light = _screen_colours(as_light(scene.pixels), rng)
    if rng.random() < 0.35:
        light = _subpixels(light, rng)
    if rng.random() < 0.45:
        light = _moire(light, rng)
    if rng.random() < 0.2:
        light = _refresh_bands(light, rng)
    return scene.with_pixels(as_bytes(_recapture_blur(light, rng, 0.4, 2.2)))


def on_paper(scene: Scene, background: Pixels, rng: Rng) -> Scene:
    """Return the face as a camera sees it printed: a sheet, a photograph, a magazine or a cut-out."""
    placed = printed(scene, rng)
    if rng.random() < 0.3:
        placed = placed.with_pixels(as_bytes(glared(as_light(placed.pixels), rng)))
    if rng.random() < 0.5:
        placed = placed.with_pixels(_curved(placed.pixels, rng))
    draw = rng.random()
    if draw < 0.15:
        return _cut_out(placed, background, rng)
    return _framed(placed, background, rng, bezel=False) if draw < 0.6 else placed


def printed(scene: Scene, rng: Rng) -> Scene:
    """Return what a camera sees of a print of the scene: its inks, its dots and its paper, blurred."""
    light = _print_colours(as_light(scene.pixels), rng)
    if rng.random() < 0.5:
        light = _halftone(light, rng)
    light = _paper(light, rng)
    return scene.with_pixels(as_bytes(_recapture_blur(light, rng, 0.3, 1.8)))


def _screen_colours(light: Floats, rng: Rng) -> Floats:
    out = np.power(light, np.float32(np.exp(rng.normal(-0.05, 0.3))))
    contrast, lift = rng.uniform(0.75, 1.35), rng.uniform(0.0, 0.14)
    out = (out - 0.5) * np.float32(contrast) + 0.5 + np.float32(lift)
    tint = np.exp(rng.normal([-0.04, 0.0, 0.07], [0.09, 0.05, 0.1]))
    gain = np.exp(rng.normal(0.08, 0.28))
    grey = out.mean(axis=2, keepdims=True)
    out = grey + (out - grey) * np.float32(rng.uniform(0.6, 1.5))
    out = out * (tint * gain).astype(np.float32)
    if rng.random() < 0.3:
        bright = np.clip(out - 0.8, 0, None)
        out = out + cv2.GaussianBlur(bright, (0, 0), float(rng.uniform(3, 12))) * np.float32(rng.uniform(1, 3))
    if rng.random() < 0.3:
        mix = np.eye(3) * 0.86 + rng.uniform(0, 0.14, (3, 3))
        out = out @ (mix / mix.sum(axis=1, keepdims=True)).T.astype(np.float32)
    return np.asarray(np.clip(out, 0, 1), dtype=np.float32)


def _subpixels(light: Floats, rng: Rng) -> Floats:
    """Show the picture on a grid of red, green and blue stripes and sample it again at an odd ratio."""
    height, width = light.shape[:2]
    factor = float(rng.uniform(1.6, 2.6))
    big = cv2.resize(light, (int(width * factor), int(height * factor)), interpolation=cv2.INTER_NEAREST)
    depth = np.float32(rng.uniform(0.15, 0.6))
    columns = np.arange(big.shape[1]) % 3
    mask = np.full((1, big.shape[1], 3), 1 - depth, np.float32)
    for colour in range(3):
        mask[0, columns == colour, colour] = 1 + depth
    rows = np.where(np.arange(big.shape[0]) % 3 == 0, 1 - depth / 2, 1 + depth / 4).astype(np.float32)
    shown = big * mask * rows[:, None, None]
    turn = cv2.getRotationMatrix2D((shown.shape[1] / 2, shown.shape[0] / 2), float(rng.uniform(-6, 6)), 1.0)
    shown = cv2.warpAffine(shown, turn, (shown.shape[1], shown.shape[0]), borderMode=cv2.BORDER_REFLECT_101)
    method = cv2.INTER_LINEAR if rng.random() < 0.6 else cv2.INTER_AREA
    return np.asarray(cv2.resize(shown, (width, height), interpolation=method), dtype=np.float32)


def _moire(light: Floats, rng: Rng) -> Floats:
    """Add the beat of two nearly equal grids: curved coloured bands, 3 to 40 pixels apart."""
    height, width = light.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    bend = float(rng.normal(0, 0.0015))
    x = x + bend * (y - height / 2) ** 2
    out = light
    for _ in range(int(rng.integers(1, 3))):
        period, angle = float(np.exp(rng.uniform(np.log(3), np.log(40)))), float(rng.uniform(0, np.pi))
        phase = (x * np.cos(angle) + y * np.sin(angle)) * (2 * np.pi / period)
        shifts = rng.uniform(0, 2 * np.pi) + rng.uniform(0, 1.5) * np.arange(3)
        depth = np.float32(rng.uniform(0.015, 0.12))
        out = out * (1 + depth * np.sin(phase[..., None] + shifts).astype(np.float32))
    return np.asarray(np.clip(out, 0, 1), dtype=np.float32)


def _refresh_bands(light: Floats, rng: Rng) -> Floats:
    height = light.shape[0]
    wave = np.sin(np.arange(height) * (2 * np.pi / rng.uniform(25, 200)) + rng.uniform(0, 6.3))
    bands = 1 + rng.uniform(0.04, 0.25) * (np.tanh(wave * rng.uniform(1, 5)))
    return np.asarray(np.clip(light * bands[:, None, None].astype(np.float32), 0, 1), dtype=np.float32)


def _recapture_blur(light: Floats, rng: Rng, least: float, most: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(light, (0, 0), float(rng.uniform(least, most))), dtype=np.float32)


def glared(light: Floats, rng: Rng) -> Floats:
    """Add the mirror image of lamps or a window in a glossy surface."""
    height, width = light.shape[:2]
    spot = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        centre = (int(rng.uniform(0.1, 0.9) * width), int(rng.uniform(0.1, 0.9) * height))
        if rng.random() < 0.6:
            axes = (int(rng.uniform(2, 45)), int(rng.uniform(2, 45)))
            cv2.ellipse(spot, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1.0, -1)
        else:
            corner = (centre[0] + int(rng.uniform(8, 90)), centre[1] + int(rng.uniform(8, 90)))
            cv2.rectangle(spot, centre, corner, 1.0, -1)
    spot = cv2.GaussianBlur(spot, (0, 0), float(np.exp(rng.uniform(np.log(1.0), np.log(30)))))
    colour = (1 + rng.normal(0, 0.05, 3)).astype(np.float32)
    shine = spot[..., None] * colour * np.float32(rng.uniform(0.1, 0.8))
    return np.asarray(np.clip(light + shine, 0, 1), dtype=np.float32)


def _reflection(light: Floats, background: Pixels, rng: Rng) -> Floats:
    other = fitted(background, light.shape[1], light.shape[0])
    share = np.float32(rng.uniform(0.04, 0.22))
    soft = cv2.GaussianBlur(other, (0, 0), float(rng.uniform(1, 6)))
    return np.asarray(np.clip(light + soft * share, 0, 1), dtype=np.float32)


def _print_colours(light: Floats, rng: Rng) -> Floats:
    grey = light.mean(axis=2, keepdims=True)
    saturation = 0.0 if rng.random() < 0.08 else rng.uniform(0.45, 1.1)
    out = grey + (light - grey) * np.float32(saturation)
    low, high = rng.uniform(0.03, 0.22), rng.uniform(0.75, 1.0)
    out = low + np.clip(out, 0, 1) * (high - low)
    tint = np.exp(rng.normal([0.03, 0.0, -0.05], 0.06))
    return np.asarray(np.clip(out * tint, 0, 1), dtype=np.float32)


def _halftone(light: Floats, rng: Rng) -> Floats:
    """Lay a rotated dot screen over each ink, as offset print and inkjets do."""
    height, width = light.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    period, depth = float(rng.uniform(2.2, 6.0)), np.float32(rng.uniform(0.04, 0.22))
    out = light.copy()
    for colour, angle in enumerate(np.deg2rad([15, 75, 0]) + rng.uniform(0, np.pi / 2)):
        u = (x * np.cos(angle) + y * np.sin(angle)) * (2 * np.pi / period)
        v = (y * np.cos(angle) - x * np.sin(angle)) * (2 * np.pi / period)
        tone = light[..., colour]
        out[..., colour] += depth * (np.cos(u) * np.cos(v)) * 4 * tone * (1 - tone)
    return np.asarray(np.clip(out, 0, 1), dtype=np.float32)


def _paper(light: Floats, rng: Rng) -> Floats:
    """Give it the sheet's grain and the shading of a sheet that is not flat."""
    height, width = light.shape[:2]
    grain = rng.standard_normal((height, width, 1), dtype=np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), float(rng.uniform(0.5, 1.5)))[..., None]
    x = np.linspace(0, 1, width)[None, :, None]
    shade = 1 + rng.uniform(0, 0.2) * np.sin(x * rng.uniform(1, 5) + rng.uniform(0, 6.3))
    shaded = (light + grain * np.float32(rng.uniform(0.0, 0.05))) * shade.astype(np.float32)
    return np.asarray(np.clip(shaded, 0, 1), dtype=np.float32)


def _curved(pixels: Pixels, rng: Rng) -> Pixels:
    """Bend the sheet around an upright axis."""
    height, width = pixels.shape[:2]
    x = np.linspace(-1, 1, width)
    bend = rng.uniform(-0.12, 0.12)
    source = ((x + bend * np.sin(np.pi * x)) + 1) / 2 * (width - 1)
    map_x = np.repeat(source[None].astype(np.float32), height, axis=0)
    map_y = np.repeat(np.arange(height, dtype=np.float32)[:, None], width, axis=1)
    return np.asarray(cv2.remap(pixels, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101))


def _framed(scene: Scene, background: Pixels, rng: Rng, *, bezel: bool) -> Scene:
    """Show the edges of the screen or sheet, with a background and maybe fingers around it."""
    height, width = scene.pixels.shape[:2]
    around = as_bytes(fitted(background, width, height) * np.float32(rng.uniform(0.25, 1.0)))
    box = scene.box
    reach = rng.uniform(0.12, 1.1, 4) * FACE
    x0, y0 = int(max(0, box.left - reach[0])), int(max(0, box.top - reach[1]))
    x1 = int(min(width, box.left + box.width + reach[2]))
    y1 = int(min(height, box.top + box.height + reach[3]))
    rim = int(rng.uniform(2, 16))
    shade = rng.uniform(5, 60, 3) if bezel and rng.random() < 0.8 else rng.uniform(180, 250, 3)
    canvas = around.copy()
    cv2.rectangle(canvas, (x0 - rim, y0 - rim), (x1 + rim, y1 + rim), [float(v) for v in shade], -1)
    canvas[y0:y1, x0:x1] = scene.pixels[y0:y1, x0:x1]
    if rng.random() < 0.4:
        skin = [float(v) for v in np.array([200, 150, 125]) * rng.uniform(0.35, 1.1)]
        for _ in range(int(rng.integers(1, 4))):
            side = x0 - rim if rng.random() < 0.5 else x1 + rim
            spot = (int(side), int(rng.uniform(y0, y1)))
            cv2.ellipse(canvas, spot, (int(rng.uniform(10, 26)), int(rng.uniform(6, 11))), 0, 0, 360, skin, -1)
    turn = cv2.getRotationMatrix2D(box.centre, float(rng.normal(0, 5)), 1.0)
    turned = cv2.warpAffine(canvas, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return scene.with_pixels(np.asarray(turned, dtype=np.uint8))


def _cut_out(scene: Scene, background: Pixels, rng: Rng) -> Scene:
    """Show the printed face cut along its outline and held before something else."""
    height, width = scene.pixels.shape[:2]
    box = scene.box
    mask = np.zeros((height, width), np.uint8)
    axes = (int(box.width * rng.uniform(0.5, 0.75)), int(box.height * rng.uniform(0.55, 0.8)))
    cv2.ellipse(mask, (int(box.centre[0]), int(box.centre[1])), axes, float(rng.normal(0, 6)), 0, 360, 255, -1)
    around = as_bytes(fitted(background, width, height))
    return scene.with_pixels(np.where(mask[..., None] > 0, scene.pixels, around))
