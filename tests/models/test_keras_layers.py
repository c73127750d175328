"""Parts of Keras models: softmax by many names, precision, remat, 8 bits, guided ReLU."""

import threading
from functools import wraps

import keras
import keras_zoo as zoo
import numpy as np
import pytest
from keras_zoo import SIZE, L, settle
from kinds import classifier
from scipy.stats import spearmanr

from campare import explain
from campare.errors import ModelError
from campare.models import wrap


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 255, (4, SIZE, SIZE, 3)).astype(np.float32)


def to_numpy(x):
    return keras.ops.convert_to_numpy(x)


# Softmax


def functions():
    """Softmax by its name, as a function of Keras, and of the framework that Keras runs on."""
    return {
        "its name": lambda: zoo.flat("softmax"),
        "keras.activations": lambda: zoo.flat(keras.activations.softmax),
        "keras.ops": lambda: zoo.flat(keras.ops.softmax),
        "log_softmax": lambda: zoo.flat("log_softmax"),
        "the framework's": lambda: zoo.flat(framework_softmax()),
        "a layer": lambda: ended(L.Softmax()),
        "an activation layer": lambda: ended(L.Activation("softmax", dtype="float32")),
        "a Lambda": lambda: ended(L.Lambda(keras.ops.softmax)),
        "a layer as the activation": lambda: zoo.flat(L.Softmax()),
    }


def framework_softmax():
    here = keras.backend.backend()
    if here == "tensorflow":
        return __import__("tensorflow").nn.softmax
    if here == "jax":
        return __import__("jax").nn.softmax
    from torch.nn.functional import softmax

    return wraps(softmax)(lambda x: softmax(x, dim=-1))


def ended(layer):
    model = zoo.flat("linear")
    return settle(keras.Sequential([keras.Input((SIZE, SIZE, 3)), *model.layers, layer]))


@pytest.mark.parametrize(
    "name",
    [
        "its name", "keras.activations", "keras.ops", "log_softmax", "the framework's", "a layer",
        "an activation layer", "a Lambda", "a layer as the activation",
    ],
)  # fmt: skip
def test_a_softmax_by_any_name_is_bypassed(name, images):
    one = wrap(functions()[name]())
    assert one.bypassed == "softmax"
    expected = wrap(zoo.flat("linear")).predict(images)
    np.testing.assert_allclose(one.predict(images), expected, rtol=1e-4, atol=1e-5)


class OwnSoftmax(keras.Model):
    """A softmax in the middle of a function, where nothing can be put in its place."""

    def __init__(self):
        super().__init__()
        self.conv, self.classes = L.Conv2D(3, 3, name="conv"), L.Dense(3)

    def call(self, x):
        x = keras.ops.mean(self.conv(x / 255), axis=(1, 2))
        return keras.ops.softmax(self.classes(x))


def test_a_softmax_that_cannot_be_bypassed_is_told(images):
    model = OwnSoftmax()
    model(images)
    with pytest.warns(UserWarning, match="rows that sum to 1"):
        explain(settle(model), images)


def classes(end, shape=(3,)):
    """Closed form: d logit k / d feature is the weight of class k over the number of cells."""
    x = inputs = keras.Input((SIZE, SIZE, 3))
    x = L.GlobalAveragePooling2D()(L.Conv2D(4, 3, name="conv")(L.Rescaling(1 / 255)(x)))
    x = L.Reshape(shape)(L.Dense(3, name="classes")(x))
    return settle(keras.Model(inputs, end(x)))


CAST = {
    "an activation layer": lambda x: L.Activation("linear", dtype="float32")(L.Softmax()(x)),
    "ops.cast": lambda x: keras.ops.cast(L.Activation("softmax")(x), "float32"),
    "a Lambda": lambda x: L.Lambda(lambda p: keras.ops.cast(p, "float32"))(L.Softmax()(x)),
    "a layer of its own type": lambda x: L.Identity(dtype="float32")(L.Softmax()(x)),
    "of a logarithm": lambda x: keras.ops.cast(L.Activation("log_softmax")(x), "float32"),
}
SHAPED = {
    "Reshape": lambda x: L.Reshape((3,))(L.Softmax()(x)),
    "Flatten of another axis": lambda x: L.Flatten()(L.Softmax(1)(L.Permute((3, 1, 2))(x))),
    "ops.squeeze": lambda x: keras.ops.squeeze(L.Activation("sigmoid")(x), (1, 2)),
    "Permute": lambda x: L.Flatten(dtype="float32")(L.Permute((2, 3, 1))(L.Softmax()(x))),
}


