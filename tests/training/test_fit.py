"""Training on small coloured squares: models as the article says, repeatable, saved, honest."""

import re
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest

from campare.data import Images
from campare.errors import DataError, ModelError
from campare.training import augment, backbones, fit, guidance
from campare.training.cache import FeatureCache
from campare.training.progress import Clock
from campare.training.recipe import Augment, Recipe
from campare.training.recipes import article
from campare.training.sweep import nested

SIZE = 24
FLAT = Recipe("flat", backbone="article-cnn", weights="random", hidden=8, epochs=2)
SMALL = Recipe("small", backbone="embedded", weights="random", trainable="head", hidden=8, epochs=2)


def squares(n=24, seed=0, size=SIZE):
    """Class b has a red square, class a has not."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 120, (n, size, size, 3), dtype=np.uint8)
    labels = np.arange(n) % 2
    pixels[labels == 1, 6:16, 6:16, 0] = 250
    return Images(pixels, labels, tuple(f"{i}.png" for i in range(n)), {}, ("a", "b"))


class FinishedClock(Clock):
    """A clock that has seen an epoch, for tests that do not train."""

    def __init__(self, *given):
        super().__init__(*given)
        self.history["loss"] = [0.0]


def weights_equal(one, other):
    return all(
        np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True)
    )


def test_model_a_is_the_article_s():
    model = fit.build(article()[0], 3, size=128, seed=0)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == [
        "InputLayer", "Rescaling", "Conv2D", "MaxPooling2D", "Conv2D", "MaxPooling2D", "Flatten",
        "Dense", "Dense",
    ]  # fmt: skip
    # 3*3*3*32 + 32, 3*3*32*64 + 64, 32*32*64*128 + 128, 128*3 + 3
    assert model.count_params() == 896 + 18496 + 8388736 + 387
    assert model.layers[-1].activation is keras.activations.softmax


def test_model_c_is_augmentation_preprocessing_frozen_backbone_head():
    c = article(backbone="mobilenet", weights="random", options={"alpha": 0.25})[2]
    model = fit.build(c, 2, size=32, seed=0)
    assert [layer.name for layer in model.layers] == [
        "pixels", "flip", "rotation", "zoom", "preprocessing", "mobilenet", "pool", "hidden",
        "classes",
    ]  # fmt: skip
    assert len(model.trainable_weights) == 4  # two Dense layers
    before = model.get_layer("mobilenet").get_weights()
    model(squares(8, size=32).images, training=True)  # batch normalization must not follow
    after = model.get_layer("mobilenet").get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_frozen_backbone_is_deterministic_even_in_training():
    recipe = replace(SMALL, backbone="efficientnetb0")  # has dropout inside
    images = squares(4, size=32).images
    frozen = fit.build(recipe, 2, size=32, seed=0)
    stem = keras.Model(frozen.input, frozen.get_layer("pool").output)
    np.testing.assert_array_equal(stem(images, training=True), stem(images, training=False))
    assert len(frozen.trainable_weights) == 4


def test_momentum_and_statistics_follow_the_recipe():
    trained = replace(SMALL, trainable="all", batch_norm_momentum=0.5)
    images = squares(8).images
    for recipe, moves in ((trained, True), (replace(trained, batch_norm_momentum=None), False)):
        model = fit.build(recipe, 2, size=SIZE, seed=0)
        mean = model.get_layer("embedded").get_layer("stem_bn").moving_mean
        before = np.array(mean)
        model(images, training=True)
        assert np.array_equal(before, np.array(mean)) is not moves
    network = fit.build(trained, 2, size=SIZE, seed=0).get_layer("embedded")
    found = {x.momentum for x in network.layers if isinstance(x, keras.layers.BatchNormalization)}
    assert found == {0.5}


def repeats(recipe):
    one, again, other = (fit.train(recipe, squares(), seed=seed) for seed in (1, 1, 2))
    assert weights_equal(one.model, again.model)
    assert one.history == again.history
    assert not weights_equal(one.model, other.model)


def test_training_repeats_bit_for_bit_and_follows_the_seed():
    repeats(replace(FLAT, augment=Augment("horizontal", 0.1, 0.1)))


@pytest.mark.slow
def test_training_with_batch_normalization_repeats_bit_for_bit():
    repeats(replace(SMALL, trainable="all", augment=Augment("horizontal", 0.1, 0.1)))


def test_cached_features_give_the_model_of_ordinary_training():
    images, cache = squares(), FeatureCache()
    ordinary = fit.train(SMALL, images, seed=0)
    cached = fit.train(SMALL, images, seed=0, cache=cache)
    found, expected = (
        keras.ops.convert_to_numpy(trained.model(images.images)) for trained in (cached, ordinary)
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(cached.history["val_loss"], ordinary.history["val_loss"], atol=1e-5)
    assert len(cache.memory) == 1
    steps = []
    fit.train(SMALL, images, seed=0, cache=cache, progress=steps.append)
    assert len(cache.memory) == 1
    assert all(step.epoch > 0 for step in steps)  # nothing was computed again
    assert len(cache.heads) == 1


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="model.fit is used there")
@pytest.mark.parametrize("patience", [None, 1])
def test_a_head_is_trained_batch_by_batch_to_the_weights_of_model_fit(patience, monkeypatch):
    def fitted(model, batches, watched, epochs, callbacks):
        ways.append(epochs)
        model.fit(x=batches, validation_data=watched, epochs=epochs, callbacks=callbacks, verbose=0)

    ways, images = [], squares()
    recipe = replace(SMALL, epochs=4, patience=patience, batch_size=5, learning_rate=0.1)
    found = fit.train(recipe, images, seed=3, cache=FeatureCache())
    monkeypatch.setattr(fit, "_by_batches", fitted)
    plain = fit.train(recipe, images, seed=3, cache=FeatureCache())
    assert ways == [4]
    assert found.history == plain.history
    for own, other in zip(found.model.get_weights(), plain.model.get_weights(), strict=True):
        np.testing.assert_array_equal(own, other)


def test_warmup_trains_the_head_alone_then_everything(monkeypatch):
    phases = []
    real_fit = fit._fit

    def noted(model, *arguments):
        phases.append(len(model.trainable_weights))
        real_fit(model, *arguments)

    monkeypatch.setattr(fit, "_fit", noted)
    recipe = replace(FLAT, warmup=1)
    trained = fit.train(recipe, squares(), seed=0)
    assert phases[0] == 4
    assert phases[1] == len(trained.model.trainable_weights) > 4
    assert trained.epochs == len(trained.history["val_accuracy"]) == 3


def test_each_phase_trains_what_the_recipe_says(monkeypatch):
    phases = []

    def noted(model, *_):
        phases.append([layer.name for layer in model.layers if layer.trainable_weights])

    monkeypatch.setattr(fit, "_fit", noted)
    monkeypatch.setattr(fit, "Clock", FinishedClock)
    fit.train(replace(FLAT, trainable="head", warmup=1), squares(), seed=0)
    head = ["hidden", "classes"]
    assert phases == [head, head]
    fit.train(replace(FLAT, trainable="gradual", epochs=3), squares(), seed=0)
    assert phases[2:] == [head, ["conv2", *head], ["conv1", "conv2", *head]]


@pytest.mark.slow
def test_gradual_unfreezing_reaches_one_layer_after_the_other(monkeypatch):
    after, real_fit = [], fit._fit

    def noted(model, *arguments):
        before = [np.array(w) for w in model.get_weights()]
        real_fit(model, *arguments)
        moved = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
        names = [weight.path.split("/")[0] for weight in model.weights]
        after.append({name for name, changed in zip(names, moved, strict=True) if changed})

    monkeypatch.setattr(fit, "_fit", noted)
    recipe = replace(FLAT, trainable="gradual", epochs=3, schedule="cosine")
    trained = fit.train(recipe, squares(), seed=0)
    head = {"hidden", "classes"}
    assert after == [head, head | {"conv2"}, head | {"conv2", "conv1"}]
    assert trained.epochs == 3


def test_stages_go_on_with_one_schedule():
    recipe = replace(FLAT, trainable="gradual", epochs=8, batch_size=5, schedule="cosine")
    model = fit.build(recipe, 2, size=SIZE, seed=0)
    rates = [
        float(np.asarray(fit._rate(phase, recipe, 20)(step)))
        for phase in fit._phases(model, recipe)
        for step in range(4 * phase.epochs)
    ]
    whole = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, 4 * 8)
    np.testing.assert_allclose(rates, [float(whole(step)) for step in range(32)], rtol=1e-5)


def test_batches_of_a_recipe_that_mixes_are_mixed():
    mixer = augment.mixer(Augment(mixup=0.4), seed=0)
    labels = np.eye(2, dtype="float32")[np.arange(24) % 2]
    pixels, shares = fit._Batches(squares().images, labels, np.arange(24), 24, mixer=mixer)[0]
    assert pixels.shape == (24, SIZE, SIZE, 3)
    assert ((shares > 0).sum(1) == 2).any()
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-6)


@pytest.mark.slow
def test_training_on_mixed_images_repeats_bit_for_bit():
    recipe = replace(FLAT, augment=Augment(cutmix=1.0), epochs=1)
    one, again = (fit.train(recipe, squares(), seed=1) for _ in range(2))
    assert weights_equal(one.model, again.model)
    assert one.history["loss"] == again.history["loss"]


def test_guided_training_has_the_masks_of_both_parts(monkeypatch):
    watched = []
    monkeypatch.setattr(fit, "_fit", lambda *given: watched.append(given[:4]))
    monkeypatch.setattr(fit, "Clock", FinishedClock)
    masks = np.zeros((24, SIZE, SIZE), bool)
    masks[:, 6:16, 6:16] = True
    images = replace(squares(), regions={"object": masks})
    for others, there in ((squares(4, seed=1), False), (images.subset([0, 1, 2, 3]), True)):
        fit.train(replace(FLAT, guidance="energy"), images, seed=0, validation=others)
        model, inputs, answers, (rows, held) = watched[-1]
        assert isinstance(model, guidance.Guided)
        assert np.array_equal(inputs["mask"][rows], masks)
        assert inputs["mask"][held].any() == there
        assert inputs["label"] is answers
        assert len(inputs["pixels"]) == 28


def test_early_stopping_keeps_the_best_weights():
    rng = np.random.default_rng(0)
    noise = squares(40)
    noise = replace(noise, images=rng.integers(0, 256, noise.images.shape, dtype=np.uint8))
    recipe = Recipe(
        "overfit", backbone="article-cnn", weights="random", hidden=16, epochs=30, patience=3
    )
    trained = fit.train(recipe, noise, seed=0)
    losses = trained.history["val_loss"]
    assert trained.epochs < 30
    assert len(losses) == int(np.argmin(losses)) + 1 + 3
    _, held = fit.split(noise.labels, 0.15, 0)
    outputs = keras.ops.convert_to_numpy(trained.model(noise.images[held]))
    p = outputs[np.arange(len(held)), noise.labels[held]]
    assert -np.log(p).mean() == pytest.approx(min(losses), rel=1e-4)


def test_article_a_learns_squares_and_history_is_complete():
    steps = []
    trained = fit.train(article()[0], squares(40), seed=0, progress=steps.append)
    test = squares(40, seed=9)
    predictions = keras.ops.convert_to_numpy(trained.model(test.images)).argmax(-1)
    assert (predictions == test.labels).mean() > 0.9
    assert set(trained.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert trained.epochs == 10
    assert [s.images for s in steps if s.epoch == 1] == [32, 34]
    assert (steps[-1].epoch, steps[-1].epochs, steps[-1].total) == (10, 10, 34)
    assert steps[-1].loss == pytest.approx(trained.history["loss"][-1])


def test_without_validation_every_image_is_trained_on():
    steps = []
    recipe = replace(SMALL, epochs=1, patience=3)
    trained = fit.train(recipe, squares(), seed=0, validation_fraction=0, progress=steps.append)
    assert steps[-1].total == 24
    assert set(trained.history) == {"loss", "accuracy"}


def test_images_for_validation_are_watched_and_all_others_trained_on(monkeypatch):
    watched, whole = [], fit._fit

    def watching(model, *given):
        watched.append(given[:3])
        whole(model, *given)

    monkeypatch.setattr(fit, "_fit", watching)
    images, others = squares(10), squares(4, seed=1)
    trained = fit.train(replace(FLAT, train_size=6), images, seed=0, validation=others)
    assert "val_loss" in trained.history
    ((inputs, answers, (rows, held)),) = watched
    assert np.array_equal(inputs[held], others.images)
    assert np.array_equal(answers[held].argmax(1), others.labels)
    assert np.array_equal(inputs[:10], images.images)
    assert len(rows) == 6
    assert set(rows) <= set(range(10))


def test_a_smaller_set_trains_as_if_there_were_no_other_images():
    images = squares(24)
    few = replace(FLAT, train_size=10)
    rows = nested(images.labels, 10, seed=3)
    found = fit.train(few, images, seed=3)
    alone = fit.train(FLAT, images.subset(rows), seed=3)
    assert weights_equal(found.model, alone.model)
    assert found.history == alone.history


def test_features_of_all_images_serve_every_size():
    cache = FeatureCache()
    images = squares(16)
    for size in (8, 12, None):
        fit.train(replace(SMALL, train_size=size), images, seed=0, cache=cache)
    assert len(cache.memory) == 1


def test_the_model_augments_in_its_strength():
    changes = Augment(flip="horizontal", rotation=0.1)
    twice = fit.build(replace(FLAT, augment=changes, augment_strength=2.0), 2, size=SIZE, seed=0)
    assert twice.get_layer("rotation").factor == (-0.2, 0.2)
    none = fit.build(replace(FLAT, augment=changes, augment_strength=0.0), 2, size=SIZE, seed=0)
    assert [layer.name for layer in none.layers][:2] == ["pixels", "preprocessing"]


def test_split_is_stratified_and_disjoint():
    labels = np.array([0] * 40 + [1] * 20 + [2] * 2)
    rows, held = fit.split(labels, 0.15, seed=3)
    assert sorted([*rows, *held]) == list(range(62))
    assert np.bincount(labels[held]).tolist() == [6, 3, 1]
    assert not np.array_equal(held, fit.split(labels, 0.15, seed=4)[1])


def test_saved_models_load_in_a_fresh_process_without_campare(tmp_path):
    images = squares(4).images
    pixels = keras.Input((SIZE, SIZE, 3))
    change = Augment("horizontal", 0.1, 0.1)
    models = {
        "flip": keras.Model(pixels, backbones.preprocess("resnet50", pixels)),  # RGB to BGR inside
        "nested": fit.build(replace(SMALL, augment=change), 2, size=SIZE, seed=0),
        "flat": fit.build(replace(FLAT, augment=change), 2, size=SIZE, seed=0),
    }
    np.save(tmp_path / "images.npy", images)
    for name, model in models.items():
        fit.save(model, tmp_path / f"{name}.keras")
        np.save(tmp_path / f"{name}.npy", keras.ops.convert_to_numpy(model(images)))
    code = f"""
