"""FaceHash's network: fitting separates what can be separated, is reproducible, and Keras computes the same."""

import numpy as np
import pytest

from pipeline.classifier.build import calibrate, log_odds
from pipeline.classifier.fitting import Fitting, Layers, network_of
from pipeline.classifier.options import Options
from pipeline.classifier.strangers import Strangers
from pipeline.types import Counts, Floats

pytestmark = pytest.mark.models

PLAIN, DEEP = Options(epochs=15, batch_size=32), Options(epochs=45, batch_size=32, hidden_units=16, dropout=0.2)
EYE = np.eye(7, dtype=np.float32)
STRANGERS = Strangers({}, {"Dlib": 7}, np.full(7, 0.2, np.float32), 4 * EYE, EYE, 5.0)


def table(classes: int = 3) -> tuple[Floats, Counts]:
    generator = np.random.default_rng(2)
    whose = generator.integers(0, classes, 20 * classes)
    rows = np.eye(7)[whose] * 4 + generator.normal(0.0, 0.5, (len(whose), 7))
    return rows.astype(np.float32), whose


def fitted(options: Options, classes: int = 3) -> tuple[Layers, list[float]]:
    shares: list[float] = []
    fitting = Fitting(STRANGERS, classes, options, 1, shares.append)
    fitting.fit(*table(classes), options.epochs, np.random.default_rng(4))
    return fitting.layers, shares


@pytest.mark.parametrize("options", [PLAIN, DEEP], ids=["plain", "hidden layer, dropout"])
def test_what_can_be_told_apart_is_and_keras_computes_what_calibration_does(options: Options) -> None:
    layers, shares = fitted(options)
    rows, classes = table()
    outputs = layers.logits(rows)
    assert outputs.argmax(axis=1).tolist() == classes.tolist()
    assert shares == [at / (options.epochs * 4 // 3) for at in range(options.epochs)]
    network = network_of(7, 3, options)
    network.set_weights([layers.mean, layers.variance, *layers.dense])
    chances = np.exp(outputs - np.logaddexp.reduce(outputs, axis=1, keepdims=True))
    assert np.asarray(network(rows)) == pytest.approx(chances, abs=1e-5)


@pytest.mark.parametrize("options", [PLAIN, DEEP], ids=["plain", "hidden layer, dropout"])
def test_a_training_is_the_same_whatever_was_trained_before(options: Options) -> None:
    first, _ = fitted(options)
    fitted(options, classes=5)
    again, _ = fitted(options)
    for one, other in zip(first.dense, again.dense, strict=True):
        assert np.array_equal(one, other)


def test_a_second_fit_goes_on_from_the_layers_as_they_are_then() -> None:
    fitting = Fitting(STRANGERS, 3, PLAIN, 1, lambda share: None)
    fitting.layers.dense[-1][:] = (5.0, -5.0, 0.0)
    fitting.fit(*table(), 1, np.random.default_rng(4))
    assert fitting.layers.dense[-1] == pytest.approx((5.0, -5.0, 0.0), abs=0.5)


def test_log_odds_are_those_of_the_softmax() -> None:
    outputs = np.array([[0.0, 1.0, -2.0], [700.0, -700.0, 0.0], [-1e4, 0.0, 0.0]])
    chances = np.exp(outputs[:1] - np.logaddexp.reduce(outputs[:1], axis=1, keepdims=True))
    assert log_odds(outputs)[0] == pytest.approx(np.log(chances / (1 - chances))[0, :-1])
    assert np.isfinite(log_odds(outputs)).all()


def test_calibration_puts_each_users_bar_beyond_the_strangers() -> None:
    generator = np.random.default_rng(5)
    layers = Layers(np.zeros(7, np.float32), np.ones(7, np.float32), [EYE[:, :5], np.zeros(5, np.float32)])
    strangers = generator.normal(0.0, 1.0, (4000, 7)).astype(np.float32)
    calibrate(layers, 3.0, strangers)
    odds = log_odds(layers.logits(strangers))
    assert odds.mean(axis=0) + 3.0 * odds.std(axis=0) == pytest.approx(np.zeros(4), abs=0.3)