@pytest.fixture
def policy(request):
    keras.config.set_dtype_policy(request.param)
    yield
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("policy", "name"),
    [*(("mixed_float16", name) for name in CAST), *(("mixed_bfloat16", name) for name in SHAPED)],
    indirect=["policy"],
)
@pytest.mark.usefixtures("policy")
def test_a_softmax_that_is_cast_or_reshaped_is_bypassed(name, images):
    model = classes(CAST[name]) if name in CAST else classes(SHAPED[name], (1, 1, 3))
    one = wrap(model)
    assert one.bypassed == ("sigmoid" if "squeeze" in name else "softmax")
    tap = one.tap(images, 1, layer="conv")
    weights = to_numpy(model.get_layer("classes").kernel)[:, 1] / (SIZE - 2) ** 2
    np.testing.assert_allclose(
        tap.gradients, np.broadcast_to(weights, tap.gradients.shape), rtol=0.02, atol=1e-6
    )


@pytest.mark.parametrize("policy", ["mixed_float16"], indirect=True)
@pytest.mark.usefixtures("policy")
def test_probabilities_in_16_bits_are_told(images):
    model = classes(lambda x: keras.ops.clip(L.Softmax()(x), 1e-6, 1))
    with pytest.warns(UserWarning, match="rows that sum to 1"):
        explain(model, images)


def test_a_raw_output_that_is_no_logits_is_left_as_it_is(images):
    model = classes(lambda x: L.Softmax()(x), (1, 1, 3))
    sums = explain(model, images, target=lambda p: keras.ops.sum(p, (1, 2, 3))).scores
    np.testing.assert_allclose(sums, 1, rtol=1e-5)


def test_attention_inside_is_not_mistaken_for_the_head(images):
    x = inputs = keras.Input((SIZE, SIZE, 3))
    x = L.Conv2D(4, 3, strides=4, name="conv", activation="softmax")(x)
    outputs = L.Dense(3, activation="softmax")(L.GlobalAveragePooling2D()(x))
    one = wrap(settle(keras.Model(inputs, outputs)))
    tap = one.tap(images, 0)
    np.testing.assert_allclose(tap.activations.sum(-1), 1, rtol=1e-5)
    assert one.bypassed == "softmax"


class Gate(keras.Model):
    """A softmax over (N, K) inside, whose output is used and gone before the end."""

    def __init__(self):
        super().__init__()
        self.conv = L.Conv2D(3, 3, name="conv")
        self.gate, self.classes = L.Dense(3, activation="softmax"), L.Dense(3)

    def call(self, x):
        x = keras.ops.mean(self.conv(x / 255), axis=(1, 2))
        return self.classes(x * self.gate(x))


def test_a_gate_inside_is_not_mistaken_for_the_head(images):
    model = Gate()
    model(images)
    one = wrap(settle(model))
    assert one.bypassed is None
    np.testing.assert_allclose(one.predict(images), to_numpy(model(images)), rtol=1e-4, atol=1e-5)


def test_a_softmax_that_is_taken_off_or_put_on_later(images):
    model = zoo.flat()
    first = wrap(model)
    expected = first.predict(images)
    model.layers[-1].activation = keras.activations.linear
    second = wrap(model)
    assert (first.bypassed, second.bypassed) == ("softmax", None)
    for one in (first, second):  # the first keeps what it knows of the model, and is right
        tap = one.tap(images, 1)
        np.testing.assert_allclose(tap.logits, expected, rtol=1e-4, atol=1e-5)
    model.layers[-1].activation = keras.activations.softmax
    np.testing.assert_allclose(wrap(model).predict(images), expected, rtol=1e-4, atol=1e-5)


# Precision


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_maps_of_mixed_precision_are_float32_and_close(policy, images):
    full, mixed = zoo.flat(), zoo.in_policy(policy, zoo.flat)
    expected, found = wrap(full).tap(images, 1), wrap(mixed).tap(images, 1)
    for a, b in zip(found[:2], expected[:2], strict=True):
        assert a.dtype == np.float32
        assert np.isfinite(a).all()
        np.testing.assert_allclose(a, b, atol=4e-2 * np.abs(b).max())