import sys, keras, numpy as np
images = np.load(r"{tmp_path}/images.npy")
for name in {list(models)}:
    model = keras.models.load_model(rf"{tmp_path}/{{name}}.keras")
    expected = np.load(rf"{tmp_path}/{{name}}.npy")
    found = keras.ops.convert_to_numpy(model(images))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
assert not any(name.startswith("campare") for name in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert weights_equal(fit.load(tmp_path / "nested.keras"), models["nested"])


def test_loading_what_is_not_there(tmp_path):
    message = f"Expected a .keras file, got no file '{tmp_path}/none.keras'. Try campare study"
    with pytest.raises(ModelError, match="^" + re.escape(message)):
        fit.load(tmp_path / "none.keras")


def test_images_that_cannot_be_trained_on():
    with pytest.raises(
        DataError, match=r"^Expected images of shape \(32, 32, 3\), got \(24, 24, 3\)"
    ):
        fit.train(SMALL, squares(), seed=0, size=32)
    images = squares().subset([0, 2, 4, 5])
    with pytest.raises(DataError, match=r"training images each, got 1 of 'b'\. Try more images"):
        fit.train(SMALL, images, seed=0)


@pytest.mark.parametrize(
    "recipe",
    [
        SMALL,
        pytest.param(replace(SMALL, trainable="lora", warmup=1), marks=pytest.mark.slow),
        pytest.param(replace(FLAT, guidance="energy"), marks=pytest.mark.slow),
    ],
    ids=["features", "lora", "guided"],
)
def test_who_watches_a_training_gets_the_weights_of_each_epoch(recipe):
    images = squares()
    masks = np.zeros(images.images.shape[:3], bool)
    masks[:, 6:16, 6:16] = True
    images = replace(images, regions={"object": masks})
    network, weights = fit.build(recipe, 2, size=SIZE, seed=0), []

    def watch(epoch, copy):
        copy(network)
        weights.append(network.get_weights())
        return {"epoch": epoch} if epoch % 2 == 0 else None

    watched = fit.train(recipe, images, seed=0, cache=FeatureCache(), watch=watch)
    plain = fit.train(recipe, images, seed=0, cache=FeatureCache())
    assert weights_equal(watched.model, plain.model)
    assert weights_equal(watched.model, network)
    assert watched.history == plain.history
    assert len(weights) == watched.epochs
    assert watched.curve == {epoch: {"epoch": epoch} for epoch in range(2, watched.epochs + 1, 2)}
    assert any(not np.array_equal(a, b) for a, b in zip(weights[0], weights[-1], strict=True))
