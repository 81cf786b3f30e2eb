"""Every failure around liveness has its code and is never a pass: the rows of docs/liveness-failures.md.

The person is enrolled and the photo is good: without the failure, the request verifies (the first test).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from env_validator import Settings
from pipeline.types import (
    Crop,
    Detection,
    Detector,
    Embedder,
    Face,
    Floats,
    Liveness,
    LivenessJudge,
    LivenessVerdict,
    Pixels,
)
from tests.http.liveness_models import BrokenJudge, judging, keeper_of, make_model, no_fetch, write_card
from tests.http.site import OTHER_ID, ROOT, Site, code, encoded, results, side_by_side, variant
from wiring.liveness import JudgeKeeper
from wiring.models import LoadedModels

pytestmark = pytest.mark.models

Break = Callable[[Path], None]
WEIGHTS = ROOT / "bin" / "model" / "weights"
LIVE = LivenessVerdict(Liveness.LIVE, 0.01, 0.5)
NEVER_RETURNS = "takes longer than LIVENESS_TIMEOUT_S, or never returns"
"""Held by test_liveness_time_limit.py."""


@pytest.fixture(scope="module")
def good_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model that finds every face live."""
    folder = tmp_path_factory.mktemp("good")
    make_model(folder / "liveness.h5")
    return folder


@pytest.fixture
def site(make_site: Callable[..., Site], good_model: Path, tmp_path: Path, astronaut: bytes) -> Site:
    """Return a server with a copy of that model, where one person is enrolled."""
    folder = tmp_path / "model"
    folder.mkdir()
    for file in good_model.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    site = make_site(MODEL_PATH=str(folder), MODEL_NAME="liveness.h5", ALLOW_SKIP_LIVENESS="false")
    site.enrolled(astronaut)
    return site


@pytest.fixture
def served(tmp_path: Path, models: LoadedModels, astronaut: bytes) -> Iterator[Callable[..., Site]]:
    """Return a maker of servers with a given keeper, where one person is enrolled."""
    sites: list[Site] = []

    def make(keeper: JudgeKeeper, loaded: LoadedModels | None = None) -> Site:
        sites.append(Site(tmp_path, loaded or models, keeper, ALLOW_SKIP_LIVENESS="false"))
        sites[-1].enrolled(astronaut)
        return sites[-1]

    yield make
    for site in sites:
        site.close()


def verdict(site: Site, *photos: bytes) -> int:
    """Upload photos, verify them with liveness, and return the code."""
    return code(site.verify(site.uploaded(*photos), skip_liveness="false"))


def test_without_a_failure_the_person_is_verified(site: Site, astronaut: bytes) -> None:
    assert verdict(site, variant(astronaut)) == 200


def test_a_caller_cannot_skip_liveness_where_the_settings_do_not_allow_it(site: Site, astronaut: bytes) -> None:
    upload_id = site.uploaded(variant(astronaut))
    reply = site.verify(upload_id, skip_liveness="true")
    assert (code(reply), reply.status_code) == (563, 403)
    assert code(site.verify(upload_id, skip_liveness="TRUE", skip_db_search="true", skip_verify="true")) == 143
    assert code(site.verify("no upload", skip_liveness="true")) == 563
    site.edit(ALLOW_SKIP_LIVENESS=None)
    assert code(site.verify(upload_id, skip_liveness="true")) == 563
    site.edit(ALLOW_SKIP_LIVENESS="true")
    assert code(site.verify(upload_id, skip_liveness="true")) == 200


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    write_card(file, {})


def web_page(file: Path) -> None:
    file.write_text("<!DOCTYPE html><html><body>Quota exceeded</body></html>")
    write_card(file, {})


def empty(file: Path) -> None:
    file.write_bytes(b"")
    write_card(file, {})


def other_shape(file: Path) -> None:
    card = file.with_suffix(".json").read_text()
    make_model(file, side=48)
    digest = file.with_suffix(".json").read_text().split('"sha256": "')[1][:64]
    old = card.split('"sha256": "')[1][:64]
    file.with_suffix(".json").write_text(card.replace(old, digest))


def carries_code(file: Path) -> None:
    import keras

    image = keras.layers.Input((32, 32, 3))
    mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Lambda(lambda x: x, output_shape=(32, 32, 3))(image))
    keras.Model(image, keras.layers.Dense(1, activation="sigmoid")(mean)).save(file)
    write_card(file, {})


