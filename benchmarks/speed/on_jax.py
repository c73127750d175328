"""JAX: the Keras model and its plain forward passes. No peer runs on it."""

from typing import Any

import jax
import keras
import numpy as np

from campare.types import Array
from speed.keras_models import EARLY, build
from speed.timing import Contender

__all__ = ["COMPILED", "EARLY", "build", "peers", "plain", "version"]

#: Everything is compiled anyway.
COMPILED = (False,)


def version() -> dict[str, str]:
    return {"jax": jax.__version__, "keras": keras.__version__}


def plain(model: Any, images: Array) -> list[Contender]:
    """jit, with the weights as arguments and as constants."""

    def forward(trainable: Any, others: Any, x: Any) -> Any:
        return model.stateless_call(trainable, others, x, training=False)[0]

    trainable = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]
    arguments = jax.jit(forward)
    constants = jax.jit(lambda x: forward(trainable, others, x))
    runs = {
        "jit": lambda: np.asarray(arguments(trainable, others, images)),
        "jit, weights constant": lambda: np.asarray(constants(images)),
    }
    return [Contender(name, "plain", run, len(images)) for name, run in runs.items()]


def peers(model: Any, images: Array, target: int) -> list[Contender]:  # noqa: ARG001
    """None."""
    return []
