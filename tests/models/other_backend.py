"""Tap models in a process of its own, with Keras on the backend that KERAS_BACKEND names.

python other_backend.py FOLDER NAME...    reads FOLDER/images.npz and FOLDER/NAME.weights.h5,
writes FOLDER/NAME-BACKEND.npz with the activations, gradients, logits and maps of each.
"""

import sys
from pathlib import Path

import numpy as np


def make(name):
    """The model called `name`: a kind of the table, or MobileNet."""
    import keras
    from kinds import KINDS

    if name == "mobilenet":
        return keras.applications.MobileNet(alpha=0.75, weights=None)
    return KINDS[name].make()


def tapped(model, images):
    """What two backends are compared by."""
    from campare.attribution.gradient import grad_cam, hires_cam
    from campare.models import wrap

    tap = wrap(model).tap(images, 1)
    return {
        "activations": tap.activations,
        "gradients": tap.gradients,
        "logits": tap.logits,
        "grad-cam": grad_cam(tap.activations, tap.gradients),
        "hires-cam": hires_cam(tap.activations, tap.gradients),
    }


def main():
    import keras

    folder, names = Path(sys.argv[1]), sys.argv[2:]
    images = np.load(folder / "images.npz")
    for name in names:
        model = make(name)
        model.load_weights(folder / f"{name}.weights.h5")
        np.savez(folder / f"{name}-{keras.backend.backend()}.npz", **tapped(model, images[name]))


if __name__ == "__main__":
    main()