def two_outputs(file: Path) -> None:
    output = {"count": 2, "activation": "probability", "spoof": [0], "threshold": 0.5, "live": 0.5}
    write_card(file, {"output": output})


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def half_a_card(file: Path) -> None:
    file.with_suffix(".json").write_text("{")


MODEL_FILE: dict[str, Break] = {
    "missing": lambda file: file.unlink(),
    "empty": empty,
    "truncated": truncated,
    "a web page": web_page,
    "of another shape than its card": other_shape,
    "of weights that are not numbers": lambda file: make_model(file, bias=math.nan),
    "with code in it": carries_code,
    "a folder": folder,
}
CARD: dict[str, Break] = {
    "missing": lambda file: file.with_suffix(".json").unlink(),
    "not JSON": half_a_card,
    "of another model": lambda file: write_card(file, {"sha256": "0" * 64}),
    "of other outputs": two_outputs,
    "of an unknown format": lambda file: write_card(file, {"format": 9}),
}


@pytest.mark.parametrize("fault", MODEL_FILE)
def test_178_the_model_file_is(site: Site, astronaut: bytes, fault: str) -> None:
    upload_id = site.uploaded(variant(astronaut))
    MODEL_FILE[fault](Path(site.env["MODEL_PATH"]) / "liveness.h5")
    reply = site.verify(upload_id, skip_liveness="false")
    assert (code(reply), reply.status_code, results(reply)["name"]) == (178, 503, None)
    assert "178 NO_LIVENESS: " in site.log()


@pytest.mark.parametrize("fault", CARD)
def test_178_the_card_is(site: Site, astronaut: bytes, fault: str) -> None:
    CARD[fault](Path(site.env["MODEL_PATH"]) / "liveness.h5")
    assert verdict(site, variant(astronaut)) == 178


def test_178_an_engine_of_several_is_missing(
    site: Site, astronaut: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wiring.models.WEIGHTS", tmp_path / "none")
    for engines in ("fasnet", "cnn,fasnet"):
        site.edit(LIVENESS_ENGINES=engines)
        assert verdict(site, variant(astronaut)) == 178


def test_a_mended_model_is_taken_up_without_a_restart(site: Site, astronaut: bytes) -> None:
    file = Path(site.env["MODEL_PATH"]) / "liveness.h5"
    data = file.read_bytes()
    file.write_bytes(data[:1000])
    upload_id = site.uploaded(variant(astronaut))
    assert code(site.verify(upload_id, skip_liveness="false")) == 178
    file.write_bytes(data)
    assert code(site.verify(upload_id, skip_liveness="false")) == 200


def raising(fault: BaseException) -> Callable[[Sequence[Face]], list[LivenessVerdict]]:
    """Return an engine that raises."""

    def answer(_faces: Sequence[Face]) -> list[LivenessVerdict]:
        raise fault

    return answer


ENGINE: dict[str, Callable[[Sequence[Face]], list[LivenessVerdict]]] = {
    "raises": raising(RuntimeError("CUDA error")),
    "runs out of memory": raising(MemoryError()),
    "raises a time-out": raising(TimeoutError()),
    "gives nothing": lambda faces: [],
    "gives too many verdicts": lambda faces: [LIVE] * (len(faces) + 1),
    "gives NaN": lambda faces: [LivenessVerdict(Liveness.LIVE, math.nan, 0.5) for _ in faces],
    "gives infinity": lambda faces: [LivenessVerdict(Liveness.LIVE, math.inf, 0.5) for _ in faces],
    "gives what is no probability": lambda faces: [LivenessVerdict(Liveness.LIVE, -0.1, 0.5) for _ in faces],
}


@pytest.mark.parametrize("fault", ENGINE)
def test_178_an_engine(served: Callable[..., Site], astronaut: bytes, fault: str) -> None:
    site = served(keeper_of(BrokenJudge(ENGINE[fault])))
    assert verdict(site, variant(astronaut)) == 178
    assert "CUDA" not in str(site.verify(site.uploaded(variant(astronaut)), skip_liveness="false").get_json())


def test_178_the_engine_s_library_cannot_be_imported(served: Callable[..., Site], astronaut: bytes) -> None:
    def load(settings: Settings) -> LivenessJudge:
        raise ImportError("libcudart.so: cannot open shared object file")

    assert verdict(served(JudgeKeeper(load, no_fetch)), variant(astronaut)) == 178


def small(photo: bytes, side: int) -> bytes:
    """Return a photo in which everything is smaller, on a grey ground of the old size."""
    pixels = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    ground = np.full_like(pixels, 120)
    ground[..., 0] = 90
    ground[100 : 100 + side, 100 : 100 + side] = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)
    return encoded(ground)


