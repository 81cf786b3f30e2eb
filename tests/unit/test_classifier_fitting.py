"""FaceHash's network in NumPy: its gradients are those of its loss, and fitting it separates what can be separated."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.classifier import fitting
from pipeline.classifier.build import calibrate, log_odds
from pipeline.classifier.fitting import Fitting, Layers, layers_for
from pipeline.classifier.options import Options
from pipeline.types import Counts, Floats


def network(*sizes: int) -> Layers:
    """Return one for embeddings of 7 numbers, in which no array is zero."""
    generator = np.random.default_rng(1)
    layers = layers_for(sizes, np.full(7, 0.2, np.float32), np.full(7, 4.0, np.float32), generator)
    for array in layers.dense:
        array += generator.normal(0.0, 0.3, array.shape).astype(np.float32)
    return layers


def table() -> tuple[Floats, Counts]:
    generator = np.random.default_rng(2)
    classes = generator.integers(0, 3, 60)
    rows = np.eye(7)[classes] * 4 + generator.normal(0.0, 0.5, (60, 7))
    return rows.astype(np.float32), classes


def loss(layers: Layers, rows: Floats, classes: Counts, l2: float) -> float:
    outputs = layers.logits(rows)
    chances = outputs - np.logaddexp.reduce(outputs, axis=1, keepdims=True)
    penalties = [l2, fitting.HIDDEN_L2][: len(layers.dense) // 2]
    squares = [float((kernel.astype(np.float64) ** 2).sum()) for kernel in layers.dense[-2::-2]]
    return float(-chances[np.arange(len(rows)), classes].mean()) + float(np.dot(penalties, squares))


@pytest.mark.parametrize("sizes", [(3,), (5, 3)], ids=["one layer", "hidden layer"])
def test_a_small_step_changes_the_loss_as_the_gradients_say(
    sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "HIDDEN_L2", 0.5)
    layers, (rows, classes), options = network(*sizes), table(), Options(l2=0.02)
    one = Fitting(layers, options, 1, lambda share: None)
    gradients = one._gradients(layers.scaled(rows), classes, np.random.default_rng(3))
    before = loss(layers, rows, classes, options.l2)
    for array, gradient in zip(layers.dense, gradients, strict=True):
        array += np.float32(1e-3) * gradient
        after = loss(layers, rows, classes, options.l2)
        assert after - before == pytest.approx(1e-3 * float((gradient.astype(np.float64) ** 2).sum()), rel=0.05)
        array -= np.float32(1e-3) * gradient


@pytest.mark.parametrize("options", [Options(), Options(hidden_units=16, dropout=0.2)], ids=["plain", "dropout"])
def test_what_can_be_told_apart_is_and_the_shares_rise(options: Options) -> None:
    layers, (rows, classes), shares = network(3), table(), list[float]()
    layers = network(options.hidden_units, 3) if options.hidden_units else layers
    Fitting(layers, options, 60, shares.append).fit(rows, classes, 60, np.random.default_rng(4))
    assert layers.logits(rows).argmax(axis=1).tolist() == classes.tolist()
    assert shares == [at / 60 for at in range(60)]


def test_log_odds_are_those_of_the_softmax() -> None:
    outputs = np.array([[0.0, 1.0, -2.0], [700.0, -700.0, 0.0], [-1e4, 0.0, 0.0]])
    chances = np.exp(outputs[:1] - np.logaddexp.reduce(outputs[:1], axis=1, keepdims=True))
    assert log_odds(outputs)[0] == pytest.approx(np.log(chances / (1 - chances))[0, :-1])
    assert np.isfinite(log_odds(outputs)).all()


def test_calibration_puts_each_users_bar_beyond_the_strangers() -> None:
    layers = network(5)
    strangers = np.random.default_rng(5).normal(0.0, 1.0, (4000, 7)).astype(np.float32)
    calibrate(layers, 3.0, strangers)
    odds = log_odds(layers.logits(strangers))
    assert odds.mean(axis=0) + 3.0 * odds.std(axis=0) == pytest.approx(np.zeros(4), abs=0.3)
