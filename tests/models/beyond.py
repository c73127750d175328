"""BEYOND: models of several inputs, or whose raw output is no logits, for docs/compatibility.md.

Of those the tap is tested where targets and several inputs are; here each is one small network that
any tool may be given.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import keras_zoo as zoo
import numpy as np
import pytest
from kinds import Kind

from campare.targets import Embedding, Region, Regression

SIDE, CHANNELS = 12, 3
PICTURE = (SIDE, SIDE, CHANNELS)
L = keras.layers


@dataclass(frozen=True)
class Beyond(Kind):
    """A kind of model, what is explained of it, and what it takes beside the pictures."""

    target: Any = 1
    beside: Callable[[Any], dict[str, Any]] = lambda _: {}

    def images(self, n=3, seed=0):
        pictures = super().images(n, seed)
        others = self.beside(pictures)
        return {"picture": pictures, **others} if others else pictures


def _keras(end: Callable[[Any], Any]) -> Callable[[], Any]:
    """A convolution `conv` and what follows it."""

    def make() -> Any:
        picture = keras.Input(PICTURE, name="picture")
        x = L.Conv2D(6, 3, padding="same", activation="softplus", name="conv")(picture)
        return zoo.settle(keras.Model(picture, end(x)))

    return make


def _keras_two() -> Any:
    picture, ages = keras.Input(PICTURE, name="picture"), keras.Input((2,), name="ages")
    x = L.Conv2D(6, 3, activation="softplus", name="conv")(picture)
    x = L.Concatenate()([L.GlobalAveragePooling2D()(x), ages])
    network = keras.Model([picture, ages], L.Dense(3)(L.Dense(5, activation="tanh")(x)))
    return zoo.settle(network)


def _keras_pair() -> Any:
    picture, other = (keras.Input(PICTURE, name=name) for name in ("picture", "other"))
    encoder = keras.Sequential(
        [
            keras.Input(PICTURE),
            L.Conv2D(6, 3, activation="softplus", name="conv"),
            L.GlobalAveragePooling2D(),
            L.Dense(4, activation="tanh"),
        ],
        name="encoder",
    )
    network = keras.Model([picture, other], L.Dot(axes=1)([encoder(picture), encoder(other)]))
    return zoo.settle(network)


def _torch(end: str) -> Callable[[], Any]:
    """The same in torch."""

    def make() -> Any:
        torch = pytest.importorskip("torch")
        nn = torch.nn
        torch.manual_seed(0)

        class Network(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.conv = nn.Sequential(nn.Conv2d(CHANNELS, 6, 3, padding=1), nn.Softplus())
                widths = {"segmentation": 4, "two": 3, "pair": 4, "value": 1, "embedding": 5}
                if end == "segmentation":
                    self.head = nn.Conv2d(6, 4, 1)
                else:
                    self.head = nn.Linear(6 + 2 * (end == "two"), widths[end])

            def encoded(self, x: Any, *more: Any) -> Any:
                pooled = self.conv(x).mean((2, 3))
                return torch.tanh(self.head(torch.cat([pooled, *more], 1)))

            def forward(self, picture: Any, *beside: Any, **named: Any) -> Any:
                more = [*beside, *named.values()]
                if end == "segmentation":
                    return self.head(self.conv(picture))
                if end == "pair":
                    return (self.encoded(picture) * self.encoded(*more)).sum(1, keepdim=True)
                return self.encoded(picture, *more)

        return Network().eval()

    return make


def _segmentation(x: Any) -> Any:
    return L.Conv2D(4, 1, name="classes")(x)


def _value(x: Any) -> Any:
    return L.Dense(1)(L.GlobalAveragePooling2D()(x))


def _embedding(x: Any) -> Any:
    return L.Dense(5)(L.GlobalAveragePooling2D()(x))


MASK = np.zeros((SIDE, SIDE))
MASK[3:8, 2:9] = 1
TEXT = np.random.default_rng(4).normal(size=5)


def _ages(pictures: Any) -> dict[str, Any]:
    return {"ages": np.random.default_rng(3).normal(size=(len(pictures), 2)).astype(np.float32)}


def _other(pictures: Any) -> dict[str, Any]:
    return {"other": pictures[:, ::-1].copy()}


def _both(framework: str, makes: dict[str, Callable[[], Any]]) -> dict[str, Beyond]:
    """The kinds of one framework."""

    def kind(make: str, layer: str = "conv", **more: Any) -> Beyond:
        return Beyond(makes[make], layer, PICTURE, (-1, 1), **more)

    named = {"options": {"input": "picture"}}
    value = {"options": {"task": "regression"}}
    shared = "encoder/conv@1" if framework == "keras" else "conv@1"
    return {
        f"{framework} segmentation, Region": kind("segmentation", target=Region(1, MASK)),
        f"{framework} two inputs": kind("two", beside=_ages, **named),
        f"{framework} Siamese pair": kind(
            "pair", shared, target=Regression(), beside=_other, **named
        ),
        f"{framework} regression": kind("value", target=Regression(), **value),
        f"{framework} regression, what lowers it": kind(
            "value", target=Regression(sign=-1), **value
        ),
        f"{framework} embedding and a vector": kind("embedding", target=Embedding(TEXT)),
    }


BEYOND = {
    **_both(
        "keras",
        {
            "segmentation": _keras(_segmentation),
            "two": _keras_two,
            "pair": _keras_pair,
            "value": _keras(_value),
            "embedding": _keras(_embedding),
        },
    ),
    **_both(
        "torch", {end: _torch(end) for end in ("segmentation", "two", "pair", "value", "embedding")}
    ),
}
