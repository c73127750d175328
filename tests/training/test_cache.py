"""The feature cache computes once, and never finds another's features."""

import keras
import numpy as np
import pytest

from campare.training.cache import FeatureCache, digest


def compute_once():
    calls = []

    def compute():
        calls.append(1)
        assert len(calls) == 1, "computed twice"
        return np.arange(6, dtype="float32").reshape(2, 3)

    return compute


def test_computed_once_in_memory():
    cache, compute = FeatureCache(), compute_once()
    assert cache.get("a", compute) is cache.get("a", compute)
    with pytest.raises(AssertionError, match="computed twice"):
        cache.get("b", compute)


def test_a_folder_serves_another_process(tmp_path):
    compute = compute_once()
    first = FeatureCache(tmp_path / "new").get("a", compute)
    np.testing.assert_array_equal(FeatureCache(tmp_path / "new").get("a", compute), first)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.npy"]


def test_digest_follows_weights_pixels_and_layers():
    def network(kind=keras.layers.ReLU):
        keras.utils.set_random_seed(0)
        return keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(2, name="d"), kind(name="k")]
        )

    images = np.zeros((3, 4), "uint8")
    base = digest(network(), images)
    assert base == digest(network(), images)  # Keras numbers the models; the digest does not care
    changed = network()
    changed.set_weights([w + 1 for w in changed.get_weights()])
    others = {
        digest(changed, images),
        digest(network(keras.layers.Softmax), images),
        digest(network(), images + 1),
        digest(network(), images.astype("int8")),
        digest(network(), images.reshape(4, 3)),
    }
    assert len(others | {base}) == 6