def rank_correlation(a, b):
    return min(spearmanr(x.ravel(), y.ravel()).statistic for x, y in zip(a, b, strict=True))


def test_precision_bfloat16_computes_so_and_gives_float32(images):
    model = zoo.nested()
    expected, found = wrap(model).tap(images, 1), wrap(model, precision="bfloat16").tap(images, 1)
    assert not np.array_equal(found.activations, expected.activations)
    assert found.activations.dtype == found.gradients.dtype == np.float32
    maps = [np.einsum("nhwc,nc->nhw", t[0], t[1].mean((1, 2))) for t in (found, expected)]
    assert rank_correlation(*maps) > 0.99


def test_precision_holds_in_its_own_thread_alone(images):
    from campare.models._keras_layers import in_precision

    model, seen = zoo.flat(), []
    with in_precision(model, "bfloat16"):
        here = [layer.compute_dtype for layer in model.layers]
        other = threading.Thread(
            target=lambda: seen.extend(layer.compute_dtype for layer in model.layers)
        )
        other.start()
        other.join()
    assert set(here) == {"bfloat16"}
    assert set(seen) == {"float32"}


@pytest.mark.real
def test_bfloat16_maps_of_real_weights_rank_pixels_as_float32_does(real):
    """Issue: at least 0.99 in rank correlation; MobileNet on photographs of cats and dogs."""
    model = mobilenet(real)
    photographs = pets(real, 16)
    full = wrap(model).tap(photographs)
    low = wrap(model, precision="bfloat16").tap(photographs, full.logits.argmax(1))
    maps = [
        np.einsum("nhwc,nc->nhw", tap.activations, tap.gradients.mean((1, 2)))
        for tap in (low, full)
    ]
    together = spearmanr(maps[0].ravel(), maps[1].ravel()).statistic
    each = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(*maps, strict=True)]
    assert together >= 0.99
    assert np.median(each) >= 0.99


def mobilenet(real):
    model = keras.applications.MobileNet(alpha=0.75, weights=None)
    model.load_weights(real / "weights" / "mobilenet_v1_0.75_224_imagenet.weights.h5")
    return model


