"""Networks with branches: two side by side, two heads, a decoder that no output reads, a mask."""

import keras

L = keras.layers
SHAPE = (16, 16, 3)


def side_by_side(stem=False):
    """Two networks whose pooled features are concatenated; with `stem` they share their start."""
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input(SHAPE)
    if stem:
        x = L.Conv2D(4, 3, activation="relu", name="stem")(x)
    left = L.Conv2D(5, 3, 2, activation="relu", name="left")(x)
    right = L.Conv2D(6, 3, 2, activation="relu", name="right")(x)
    pooled = L.Concatenate()([L.GlobalAveragePooling2D()(each) for each in (left, right)])
    return keras.Model(inputs, L.Dense(3, name="classes")(pooled))


def two_heads():
    """Two outputs of one trunk, each with a convolution of its own."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(SHAPE)
    trunk = L.Conv2D(4, 3, activation="relu", name="trunk")(inputs)

    def head(name):
        own = L.Conv2D(5, 3, activation="relu", name=f"{name}_conv")(trunk)
        return L.Dense(3, name=name)(L.GlobalAveragePooling2D()(own))

    return keras.Model(inputs, [head("first"), head("second")])


def auxiliary():
    """A classifier in the middle, for training, that runs after the network (as in Inception)."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(SHAPE)
    early = L.Conv2D(4, 3, activation="relu", name="early")(inputs)
    late = L.Conv2D(5, 3, 2, activation="relu", name="late")(early)
    logits = L.Dense(3, name="logits")(L.GlobalAveragePooling2D()(late))
    mixed = L.Conv2D(6, 1, activation="relu", name="aux_mixed")(early)
    again = L.Conv2D(6, 5, activation="relu", name="aux_conv")(mixed)
    aux = L.Dense(3, name="aux")(L.GlobalAveragePooling2D()(again))
    return keras.Model(inputs, {"logits": logits, "aux": aux})


class Decoder(keras.Model):
    """A U-Net whose classes are read at its bottom, while its decoder runs for nothing."""

    def __init__(self):
        super().__init__()
        self.down = L.Conv2D(4, 3, 2, "same", activation="relu", name="down")
        self.bottom = L.Conv2D(6, 3, 2, "same", activation="relu", name="bottom")
        self.up = L.Conv2DTranspose(4, 2, 2, activation="relu", name="up")
        self.mix = L.Conv2D(4, 3, padding="same", name="mix")
        self.pool, self.classes = L.GlobalAveragePooling2D(), L.Dense(3)

    def call(self, x):
        skip = self.down(x)
        x = self.bottom(skip)
        self.mix(keras.ops.concatenate([self.up(x), skip], axis=-1))
        return self.classes(self.pool(x))


def decoder():
    keras.utils.set_random_seed(0)
    model = Decoder()
    model(keras.ops.zeros((1, *SHAPE)))
    return model


class Masked(keras.Model):
    """Features times a mask computed from them, by an operator: no layer gives the product."""

    def __init__(self):
        super().__init__()
        self.features = L.Conv2D(6, 3, activation="relu", name="features")
        self.mask = L.Conv2D(1, 1, activation="sigmoid", name="mask")
        self.pool, self.classes = L.GlobalAveragePooling2D(), L.Dense(3)

    def call(self, x):
        x = self.features(x)
        return self.classes(self.pool(x * self.mask(x)))


def masked():
    keras.utils.set_random_seed(0)
    model = Masked()
    model(keras.ops.zeros((1, *SHAPE)))
    return model


class Stopped(keras.Model):
    """A late layer behind a stop-gradient, which only shifts what the early one decides."""

    def __init__(self):
        super().__init__()
        self.early = L.Conv2D(6, 3, activation="relu", name="early")
        self.late = L.Conv2D(6, 3, padding="same", activation="relu", name="late")
        self.pool, self.classes = L.GlobalAveragePooling2D(), L.Dense(3)

    def call(self, x):
        x = self.early(x)
        return self.classes(self.pool(x + keras.ops.stop_gradient(self.late(x))))


def stopped():
    keras.utils.set_random_seed(0)
    model = Stopped()
    model(keras.ops.zeros((1, *SHAPE)))
    return model


class Summed(keras.Model):
    """Sums by operators, x + f(x) twice; or of two branches, left(x) + right(x)."""

    def __init__(self, residual):
        super().__init__()
        self.residual = residual
        self.stem = L.Conv2D(6, 3, activation="relu", name="stem")
        self.left = L.Conv2D(6, 3, padding="same", activation="relu", name="left")
        self.right = L.Conv2D(6, 3, padding="same", activation="relu", name="right")
        self.pool, self.classes = L.GlobalAveragePooling2D(), L.Dense(3)

    def call(self, x):
        x = self.stem(x)
        if self.residual:
            x = x + self.left(x)
            x = x + 0.5 * self.right(x)
        else:
            x = self.left(x) + self.right(x)
        return self.classes(self.pool(x))


def summed(residual):
    keras.utils.set_random_seed(0)
    model = Summed(residual)
    model(keras.ops.zeros((1, *SHAPE)))
    return model
