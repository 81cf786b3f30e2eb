"""Photos as phones send them: three of 12 megapixels, verified over HTTP, and where the time of the request goes."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.registry import LIVENESS_FILES
from pipeline.types import Pixels
from tools.benchmark.bench import Bench, CannotMeasureError
from tools.benchmark.client import Client, server
from tools.benchmark.deepface_peer import deepface, verifying
from tools.benchmark.measure import Result, result, seconds
from tools.benchmark.photos import decoded, encoded, people, scaled
from tools.benchmark.verdicts import engines

MODELS = "Dlib,MobileFaceNet,SFace"
SIZE = (4000, 3000)
SMALL = 1000
"""Longer side of the photos that the phone's are compared with."""
NOISE = 4.0
"""Standard deviation of the sensor's noise: JPEGs of 12 megapixels become 3 to 5 MB, as a phone's are."""
TRIED = 12
"""People tried until one verifies as live; then whoever can be enrolled is measured."""


@dataclass(frozen=True)
class _Pair:
    """The same three photos at both sizes, and who they are verified as."""

    person: str
    large: Sequence[bytes]
    small: Sequence[bytes]
    code: int


def phone_verify(bench: Bench) -> Sequence[Result]:
    """Three photos of 12 megapixels against one `DeepFace.verify` of two of them, and against 1,000-pixel photos."""
    names = engines(bench, *LIVENESS_FILES)
    changes = {"SELECTED_MODELS": MODELS, "MODEL_MIRROR": bench.mirror, "LIVENESS_ENGINES": names}
    with server(changes) as running, deepface() as module:
        client = Client(running)
        pair = _enrolled(bench, client)
        peer = verifying(module, pair.large)
        peer()
        theirs = [seconds(peer) for _ in range(1 if bench.quick else 3)]
        large, small, stages = [], [], []
        for _ in range(bench.rounds):
            large.append(seconds(lambda: client.verify(pair.person, pair.large, liveness=True)))
            stages.append(dict(client.stages))
            small.append(seconds(lambda: client.verify(pair.person, pair.small, liveness=True)))
    for line in stage_table(stages, statistics.median(large)):
        bench.say(line)
    megabytes = sum(map(len, pair.large)) / 1e6
    note = f"three of {SIZE[0]}x{SIZE[1]}, {megabytes:.1f} MB; {MODELS}; engines {names}; code {pair.code}; over HTTP"
    beside = f"the same request with photos of {SMALL} pixels is the peer"
    return [
        result("phone_verify", large, theirs, 1 / 12, note),
        result("phone_to_small", large, small, 1.5, beside),
    ]


def stage_table(runs: Sequence[Mapping[str, float]], whole_s: float) -> Iterator[str]:
    """Yield a Markdown table of each stage's median milliseconds over the runs, and of what no stage counts."""
    yield "| stage | ms | of the request |"
    yield "|---|---|---|"
    medians = {name: statistics.median(run.get(name, 0.0) for run in runs) for name in runs[0]}
    medians["HTTP, form, files, rows"] = whole_s * 1000 - sum(medians.values())
    for name, milliseconds in medians.items():
        yield f"| {name} | {milliseconds:.0f} | {milliseconds / whole_s / 1000:.0%} |"


def phone_photo(pixels: Pixels, seed: int) -> Pixels:
    """Return a photo as a phone takes it, 4,000 x 3,000 RGB: the face in the middle third, surroundings, noise."""
    width, height = SIZE
    factor = height / pixels.shape[0]
    upright = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    wide = max(0, width - upright.shape[1])
    whole = cv2.copyMakeBorder(upright, 0, 0, wide // 2, wide - wide // 2, cv2.BORDER_REFLECT)[:, :width]
    noise = np.random.default_rng(seed).normal(0, NOISE, (height, width, 1)).astype(np.float32)
    return np.asarray(np.clip(whole + noise, 0, 255), np.uint8)


def _enrolled(bench: Bench, client: Client) -> _Pair:
    """Enrol people until one's phone photos verify as live; then the last who could be enrolled."""
    last: _Pair | None = None
    for number, one in enumerate(people(bench.data)):
        if last and number >= TRIED:
            break
        person, photos = f"RECO_ID_{number}", [phone_photo(decoded(photo), at) for at, photo in enumerate(one.genuine)]
        if client.enrol(person, one.enrolled) not in (800, 838, 900):
            continue
        large, small = [encoded(photo) for photo in photos], [scaled(photo, SMALL) for photo in photos]
        code = client.verify(person, large, liveness=True)
        last = _Pair(person, large, small, code)
        if code == 200:
            break
    if last is None:
        raise CannotMeasureError("nobody at hand could be enrolled")
    return last
