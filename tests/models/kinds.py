"""KINDS: every kind of model that the tap is tested on, by name; and how its taps are tested."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import keras_zoo as zoo
import numpy as np
import pytest

from campare.models import wrap


@dataclass(frozen=True)
class Kind:
    """A kind of model: how to make one, and what a tap of it must be."""

    make: Callable[[], Any]
    layer: str  # the default layer
    shape: tuple[int, ...] = (zoo.SIZE, zoo.SIZE, 3)
    pixels: tuple[float, float] = (0, 255)
    ends_in: str | None = None  # the softmax or sigmoid that is bypassed
    options: Mapping[str, Any] = field(default_factory=dict)  # of wrap
    step: float = 1e-2  # of finite differences
    loose: float = 1  # how much wider the tolerance is: lower precision
    skip: Mapping[str, str] = field(default_factory=dict)  # backend -> why it cannot run there

    def classifier(self):
        return wrap(self.make(), **self.options)

    def images(self, n=3, seed=0):
        return (
            np.random.default_rng(seed).uniform(*self.pixels, (n, *self.shape)).astype(np.float32)
        )


def _torch(name: str, *args: Any, **kwargs: Any) -> Callable[[], Any]:
    def make() -> Any:
        torch_zoo = pytest.importorskip("torch_zoo")
        return torch_zoo.settle(getattr(torch_zoo, name)(*args, **kwargs))

    return make


def _as(dtype: str, make: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: make().to(getattr(pytest.importorskip("torch"), dtype))


NO_CHANNELS_FIRST = {"tensorflow": "TensorFlow has no such convolution on a CPU"}
OBLONG = (16, 24, 3)
KINDS: dict[str, Kind] = {
    "keras flat": Kind(zoo.flat, "conv", ends_in="softmax"),
    "keras nested, frozen": Kind(zoo.nested, "backbone/relu2", ends_in="softmax"),
    "keras nested, trained": Kind(
        lambda: zoo.nested(frozen=False), "backbone/relu2", ends_in="softmax"
    ),
    "keras nested three times": Kind(zoo.deep, "outer/mix"),
    "keras subclassed": Kind(zoo.subclassed, "backbone/relu2", ends_in="softmax"),
    "keras block by hand": Kind(zoo.block, "block"),
    "keras normalization": Kind(zoo.normalized, "gelu", ends_in="softmax"),
    "keras residual": Kind(zoo.residual, "gelu"),
    "keras softmax in keras.ops": Kind(zoo.operation, "conv", ends_in="softmax"),
    "keras sigmoid": Kind(lambda: zoo.flat("sigmoid", 1), "conv", ends_in="sigmoid"),
    "keras multi-label": Kind(lambda: zoo.flat("sigmoid", 4), "conv", ends_in="sigmoid"),
    "keras list of outputs": Kind(
        zoo.several, "conv", ends_in="softmax", options={"output": "species"}
    ),
    "keras dict of outputs": Kind(
        lambda: zoo.several(as_dict=True), "conv", ends_in="softmax", options={"output": "colour"}
    ),
    "keras grayscale": Kind(
        lambda: zoo.flat(channels=1), "conv", (zoo.SIZE, zoo.SIZE, 1), ends_in="softmax"
    ),
    "keras 5 channels": Kind(
        lambda: zoo.flat(channels=5), "conv", (zoo.SIZE, zoo.SIZE, 5), ends_in="softmax"
    ),
    "keras channels first": Kind(
        lambda: zoo.settle(zoo.channels(last=False)),
        "relu",
        (zoo.SIZE, zoo.SIZE - 4, 3),
        skip=NO_CHANNELS_FIRST,
    ),
    "keras any size": Kind(zoo.any_size, "gelu", (20, 12, 3), ends_in="softmax"),
    "keras mixed_bfloat16": Kind(
        lambda: zoo.in_policy("mixed_bfloat16", zoo.flat),
        "conv",
        ends_in="softmax",
        step=0.5,
        loose=20,
    ),
    "keras mixed_float16": Kind(
        lambda: zoo.in_policy("mixed_float16", zoo.flat),
        "conv",
        ends_in="softmax",
        step=0.2,
        loose=10,
    ),
    "keras transformer": Kind(zoo.transformer, "norm1a", OBLONG, ends_in="softmax"),
    "keras rematerialized": Kind(zoo.remat, "conv", ends_in="softmax"),
    "keras int8": Kind(zoo.quantized, "conv", ends_in="softmax", step=0.2, loose=40),
    "keras signal": Kind(zoo.signal, "conv", (20, 2), (-1, 1), ends_in="softmax"),
    "keras volume": Kind(zoo.volume, "conv", (8, 7, 6, 1), (-1, 1), ends_in="softmax"),
    "keras video, TimeDistributed": Kind(
        zoo.frames, "conv", (3, 8, 6, 2), (-1, 1), ends_in="softmax"
    ),
    "torch function as softmax": Kind(_torch("Plain"), "act", ends_in="softmax"),
    "torch BasicBlock": Kind(_torch("ResNet"), "layer2.1"),
    "torch frozen, no_grad": Kind(_torch("Frozen"), "backbone.3", ends_in="softmax"),
    "torch timm": Kind(_torch("Timm"), "blocks.1", (24, 16, 3)),
    "torch dict of outputs": Kind(
        _torch("Several"), "conv", ends_in="softmax", options={"output": "species"}
    ),
    "torch tuple of outputs": Kind(
        _torch("Several", as_dict=False), "conv", ends_in="softmax", options={"output": 1}
    ),
    "torch own gradient": Kind(_torch("OwnGradient"), "conv2"),
    "torch grayscale": Kind(
        _torch("Plain", channels=1), "act", (zoo.SIZE, zoo.SIZE, 1), ends_in="softmax"
    ),
    "torch transformer": Kind(_torch("Transformer"), "blocks.1.norm1", OBLONG),
    "torch registers": Kind(_torch("Transformer", registers=4), "blocks.1.norm1", OBLONG),
    "torch signal": Kind(_torch("Sides", 1), "act", (20, 2)),
    "torch volume": Kind(_torch("Sides", 3), "act", (6, 7, 8, 2)),
    "torch float64": Kind(_as("float64", _torch("ResNet")), "layer2.1"),
    "torch bfloat16": Kind(_as("bfloat16", _torch("ResNet")), "layer2.1", step=0.5, loose=20),
}
KINDS = {
    name: replace(kind, pixels=(-1, 1)) if name.startswith("torch") else kind
    for name, kind in KINDS.items()
}
if os.environ["KERAS_BACKEND"] == "torch":
    pytest.importorskip("torch").set_num_threads(1)
HERE = os.environ["KERAS_BACKEND"]


@cache
def classifier(name: str) -> Any:
    """One classifier a kind, whose programs all tests share."""
    if HERE in KINDS[name].skip:
        pytest.skip(KINDS[name].skip[HERE])
    return KINDS[name].classifier()


def outputs(model: Any, images: Any) -> Any:
    """What the model itself gives for images (N, H, W, C), as NumPy."""
    import keras

    if isinstance(model, keras.Model):
        first = getattr(model, "input_shape", (0, 0))[1] == images.shape[-1]
        found = model(np.moveaxis(images, -1, 1) if first else images, training=False)
        return keras.tree.map_structure(keras.ops.convert_to_numpy, found)
    torch = pytest.importorskip("torch")
    weight = next(model.parameters())
    with torch.no_grad():
        found = model(torch.from_numpy(np.moveaxis(images, -1, 1).copy()).to(weight.dtype))
    return keras.tree.map_structure(lambda x: x.float().numpy(), found)
