"""TensorFlow: the model, its plain forward passes, the keras.io recipe and tf-keras-vis."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from campare.types import Array
from speed.keras_models import EARLY, build, last_layer
from speed.timing import Contender

__all__ = ["COMPILED", "EARLY", "build", "peers", "plain", "version"]

#: What `compile` is timed with: without and with XLA.
COMPILED = (False, True)
#: The keras.io recipe takes one image at a time, so a part of the batch tells its cost.
PART = 4


def version() -> dict[str, str]:
    return {"tensorflow": tf.__version__, "keras": keras.__version__}


def plain(model: Any, images: Array) -> list[Contender]:
    """predict, a graph, an XLA program, and a graph with the weights frozen into it."""

    def forward(x: Any) -> Any:
        return model(x, training=False)

    graph = tf.function(forward)
    xla = tf.function(forward, jit_compile=True)
    shape = tf.TensorSpec(images.shape, tf.float32)
    frozen = convert_variables_to_constants_v2(graph.get_concrete_function(shape))
    runs = {
        "model.predict": lambda: model.predict(images, verbose=0, batch_size=len(images)),
        "tf.function": lambda: graph(tf.constant(images)).numpy(),
        "tf.function, XLA": lambda: xla(tf.constant(images)).numpy(),
        "frozen graph": lambda: frozen(tf.constant(images))[0].numpy(),
    }
    return [Contender(name, "plain", run, len(images)) for name, run in runs.items()]


def peers(model: Any, images: Array, target: int) -> list[Contender]:
    """The keras.io recipe, and tf-keras-vis where it is installed."""
    recipe = _KerasRecipe(model, target)
    found = [
        Contender(
            "keras.io recipe",
            "peer",
            lambda: np.stack([recipe(image) for image in images[: min(PART, len(images))]]),
            min(PART, len(images)),
        )
    ]
    try:
        from tf_keras_vis.gradcam import Gradcam
        from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    except ImportError:
        return found
    gradcam = Gradcam(model, model_modifier=ReplaceToLinear(), clone=True)

    def score(output: Any) -> Any:
        return output[:, target]

    layer = last_layer(model)
    run = lambda: gradcam(score, images, penultimate_layer=layer)  # noqa: E731
    return [*found, Contender("tf-keras-vis", "peer", run, len(images))]


class _KerasRecipe:
    """The idea of keras.io's Grad-CAM example: a second model with two outputs, image by image."""

    def __init__(self, model: Any, target: int) -> None:
        linear = keras.models.clone_model(model)
        linear.set_weights(model.get_weights())
        linear.layers[-1].activation = keras.activations.linear
        features = linear.get_layer(last_layer(model)).output
        self.target = target
        self.both = keras.Model(linear.input, [features, linear.output])

    def __call__(self, image: Array) -> Array:
        with tf.GradientTape() as tape:
            features, logits = self.both(image[None])
            score = logits[:, self.target]
        weights = tf.reduce_mean(tape.gradient(score, features), axis=(0, 1, 2))
        heatmap = tf.maximum(tf.squeeze(features[0] @ weights[:, None]), 0)
        return np.asarray((heatmap / tf.reduce_max(heatmap)).numpy())
