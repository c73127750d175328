"""Small Keras models of every kind that a person may bring, the same on every backend.

What follows the layer to explain has no kinks, so that finite differences hold.
"""

import warnings

import keras
import numpy as np

L = keras.layers
SIZE = 16


def settle(model, seed=0):
    """Weights and batch-norm statistics that leave every unit at work."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.name in ("moving_variance", "variance"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif len(weight.shape) > 1:
            fan_in = np.prod(weight.shape[:-1]) if "depthwise" not in weight.path else 9
            weight.assign(rng.normal(0, np.sqrt(2 / fan_in), weight.shape))
        elif weight.name in ("bias", "beta", "moving_mean"):
            weight.assign(rng.normal(0, 0.1, weight.shape))
    return model


def flat(activation="softmax", classes=3, channels=3, **options):
    """Convolution, pooling, dense layers; pixels 0..255."""
    return settle(keras.Sequential([
        keras.Input((SIZE, SIZE, channels)),
        L.Rescaling(1 / 255),
        L.Conv2D(6, 3, activation="relu", name="conv"),
        L.AveragePooling2D(2),
        L.Flatten(),
        L.Dense(8, activation="softplus"),
        L.Dense(classes, activation=activation, name="classes", **options),
    ]))  # fmt: skip


def signal():
    """An ECG of two leads: convolutions along the time."""
    return settle(keras.Sequential([
        keras.Input((20, 2)),
        L.Conv1D(5, 3, activation="relu"),
        L.MaxPooling1D(2),
        L.Conv1D(6, 3, activation="gelu", name="conv"),
        L.GlobalAveragePooling1D(),
        L.Dense(8, activation="tanh"),
        L.Dense(3, activation="softmax"),
    ]))  # fmt: skip


def volume():
    """A scan: convolutions in three directions, of sides that differ."""
    return settle(keras.Sequential([
        keras.Input((8, 7, 6, 1)),
        L.Conv3D(4, 3, padding="same", activation="relu"),
        L.Conv3D(5, 3, activation="gelu", name="conv"),
        L.SpatialDropout3D(0.2),
        L.GlobalAveragePooling3D(),
        L.Dense(8, activation="tanh"),
        L.Dense(3, activation="softmax"),
    ]))  # fmt: skip


def frames():
    """A video: the same convolutions for each frame."""
    return settle(keras.Sequential([
        keras.Input((3, 8, 6, 2)),
        L.TimeDistributed(L.Conv2D(4, 3, activation="relu")),
        L.TimeDistributed(L.Conv2D(5, 3, activation="gelu"), name="conv"),
        L.TimeDistributed(L.AveragePooling2D(2)),
        L.Flatten(),
        L.Dense(8, activation="tanh"),
        L.Dense(3, activation="softmax"),
    ]))  # fmt: skip


def backbone(name="backbone"):
    return keras.Sequential([
        keras.Input((SIZE, SIZE, 3)),
        L.Conv2D(5, 3, strides=2, padding="same", name="conv1"),
        L.BatchNormalization(name="bn1"),
        L.ReLU(name="relu1"),
        L.Conv2D(7, 3, padding="same", name="conv2"),
        L.ReLU(name="relu2"),
    ], name=name)  # fmt: skip


def nested(frozen=True):
    """A transfer model: augmentation, rescaling, a nested frozen backbone, a Softmax layer."""
    inner = backbone()
    inner.trainable = not frozen
    x = inputs = keras.Input((SIZE, SIZE, 3))
    x = L.RandomRotation(0.2, seed=1)(L.RandomFlip("horizontal", seed=1)(x))
    x = inner(L.Rescaling(1 / 127.5, -1)(x), training=False)
    x = L.Dense(8, activation="tanh")(L.GlobalAveragePooling2D()(x))
    return settle(keras.Model(inputs, L.Softmax()(L.Dense(3)(x))))


def deep():
    """Nested three times, no softmax."""
    inputs = keras.Input((SIZE, SIZE, 3))
    middle = keras.Sequential([keras.Input((SIZE, SIZE, 3)), backbone()], name="middle")
    x = keras.Sequential([middle, L.Conv2D(4, 1, name="mix")], name="outer")(
        L.Rescaling(1 / 255)(inputs)
    )
    return settle(keras.Model(inputs, L.Dense(3)(L.GlobalAveragePooling2D()(x))))


class Subclassed(keras.Model):
    """Layers in attributes, one of them a model."""

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


class Block(keras.layers.Layer):
    """A block written by hand: what it adds is in none of its layers."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.conv = L.Conv2D(3, 3, padding="same", name="conv")

    def call(self, x):
        return x + self.conv(x)


def block():
    inputs = keras.Input((SIZE, SIZE, 3))
    x = Block(name="block")(L.Rescaling(1 / 255)(inputs))
    return settle(keras.Model(inputs, L.Dense(2)(L.GlobalAveragePooling2D()(x))))