def pets(real, n):
    from PIL import Image

    paths = sorted((real / "pets" / "test").rglob("*.jpg"))[:: 400 // n][:n]
    arrays = [np.asarray(Image.open(path).convert("RGB").resize((224, 224))) for path in paths]
    return np.stack(arrays).astype(np.float32) / 127.5 - 1


# Layers


class Rectified(L.Layer):
    """A ReLU that is a function in a layer of one's own."""

    def call(self, x):
        return keras.activations.relu(keras.ops.maximum(x, 0), max_value=1e9)


def test_guided_gradients_are_those_by_hand(images):
    """ReLU as an activation, a layer and a function: each lets only positive gradients back."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = L.Conv2D(8, 1, activation="relu", name="a")(L.Rescaling(1 / 255, -0.5)(inputs))
    x = L.ReLU()(L.Conv2D(8, 1, name="b")(x))
    x = keras.ops.relu(L.Conv2D(8, 1, name="c")(x))
    x = Rectified()(L.Conv2D(8, 1, name="d")(x))
    x = L.GlobalAveragePooling2D()(x)
    model = settle(keras.Model(inputs, L.Dense(3, activation="softmax", name="e")(x)))
    W = {name: to_numpy(model.get_layer(name).kernel).astype(float) for name in "abcde"}
    bias = {name: to_numpy(model.get_layer(name).bias) for name in "abcde"}
    x, active = images / 255 - 0.5, []
    for name in "abcd":
        x = x @ W[name][0, 0] + bias[name]
        active.append(x > 0)
        x = np.maximum(x, 0)
    for guided in (False, True):
        g = np.broadcast_to(W["e"][:, 1] / SIZE**2, x.shape)
        for name, on in zip("dcba", reversed(active), strict=True):
            g = (np.maximum(g, 0) if guided else g) * on @ W[name][0, 0].T
        found = wrap(model).input_gradients(images, 1, guided=guided)
        np.testing.assert_allclose(found, g / 255, rtol=1e-3, atol=1e-5 * np.abs(g).max())


def test_a_network_without_a_relu_is_told_once(images):
    one = wrap(settle(keras.Sequential([
        keras.Input((SIZE, SIZE, 3)), L.Conv2D(4, 3, activation="gelu", name="conv"),
        L.GlobalAveragePooling2D(), L.Dense(3),
    ])))  # fmt: skip
    with pytest.warns(UserWarning, match="a network with ReLUs for guided gradients"):
        found = one.input_gradients(images, 1, guided=True)
    again = one.input_gradients(images, 1, guided=True)  # a second warning would be an error
    np.testing.assert_allclose(found, one.input_gradients(images, 1), rtol=1e-5)
    np.testing.assert_array_equal(found, again)


class Twins(keras.Model):
    """Two layers of one name."""

    def __init__(self):
        super().__init__()
        self.first, self.second = (L.Conv2D(3, 3, name="conv") for _ in range(2))
        self.classes = L.Dense(2)

    def call(self, x):
        return self.classes(keras.ops.mean(self.second(self.first(x)), axis=(1, 2)))


def test_layers_of_one_name_are_told_apart(images):
    model = Twins()
    model(images)
    one = wrap(model)
    assert [info.path for info in one.layers] == ["conv", "conv:2", model.classes.name]
    assert one.default_layer == "conv:2"
    assert one.tap(images, 0, layer="conv").activations.shape[1] == SIZE - 2
    assert one.tap(images, 0, layer=model.second).activations.shape[1] == SIZE - 4


def test_attention_inside_is_no_grid():
    """Queries (N, T, heads, C) have four axes, too."""
    one = classifier("keras transformer")
    inside = [info for info in one.layers if info.path.startswith("attention0/")]
    assert inside
    assert not any(info.spatial for info in inside)


@pytest.mark.parametrize("mode", ["full", "activations", "larger_than", "list_of_layers"])
def test_rematerialized_layers_are_tapped_as_others(mode, images):
    more = {"larger_than": {"output_size_threshold": 1}, "list_of_layers": {"layer_names": "conv"}}
    with keras.RematScope(mode=mode, **more.get(mode, {})):
        model = zoo.flat()
    found, expected = wrap(model).tap(images, 1), classifier("keras flat").tap(images, 1)
    np.testing.assert_allclose(found.gradients, expected.gradients, rtol=1e-5, atol=1e-8)
    assert np.abs(found.gradients).max() > 0


def test_quantized_layers_are_tapped(images):
    """Dense layers of 8 bits: their gradients are those that Keras gives them, near the others."""
    found = classifier("keras int8").tap(images, 1)
    expected = classifier("keras flat").tap(images, 1)
    off = np.abs(found.gradients - expected.gradients).max() / np.abs(expected.gradients).max()
    assert 0 < off < 0.1


# Integers


def rounding(dtype):
    inputs = keras.Input((16, 16, 3), dtype=dtype)
    body = keras.Sequential([
        keras.Input((16, 16, 3), dtype=dtype), zoo.L.Rescaling(1 / 255),
        zoo.L.Conv2D(4, 3, activation="relu"),
    ])  # fmt: skip
    x = zoo.L.GlobalAveragePooling2D()(body(inputs))
    return settle(keras.Model(inputs, zoo.L.Dense(3)(x)))


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_a_model_of_integers_is_explained_as_one_of_floats(dtype, images):
    whole = np.round(images)
    whole_model, model = rounding("float32"), rounding(dtype)
    model.set_weights(whole_model.get_weights())
    for method in ("grad-cam", "guided-grad-cam"):
        found = explain(model, whole, target=1, method=method)
        expected = explain(whole_model, whole, target=1, method=method)
        np.testing.assert_allclose(found.maps, expected.maps, rtol=1e-4, atol=1e-6)
        assert found.status.tolist() == ["ok"] * len(images)
    own = to_numpy(model(whole.astype(dtype)))
    np.testing.assert_allclose(found.logits, own, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", [lambda x: x / 255, lambda x: x / 127.5 - 1])
def test_pixels_that_a_model_of_integers_would_round_to_nothing(scale, images):
    model, whole = rounding("uint8"), np.round(images)
    with pytest.raises(ModelError, match="whose input is uint8, got values") as told:
        explain(model, scale(whole), target=1)
    right = eval(str(told.value).partition("Try: ")[2], {"images": scale(whole)})
    found = explain(model, right, target=1)
    expected = explain(model, whole, target=1).maps
    np.testing.assert_allclose(found.maps, expected, rtol=1e-2, atol=1e-3 * expected.max())
