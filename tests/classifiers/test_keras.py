"""The Keras classifier and its tap, against closed forms and finite differences."""

import os
import threading

import keras
import numpy as np
import pytest

from campare.classifiers import wrap
from campare.errors import LayerError, ModelError, TargetError

L = keras.layers
SIZE = 16


def settle(model, seed=0):
    """Weights and batch-norm statistics that leave every unit at work."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.name == "moving_variance":
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif len(weight.shape) > 1:
            fan_in = np.prod(weight.shape[:-1]) if "depthwise" not in weight.path else 9
            weight.assign(rng.normal(0, np.sqrt(2 / fan_in), weight.shape))
        elif weight.name in ("bias", "beta", "moving_mean"):
            weight.assign(rng.normal(0, 0.1, weight.shape))
    return model


def flat(activation="softmax", classes=3):
    return settle(keras.Sequential([
        keras.Input((SIZE, SIZE, 3)),
        L.Rescaling(1 / 255),
        L.Conv2D(6, 3, activation="relu", name="conv"),
        L.AveragePooling2D(2),  # no kinks, for finite differences
        L.Flatten(),
        L.Dense(8, activation="softplus"),
        L.Dense(classes, activation=activation, name="classes"),
    ]))  # fmt: skip


def backbone():
    return keras.Sequential([
        keras.Input((SIZE, SIZE, 3)),
        L.Conv2D(5, 3, strides=2, padding="same", name="conv1"),
        L.BatchNormalization(name="bn1"),
        L.ReLU(name="relu1"),
        L.Conv2D(7, 3, padding="same", name="conv2"),
        L.ReLU(name="relu2"),
    ], name="backbone")  # fmt: skip


def nested(classes=3, frozen=True):
    """A transfer model: augmentation, rescaling, a nested frozen backbone, a Softmax layer."""
    inner = backbone()
    inner.trainable = not frozen
    x = inputs = keras.Input((SIZE, SIZE, 3))
    x = L.RandomRotation(0.2, seed=1)(L.RandomFlip("horizontal", seed=1)(x))
    x = inner(L.Rescaling(1 / 127.5, -1)(x), training=False)
    x = L.Dense(8, activation="tanh")(L.GlobalAveragePooling2D()(x))
    return settle(keras.Model(inputs, L.Softmax()(L.Dense(classes)(x))))


def deep():
    """Nested twice."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.Sequential([backbone(), L.Conv2D(4, 1, name="mix")], name="outer")(
        L.Rescaling(1 / 255)(inputs)
    )
    return settle(keras.Model(inputs, L.Dense(3)(L.GlobalAveragePooling2D()(x))))


class Subclassed(keras.Model):
    """Layers in attributes, one of them a block that holds layers itself."""

    def __init__(self):
        super().__init__()
        self.stem = backbone()
        self.pool = L.GlobalAveragePooling2D()
        self.classes = L.Dense(3, activation="softmax")

    def call(self, x):
        return self.classes(self.pool(self.stem(x / 255)))


def subclassed():
    model = Subclassed()
    model(np.zeros((1, SIZE, SIZE, 3), np.float32))
    return settle(model)


KINDS = {
    "flat": (flat, "conv"),
    "nested": (nested, "backbone/relu2"),
    "deep": (deep, "outer/mix"),
    "subclassed": (subclassed, "backbone/relu2"),
}


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 255, (5, SIZE, SIZE, 3)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_spatial_layer_is_found(kind):
    make, layer = KINDS[kind]
    assert wrap(make()).default_layer == layer


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_equal_finite_differences(kind, images):
    classifier = wrap(KINDS[kind][0]())
    tap = classifier.tap(images, 1)
    rng = np.random.default_rng(1)
    direction = rng.normal(size=tap.activations.shape).astype(np.float32)
    step = 1e-2
    up = classifier.tap(images, 1, eps=step * direction).scores.astype(np.float64)
    down = classifier.tap(images, 1, eps=-step * direction).scores.astype(np.float64)
    expected = (up - down) / (2 * step)
    found = (tap.gradients * direction).sum((1, 2, 3))
    np.testing.assert_allclose(found, expected, rtol=5e-3, atol=1e-4)
    assert np.abs(found).min() > 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_the_logits_before_any_softmax(kind, images):
    model = KINDS[kind][0]()
    classifier = wrap(model)
    logits = classifier.predict(images)
    outputs = keras.ops.convert_to_numpy(model(images, training=False))
    if kind == "deep":  # no softmax at its end
        assert classifier.bypassed is None
        np.testing.assert_allclose(logits, outputs, rtol=1e-5, atol=1e-6)
    else:
        assert classifier.bypassed == "softmax"
        e = np.exp(logits - logits.max(1, keepdims=True))
        np.testing.assert_allclose(e / e.sum(1, keepdims=True), outputs, rtol=1e-4, atol=1e-6)
        assert not np.allclose(logits, outputs)
    tap = classifier.tap(images, np.array([0, 1, 2, 1, 0]))
    np.testing.assert_allclose(tap.scores, logits[range(5), [0, 1, 2, 1, 0]], rtol=1e-5)
    np.testing.assert_allclose(tap.logits, logits, rtol=1e-5)


