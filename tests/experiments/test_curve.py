"""The points of a curve: every so many epochs, what `quality` finds of the model."""

import pytest

from campare.attribution.method import METHODS
from campare.data import ImageSet
from campare.experiments.curve import IMAGES, curve_on
from campare.experiments.evaluated import Evaluated


def test_it_is_due_every_so_many_epochs_and_measures_a_sample(monkeypatch):
    images = ImageSet.drawn(train=4, test=IMAGES + 8, size=16).load("test", 16)
    curve = curve_on(images, 3, [METHODS["grad-cam"], METHODS["layer-cam"]], seed=0)
    assert [epoch for epoch in range(1, 8) if curve.due(epoch)] == [3, 6]
    assert len(curve.quality.images) == IMAGES
    assert curve.quality.methods == (METHODS["grad-cam"],)

    def observe(_, pixels, labels, methods):
        maps = curve.quality.images.regions["object"].astype("float32")
        logits = [[10.0 * (label == k) for k in range(2)] for label in labels]
        return pytest.importorskip("numpy").array(logits), {methods[0].name: maps}

    monkeypatch.setattr(Evaluated, "observe", observe)
    model = object.__new__(Evaluated)
    object.__setattr__(model, "layer", "last")
    object.__setattr__(model, "name", "mine")
    assert curve.point(model) == {"accuracy": 1.0, "energy": 1.0, "pointing-game": 1.0}
