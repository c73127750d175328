"""The Keras models that are timed, with random weights and statistics that are not trivial."""

from typing import Any

import keras
import numpy as np

#: Layers of few channels near the images, where a pass through the rest is a whole one.
EARLY = {"resnet50": "conv1_conv", "mobilenet": "conv1"}


def build(name: str, rng: np.random.Generator) -> Any:
    """ResNet50 or MobileNet for 224 x 224 x 3, 1000 classes."""
    keras.utils.set_random_seed(int(rng.integers(2**31)))
    kind = {"resnet50": keras.applications.ResNet50, "mobilenet": keras.applications.MobileNet}
    model = kind[name](weights=None)
    for weight in model.weights:
        if weight.name == "moving_variance":
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif weight.name in ("moving_mean", "beta", "bias"):
            weight.assign(rng.normal(0, 0.1, weight.shape))
    return model


def last_layer(model: Any) -> str:
    """The name of the layer that everybody taps: the last whose output is a grid."""
    shapes = {layer.name: getattr(layer.output, "shape", ()) for layer in model.layers}
    return [name for name, shape in shapes.items() if len(shape) == 4 and shape[1] > 1][-1]
