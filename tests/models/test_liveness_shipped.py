"""The shipped network on photos and clips: it is loaded by its card, small, and right on what everybody can check."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import h5py
import numpy as np
import numpy.typing as npt
import pytest

from pipeline.models.liveness import Judge, load_judge
from pipeline.models.liveness.fasnet import FILES
from pipeline.models.mtcnn import MtcnnDetector
from pipeline.stages.align import crop_face
from pipeline.types import Face, Liveness, LivenessVerdict, Photo, Pixels
from tools.training.evaluate import measure
from tools.training.sources import clip_items, portrait_items, read_pixels

pytestmark = pytest.mark.models
MODEL = Path(__file__).resolve().parents[2] / "bin" / "model" / "liveness_best.h5"


@pytest.fixture(scope="module")
def shipped() -> Judge:
    return load_judge(["cnn"], MODEL, None, MODEL.parent)


@pytest.fixture(scope="module")
def detector() -> MtcnnDetector:
    return MtcnnDetector()


def largest_faces(photos: list[Pixels], detector: MtcnnDetector) -> list[Face]:
    faces = []
    for pixels, found in zip(photos, detector.detect(photos), strict=True):
        photo = Photo("photo", pixels, "0" * 64)
        faces += [Face(photo, found[0], crop_face(photo, found[0]))] if found else []
    return faces


def decoded(data: bytes) -> Pixels:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def judged(photos: list[Pixels], judge: Judge, detector: MtcnnDetector) -> list[LivenessVerdict]:
    return judge.judge(largest_faces(photos, detector))


def test_the_shipped_network_loads_by_its_card_and_is_small(shipped: Judge) -> None:
    assert MODEL.stat().st_size < 4_000_000
    assert shipped.engines == ("cnn",)


def test_portraits_that_come_inside_packages_are_live(
    shipped: Judge, detector: MtcnnDetector, astronaut: bytes, grace_hopper: bytes
) -> None:
    verdicts = judged([decoded(astronaut), decoded(grace_hopper)], shipped, detector)
    assert [verdict.state for verdict in verdicts] == [Liveness.LIVE, Liveness.LIVE]


def test_a_portrait_without_colour_and_one_in_the_dark_are_uncertain(
    shipped: Judge, detector: MtcnnDetector, astronaut: bytes
) -> None:
    photo = decoded(astronaut)
    grey = np.repeat(photo.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    dark = (photo * 0.1).astype(np.uint8)
    verdicts = judged([grey, dark], shipped, detector)
    assert [verdict.state for verdict in verdicts] == [Liveness.UNCERTAIN, Liveness.UNCERTAIN]
    assert [verdict.reason.split(":")[0] for verdict in verdicts] == ["the photo has no colour", "the face is too dark"]


@pytest.mark.parametrize("engines", [["cnn"], ["cnn", "fasnet"], ["cnn", "fasnet", "facenox"]])
def test_a_replayed_clip_is_a_spoof_and_the_person_before_the_camera_is_live(
    engines: list[str], detector: MtcnnDetector, shared_data: Path
) -> None:
    judge = load_judge(engines, MODEL, None, shared_data / "weights")
    items = [item for item in clip_items(shared_data / "data" / "video", 40) if "Apfol" in item.source]
    for attack, state in ((True, Liveness.SPOOF), (False, Liveness.LIVE)):
        photos = [pixels for _, pixels in read_pixels([item for item in items if item.attack == attack])]
        verdicts = judged(photos, judge, detector)
        assert len(verdicts) == len(photos)
        assert {verdict.state for verdict in verdicts} == {state}


def test_few_portraits_that_nothing_was_trained_on_are_rejected(detector: MtcnnDetector, shared_data: Path) -> None:
    judge = load_judge(["cnn", "fasnet", "facenox"], MODEL, None, shared_data / "weights")
    items = portrait_items(shared_data / "data" / "lfw" / "images")[::6]
    found = measure(items, detector, {"cnn": Judge(cnn=judge.cnn), "all": judge}, lambda line: None).engines
    for rows in found.values():
        assert len(rows) == len(items)
        assert sum(row.responded and not row.accepted for row in rows) <= 0.04 * len(rows)


def test_the_shipped_file_holds_no_weights_of_others(shared_data: Path) -> None:
    own = {array.tobytes() for array in arrays(MODEL)}
    for name in FILES:
        assert not own & {array.tobytes() for array in arrays(shared_data / "weights" / name) if array.size > 16}


def arrays(path: Path) -> Iterator[npt.NDArray[np.float32]]:
    """Yield every array of an HDF5 file."""
    found: list[npt.NDArray[np.float32]] = []
    with h5py.File(path) as file:
        file.visititems(lambda _, entry: found.append(entry[()]) if isinstance(entry, h5py.Dataset) else None)
    yield from found
