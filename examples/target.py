"""A target of your own: a function of the logits (N, K) -> one number for each image, (N,).

It is what the maps explain. Here: by how much a class leads the best of the others, so that the map
shows what tells the class apart, not what all classes share. The function runs inside the model's
framework and is differentiated there.
"""

from typing import Any

import keras
import numpy as np

from campare import explain
from campare.models.arrays import namespace


def lead_of(index: int) -> Any:
    """The logit of a class minus the largest of the others."""

    def lead(logits: Any) -> Any:
        xp = namespace(logits)
        others = xp.concatenate([logits[:, :index], logits[:, index + 1 :]], axis=1)
        return logits[:, index] - xp.max(others, axis=1)

    return lead


def main() -> None:
    """Explain the lead of class 1, and check the score against the logits."""
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3),
        ]
    )
    images = np.random.default_rng(0).random((4, 16, 16, 3), np.float32)
    found = explain(network, images, target=lead_of(1))
    expected = found.logits[:, 1] - found.logits[:, [0, 2]].max(axis=1)
    print(f"scores: {found.scores.round(3)}")
    print(f"as by hand: {np.allclose(found.scores, expected, atol=1e-5)}")


if __name__ == "__main__":
    main()
