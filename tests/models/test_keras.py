"""What only Keras models have: files, graphs, layouts, inputs and outputs by name; its errors."""

import json
import os

import keras
import keras_zoo as zoo
import numpy as np
import pytest
from keras_zoo import SIZE, L, settle
from kinds import KINDS, classifier

from campare.attribution.gradient import grad_cam
from campare.errors import LayerError, ModelError, TargetError
from campare.models import wrap


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 255, (4, SIZE, SIZE, 3)).astype(np.float32)


def to_numpy(x):
    return keras.ops.convert_to_numpy(x)


def test_grad_cam_of_gap_and_dense_is_the_closed_form(images):
    """With GAP + Dense, alpha_k = w_kc / (h w), so Grad-CAM = relu(A w_c) / (h w) (Zhou 2016)."""
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
    np.testing.assert_allclose(tap.activations, to_numpy(conv(images)), rtol=1e-4, atol=1e-5)
    A = tap.activations.astype(np.float64)
    w = to_numpy(model.layers[-1].kernel).astype(np.float64)[:, 2]
    expected = np.maximum(A @ w, 0) / (A.shape[1] * A.shape[2])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * expected.max())
    assert expected.max() > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("application", "default", "inside"),
    [
        ("EfficientNetB0", "network/top_activation", "network/block7a_project_bn"),
        (
            "ConvNeXtTiny",
            "network/layer_normalization",
            "network/layer_normalization",
        ),
    ],
)
def test_a_nested_application_equals_finite_differences(application, default, inside):
    """A transfer model on a network without kinks (swish, GELU), tapped inside the backbone."""
    inner = getattr(keras.applications, application)(
        weights=None, include_top=False, input_shape=(64, 64, 3), name="network"
    )
    inner.trainable = False
    x = inputs = keras.Input((64, 64, 3))
    x = inner(L.RandomFlip("horizontal")(x), training=False)
    x = L.Dense(8, activation="tanh")(L.GlobalAveragePooling2D()(x))
    one = wrap(settle(keras.Model(inputs, L.Dense(3, activation="softmax")(x))))
    assert one.default_layer == default
    images = np.random.default_rng(3).uniform(0, 255, (2, 64, 64, 3))
    tap = one.tap(images, 0, layer=inside)
    direction = np.random.default_rng(2).normal(size=tap.activations.shape)
    up, down = (
        one.tap(images, 0, layer=inside, eps=step * direction).scores.astype(np.float64)
        for step in (5e-3, -5e-3)
    )
    found = (tap.gradients * direction).sum((1, 2, 3))
    np.testing.assert_allclose(found, (up - down) / 1e-2, rtol=2e-3)
    assert np.abs(found).min() > 1e-2


def test_augmentation_is_inert(images):
    one = classifier("keras nested, frozen")
    first, second = one.tap(images, 0), one.tap(images, 0)
    np.testing.assert_array_equal(first.activations, second.activations)


# Sizes, layouts, names


