"""What liveness costs: CPU time a face of each engine in a batch, against Fasnet as DeepFace calls it.

DeepFace calls `Fasnet.analyze` for one face at a time. Both sides get the same faces, found beforehand, in the same
process, turn by turn; time is the process's, over all its threads.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from codes_dict import Code, Refusal
from pipeline.models.liveness.fasnet import FILES
from pipeline.types import Detector, Face, LivenessJudge
from tools.training.evaluate import largest_faces
from tools.training.sources import read_pixels, spoof_items

BATCH = 6
ROUNDS = 9
PEER = "Fasnet as DeepFace calls it"
SETTLING_S = 0.02
"""Measured along, after each call: threads that spin on after their work cost CPU time as well."""

Call = Callable[[], object]


def measure_speed(judges: Mapping[str, LivenessJudge], faces: Sequence[Face], peer: Any) -> dict[str, Any]:
    """Run every judge on all `faces` at once and `peer.analyze` on each, in turns, `ROUNDS` times after one to warm.

    Returns, as plain data, what a face costs: DeepFace's Fasnet under `PEER`, our engines under their names. `ratio`
    is the median share of DeepFace's cost in the same round.
    """
    calls: dict[str, Call] = {PEER: _peer_call(peer, faces)}
    calls.update({name: partial(judge.judge, faces) for name, judge in judges.items()})
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    names = list(calls)
    for turn in range(ROUNDS):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            spent[name].append(_cpu_ms(calls[name]) / len(faces))
    costs = {name: cost(times, spent[PEER]) for name, times in spent.items()}
    return {"batch": BATCH, "rounds": ROUNDS, "against": PEER, "costs": costs}


def cost(times: Sequence[float], peer: Sequence[float]) -> dict[str, float]:
    """Return the median of milliseconds a face, one value a round, and of their shares of the peer's, with the ends."""
    ratios = [one / other for one, other in zip(times, peer, strict=True)]
    return {
        "cpu_ms_a_face": round(median(times), 3),
        "ratio": round(median(ratios), 4),
        "ratio_lowest": round(min(ratios), 4),
        "ratio_highest": round(max(ratios), 4),
    }


def as_text(speed: Mapping[str, Any]) -> str:
    """Return the costs as a table for people."""
    lines = [f"== CPU time a face, batch of {BATCH}, median of {ROUNDS} rounds ==", f"{'':28} {'ms':>8} {'ratio':>7}"]
    for name, one in speed["costs"].items():
        ends = f"[{one['ratio_lowest']:.3f}, {one['ratio_highest']:.3f}]"
        lines.append(f"{name:28} {one['cpu_ms_a_face']:8.2f} {one['ratio']:7.3f} {ends}")
    return "\n".join(lines)


def six_faces(folder: Path, detector: Detector) -> list[Face]:
    """Return the largest faces of `BATCH` pictures spread over `folder/SOURCE/{bona_fide,attack}/`.

    Raises `ValueError` where there are fewer.
    """
    items = spoof_items(folder)
    step = max(1, len(items) // (4 * BATCH))
    found = (face for picture in read_pixels(items[::step]) for face in largest_faces([picture], detector) if face)
    faces = list(islice(found, BATCH))
    if len(faces) < BATCH:
        raise ValueError(f"the pictures of {folder} have fewer than {BATCH} faces to measure with")
    return faces


def deepface_fasnet(weights: Path) -> Any:
    """Return DeepFace's own `Fasnet`, made of the files in `weights`, so that nothing is downloaded.

    Raises `Refusal(Code.NO_LIVENESS)` where DeepFace or a file is missing.
    """
    missing = [name for name in FILES if not (weights / name).is_file()]
    if missing:
        raise Refusal(Code.NO_LIVENESS, f"nothing to compare with: Fasnet's {missing[0]} is not in {weights}")
    try:
        from deepface.commons.weight_utils import load_model_weights
        from deepface.models.spoofing.tf.FasNet import Fasnet
        from deepface.models.spoofing.tf.FasNetBackbone import MiniFASNetV1SE, MiniFASNetV2
    except ImportError as fault:
        raise Refusal(Code.NO_LIVENESS, f"nothing to compare with: DeepFace does not load: {fault}") from fault
    peer = Fasnet.__new__(Fasnet)  # its own beginning looks for the files in the home folder, or downloads them
    peer.first_model, peer.second_model = (
        load_model_weights(make(conv6_kernel=(5, 5)), str(weights / name))
        for make, name in zip((MiniFASNetV2, MiniFASNetV1SE), FILES, strict=True)
    )
    return peer


def _peer_call(peer: Any, faces: Sequence[Face]) -> Call:
    """Return a call that analyses each face as `DeepFace.extract_faces` does: BGR, the box in whole pixels."""
    photos = [np.ascontiguousarray(face.photo.pixels[..., ::-1]) for face in faces]
    boxes = [face.detection.box for face in faces]
    areas = [(int(box.left), int(box.top), max(1, int(box.width)), max(1, int(box.height))) for box in boxes]
    return lambda: [peer.analyze(photo, area) for photo, area in zip(photos, areas, strict=True)]


def _cpu_ms(call: Call) -> float:
    started = time.process_time()
    call()
    time.sleep(SETTLING_S)
    return 1000 * (time.process_time() - started)