def test_grad_cam_of_gap_and_dense_is_the_closed_form(images):
    """With GAP + Dense, alpha_k = w_kc / (h w), so Grad-CAM = relu(A w_c) / (h w) (Zhou 2016)."""
    from campare.cams.methods import grad_cam

    model = settle(keras.Sequential([
        keras.Input((SIZE, SIZE, 3)),
        L.Rescaling(1 / 255),
        L.Conv2D(6, 3, activation="relu", name="conv"),
        L.GlobalAveragePooling2D(),
        L.Dense(3, activation="softmax"),
    ]))  # fmt: skip
    tap = wrap(model).tap(images, 2)
    found = grad_cam(tap.activations, tap.gradients)
    conv = keras.Model(model.inputs[0], model.get_layer("conv").output)
    np.testing.assert_allclose(
        tap.activations, keras.ops.convert_to_numpy(conv(images)), rtol=1e-4, atol=1e-5
    )
    A = tap.activations.astype(np.float64)
    w = keras.ops.convert_to_numpy(model.layers[-1].kernel)[:, 2].astype(np.float64)
    expected = np.maximum(A @ w, 0) / (A.shape[1] * A.shape[2])
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * expected.max())
    assert expected.max() > 0


def test_a_nested_application_equals_finite_differences():
    """A transfer model on EfficientNetB0, whose swish has no kinks, tapped inside the backbone."""
    inner = keras.applications.EfficientNetB0(
        weights=None, include_top=False, input_shape=(64, 64, 3), name="network"
    )
    inner.trainable = False
    x = inputs = keras.Input((64, 64, 3))
    x = inner(L.RandomFlip("horizontal")(x), training=False)
    x = L.Dense(8, activation="tanh")(L.GlobalAveragePooling2D()(x))
    classifier = wrap(settle(keras.Model(inputs, L.Dense(3, activation="softmax")(x))))
    assert classifier.default_layer == "network/top_activation"
    layer = "network/block7a_project_bn"
    images = np.random.default_rng(3).uniform(0, 255, (2, 64, 64, 3))
    tap = classifier.tap(images, 0, layer=layer)
    direction = np.random.default_rng(2).normal(size=tap.activations.shape)
    up, down = (
        classifier.tap(images, 0, layer=layer, eps=step * direction).scores.astype(np.float64)
        for step in (5e-3, -5e-3)
    )
    found = (tap.gradients * direction).sum((1, 2, 3))
    np.testing.assert_allclose(found, (up - down) / 1e-2, rtol=2e-3)
    assert np.abs(found).min() > 1e-2


def test_augmentation_is_inert(images):
    classifier = wrap(nested())
    first, second = classifier.tap(images, 0), classifier.tap(images, 0)
    np.testing.assert_array_equal(first.activations, second.activations)


