"""Liveness with real files: what is loaded, what is refused, and what the judge says of faces."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from codes_dict import Code, Refusal
from pipeline.models.liveness import load_judge
from pipeline.models.liveness.card import SEED_CARD
from pipeline.models.liveness.cnn import Cnn, load_cnn
from pipeline.models.liveness.facenox import load_facenox
from pipeline.models.liveness.fasnet import FILES, SCALES, load_fasnet
from pipeline.models.liveness.judge import Judge
from pipeline.models.liveness.keras_file import load_network
from pipeline.models.weights import sha256_of
from pipeline.registry import FACENOX_WEIGHTS
from pipeline.stages.align import crop_face
from pipeline.types import Box, Detection, Face, Liveness, Photo, Pixels

pytestmark = pytest.mark.models
ROOT = Path(__file__).resolve().parents[2]
EYES = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)


def face_in(pixels: Pixels, box: Box, turn: bool = False) -> Face:
    points = EYES[:, ::-1] if turn else EYES
    landmarks = points * np.array([box.width, box.height]) + np.array([box.left, box.top])
    photo = Photo("photo.jpg", pixels, "0" * 64)
    detection = Detection(box, landmarks.astype(np.float32), 0.99)
    return Face(photo, detection, crop_face(photo, detection))


def grey_level(value: int, size: int = 200) -> Pixels:
    """Return a flat photo that is nearly grey: red a little stronger."""
    return np.full((size, size, 3), (min(255, value + 12), value, value), np.uint8)


def seed_like_model(path: Path, bias: float = 0.0) -> str:
    """Save a model of the older convention that answers sigmoid(mean blue / 25.5 - 5 + bias); return its SHA-256."""
    import keras

    image = keras.layers.Input((224, 224, 3))
    mean = keras.layers.GlobalAveragePooling2D()(image)
    model = keras.Model(image, keras.layers.Dense(1, activation="sigmoid", name="out")(mean))
    kernel = np.array([[1 / 25.5], [0], [0]], np.float32)
    model.get_layer("out").set_weights([kernel, np.array([bias - 5], np.float32)])
    model.save(path)
    return sha256_of(path)


def refusal_of(call: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as refusal:
        call()
    assert refusal.value.code is Code.NO_LIVENESS
    return refusal.value.detail


@pytest.fixture(scope="module")
def seed_model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("seed") / "model.h5"
    return path, seed_like_model(path)


def test_a_model_without_a_card_gets_bgr_and_its_threshold_is_0_7(seed_model: tuple[Path, str]) -> None:
    judge = load_judge(["cnn"], seed_model[0], seed_model[1], Path())
    blue, red = np.full((2, 300, 300, 3), 40, np.uint8)
    blue[..., 2], red[..., 0] = 200, 200
    verdicts = judge.judge([face_in(photo, Box(50, 50, 100, 100)) for photo in (blue, red)])
    assert [verdict.state for verdict in verdicts] == [Liveness.SPOOF, Liveness.LIVE]
    assert verdicts[0].threshold == 0.7
    assert verdicts[0].score == pytest.approx(1 / (1 + np.exp(5 - 200 / 25.5)), abs=1e-4)


def test_a_score_of_exactly_the_threshold_is_an_attack(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    digest = seed_like_model(path)
    level = 25.5 * (5 + np.log(0.7 / 0.3))
    judge = load_judge(["cnn"], path, digest, Path())
    states = [
        judge.judge([face_in(np.full((99, 99, 3), (200, 99, value), np.uint8), Box(9, 9, 60, 60))])[0].state
        for value in (int(level), int(np.ceil(level)))
    ]
    assert states == [Liveness.LIVE, Liveness.SPOOF]


def test_a_hash_that_nobody_named_is_refused_with_the_hash_to_pin(seed_model: tuple[Path, str]) -> None:
    assert seed_model[1] in refusal_of(lambda: load_judge(["cnn"], seed_model[0], None, Path()))
    assert seed_model[1] in refusal_of(lambda: load_judge(["cnn"], seed_model[0], "0" * 64, Path()))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal_of(lambda: load_judge(["cnn"], tmp_path / "none.h5", "0" * 64, Path()))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "0 bytes"),
        (b"<!DOCTYPE html><html>Quota exceeded</html>", "web page"),
        (b"\n  <html>", "web page"),
        (b"PK\x03\x04 broken", "truncated"),
        (b"\x89HDF\r\n\x1a\n broken", "truncated"),
        (b"\x80\x04pickle", "neither"),
    ],
)
def test_a_file_that_is_no_model_is_refused_and_named(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "model.h5"
    path.write_bytes(content)
    assert word in refusal_of(lambda: load_network(path, frozenset([sha256_of(path)])))


def test_a_truncated_model_is_refused(tmp_path: Path, seed_model: tuple[Path, str]) -> None:
    path = tmp_path / "model.h5"
    data = seed_model[0].read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert "truncated" in refusal_of(lambda: load_network(path, frozenset([sha256_of(path)])))


def test_a_lambda_layer_is_refused_before_it_is_built(tmp_path: Path) -> None:
    import keras

    image = keras.layers.Input((32, 32, 3))
    model = keras.Model(image, keras.layers.Lambda(lambda x: x * 2, output_shape=(32, 32, 3))(image))
    path = tmp_path / "model.h5"
    model.save(path)
    assert "Lambda" in refusal_of(lambda: load_network(path, frozenset([sha256_of(path)])))


@pytest.mark.parametrize(
    "change",
    [
        {"class_name": "TFOpLambda"},
        {"module": "os", "class_name": "Dense"},
        {"registered_name": "mine>Dense"},
    ],
)
def test_a_layer_that_is_not_on_the_list_is_refused(
    tmp_path: Path, seed_model: tuple[Path, str], change: dict[str, str]
) -> None:
    import h5py

    path = tmp_path / "model.h5"
    shutil.copy(seed_model[0], path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][-1] |= change
        file.attrs["model_config"] = json.dumps(config)
    assert "not allowed" in refusal_of(lambda: load_network(path, frozenset([sha256_of(path)])))


def test_a_card_that_does_not_fit_the_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    digest = seed_like_model(path)
    card: dict[str, Any] = {
        "format": 1,
        "sha256": digest,
        "input": {"views": [{"size": 112, "scale": 1.0}], "colour": "RGB", "factor": 1, "offset": 0},
        "output": {"count": 1, "activation": "probability", "spoof": [0], "threshold": 0.5, "live": 0.5},
    }
    (tmp_path / "model.json").write_text(json.dumps(card))
    assert "inputs are" in refusal_of(lambda: load_judge(["cnn"], path, None, Path()))
    card["input"]["views"][0]["size"] = 224
    card["output"]["count"] = 2
    (tmp_path / "model.json").write_text(json.dumps(card))
    assert "outputs are" in refusal_of(lambda: load_judge(["cnn"], path, None, Path()))


def test_an_output_that_is_not_a_number_is_never_a_pass(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    digest = seed_like_model(path, bias=float("nan"))
    assert "not a number" in refusal_of(lambda: load_judge(["cnn"], path, digest, Path()))


def test_a_model_that_answers_for_too_few_faces_is_refused(seed_model: tuple[Path, str]) -> None:
    cnn = load_cnn(seed_model[0], seed_model[1])
    short = Judge(replace(cnn, run=lambda views: [cnn.run(views)[0][:1]]), None)
    faces = [face_in(grey_level(90), Box(50, 50, 90, 90))] * 2
    assert "for 2 faces" in refusal_of(lambda: short.judge(faces))


@pytest.mark.parametrize("engines", [[], ["cnn", "magic"]])
def test_an_unknown_engine_or_none_is_refused(seed_model: tuple[Path, str], engines: list[str]) -> None:
    assert "engines are" in refusal_of(lambda: load_judge(engines, seed_model[0], seed_model[1], Path()))


def test_all_faces_go_through_the_network_in_one_call(seed_model: tuple[Path, str]) -> None:
    cnn = load_cnn(seed_model[0], seed_model[1])
    sizes = []
    judge = Judge(replace(cnn, run=lambda views: sizes.append(len(views[0])) or cnn.run(views)), None)  # type: ignore[func-returns-value]
    assert len(judge.judge([face_in(grey_level(90), Box(50, 50, 90, 90))] * 5)) == 5
    assert sizes == [5]


@pytest.mark.parametrize(
    ("face", "word"),
    [
        (face_in(grey_level(100), Box(50, 50, 40, 40)), "too small"),
        (face_in(grey_level(100), Box(-40, 50, 100, 100)), "edge of the frame"),
        (face_in(grey_level(100), Box(50, 50, 90, 90), turn=True), "on its side"),
        (face_in(grey_level(5), Box(50, 50, 90, 90)), "too dark"),
        (face_in(grey_level(252), Box(50, 50, 90, 90)), "over-exposed"),
        (face_in(np.full((200, 200, 3), 100, np.uint8), Box(50, 50, 90, 90)), "no colour"),
        (
            face_in(grey_level(100), Box(20, 20, 155, 155)),
            "fills the frame: show your whole head with some space around",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_face_that_cannot_be_judged_is_uncertain_and_says_why(
    seed_model: tuple[Path, str], face: Face, word: str
) -> None:
    (verdict,) = load_judge(["cnn"], seed_model[0], seed_model[1], Path()).judge([face])
    assert verdict.state is Liveness.UNCERTAIN
    assert word in verdict.reason


def test_fasnets_missing_or_altered_weights_are_refused(tmp_path: Path, shared_data: Path) -> None:
    assert next(iter(FILES)) in refusal_of(lambda: load_fasnet(tmp_path))
    for name in FILES:
        shutil.copy(shared_data / "weights" / name, tmp_path / name)
        (tmp_path / name).chmod(0o644)
    with (tmp_path / next(iter(FILES))).open("ab") as file:
        file.write(b"x")
    assert "expected" in refusal_of(lambda: load_fasnet(tmp_path))


def test_facenoxs_missing_or_altered_weights_are_refused(tmp_path: Path, shared_data: Path) -> None:
    assert FACENOX_WEIGHTS.file in refusal_of(lambda: load_facenox(tmp_path))
    shutil.copyfile(shared_data / "weights" / FACENOX_WEIGHTS.file, tmp_path / FACENOX_WEIGHTS.file)
    load_facenox(tmp_path)
    with (tmp_path / FACENOX_WEIGHTS.file).open("ab") as file:
        file.write(b"x")
    assert "expected" in refusal_of(lambda: load_facenox(tmp_path))


def test_a_face_that_fills_the_frame_is_judged_where_that_is_asked_for(seed_model: tuple[Path, str]) -> None:
    judge = load_judge(["cnn"], *seed_model, Path(), judge_tight=True)
    blue = np.full((200, 200, 3), 40, np.uint8)
    blue[..., 2] = 200
    (verdict,) = judge.judge([face_in(blue, Box(20, 20, 155, 155))])
    assert verdict.state is Liveness.SPOOF


def deepface_reading(weights: Path, photo: Pixels, box: tuple[int, int, int, int]) -> tuple[bool, float]:
    """Ask DeepFace's own class, its networks filled from `weights` instead of from the network."""
    from deepface.commons import weight_utils
    from deepface.models.spoofing.tf import FasNetBackbone
    from deepface.models.spoofing.tf.FasNet import Fasnet

    theirs = Fasnet.__new__(Fasnet)
    names = [str(weights / name) for name in FILES]
    theirs.first_model = weight_utils.load_model_weights(FasNetBackbone.MiniFASNetV2(conv6_kernel=(5, 5)), names[0])
    theirs.second_model = weight_utils.load_model_weights(FasNetBackbone.MiniFASNetV1SE(conv6_kernel=(5, 5)), names[1])
    is_real, score = theirs.analyze(photo[..., ::-1], box)
    return bool(is_real), float(score)


