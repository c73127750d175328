"""The feature cache computes once, and never finds another's features."""

import os
import pickle
import random
import time

import keras
import numpy as np
import pytest

from campare.training.cache import FeatureCache, digest, head


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
    first = FeatureCache(tmp_path).get("a", compute)
    np.testing.assert_array_equal(FeatureCache(tmp_path).get("a", compute), first)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


def test_a_folder_goes_with_the_cache_that_made_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache = FeatureCache.of_processes()
    folder, compute = cache.folder, compute_once()
    assert folder.is_relative_to(tmp_path)
    cache.get("a", compute)
    elsewhere = pickle.loads(pickle.dumps(FeatureCache(folder)))
    elsewhere.get("a", compute)
    del elsewhere
    assert [path.name for path in folder.iterdir()] == ["a.npy"]
    del cache
    assert not folder.exists()


def test_folders_that_nobody_removed_go_in_time(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    place = FeatureCache.of_processes().folder.parent
    for name, days in (("features-old", 8), ("features-new", 6), ("images", 8)):
        (place / name).mkdir(exist_ok=True)
        os.utime(place / name, (0, time.time() - days * 24 * 3600))
    cache = FeatureCache.of_processes()
    left = {path.name for path in place.iterdir()}
    assert left == {"features-new", "images", cache.folder.name}


def test_where_no_folder_can_be_made_it_is_in_memory(tmp_path, monkeypatch):
    (tmp_path / "campare").write_text("a file where the folder would be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert FeatureCache.of_processes().folder is None


@pytest.mark.parametrize("missing", [True, False])
def test_what_cannot_be_written_is_kept_in_memory(tmp_path, monkeypatch, missing):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    cache, compute = FeatureCache(tmp_path / "gone" if missing else tmp_path), compute_once()
    assert cache.get("a", compute) is cache.get("a", compute)
    assert not list(tmp_path.iterdir())


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


def classifier(seed):
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(5, activation="relu", name="hidden"),
            layers.Dense(2, activation="softmax", name="classes"),
        ]
    )


def adam(model):
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss="categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)


def test_a_head_compiled_once_trains_each_classifier_as_one_of_its_own():
    features = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    answers, cache = np.eye(2)[np.arange(8) % 2], FeatureCache()
    for seed in (1, 2, 1):
        shared, own = classifier(seed), classifier(seed)
        plain = keras.Sequential([keras.Input((3,)), *own.layers[1:]])
        adam(plain)
        drawn = random.getstate()
        found = head(shared, "key", cache, adam)
        assert random.getstate() == drawn  # the order of batches is drawn from it
        for one in (plain, found.model):
            for _ in range(3):
                one.train_on_batch(features, answers)
        found.give(shared)
        for a, b in zip(shared.get_weights(), own.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    assert len(cache.heads) == 1
