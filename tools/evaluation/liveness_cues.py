"""Measures the checks beside the liveness engines on clips: replay hashes, flatness, head turns, smiles, blinks."""

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from pipeline.models.mtcnn import MtcnnDetector
from pipeline.stages.challenge import Pose, poses
from pipeline.stages.motion import cues_between
from pipeline.stages.replay import NEAR_BITS, fine_hash
from pipeline.types import Detector, Floats, Pixels
from tools.cli.exits import DONE
from tools.cli.options import FILE, results
from tools.evaluation.clips import LABELS, Labels
from tools.evaluation.expressions import expression_lines, faces_of
from tools.training.sources import CLIPS, frames_of

GAPS_S = (0.0, 0.25, 0.5, 1.0, 2.0)
"""Times between two frames; 0 means neighbouring frames."""
MOST_LOOKED_AT, MOST_TRIPLES, HELD = 60, 4000, 12


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip's frames, uint8 RGB, and how many of them make a second."""

    name: str
    frames: Sequence[Pixels]
    rate: float


def read_clip(file: Path) -> Clip:
    """Read a whole clip."""
    rate = float(cv2.VideoCapture(str(file)).get(cv2.CAP_PROP_FPS))
    return Clip(file.name, list(frames_of(file)), rate or 25.0)


def replay_lines(clip: Clip) -> list[str]:
    """Report how many bits frames differ in, and how many pairs would count as one photo."""
    hashes = [int.from_bytes(fine_hash(frame), "big") for frame in clip.frames]
    lines = []
    for gap in GAPS_S:
        step = max(1, round(gap * clip.rate))
        bits = np.array([(one ^ other).bit_count() for one, other in zip(hashes, hashes[step:], strict=False)])
        if bits.size:
            same = float((bits <= NEAR_BITS).mean())
            lines.append(f"{gap:5.2f} s apart: least {bits.min():3d}, median {np.median(bits):5.0f}, same {same:6.1%}")
    return lines


def flat_share(landmarks: Sequence[Floats]) -> tuple[int, int]:
    """Return how many of how many random requests of three frames move like a flat picture."""
    triples = list(itertools.combinations(range(len(landmarks)), 3))
    if len(triples) > MOST_TRIPLES:
        triples = random.Random(1).sample(triples, MOST_TRIPLES)
    return sum(cues_between([landmarks[at] for at in three]).flat for three in triples), len(triples)


def held(photo: Pixels, source: np.random.Generator) -> Pixels:
    """Simulate a photo that is held in front of a camera, turned at random: a homography of a rigid plane."""
    height, width = photo.shape[:2]
    turned = Rotation.from_euler("YXZ", source.uniform([-45, -35, -10], [45, 35, 10]), degrees=True).as_matrix()
    focal = 1.2 * width
    camera = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    place = np.array([*source.uniform(-0.05, 0.05, 2), source.uniform(0.9, 1.4)])
    plane = np.array([[1 / focal, 0, -width / 2 / focal], [0, 1 / focal, -height / 2 / focal], [0, 0, 1]])
    view = camera @ np.column_stack([turned[:, 0], turned[:, 1], place]) @ plane
    return np.asarray(cv2.warpPerspective(photo, view, (width, height), borderValue=(90, 90, 90)), np.uint8)


def turns(clip: Clip, labelled: Labels, detector: Detector) -> Counter[str]:
    """Count how labelled frames, and their mirror images, are seen: `turned` or `ahead`, and `right`, `wrong`, ..."""
    counted: Counter[str] = Counter()

    def landmarks(number: int) -> Floats | None:
        faces = detector.detect([np.ascontiguousarray(clip.frames[number][:, ::mirror])])[0]
        return faces[0].landmarks if faces else None

    for mirror in (1, -1):
        base = landmarks(labelled.base or 0)
        assert base is not None  # noqa: S101 - people chose a frame with a face
        for numbers, side in ((labelled.left, -mirror), (labelled.right, mirror), (labelled.ahead, 0)):
            for number in numbers:
                found = landmarks(number)
                seen = "no face" if found is None else _seen(poses([base, found])[1], _POSES[side])
                counted[f"{'turned' if side else 'ahead'}: {seen}"] += 1
    return counted


_POSES = {1: Pose.LEFT, -1: Pose.RIGHT, 0: Pose.STRAIGHT}
"""Side of the image, 1 for its right, to the person's own side."""


def _seen(pose: Pose, expected: Pose) -> str:
    if pose is expected:
        return "right"
    return "the wrong way" if {pose, expected} == {Pose.LEFT, Pose.RIGHT} else pose.value


def measure(clip: Clip, detector: Detector) -> list[str]:
    """Measure everything on one clip; return the lines."""
    lines = [f"{clip.name}: {len(clip.frames)} frames, {clip.rate:.1f} a second"]
    lines += [f"  replay   {line}" for line in replay_lines(clip)]
    chosen = np.unique(np.linspace(0, len(clip.frames) - 1, MOST_LOOKED_AT).astype(int))
    flat, of = flat_share([one.landmarks for one in faces_of([clip.frames[at] for at in chosen], detector)])
    lines.append(f"  flat     {flat} of {of} requests of three frames")
    labelled = LABELS.get(clip.name, Labels())
    base = clip.frames[labelled.base or 0]
    source = np.random.default_rng(11)
    views = faces_of([held(base, source) for _ in range(HELD)], detector)
    pictures = [one.landmarks for one in views]
    flat, of = flat_share(pictures)
    lines.append(f"  flat     {flat} of {of} requests of three views of one of its frames, held as a photo (simulated)")
    ahead = faces_of([base], detector)
    looks = Counter(pose.value for pose in poses([ahead[0].landmarks, *pictures])[1:]) if ahead else Counter()
    lines.append(f"  turns    of a held photo: {dict(looks)}")
    if labelled.base is not None:
        lines.append(f"  turns    of labelled frames: {dict(turns(clip, labelled, detector))}")
    if clip.name in LABELS:
        measured = expression_lines(faces_of(clip.frames, detector), labelled, views)
        lines += [f"  {line}" for line in measured]
    return lines


@click.command("evaluate-cues")
@click.argument("folder", type=FILE)
@results(ValueError)
def command(folder: Path) -> tuple[Any, int]:
    """Measure replay hashes, flatness, head turns, smiles and blinks on clips (.gif, .webm, .mp4, .mov, .avi, .mkv)."""
    clips = sorted(file for file in folder.iterdir() if file.suffix.lower() in CLIPS) if folder.is_dir() else []
    if not clips:
        raise ValueError(f"{folder} has no clips.")
    detector, found = MtcnnDetector(), {}
    for file in clips:
        found[file.name] = measure(read_clip(file), detector)
        print("\n".join(found[file.name]), flush=True)
    return found, DONE
