"""Average drop, increase, gain and ADCC against the slow ones."""

import numpy as np
import pytest
from faithful import IMAGES, TARGETS, N, explain_as, kinds, odds, predict

import reference_faithfulness as slow
from campare.metrics import faithfulness


@kinds
def test_drop_increase_and_gain_are_those_of_the_formula(maps):
    heat = np.maximum(maps, 0) / np.maximum(maps, 0).max(axis=(1, 2), keepdims=True)
    given = (predict, IMAGES, maps, TARGETS)
    drop, rise, gain = (
        measure(*given).values
        for measure in (
            faithfulness.average_drop,
            faithfulness.increase,
            faithfulness.average_gain,
        )
    )
    for i, target in enumerate(TARGETS):
        before, after = odds(IMAGES[i])[target], odds(IMAGES[i] * heat[i][..., None])[target]
        assert drop[i] == pytest.approx(max(0, before - after) / before, abs=1e-5)
        assert rise[i] == (after > before)
        assert gain[i] == pytest.approx(max(0, after - before) / (1 - before), abs=1e-5)


@kinds
def test_adcc_equals_the_slow_one(maps):
    heat = np.maximum(maps, 0) / np.maximum(maps, 0).max(axis=(1, 2), keepdims=True)

    def explain(images, targets):
        return images.sum(axis=-1) * (targets[:, None, None] + 1)

    found = faithfulness.adcc(predict, IMAGES, maps, TARGETS, explain=explain).values
    again = explain(IMAGES * heat[..., None], TARGETS)
    again /= again.max(axis=(1, 2), keepdims=True)
    for i in range(N):
        expected = slow.adcc(odds, IMAGES[i], heat[i], again[i], TARGETS[i])
        assert found[i] == pytest.approx(expected, abs=1e-5)


def test_a_constant_positive_map_keeps_the_image():
    full = np.full((N, 2, 2), 0.7)
    assert faithfulness.average_drop(predict, IMAGES, full, TARGETS).values == pytest.approx(0)
    assert faithfulness.average_gain(predict, IMAGES, full, TARGETS).values == pytest.approx(0)
    again = faithfulness.adcc(predict, IMAGES, full, TARGETS, explain=explain_as(2))
    assert set(again.status) == {"no-coherency"}
