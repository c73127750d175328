"""What a run takes is counted as the run itself makes it."""

import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from small_study import TINY, tiny_set

from campare.experiments.evaluate import Terms, evaluate, outputs_of
from campare.experiments.inputs import InputsBySize, regions_of_test
from campare.experiments.progress import Live
from campare.experiments.selection import methods_of, select
from campare.experiments.train import built
from campare.experiments.trial import measuring, tried
from campare.metrics.mosaic import COUNT
from campare.runs.run import Cell

METRICS = ["energy", "focus", "flip-equivariance", "hue-invariance", "max-sensitivity",
           "border-drop", "deletion"]  # fmt: skip


@pytest.fixture(scope="module")
def model():
    return built(TINY[0], ("cat", "dog"), size=24, seed=0)[0]


def test_passes_and_rows_are_those_of_a_real_model(model):
    images = tiny_set()
    terms = Terms(methods_of("grad-cam"), target="label", split="test", seed=0)
    chosen = select(METRICS, regions_of_test(images), {}, known=True).metrics
    grids = model.grids(terms.methods)
    found = measuring(model, chosen, regions_of_test(images), grids, {}, terms)
    with Live(Console(quiet=True)) as live:
        inputs = InputsBySize(images, chosen, {}, live).of((24, 24))
    said: list[str] = []
    untrained = outputs_of(model, inputs, terms)
    table = evaluate(model, inputs, terms, Cell("A", 0), said.append, untrained).table
    passes = int(re.search(r"([\d,]+) passes", said[-1])[1].replace(",", ""))
    test = len(images.of("test"))
    maps = test + min(COUNT, test)
    assert passes - maps == pytest.approx(test * sum(found.queries.values()), rel=0.02)
    assert table.frame().height == pytest.approx(test * found.rows, rel=0.02)
    assert found.seconds > 0


def test_each_measure_wants_what_it_says(model):
    terms = Terms(methods_of("grad-cam"), target="label", split="test", seed=0)

    def queries(*names):
        chosen = select(list(names), ("object",), {}, known=True).metrics
        grids = model.grids(terms.methods)
        return measuring(model, chosen, ("object",), grids, {}, terms).queries

    assert queries("gini") == {"grad-cam": 0}
    assert queries("flip-equivariance") == {"grad-cam": 2}  # the image and its mirror
    assert queries("flip-equivariance", "hue-invariance") == {"grad-cam": 6}
    assert queries("max-sensitivity", "average-sensitivity") == {"grad-cam": 11}


def test_a_method_of_many_passes_is_counted(model):
    found = tried(model, methods_of(["grad-cam", "score-cam(channels=8)"]))
    assert found["grad-cam"].forward == 1
    assert 8 <= found["score-cam(channels=8)"].forward <= 12  # as its batches are filled up
    assert all(one.seconds > 0 for one in found.values())
    assert np.isfinite([one.compiled for one in found.values()]).all()


def test_a_trial_leaves_the_model_as_it_was(model):
    images = tiny_set().load("test", 24).images[:2]
    before = model.predict(images)
    tried(replace(model, batch_size=4), methods_of("grad-cam"))
    np.testing.assert_array_equal(model.predict(images), before)
