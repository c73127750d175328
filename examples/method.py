"""A method of your own: a function (A, G) -> maps, as a value with a name and parameters.

A are the layer's activations and G the gradients of the score there, both (N, *grid, C); the map
is (N, *grid). The function runs inside the model's framework, so it takes its arithmetic from
`namespace`. What it takes by name besides are parameters. From the command line, in this folder:

    campare explain MODEL.keras photo.jpg --out maps --method method:SHARP_CAM
    campare audit MODEL.keras --data DATA --methods "grad-cam,method:SHARP_CAM"
"""

from typing import Any

import keras
import numpy as np

from campare import explain
from campare.attribution.method import Method
from campare.models.arrays import namespace


def sharp_cam(A: Any, G: Any, *, power: float = 2.0) -> Any:
    """LayerCAM with the positive products raised to a power, which favors the strongest cells."""
    xp = namespace(A)
    return xp.sum(xp.maximum(A * G, 0 * A) ** power, axis=-1)


SHARP_CAM = Method("sharp-cam", sharp_cam, "gradient", title="Sharp CAM")


def main() -> None:
    """Explain noise with a small network, by the method and by one with another parameter."""
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    images = np.random.default_rng(0).random((4, 16, 16, 3), np.float32)
    for method in (SHARP_CAM, SHARP_CAM(power=4)):
        found = explain(network, images, method=method)
        strongest = found.maps.max(axis=(1, 2)) / found.maps.sum(axis=(1, 2))
        print(f"{found.method}: the strongest cell has {strongest.mean():.1%} of the map")


if __name__ == "__main__":
    main()
