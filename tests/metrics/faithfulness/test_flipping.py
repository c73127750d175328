"""Pixel flipping, comprehensiveness and sufficiency against slow references and Quantus."""

import numpy as np
import pytest
from faithful import IMAGES, QUANTUS, TARGETS, N, in_order, kinds, odds, one, predict, recorded

import reference_faithfulness as slow
from campare.metrics import faithfulness
from campare.metrics.faithfulness.predicting import probability
from campare.metrics.faithfulness.replacing import baseline


@kinds
def test_pixel_flipping_equals_the_slow_one(maps):
    other = baseline(IMAGES, "mean")
    found = faithfulness.pixel_flipping(predict, IMAGES, maps, TARGETS, steps=6, **in_order)
    for i, value in enumerate(found.values):
        expected = slow.aopc(one, IMAGES[i], other[i], maps[i], TARGETS[i], 6)
        assert value == pytest.approx(expected, abs=1e-5)


@kinds
def test_comprehensiveness_and_sufficiency_equal_the_slow_ones(maps):
    other, shares = baseline(IMAGES, "mean"), (0.01, 0.05, 0.1, 0.2, 0.5)
    without = faithfulness.comprehensiveness(predict, IMAGES, maps, TARGETS, **in_order).values
    alone = faithfulness.sufficiency(predict, IMAGES, maps, TARGETS, **in_order).values
    for i in range(N):
        given = (odds, IMAGES[i], other[i], maps[i], TARGETS[i], shares)
        assert without[i] == pytest.approx(slow.eraser(*given, keep=False), abs=1e-5)
        assert alone[i] == pytest.approx(slow.eraser(*given, keep=True), abs=1e-5)


def test_the_flipped_pixels_are_those_of_quantus():
    images, maps, targets = QUANTUS["images"], QUANTUS["maps"], QUANTUS["targets"]
    start = recorded(images)[np.arange(len(targets)), targets]
    steps = np.column_stack([start, QUANTUS["flipped_logits"]])  # Quantus leaves out the start
    expected = (start[:, None] - steps).mean(axis=1)
    found = faithfulness.pixel_flipping(
        recorded, images, maps, targets, flip_to="zero", steps=steps.shape[1] - 1
    )
    assert found.values == pytest.approx(expected, abs=1e-5)
    odds_of = probability(recorded(images), targets)
    curve = np.column_stack([odds_of, QUANTUS["flipped_probabilities"]])
    expected = np.trapezoid(curve, dx=1 / (curve.shape[1] - 1), axis=1)
    found = faithfulness.deletion(
        recorded, images, maps, targets, delete_to="zero", steps=curve.shape[1] - 1
    )
    assert found.values == pytest.approx(expected, abs=1e-5)
