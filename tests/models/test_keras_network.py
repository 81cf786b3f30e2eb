"""Keras networks in OpenVINO: Keras's own numbers, without Keras from the second load on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.models import keras_network
from pipeline.models.keras_network import KerasFunction, keras_runner
from pipeline.models.liveness.cnn import load_cnn
from pipeline.models.liveness.fasnet import load_fasnet
from pipeline.models.weights import sha256_of
from pipeline.types import Box, Pixels

pytestmark = pytest.mark.models
ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "bin" / "model" / "liveness_best.h5"


def photos() -> list[Pixels]:
    generator = np.random.default_rng(3)
    return [generator.integers(0, 256, (side, side, 3), dtype=np.uint8) for side in (120, 300, 500)]


BOXES = [Box(10, 10, 90, 100), Box(60, 70, 120, 150), Box(100, 90, 250, 300)]


@pytest.fixture
def shipped() -> Path:
    if not SHIPPED.is_file():
        pytest.skip("the liveness model is not in bin/model: bin/train-liveness makes it")
    return SHIPPED


def test_the_shipped_network_gives_the_same_scores(shipped: Path, tmp_path: Path) -> None:
    keras = load_cnn(shipped, None).score(photos(), BOXES)
    for _ in range(2):
        ours = load_cnn(shipped, None, tmp_path).score(photos(), BOXES)
        assert np.abs(ours.columns - keras.columns).max() <= 1e-5
    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".bin", ".xml"]


def test_fasnet_gives_the_same_scores(shared_data: Path, tmp_path: Path) -> None:
    keras = load_fasnet(shared_data / "weights").score(photos(), BOXES)
    for _ in range(2):
        ours = load_fasnet(shared_data / "weights", tmp_path).score(photos(), BOXES)
        assert np.abs(ours.plain - keras.plain).max() <= 1e-5
        assert np.abs(ours.bare - keras.bare).max() <= 1e-5
    assert len(list(tmp_path.glob("*.xml"))) == 2


def test_the_second_load_does_without_tensorflow(shipped: Path, shared_data: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from pipeline.models.liveness import load_judge; "
        "load_judge(('cnn', 'fasnet'), Path(sys.argv[1]), None, Path(sys.argv[2]), Path(sys.argv[3])); "
        "print([name for name in ('tensorflow', 'keras', 'tf_keras') if name in sys.modules])"
    )
    command = [sys.executable, "-c", program, str(shipped), str(shared_data / "weights"), str(tmp_path)]
    first, second = (subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True) for _ in range(2))
    assert (first.stdout.strip() != "[]", second.stdout.strip()) == (True, "[]")


def network(*layers: Any, side: int = 8) -> Any:
    import keras

    tensor = given = keras.layers.Input((side, side, 3))
    for layer in layers:
        tensor = layer(tensor)
    return keras.Model(given, tensor)


def saved(tmp_path: Path, model: Any) -> tuple[Path, str]:
    file = tmp_path / "model.h5"
    model.save(file)
    return file, sha256_of(file)


def test_layers_of_many_kinds_give_the_same(tmp_path: Path) -> None:
    from keras import layers

    model = network(
        layers.Rescaling(1 / 127.5, -1.0), layers.ZeroPadding2D(((1, 2), (0, 1))),
        layers.Conv2D(6, 3, strides=2, activation="tanh"), layers.BatchNormalization(),
        layers.PReLU(shared_axes=[1, 2]), layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2),
        layers.ReLU(max_value=0.5), layers.Cropping2D(((1, 0), (0, 1))), layers.MaxPooling2D(2, strides=1),
        layers.AveragePooling2D(2, strides=1), layers.Dropout(0.5), layers.Flatten(),
        layers.Dense(5, "sigmoid"), layers.BatchNormalization(), layers.Dense(3, "softmax"), side=14,
    )  # fmt: skip
    generator = np.random.default_rng(0)
    model.set_weights([generator.uniform(0.1, 0.9, weight.shape) for weight in model.get_weights()])
    given = generator.uniform(0, 255, (5, 14, 14, 3)).astype(np.float32)
    function = KerasFunction(lambda batch: model(batch, training=False), [((14, 14, 3), np.float32)])
    answer = keras_runner(lambda: function, tmp_path / "kept.xml", 0, 255)([given])[0]
    assert (tmp_path / "kept.xml").is_file()
    assert np.abs(answer - np.asarray(model(given, training=False))).max() <= 1e-6


def test_keras_runs_a_network_whose_conversion_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from keras import layers

    kept = tmp_path / "kept"
    blue = [np.full((300, 300, 3), (0, 0, 200), np.uint8)]
    file, digest = saved(tmp_path, network(layers.GlobalAveragePooling2D(), layers.Dense(1, "sigmoid"), side=224))
    monkeypatch.setattr(keras_network, "TOLERANCE", -1.0)
    wanted = load_cnn(file, digest).score(blue, BOXES[1:2])
    assert load_cnn(file, digest, kept).score(blue, BOXES[1:2]).attack == wanted.attack
    assert not kept.exists()


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_a_damaged_file_is_made_anew(suffix: str, shipped: Path, tmp_path: Path) -> None:
    expected = load_cnn(shipped, None, tmp_path).score(photos(), BOXES)
    (file,) = tmp_path.glob(f"*{suffix}")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert np.array_equal(load_cnn(shipped, None, tmp_path).score(photos(), BOXES).attack, expected.attack)
    assert len(file.read_bytes()) == len(whole)