def test_our_fasnet_answers_as_deepfaces_own_does(shared_data: Path) -> None:
    fasnet = load_fasnet(shared_data / "weights")
    rng = np.random.default_rng(5)
    folders = sorted((shared_data / "data" / "spoof").glob("source_*/*/001.webp"))[:4]
    assert len(SCALES) == 2
    for path in folders:
        photo = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        photo = np.pad(photo, ((40, 60), (30, 50), (0, 0)), constant_values=int(rng.integers(256)))
        box = (45, 55, 100, 120)
        scores = fasnet.score([photo], [Box(*box)])
        is_real, score = deepface_reading(shared_data / "weights", photo, box)
        assert scores.spoof == [not is_real]
        assert float(scores.plain.sum(axis=1).max() / 2) == pytest.approx(score, abs=1e-5)


def test_fasnet_gives_a_face_the_same_answer_alone_and_in_a_batch(shared_data: Path) -> None:
    fasnet = load_fasnet(shared_data / "weights")
    rng = np.random.default_rng(6)
    photos = [rng.integers(0, 256, (200, 200, 3), dtype=np.uint8) for _ in range(3)]
    boxes = [Box(40, 50, 80, 100), Box(60, 60, 60, 70), Box(10, 20, 150, 160)]
    together = fasnet.score(photos, boxes)
    alone = [fasnet.score([photo], [box]) for photo, box in zip(photos, boxes, strict=True)]
    assert np.concatenate([one.plain for one in alone]) == pytest.approx(together.plain, abs=1e-5)
    assert np.concatenate([one.bare for one in alone]) == pytest.approx(together.bare, abs=1e-5)


def test_a_decisive_column_makes_an_attack_of_a_face_that_every_engine_takes_for_live() -> None:
    card = replace(SEED_CARD, outputs=3, spoof=(1,), kinds={2: "drawing"}, decisive=(2,), live=0.5, threshold=0.6)
    columns = np.array([[0.15, 0.0, 0.85], [0.3, 0.0, 0.7]], np.float32)
    cnn = Cnn(replace(card, slope=0.3, intercept=-3.0), lambda views: [columns])
    drawn, live = Judge(cnn, None).judge([face_in(grey_level(90), Box(50, 50, 90, 90))] * 2)
    assert (drawn.state, drawn.attack, live.state) == (Liveness.SPOOF, "drawing", Liveness.LIVE)
