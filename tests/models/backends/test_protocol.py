"""Programs that are compiled once and kept: fresh weights, ragged batches, flat memory, XLA."""

import gc
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from kinds import HERE, KINDS, classifier

from campare.models import wrap
from campare.models.base import KEPT

#: Of torch's own, when Inductor is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script_method:DeprecationWarning")

BOTH = ("keras nested, frozen", "torch BasicBlock")


def scale_weights(model, factor):
    """What a training step does: new values in the same weights."""
    import keras

    if isinstance(model, keras.Model):
        for weight in model.trainable_variables:
            weight.assign(keras.ops.convert_to_numpy(weight) * factor)
        return
    torch = pytest.importorskip("torch")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(factor)


def assert_sees_new_weights(one, images):
    before, again = one.tap(images, 1), one.predict(images)
    scale_weights(one.model, 1.5)
    fresh = wrap(one.model, name="fresh", compile=one.compiled)
    after = one.tap(images, 1)
    assert not np.allclose(before.gradients, after.gradients, rtol=1e-2)
    assert not np.allclose(again, one.predict(images), rtol=1e-2)
    np.testing.assert_allclose(after.gradients, fresh.tap(images, 1).gradients, rtol=1e-5)
    np.testing.assert_allclose(one.predict(images), fresh.predict(images), rtol=1e-5)


@pytest.mark.parametrize("name", BOTH)
def test_weights_that_change_between_calls_are_seen(name):
    kind = KINDS[name]
    assert_sees_new_weights(wrap(kind.make()), kind.images())


@pytest.mark.slow
@pytest.mark.parametrize("name", BOTH)
def test_so_they_are_when_compiled(name):
    kind = KINDS[name]
    assert_sees_new_weights(wrap(kind.make(), compile=True), kind.images())


@pytest.mark.slow
def test_replaced_and_moved_weights_are_seen_when_compiled():
    torch = pytest.importorskip("torch")
    kind = KINDS["torch BasicBlock"]
    one, images = wrap(kind.make(), compile=True), kind.images()
    one.predict(images)
    with torch.no_grad():
        one.model.fc.weight = torch.nn.Parameter(one.model.fc.weight * 2)
        one.model.bn1.running_mean = one.model.bn1.running_mean + 1
    plain = wrap(one.model).predict(images)
    np.testing.assert_allclose(one.predict(images), plain, rtol=1e-4, atol=1e-5)


QUICK = ("tensorflow", "keras nested, frozen")
COMPILED = ("keras nested, frozen", "keras transformer", "torch BasicBlock", "torch transformer")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if (HERE, name) == QUICK else pytest.mark.slow)
        for name in COMPILED
    ],
)
def test_compiled_programs_give_the_same_numbers(name):
    kind = KINDS[name]
    images, plain = kind.images(), classifier(name)
    one = wrap(kind.make(), compile=True)
    np.testing.assert_allclose(one.predict(images), plain.predict(images), rtol=1e-3, atol=1e-5)
    for options in ({}, {"eps": np.float32(0.1), "curvature": True}):
        found, expected = (each.tap(images, 1, **options) for each in (one, plain))
        for a, b in zip(found, expected, strict=True):
            if b is not None:
                np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-4 * np.abs(b).max())


@pytest.mark.parametrize("name", BOTH)
def test_ragged_batches_are_traced_no_more_than_they_must(name):
    """One graph for all sizes of batch on TensorFlow, one a size on JAX, none on torch."""
    kind = KINDS[name]
    one = wrap(kind.make())
    runs = []

    def score(logits):
        runs.append(1)  # when a graph is made; without one, each time
        return logits[:, 1]

    for _ in range(2):
        for n in (4, 2, 1):
            one.tap(kind.images(n), score)
    passes = 6 if "torch" in (HERE, name[:5]) else 3 if one.fixed_batch else 1
    assert len(runs) <= 3 * passes  # a trace may look at the score more than once
    seen = len(runs)
    one.tap(kind.images(2), score)
    assert len(runs) - seen == (1 if "torch" in (HERE, name[:5]) else 0)


def test_a_function_made_anew_each_time_does_not_fill_the_memory():
    kind = KINDS["torch BasicBlock"]
    one, images = wrap(kind.make()), kind.images(1)
    for i in range(KEPT + 9):
        one.tap(images, lambda logits, i=i: logits[:, 0] * i)
    assert len(one._programs) == KEPT


@pytest.mark.parametrize("name", BOTH)
def test_memory_stays_flat_over_many_batches(name):
    kind = KINDS[name]
    one, images = wrap(kind.make()), kind.images(2)
    for _ in range(20):
        one.tap(images, 1)
    gc.collect()
    tracemalloc.start()
    try:
        start, _ = tracemalloc.get_traced_memory()
        resident = rss()
        for _ in range(200):
            one.tap(images, 1)
        gc.collect()
        end, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert end - start < 300_000
    assert rss() - resident < 30_000_000


def rss():
    """Bytes of memory that the process holds; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    except OSError:
        return 0
