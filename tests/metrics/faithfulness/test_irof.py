"""IROF against the slow one and Quantus."""

import numpy as np
import pytest
from faithful import IMAGES, KINDS, LABELS, QUANTUS, TARGETS, kinds, odds, predict, recorded

import reference_faithfulness as slow
from campare.metrics import faithfulness
from campare.metrics.faithfulness.irof import slic_labels
from campare.metrics.faithfulness.predicting import probability
from campare.metrics.faithfulness.replacing import baseline


@kinds
def test_irof_equals_the_slow_one(maps):
    other = baseline(IMAGES, "mean")
    found = faithfulness.irof(predict, IMAGES, maps + 1e-3 * LABELS, TARGETS, superpixels=LABELS)
    for i, value in enumerate(found.values):
        heat = (maps + 1e-3 * LABELS)[i]
        expected = slow.irof(odds, IMAGES[i], other[i], heat, LABELS[i], TARGETS[i])
        assert value == pytest.approx(expected, abs=1e-5)


def test_irof_finds_superpixels_by_itself():
    labels = slic_labels(IMAGES)
    assert labels.shape == IMAGES.shape[:3]
    given = (predict, IMAGES, KINDS["random"], TARGETS)
    alone = faithfulness.irof(*given).values
    assert alone == pytest.approx(faithfulness.irof(*given, superpixels=labels).values)


def test_irof_is_that_of_quantus_from_the_first_superpixel_on():
    # Quantus leaves out the step from none to one superpixel, and does not divide by the number L
    # of superpixels: its value is L - area from the first one on.
    images, maps, targets = QUANTUS["images"], QUANTUS["maps"], QUANTUS["targets"]
    labels = slic_labels(images)
    found = faithfulness.irof(
        recorded, images, maps, targets, delete_to="zero", superpixels=labels
    ).values
    odds_of = probability(recorded(images), targets)
    for i, quantus in enumerate(QUANTUS["irof"]):
        count = labels[i].max() + 1
        means = [maps[i][labels[i] == part].mean() for part in range(count)]
        gone = labels[i] == np.argmax(means)
        first = probability(
            recorded(np.where(gone[..., None], 0, images[i])[None]), targets[i:][:1]
        )
        step = (1 + first[0] / odds_of[i]) / 2
        assert found[i] == pytest.approx((quantus - step) / count, abs=1e-5)
