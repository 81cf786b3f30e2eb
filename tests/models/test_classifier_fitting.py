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


def test_a_second_fit_goes_on_where_the_first_one_ended() -> None:
    fitting = Fitting(STRANGERS, 3, PLAIN, 1, lambda share: None)
    fitting.fit(*table(), PLAIN.epochs, np.random.default_rng(4))
    first = fitting.layers.dense[0]
    fitting.fit(*table(), 1, np.random.default_rng(4))
    assert fitting.layers.dense[0] == pytest.approx(first, abs=0.05)


def test_log_odds_are_those_of_the_softmax() -> None:
    outputs = np.array([[0.0, 1.0, -2.0], [700.0, -700.0, 0.0], [-1e4, 0.0, 0.0]])
    chances = np.exp(outputs[:1] - np.logaddexp.reduce(outputs[:1], axis=1, keepdims=True))
    assert log_odds(outputs)[0] == pytest.approx(np.log(chances / (1 - chances))[0, :-1])
    assert np.isfinite(log_odds(outputs)).all()


@pytest.mark.parametrize("users", [1, 4, 40])
def test_a_users_bar_is_as_far_beyond_the_strangers_however_many_users_there_are(users: int) -> None:
    generator = np.random.default_rng(5)
    kernel = generator.normal(0.0, 0.02, (256, users + 1)).astype(np.float32)
    layers = Layers(np.zeros(256, np.float32), np.ones(256, np.float32), [kernel, np.ones(users + 1, np.float32)])
    made = calibrate(layers, 4.0, generator.normal(0.0, 1.0, (4000, 256)).astype(np.float32))
    towards = kernel[:, :-1].T / np.linalg.norm(kernel[:, :-1], axis=0)[:, np.newaxis]
    below, above = (np.diag(log_odds(made.logits(np.float32(far) * towards))) for far in (3.6, 4.6))
    assert below.max() < 0 < above.min()
