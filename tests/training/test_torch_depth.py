"""Which modules of a torch backbone are trained, and with which statistics."""

import pytest
import torch

from campare.training.torch import build, fit
from training.cued import cued
from training.small_torch import given, moved, weights


@pytest.mark.parametrize(
    ("part", "layers"),
    [
        ("head", set()),
        ("last-1", {"1.3", "1.4"}),
        ("last-block", {"1.0", "1.1", "1.3", "1.4"}),
        ("all", {"0.0", "0.1", "0.3", "0.4", "1.0", "1.1", "1.3", "1.4"}),
        ("gradual", {"0.0", "0.1", "0.3", "0.4", "1.0", "1.1", "1.3", "1.4"}),
    ],
)
def test_what_the_recipe_says_is_trained_and_nothing_else(part, layers):
    recipe = given(trainable=part, warmup=1, epochs=4)
    start, trained = build(2, 16, 0, recipe), fit(cued(), 0, recipe)
    before, after = weights(start), weights(trained)
    assert set(before) == set(after)
    assert moved(before, after) == layers
    assert not torch.equal(before["head.2.weight"], after["head.2.weight"])


def test_normalization_follows_the_recipe():
    for momentum, layers in ((None, {"1.0", "1.3"}), (0.5, {"1.0", "1.1", "1.3", "1.4"})):
        recipe = given(trainable="last-block", batch_norm_momentum=momentum, epochs=1)
        start, model = build(2, 16, 0, recipe), fit(cued(), 0, recipe)
        assert moved(weights(start), weights(model)) == layers
    assert model.features[1][1].momentum == 0.5