def test_a_batch_equals_its_images_one_by_one(images):
    classifier = wrap(nested())
    whole = classifier.tap(images, 1)
    single = np.concatenate([classifier.tap(image[None], 1).gradients for image in images])
    np.testing.assert_allclose(whole.gradients, single, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("activation", ["sigmoid", "linear"])
def test_a_single_unit_has_two_signed_classes(activation, images):
    classifier = wrap(flat(activation, classes=1))
    assert classifier.n_classes == 2
    one, zero = classifier.tap(images, 1), classifier.tap(images, 0)
    np.testing.assert_allclose(one.scores, -zero.scores)
    np.testing.assert_allclose(one.gradients, -zero.gradients)
    np.testing.assert_allclose(classifier.predict(images)[:, 1], one.scores, rtol=1e-5)
    predicted = classifier.tap(images).scores
    np.testing.assert_allclose(predicted, np.abs(one.scores), rtol=1e-5)


def test_no_target_means_the_prediction(images):
    classifier = wrap(nested())
    logits = classifier.predict(images)
    np.testing.assert_allclose(classifier.tap(images).scores, logits.max(1), rtol=1e-5)


def test_a_function_of_the_logits_is_a_target(images):
    classifier = wrap(nested())
    contrast = classifier.tap(images, lambda logits: logits[:, 0] - logits[:, 1])
    a, b = classifier.tap(images, 0), classifier.tap(images, 1)
    np.testing.assert_allclose(contrast.gradients, a.gradients - b.gradients, atol=1e-6)


def state(model):
    """Everything of a model that a tap could leave changed."""
    layers = list(model._flatten_layers())
    return [(id(layer), dict(vars(layer))) for layer in layers], model.get_weights()


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_is_left_as_found(kind, images):
    model = KINDS[kind][0]()
    before, weights = state(model)
    classifier = wrap(model)
    classifier.predict(images)
    classifier.tap(images, 0)
    with pytest.raises(ZeroDivisionError):
        classifier.tap(images, lambda _: 1 / 0)
    after, weights_after = state(model)
    for (_, old), (_, new) in zip(before, after, strict=True):
        assert old.keys() == new.keys()
        assert all(old[name] is new[name] for name in ("call", "activation") if name in old)
    for old, new in zip(weights, weights_after, strict=True):
        np.testing.assert_array_equal(old, new)


def test_randomized_restores_the_weights_after_an_exception(images):
    model = nested()
    classifier = wrap(model)
    before = classifier.predict(images)
    within = []

    def fail():
        with classifier.randomized(None, np.random.default_rng(0)):
            within.append(classifier.predict(images))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not np.allclose(within[0], before)
    np.testing.assert_array_equal(classifier.predict(images), before)


def test_randomized_changes_only_the_named_layers():
    model = flat()
    classifier = wrap(model)
    conv = model.get_layer("conv").get_weights()[0]
    dense = model.get_layer("classes").get_weights()[0]
    with classifier.randomized(("classes",), np.random.default_rng(0)):
        np.testing.assert_array_equal(model.get_layer("conv").get_weights()[0], conv)
        assert not np.allclose(model.get_layer("classes").get_weights()[0], dense)


def test_threads_get_the_same_taps(images):
    model = nested()
    expected = wrap(model).tap(images, 1).gradients
    found, classifier = [], wrap(model)
    threads = [
        threading.Thread(target=lambda: found.append(classifier.tap(images, 1).gradients))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for gradients in found:
        np.testing.assert_allclose(gradients, expected, rtol=1e-5, atol=1e-8)


def test_attention_inside_is_not_mistaken_for_the_head(images):
    x = inputs = keras.Input((SIZE, SIZE, 3))
    x = L.Conv2D(4, 3, strides=4, name="conv", activation="softmax")(x)
    outputs = L.Dense(3, activation="softmax")(L.GlobalAveragePooling2D()(x))
    model = settle(keras.Model(inputs, outputs))
    tap = wrap(model).tap(images, 0)
    np.testing.assert_allclose(tap.activations.sum(-1), 1, rtol=1e-5)


ERRORS = {
    "unknown layer": (lambda c, x: c.tap(x, 0, layer="con"), LayerError, "Try: conv"),
    "not spatial": (lambda c, x: c.tap(x, 0, layer="classes"), LayerError, "spatial layer"),
    "class too high": (lambda c, x: c.tap(x, 3), TargetError, "from 0 to 2, got 3"),
    "class negative": (lambda c, x: c.tap(x, -1), TargetError, "from 0 to 2, got -1"),
    "too few targets": (lambda c, x: c.tap(x, np.array([0, 1])), TargetError, r"got shape \(2,\)"),
    "no batch axis": (lambda c, x: c.tap(x[0], 0), ModelError, "images\\[None\\]"),
    "other size": (lambda c, x: c.predict(x[:, :8]), ModelError, r"\(N, 16, 16, 3\)"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_say_what_would_work(case, images):
    act, kind, text = ERRORS[case]
    with pytest.raises(kind, match=text) as error:
        act(wrap(flat()), images)
    assert "\n" not in str(error.value)


def test_a_layer_that_runs_twice_is_named(images):
    twice = L.Conv2D(3, 3, padding="same", name="twice")
    inputs = keras.Input((SIZE, SIZE, 3))
    x = L.GlobalAveragePooling2D()(twice(twice(inputs)))
    classifier = wrap(keras.Model(inputs, L.Dense(2)(x)))
    with pytest.raises(LayerError, match="'twice', which runs 2 times"):
        classifier.tap(images, 0)


def test_a_model_without_a_spatial_layer(images):
    model = keras.Sequential([
        keras.Input((SIZE, SIZE, 3)), L.Rescaling(1 / 255), L.Flatten(), L.Dense(2)
    ])  # fmt: skip
    with pytest.raises(LayerError, match="with a spatial layer"):
        wrap(model).tap(images, 0)


def test_what_is_no_model():
    with pytest.raises(ModelError, match="got list"):
        wrap([1])
    with pytest.raises(ModelError, match="no file"):
        wrap("missing.keras")


def test_a_saved_model_loads_and_a_broken_file_is_named(tmp_path, images):
    path = tmp_path / "net.keras"
    model = nested()
    model.save(path)
    np.testing.assert_allclose(wrap(path).predict(images), wrap(model).predict(images), rtol=1e-5)
    path.write_bytes(os.urandom(100))
    with pytest.raises(ModelError, match=r"Expected a Keras 3 model in .*net\.keras"):
        wrap(path)


class Block(keras.layers.Layer):
    """A block written by hand: what it adds is in none of its layers."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.conv = L.Conv2D(3, 3, padding="same", name="conv")

    def call(self, x):
        return x + self.conv(x)


def test_a_block_written_by_hand_is_explained_whole(images):
    inputs = keras.Input((SIZE, SIZE, 3))
    x = Block(name="block")(L.Rescaling(1 / 255)(inputs))
    model = settle(keras.Model(inputs, L.Dense(2)(L.GlobalAveragePooling2D()(x))))
    classifier = wrap(model)
    assert classifier.default_layer == "block"
    inside = classifier.tap(images, 0, layer="block/conv").activations
    np.testing.assert_allclose(
        classifier.tap(images, 0).activations, images / 255 + inside, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("name", ["ops", "tf"])
def test_a_softmax_by_any_name_is_bypassed(name, images):
    import tensorflow as tf

    softmax = {"ops": keras.ops.softmax, "tf": tf.nn.softmax}[name]
    classifier = wrap(flat(activation=softmax))
    assert classifier.bypassed == "softmax"
    assert not np.allclose(classifier.predict(images).sum(1), 1)


def test_a_softmax_that_is_no_layer_is_told(images):
    from campare import explain

    inputs = keras.Input((SIZE, SIZE, 3))
    x = L.GlobalAveragePooling2D()(L.Conv2D(3, 3)(L.Rescaling(1 / 255)(inputs)))
    powers = keras.ops.exp(L.Dense(3)(x))
    shares = powers / keras.ops.sum(powers, axis=-1, keepdims=True)
    model = settle(keras.Model(inputs, shares))
    with pytest.warns(UserWarning, match="rows that sum to 1"):
        explain(model, images)


def channels(last):
    axis, order = (-1, "channels_last") if last else (1, "channels_first")
    return keras.Sequential([
        keras.Input((SIZE, SIZE - 4, 3) if last else (3, SIZE, SIZE - 4)),
        L.Conv2D(4, 3, data_format=order, name="conv"), L.BatchNormalization(axis=axis),
        L.ReLU(name="relu"), L.GlobalAveragePooling2D(data_format=order), L.Dense(2),
    ])  # fmt: skip


def test_channels_first_gives_the_same_maps_on_the_same_images(images):
    images = images[:, :, :-4]
    last, first = settle(channels(True)), channels(False)
    first.set_weights(last.get_weights())
    expected, classifier = wrap(last).tap(images, 1), wrap(first)
    assert classifier.input_shape == (SIZE, SIZE - 4, 3)
    assert classifier.default_layer == "relu"
    if keras.backend.backend() == "tensorflow":
        with pytest.raises(ModelError, match="KERAS_BACKEND=torch or jax"):
            classifier.tap(images, 1)
        return
    found = classifier.tap(images, 1)
    np.testing.assert_allclose(found.activations, expected.activations, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.gradients, expected.gradients, rtol=1e-5, atol=1e-8)