def normalized():
    """A Normalization layer that was adapted, and a depthwise convolution."""
    mean, variance = [120.0, 110.0, 100.0], [3000.0, 2900.0, 3100.0]
    return settle(keras.Sequential([
        keras.Input((SIZE, SIZE, 3)),
        L.Normalization(mean=mean, variance=variance),
        L.SeparableConv2D(6, 3, name="separable"),
        L.BatchNormalization(name="bn"),
        L.Activation("gelu", name="gelu"),
        L.GlobalAveragePooling2D(),
        L.Dropout(0.5),
        L.Dense(3, activation="softmax"),
    ]))  # fmt: skip


def residual():
    """A skip connection around the layer 'conv'."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = L.Conv2D(4, 3, padding="same", name="stem")(L.Rescaling(1 / 255)(inputs))
    x = L.Add(name="add")([x, L.Conv2D(4, 3, padding="same", name="conv")(x)])
    x = L.Activation("gelu", name="gelu")(x)
    return settle(keras.Model(inputs, L.Dense(3)(L.GlobalAveragePooling2D()(x))))


def operation():
    """A softmax that is no layer, but a function in the graph."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = L.GlobalAveragePooling2D()(L.Conv2D(3, 3, name="conv")(L.Rescaling(1 / 255)(inputs)))
    return settle(keras.Model(inputs, keras.ops.softmax(L.Dense(3)(x))))


def several(as_dict=False):
    """Two heads, each with a softmax of its own: species and colour."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = L.Conv2D(6, 3, activation="relu", name="conv")(L.Rescaling(1 / 255)(inputs))
    x = L.GlobalAveragePooling2D()(x)
    species = L.Dense(3, activation="softmax", name="species")(x)
    colour = L.Dense(4, activation="softmax", name="colour")(x)
    outputs = {"species": species, "colour": colour} if as_dict else [species, colour]
    return settle(keras.Model(inputs, outputs))


def any_size():
    return settle(keras.Sequential([
        keras.Input((None, None, 3)),
        L.Rescaling(1 / 255),
        L.Conv2D(6, 3, padding="same", strides=2, name="conv"),
        L.Activation("gelu", name="gelu"),
        L.GlobalAveragePooling2D(),
        L.Dense(3, activation="softmax"),
    ]))  # fmt: skip


def channels(last):
    """The same model with channels last or first, on images that are not square."""
    axis, order = (-1, "channels_last") if last else (1, "channels_first")
    return keras.Sequential([
        keras.Input((SIZE, SIZE - 4, 3) if last else (3, SIZE, SIZE - 4)),
        L.Rescaling(1 / 255),
        L.Conv2D(4, 3, data_format=order, name="conv"), L.BatchNormalization(axis=axis),
        L.ReLU(name="relu"), L.GlobalAveragePooling2D(data_format=order), L.Dense(2),
    ])  # fmt: skip


def in_policy(policy, make):
    """The model made with all its layers in another precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return make()
    finally:
        keras.config.set_dtype_policy(before)


class ClassToken(keras.layers.Layer):
    """A learned token in front of the patches, and a learned place for each."""

    def build(self, shape):
        self.token = self.add_weight(shape=(1, 1, shape[-1]), name="token")
        self.places = self.add_weight(shape=(1, shape[1] + 1, shape[-1]), name="places")

    def call(self, x):
        token = keras.ops.repeat(self.token, keras.ops.shape(x)[0], axis=0)
        return keras.ops.concatenate([keras.ops.cast(token, x.dtype), x], axis=1) + self.places


def transformer(height=16, width=24, patch=4, size=8, depth=2):
    """A vision transformer with a class token, which alone is read."""
    inputs = keras.Input((height, width, 3))
    x = L.Conv2D(size, patch, strides=patch, name="patches")(L.Rescaling(1 / 255)(inputs))
    x = ClassToken(name="tokens")(L.Reshape((-1, size))(x))
    for i in range(depth):
        y = L.LayerNormalization(name=f"norm{i}a")(x)
        x = x + L.MultiHeadAttention(2, size // 2, name=f"attention{i}")(y, y)
        y = L.LayerNormalization(name=f"norm{i}b")(x)
        x = x + L.Dense(size)(L.Dense(2 * size, activation="gelu")(y))
    x = L.LayerNormalization(name="norm")(x)
    return settle(keras.Model(inputs, L.Dense(3, activation="softmax")(x[:, 0])))


def twice():
    layer = L.Conv2D(3, 3, padding="same", name="twice")
    inputs = keras.Input((SIZE, SIZE, 3))
    x = L.GlobalAveragePooling2D()(layer(layer(inputs)))
    return settle(keras.Model(inputs, L.Dense(2)(x)))


def remat(mode="full"):
    """Layers that are run again for their gradients."""
    with keras.RematScope(mode=mode):
        return flat()


def quantized():
    """Dense layers in 8 bit integers."""
    model = flat()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of layers that stay as they are
        model.quantize("int8")
    return model