def test_a_model_of_any_size_is_used_at_two_sizes():
    one = wrap(zoo.any_size())
    assert one.input_shape == (None, None, 3)
    for height, width in ((20, 12), (9, 30), (20, 12)):
        images = np.random.default_rng(0).uniform(0, 255, (2, height, width, 3))
        tap = one.tap(images, 1)
        assert tap.activations.shape == (2, -(-height // 2), -(-width // 2), 6)
        w = to_numpy(one.model.layers[-1].kernel)[:, 1]
        expected = np.broadcast_to(w / np.prod(tap.gradients.shape[1:3]), tap.gradients.shape)
        np.testing.assert_allclose(tap.gradients, expected, rtol=1e-4)


def convolves_channels_first():
    """TensorFlow alone may not, which depends on the CPU; asked of TensorFlow itself."""
    if keras.backend.backend() != "tensorflow":
        return True
    import tensorflow as tf

    try:
        tf.function(lambda x: tf.nn.conv2d(x, tf.ones((1, 1, 1, 1)), 1, "VALID", "NCHW"))(
            tf.ones((1, 1, 4, 4))
        )
    except tf.errors.OpError:
        return False
    return True


def test_channels_first_gives_the_same_maps_on_the_same_images(images):
    images = images[:, :, :-4]
    last, first = settle(zoo.channels(last=True)), zoo.channels(last=False)
    first.set_weights(last.get_weights())
    expected, one = wrap(last).tap(images, 1), wrap(first)
    assert one.input_shape == (SIZE, SIZE - 4, 3)
    assert one.default_layer == "relu"
    if not convolves_channels_first():
        with pytest.raises(ModelError, match="KERAS_BACKEND=torch or jax"):
            one.tap(images, 1)
        return
    found = one.tap(images, 1)
    np.testing.assert_allclose(found.activations, expected.activations, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.gradients, expected.gradients, rtol=1e-4, atol=1e-7)


def test_a_block_written_by_hand_is_explained_whole(images):
    one = classifier("keras block by hand")
    inside = one.tap(images, 0, layer="block/conv").activations
    np.testing.assert_allclose(
        one.tap(images, 0).activations, images / 255 + inside, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("made", [lambda x, y: ([x], [y]), lambda x, y: ({"pic": x}, {"out": y})])
def test_one_input_or_output_in_a_list_or_dict(made, images):
    inputs = keras.Input((SIZE, SIZE, 3), name="pic")
    x = L.GlobalAveragePooling2D()(L.Conv2D(3, 3, name="conv")(inputs))
    model = settle(keras.Model(*made(inputs, L.Dense(2)(x))))
    assert wrap(model).tap(images, 0).activations.shape == (4, SIZE - 2, SIZE - 2, 3)


# Errors

ERRORS = {
    "unknown layer": (lambda c, x: c.tap(x, 0, layer="con"), LayerError, "Try: conv"),
    "not spatial": (lambda c, x: c.tap(x, 0, layer="classes"), LayerError, "spatial layer"),
    "class too high": (lambda c, x: c.tap(x, 3), TargetError, "from 0 to 2, got 3"),
    "class negative": (lambda c, x: c.tap(x, -1), TargetError, "from 0 to 2, got -1"),
    "too few targets": (lambda c, x: c.tap(x, np.array([0, 1])), TargetError, r"got shape \(2,\)"),
    "a class name": (lambda c, x: c.tap(x, "cat"), TargetError, "'second-best', got 'cat'"),
    "no batch axis": (lambda c, x: c.tap(x[0], 0), ModelError, r"images\[None\]"),
    "other size": (lambda c, x: c.predict(x[:, :8]), ModelError, r"\(N, 16, 16, 3\)"),
    "channels first": (
        lambda c, x: c.predict(np.moveaxis(x, -1, 1)), ModelError, "channels come last"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_errors_say_what_would_work(case, images):
    act, kind, text = ERRORS[case]
    with pytest.raises(kind, match=text) as error:
        act(classifier("keras flat"), images)
    assert "\n" not in str(error.value)


def test_a_layer_that_runs_twice_is_named(images):
    with pytest.raises(LayerError, match="'twice', which runs 2 times"):
        wrap(zoo.twice()).tap(images, 0)


def test_a_backbone_that_runs_twice_is_named(images):
    """Two crops through one network, as siamese models have it."""
    inner, inputs = zoo.backbone(), keras.Input((SIZE, SIZE, 3))
    x = L.Concatenate()([
        L.GlobalAveragePooling2D()(inner(inputs)),
        L.GlobalAveragePooling2D()(inner(L.Rescaling(0.5)(inputs))),
    ])  # fmt: skip
    one = wrap(settle(keras.Model(inputs, L.Dense(2)(x))))
    with pytest.raises(LayerError, match="'backbone/relu2', which runs 2 times"):
        one.tap(images, 0)


def test_a_model_without_a_spatial_layer(images):
    model = keras.Sequential([
        keras.Input((SIZE, SIZE, 3)), L.Rescaling(1 / 255), L.Flatten(), L.Dense(2)
    ])  # fmt: skip
    with pytest.raises(LayerError, match="with a spatial layer"):
        wrap(model).tap(images, 0)


def test_what_is_no_model(tmp_path):
    with pytest.raises(ModelError, match="got list"):
        wrap([1])
    with pytest.raises(ModelError, match="no file"):
        wrap(tmp_path / "missing.keras")
    with pytest.raises(ModelError, match="precision float32 or bfloat16, got 'float16'"):
        wrap(zoo.flat(), precision="float16")


@pytest.mark.parametrize(
    ("output", "text"),
    [(None, "output='species'"), ("size", "got 'size'"), (2, "one of species, colour")],
)
def test_one_of_several_outputs_is_named(output, text, images):
    with pytest.raises(ModelError, match=text):
        wrap(zoo.several(), output=output).predict(images)


def test_outputs_by_position_and_by_name_are_the_same(images):
    model = zoo.several()
    by_name, by_place = wrap(model, output="colour"), wrap(model, output=1)
    np.testing.assert_array_equal(by_name.predict(images), by_place.predict(images))
    assert by_name.n_classes == 4


def test_the_output_of_a_model_with_one_is_named_as_it_is(images):
    model = zoo.flat()
    expected = wrap(model).predict(images)
    for output in (model.layers[-1].name, 0):
        np.testing.assert_array_equal(wrap(model, output=output).predict(images), expected)
    for wrong in ("species", 1, -1):
        with pytest.raises(ModelError, match=f"one of 1 outputs .*got {wrong!r}"):
            wrap(model, output=wrong).predict(images)


def test_a_classifier_takes_another_output():
    classifier = wrap(zoo.several(), output="species")
    assert wrap(classifier, output="colour").n_classes == 4
    assert classifier.n_classes == wrap(zoo.several(), output="species").n_classes != 4


def test_an_input_without_sides_is_not_explained():
    picture, numbers = keras.Input((8, 8, 3), name="picture"), keras.Input((2,), name="numbers")
    both = L.Concatenate()([L.GlobalAveragePooling2D()(L.Conv2D(2, 3)(picture)), numbers])
    model = keras.Model([picture, numbers], L.Dense(2)(both))
    for named in ("numbers", 1):
        with pytest.raises(ModelError, match=r"got 'numbers' .*\(2,\)\. Try: input= one of 'pict"):
            wrap(model, input=named)


def test_several_inputs_and_images_that_are_none():
    a, b = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    two = keras.Model([a, b], L.Dense(2)(L.GlobalAveragePooling2D()(L.Add()([a, b]))))
    with pytest.raises(ModelError, match=f"Try: input='{two.inputs[0].name}'"):
        wrap(two)
    flat = keras.Sequential([keras.Input((8,)), L.Dense(2)])
    with pytest.raises(ModelError, match="with one image input"):
        wrap(flat)
    with pytest.raises(ModelError, match="call it once on a batch of images"):
        wrap(zoo.Subclassed())


def test_outputs_that_are_no_classes():
    segments = keras.Sequential([keras.Input((8, 8, 3)), L.Conv2D(2, 3)])
    for needs_logits in (lambda one: one.n_classes, lambda one: one.predict(np.ones((1, 8, 8, 3)))):
        with pytest.raises(ModelError, match=r"outputs \(N, K\), got shape"):
            needs_logits(wrap(segments))


def test_class_names_must_fit():
    with pytest.raises(ModelError, match="Expected 3 class names"):
        wrap(zoo.flat(), class_names=("cat", "dog"))


# Files


def test_a_saved_model_loads_and_a_broken_file_is_named(tmp_path, images):
    path = tmp_path / "net.keras"
    model = zoo.nested()
    model.save(path)
    np.testing.assert_allclose(wrap(path).predict(images), wrap(model).predict(images), rtol=1e-5)
    path.write_bytes(os.urandom(100))
    with pytest.raises(ModelError, match=r"Expected a Keras 3 model in .*net\.keras"):
        wrap(path)


@pytest.mark.parametrize(
    ("text", "names"),
    [(json.dumps({"classes": ["a", "b", "c"]}), ("a", "b", "c")), ("{", None), ("[]", None)],
)
def test_class_names_come_from_the_notes_beside_the_file(tmp_path, text, names):
    zoo.flat().save(tmp_path / "net.keras")
    (tmp_path / "net.json").write_text(text)
    assert wrap(tmp_path / "net.keras").class_names == names


@pytest.mark.only("tensorflow", reason="TensorFlow's format for graphs")
def test_an_exported_graph_is_named(tmp_path, images):
    folder = tmp_path / "exported"
    zoo.flat().export(folder, verbose=False)
    with pytest.raises(ModelError, match=r"exported graph .*exported.* Try: the \.keras file"):
        wrap(folder)
    inputs = keras.Input((SIZE, SIZE, 3))
    outputs = L.TFSMLayer(folder, call_endpoint="serve")(inputs)
    with pytest.raises(ModelError, match=r"exported graph 'tfsm_layer.*' in"):
        wrap(keras.Model(inputs, outputs))


def test_kinds_have_what_they_say():
    """The table of kinds is about the models that it names."""
    assert classifier("keras nested, frozen").model.get_layer("backbone").trainable is False
    assert classifier("keras mixed_float16").model.layers[1].compute_dtype == "float16"
    assert all(kind.shape[-1] in (1, 2, 3, 5) for kind in KINDS.values())
