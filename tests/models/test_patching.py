"""Layers that are patched for one thread are not for another."""

import threading

import numpy as np
import pytest
from kinds import KINDS, classifier, outputs

from campare.models import wrap


@pytest.mark.parametrize(
    "name", ["keras nested, frozen", "keras subclassed", "keras rematerialized", "torch BasicBlock"]
)
def test_other_threads_get_the_untouched_model(name):
    """A model called by another thread while it is tapped gives what it always gives."""
    kind = KINDS[name]
    model, images = kind.make(), kind.images()
    one = wrap(model, **kind.options)
    expected = outputs(model, images)
    seen, stop = [], threading.Event()

    def call():
        while not stop.is_set():
            seen.append(outputs(model, images))

    other = threading.Thread(target=call)
    other.start()
    try:
        for i in range(4):
            one.tap(images, lambda z, i=i: z[:, 0] * i, eps=np.float32(5.0))  # traced each time
            one.predict(images)
    finally:
        stop.set()
        other.join()
    assert seen
    for given in seen:
        np.testing.assert_allclose(given, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["keras nested, frozen", "torch BasicBlock"])
def test_threads_get_the_same_taps(name):
    kind = KINDS[name]
    images, one = kind.images(), kind.classifier()
    expected = classifier(name).tap(images, 1).gradients
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(one.tap(images, 1).gradients))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for gradients in found:
        np.testing.assert_allclose(gradients, expected, rtol=1e-4, atol=1e-7)
