"""Draw the sample photos into static/console/samples: `python -m tools.samples`, about two minutes."""

from tools.benchmark.photos import encoded
from tools.cli.options import ROOT
from tools.samples.render import Scene, photo

FOLDER = ROOT / "static" / "console" / "samples"
SIDE = 480
QUALITY = 88

SCENES = {
    "sample_1": Scene(yaw=-7, pitch=2, roll=1, shift=(0.05, 0), seed=3),
    "sample_2": Scene(
        yaw=9, pitch=-2, roll=-3, smile=0.5, light=(0.6, 0.5, 0.8), warmth=1.06, exposure=0.5, shift=(-0.1, 0),
        zoom=1.08, wall=((0.72, 0.66, 0.58), (0.55, 0.48, 0.42)), cloth=(0.30, 0.10, 0.10), seed=8,
    ),
    "sample_3": Scene(
        yaw=3, pitch=4, roll=4, smile=0.8, light=(-0.2, 0.5, 1.0), warmth=0.97, exposure=0.5, shift=(0.12, 0.1),
        zoom=1.2, wall=((0.55, 0.62, 0.56), (0.40, 0.47, 0.42)), cloth=(0.10, 0.18, 0.14), seed=21,
    ),
    "sample_4": Scene(
        yaw=-13, pitch=-3, roll=-2, smile=0.2, light=(0.8, 0.6, 0.6), warmth=1.1, exposure=0.5, shift=(-0.15, -0.05),
        wall=((0.50, 0.48, 0.52), (0.34, 0.33, 0.38)), cloth=(0.28, 0.24, 0.16), seed=34,
    ),
    "sample_5": Scene(
        yaw=14, pitch=1, roll=5, smile=1.0, light=(-0.7, 0.4, 0.8), warmth=1.02, exposure=0.52, shift=(0.2, 0.05),
        zoom=0.95, wall=((0.78, 0.76, 0.72), (0.66, 0.63, 0.58)), cloth=(0.12, 0.12, 0.13), seed=55,
    ),
}  # fmt: skip


def main() -> None:
    """Draw them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, scene in SCENES.items():
        (FOLDER / f"{name}.jpg").write_bytes(encoded(photo(scene, SIDE), quality=QUALITY))


if __name__ == "__main__":
    main()