def changed(photo: bytes, change: Callable[[Any], Any]) -> bytes:
    """Return the photo with its pixels changed."""
    return encoded(np.ascontiguousarray(change(cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR))))


def brighter(pixels: Pixels) -> Any:
    return np.clip(pixels.astype(np.float32) * 1.5 + 90, 0, 255).astype(np.uint8)


def grey(pixels: Pixels) -> Any:
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


PHOTO: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "the face is under 48 pixels": (561, lambda photo: small(photo, 200)),
    "the face is at the edge": (561, lambda photo: changed(photo, lambda pixels: pixels[:, 212:])),
    "the photo is turned by 90 degrees": (630, lambda photo: changed(photo, lambda pixels: np.rot90(pixels))),
    "the photo is grey": (561, lambda photo: changed(photo, grey)),
    "the face is over-exposed": (630, lambda photo: changed(photo, brighter)),
    "the face is dark": (561, lambda photo: changed(photo, lambda pixels: pixels // 12)),
}


@pytest.mark.parametrize("fault", PHOTO)
def test_a_photo_cannot_be_judged(site: Site, astronaut: bytes, fault: str) -> None:
    number, change = PHOTO[fault]
    reply = site.verify(site.uploaded(change(astronaut)), skip_liveness="false")
    assert code(reply) == number, results(reply)


def test_the_table_has_a_row_for_each_of_these_failures() -> None:
    rows = (ROOT / "docs" / "liveness-failures.md").read_text().splitlines()
    expected = [f"| model file | {fault} | 178 |" for fault in MODEL_FILE]
    expected += [f"| card | {fault} | 178 |" for fault in CARD]
    expected += [f"| an engine | {fault} | 178 |" for fault in (*ENGINE, NEVER_RETURNS)]
    expected += [f"| photo | {fault} | {number} |" for fault, (number, _) in PHOTO.items()]
    groups = ("| model file |", "| card |", "| an engine |", "| photo |")
    assert sorted(row for row in rows if row.startswith(groups)) == sorted(expected)


class BrokenModels(LoadedModels):
    """Models of which the detector, or the recognition model, can be broken."""

    detector_fault: BaseException | None = None
    embeddings_fault: bool = False

    def detector(self) -> Detector:
        """Return the detector, broken where it has to be."""
        return BreakingDetector(super().detector(), self)

    def embedders(self, settings: Settings) -> Mapping[str, Embedder]:
        """Return the models, broken where they have to be."""
        return {name: BreakingEmbedder(model, self) for name, model in super().embedders(settings).items()}


class BreakingDetector:
    """A detector that raises once its owner is broken."""

    def __init__(self, detector: Detector, owner: BrokenModels) -> None:
        self.detector, self.owner = detector, owner

    def detect(self, photos: Sequence[Pixels]) -> list[list[Detection]]:
        """Detect, or raise."""
        if self.owner.detector_fault is not None:
            raise self.owner.detector_fault
        return self.detector.detect(photos)


class BreakingEmbedder:
    """A model whose numbers are not numbers once its owner is broken."""

    def __init__(self, model: Embedder, owner: BrokenModels) -> None:
        self.model, self.owner = model, owner
        self.name, self.version, self.size = model.name, model.version, model.size

    def embed(self, crops: Sequence[Crop]) -> Floats:
        """Embed, or give NaN."""
        vectors = self.model.embed(crops)
        return np.full_like(vectors, np.nan) if self.owner.embeddings_fault else vectors


def test_599_the_detector_or_a_recognition_model_fails(served: Callable[..., Site], astronaut: bytes) -> None:
    models = BrokenModels(WEIGHTS)
    site = served(judging(lambda face: Liveness.LIVE), models)
    upload_id = site.uploaded(variant(astronaut))
    (site.uploads / upload_id / "seen.json").unlink()  # else what the upload has computed is not computed again
    assert code(site.verify(upload_id, skip_liveness="false")) == 200
    models.detector_fault = RuntimeError("broken")
    assert code(site.verify(upload_id, skip_liveness="false")) == 599
    models.detector_fault, models.embeddings_fault = None, True
    assert code(site.verify(upload_id, skip_liveness="false")) == 599
    models.close()


def test_155_the_database_is_down_during_a_verification(served: Callable[..., Site], astronaut: bytes) -> None:
    gone: list[Site] = []

    def state_of(face: Face) -> Liveness:
        for site in gone:
            (site.folder / "faceapp.sqlite").rename(site.folder / "away")
        return Liveness.LIVE

    site = served(judging(state_of))
    upload_id = site.uploaded(variant(astronaut))
    gone.append(site)
    assert code(site.verify(upload_id, skip_liveness="false")) == 155


def test_113_the_enrolled_crops_cannot_be_read(served: Callable[..., Site], astronaut: bytes) -> None:
    site = served(judging(lambda face: Liveness.LIVE))
    for file in site.people.rglob("*"):
        if file.is_file() and file.suffix != ".lock":
            file.write_bytes(b"damaged")
    site.workshop.close()
    assert verdict(site, variant(astronaut)) == 113


def test_153_a_photo_of_the_upload_was_damaged(site: Site, astronaut: bytes) -> None:
    upload_id = site.uploaded(variant(astronaut))
    next((site.uploads / upload_id).glob("*.jpg")).write_bytes(b"\xff\xd8\xff damaged")
    assert code(site.verify(upload_id, skip_liveness="false")) == 153


def test_176_the_settings_are_damaged(site: Site, astronaut: bytes) -> None:
    upload_id = site.uploaded(variant(astronaut))
    for key in ("ALLOW_SKIP_LIVENESS", "LIVENESS_ENGINES"):
        good = site.env.get(key)
        site.edit(**{key: "perhaps"})
        assert code(site.verify(upload_id, skip_liveness="true")) == 176
        site.edit(**{key: good})


def in_left_half(face: Face) -> bool:
    """Whether a face is in the left half of its photo."""
    return bool(face.detection.box.centre[0] < face.photo.pixels.shape[1] / 2)


def test_a_live_face_beside_a_victim_s_photo_does_not_verify_the_victim(
    served: Callable[..., Site], astronaut: bytes, grace_hopper: bytes
) -> None:
    spoofed: list[bool] = [False]
    site = served(judging(lambda face: Liveness.SPOOF if spoofed[0] and in_left_half(face) else Liveness.LIVE))
    both = side_by_side([variant(astronaut), grace_hopper])
    assert verdict(site, both) == 200
    spoofed[0] = True
    assert verdict(site, both) == 500
    assert verdict(site, both, variant(grace_hopper)) == 500
    site.enrolled(grace_hopper, person_id=OTHER_ID)
    assert verdict(site, both) == 100
    assert code(site.verify(site.uploaded(both), skip_liveness="false", skip_verify="true")) == 100


def test_a_live_face_in_one_photo_does_not_verify_the_victim_of_another(
    served: Callable[..., Site], astronaut: bytes, grace_hopper: bytes
) -> None:
    spoofed: list[bool] = [False]
    site = served(
        judging(lambda face: Liveness.SPOOF if spoofed[0] and face.photo.name == "0001.jpg" else Liveness.LIVE)
    )
    site.edit(VER_TOL="1")
    photos = variant(astronaut), variant(grace_hopper)
    assert verdict(site, *photos) == 200
    spoofed[0] = True
    assert verdict(site, *photos) == 500


def test_a_victim_s_photos_do_not_count_beside_one_live_photo_of_them(
    served: Callable[..., Site], astronaut: bytes
) -> None:
    site = served(judging(lambda face: Liveness.LIVE if face.photo.name == "0001.jpg" else Liveness.SPOOF))
    one, another = variant(astronaut), variant(astronaut, 1.0, -12, -5.0)
    upload_id = site.uploaded(one, another)
    assert code(site.verify(upload_id, skip_liveness="false", skip_db_search="true")) == 500


@pytest.mark.parametrize(
    ("states", "number"),
    [
        ((Liveness.SPOOF, Liveness.SPOOF), 560),
        ((Liveness.SPOOF, Liveness.UNCERTAIN), 561),
        ((Liveness.UNCERTAIN, Liveness.UNCERTAIN), 561),
    ],
)
def test_none_live_is(
    served: Callable[..., Site], astronaut: bytes, states: tuple[Liveness, Liveness], number: int
) -> None:
    site = served(judging(lambda face: states[int(face.photo.name == "0002.jpg")]))
    assert verdict(site, variant(astronaut), variant(astronaut, 1.0, -12, -5.0)) == number
