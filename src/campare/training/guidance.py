"""Explanation-guided training: what a model is told about where to look, as a term of its loss.

    loss = loss of the labels + strength * mean over images of (term, 0 for one without a mask)

    energy  1 - sum_inside L / sum |L|      L = leaky_relu(sum_c mean(G_c) A_c): Grad-CAM
    rrr     sum_outside |d/dx sum_k log p_k|^2                      x: the image in 0..1

`energy` is the energy loss of Rao et al. 2023 (Studying How to Efficiently and Effectively Guide
Models with Explanations, section 3), here of Grad-CAM at the layer that campare explains, enlarged
to the image as campare does. A tenth of what is negative counts, too: with the positive part alone
maps run empty, for a softmax does not mind if all logits fall, and no gradient brings them back.
`rrr` is right for the right reasons (Ross et al. 2017, Right for the Right Reasons, eq. 3). Both
differentiate a gradient. With a frozen backbone only the head learns: which channels speak for a
class, not what they respond to.
"""

from collections.abc import Callable
from typing import Any

import keras

from campare.models import wrap
from campare.models._keras_layers import edited, replaced, walk
from campare.training.masks import FLAT, LEAK, strength
from campare.training.recipe import Recipe

ops = keras.ops


class Guided(keras.Model):  # type: ignore[misc]
    """A classifier in training, whose loss has the guidance of its recipe.

    Called with `pixels` (N, S, S, 3), `mask` (N, S, S) and `label` (N, K), it gives the outputs
    (N, K) of the classifier that it trains.
    """

    def __init__(self, classifier: Any, recipe: Recipe) -> None:
        super().__init__(name="guided")
        assert recipe.guidance is not None
        self.strength = strength(recipe)
        self.classifier = classifier
        self.term = {"energy": self._energy, "rrr": self._rrr}[recipe.guidance]
        self.layer = dict(walk(classifier))[wrap(classifier).default_layer]
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Outputs (N, K); the term is added to the losses."""
        mask = inputs["mask"]
        outputs, term = self.term(inputs["pixels"], mask, inputs["label"], training)
        guided = ops.cast(ops.any(mask, axis=(1, 2)), term.dtype)
        self.add_loss(self.strength * ops.mean(term * guided))
        return outputs

    def _energy(self, pixels: Any, mask: Any, label: Any, training: bool) -> tuple[Any, Any]:
        def score(eps: Any) -> tuple[Any, Any]:
            features: list[Any] = []

            def tap(output: Any) -> Any:
                features.append(output)
                return output + eps

            with edited(self.layer, tap):
                outputs, logits = self._logits(pixels, training)
            return ops.sum(logits * label), (outputs, features[0])

        eps = ops.zeros((ops.shape(pixels)[0], *self.layer.output.shape[1:]))
        gradients, (outputs, features) = gradient(score, eps, self.classifier)
        return outputs, energy_outside(grad_cam(features, gradients), mask)

    def _rrr(self, pixels: Any, mask: Any, _: Any, training: bool) -> tuple[Any, Any]:
        def score(image: Any) -> tuple[Any, Any]:
            outputs, logits = self._logits(255 * image, training)
            return ops.sum(ops.log_softmax(logits)), outputs

        image = ops.cast(pixels, "float32") / 255
        gradients, outputs = gradient(score, image, self.classifier)
        return outputs, squared_outside(gradients, mask)

    def _logits(self, pixels: Any, training: bool) -> tuple[Any, Any]:
        """Outputs (N, K) of the classifier, and the logits before its softmax or sigmoid."""
        logits: list[Any] = []

        def remember(squash: Callable[..., Any]) -> Callable[..., Any]:
            def run(x: Any) -> Any:
                logits.append(x)
                return squash(x)

            return run

        with replaced(self.classifier.layers[-1], "activation", remember):
            outputs = self.classifier(pixels, training=training)
        return outputs, logits[0]


def grad_cam(features: Any, gradients: Any) -> Any:
    """Grad-CAM before the ReLU (Selvaraju et al. 2017, eq. 1): twice (N, h, w, C) -> (N, h, w).

    Example:
        >>> maps = grad_cam(ops.ones((1, 2, 2, 3)), ops.ones((1, 2, 2, 3)))
        >>> ops.convert_to_numpy(maps).tolist()
        [[[3.0, 3.0], [3.0, 3.0]]]
    """
    alpha = ops.mean(gradients, axis=(1, 2), keepdims=True)
    return ops.sum(alpha * features, axis=-1)


def energy_outside(maps: Any, masks: Any, leak: float = LEAK) -> Any:
    """One minus the share of maps (N, h, w) inside the masks (N, S, S), (N,) in 0..2.

    What is negative in a map counts `leak` times; with 0 this is the share of its positive part
    that lies outside.

    Example:
        >>> outside = energy_outside(ops.array([[[3.0, 1.0]]]), ops.array([[[True, False]]]))
        >>> ops.convert_to_numpy(outside).tolist()
        [0.25]
    """
    large = ops.image.resize(maps[..., None], masks.shape[1:], "bilinear")[..., 0]
    leaky = ops.leaky_relu(large, leak)
    inside = ops.sum(leaky * ops.cast(masks, large.dtype), axis=(1, 2))
    return 1 - inside / ops.maximum(ops.sum(ops.abs(leaky), axis=(1, 2)), FLAT)


def squared_outside(gradients: Any, masks: Any) -> Any:
    """Sum of squared gradients (N, S, S, C) outside the masks (N, S, S), (N,).

    Example:
        >>> outside = squared_outside(ops.array([[[[3.0], [2.0]]]]), ops.array([[[True, False]]]))
        >>> ops.convert_to_numpy(outside).tolist()
        [4.0]
    """
    outside = 1 - ops.cast(masks, gradients.dtype)
    return ops.sum(ops.square(gradients) * outside[..., None], axis=(1, 2, 3))


def gradient(function: Callable[[Any], tuple[Any, Any]], at: Any, model: Any) -> tuple[Any, Any]:
    """d function / d at, which can be differentiated again, and what else the function gives.

    `function(at)` returns a number and anything else; it may run `model`, whose state follows.

    Example:
        >>> found, _ = gradient(lambda x: (ops.sum(x * x), None), ops.ones(2), None)
        >>> ops.convert_to_numpy(found).tolist()
        [2.0, 2.0]
    """
    return _GRADIENTS[keras.backend.backend()](function, at, model)


def _in_tensorflow(function: Callable[[Any], Any], at: Any, _: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    from campare.models.backends.tensorflow import twice_differentiable

    with twice_differentiable(), tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(at)
        number, other = function(at)
    return tape.gradient(number, at), other


def _in_jax(function: Callable[[Any], Any], at: Any, model: Any) -> tuple[Any, Any]:
    """State that the model changes while it is differentiated is handed out, then assigned."""
    import jax

    variables = [] if model is None else model.variables

    def stateless(at: Any) -> tuple[Any, Any]:
        pairs = [(variable, variable.value) for variable in variables]
        with keras.StatelessScope(state_mapping=pairs) as scope:
            number, other = function(at)
        state = {i: scope.get_current_value(v) for i, v in enumerate(variables) if not v.trainable}
        return number, (other, state)

    found, (other, state) = jax.grad(stateless, has_aux=True)(at)
    for i, value in state.items():
        variables[i].assign(value)
    return found, other


def _in_torch(function: Callable[[Any], Any], at: Any, _: Any) -> tuple[Any, Any]:
    import torch

    from campare.models.backends.torch_attention import unfused

    with unfused(), torch.enable_grad():
        at = at.detach().requires_grad_()
        number, other = function(at)
        (found,) = torch.autograd.grad(number, at, create_graph=True)
    return found, other


_GRADIENTS = {"tensorflow": _in_tensorflow, "jax": _in_jax, "torch": _in_torch}
