"""Liveness networks as graphs: Keras's own numbers, without Keras from the second load on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.models.keras_graph import NotConvertibleError, keras_graph
from pipeline.models.liveness import graphs
from pipeline.models.liveness.cnn import load_cnn
from pipeline.models.liveness.fasnet import load_fasnet
from pipeline.models.runtime import OnnxRunner
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


def test_the_shipped_network_gives_the_same_scores_as_a_graph(shipped: Path, tmp_path: Path) -> None:
    keras = load_cnn(shipped, None).score(photos(), BOXES)
    for _ in range(2):
        graph = load_cnn(shipped, None, tmp_path).score(photos(), BOXES)
        assert np.abs(graph.columns - keras.columns).max() <= 1e-5
    assert [file.suffix for file in tmp_path.iterdir()] == [".onnx"]


def test_fasnet_gives_the_same_scores_as_graphs(shared_data: Path, tmp_path: Path) -> None:
    keras = load_fasnet(shared_data / "weights").score(photos(), BOXES)
    for _ in range(2):
        graph = load_fasnet(shared_data / "weights", tmp_path).score(photos(), BOXES)
        assert np.abs(graph.plain - keras.plain).max() <= 1e-5
        assert np.abs(graph.bare - keras.bare).max() <= 1e-5
    assert len(list(tmp_path.iterdir())) == 2


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


def test_layers_of_every_kind_are_translated_exactly() -> None:
    from keras import layers

    model = network(
        layers.Rescaling(1 / 127.5, -1.0), layers.ZeroPadding2D(((1, 2), (0, 1))),
        layers.Conv2D(6, 3, strides=2, padding="same", activation="tanh"), layers.BatchNormalization(),
        layers.PReLU(shared_axes=[1, 2]), layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2),
        layers.ReLU(max_value=0.5), layers.Cropping2D(((1, 0), (0, 1))), layers.MaxPooling2D(2, strides=1),
        layers.AveragePooling2D(2, strides=1), layers.Dropout(0.5), layers.Flatten(), layers.Dense(5, "sigmoid"),
        layers.BatchNormalization(), layers.Dense(3, "softmax"), side=14,
    )  # fmt: skip
    generator = np.random.default_rng(0)
    model.set_weights([generator.uniform(0.1, 0.9, weight.shape) for weight in model.get_weights()])
    given = generator.uniform(0, 255, (5, 14, 14, 3)).astype(np.float32)
    answer = OnnxRunner(keras_graph(model))({"input0": given})[0]
    assert np.abs(answer - np.asarray(model(given, training=False))).max() <= 1e-6


def test_a_layer_that_is_not_translated_is_said_by_name() -> None:
    from keras import layers

    with pytest.raises(NotConvertibleError, match="UpSampling2D"):
        keras_graph(network(layers.UpSampling2D(), layers.GlobalAveragePooling2D()))


def test_keras_runs_a_network_that_is_not_translated_and_one_whose_graph_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keras import layers

    file, digest = saved(
        tmp_path, network(layers.UpSampling2D(2), layers.GlobalAveragePooling2D(), layers.Dense(1, "sigmoid"), side=224)
    )
    kept = tmp_path / "graphs"
    blue = [np.full((300, 300, 3), (0, 0, 200), np.uint8)]
    wanted = load_cnn(file, digest).score(blue, BOXES[1:2])
    assert load_cnn(file, digest, kept).score(blue, BOXES[1:2]).attack == wanted.attack
    assert not kept.exists()
    file, digest = saved(tmp_path, network(layers.GlobalAveragePooling2D(), layers.Dense(1, "sigmoid"), side=224))
    monkeypatch.setattr(graphs, "TOLERANCE", -1.0)
    wanted = load_cnn(file, digest).score(blue, BOXES[1:2])
    assert load_cnn(file, digest, kept).score(blue, BOXES[1:2]).attack == wanted.attack
    assert not kept.exists()


def test_a_damaged_graph_is_made_anew(shipped: Path, tmp_path: Path) -> None:
    load_cnn(shipped, None, tmp_path)
    graph = next(tmp_path.iterdir())
    whole = graph.read_bytes()
    graph.write_bytes(whole[: len(whole) // 2])
    load_cnn(shipped, None, tmp_path)
    assert graph.read_bytes() == whole
