"""Batch normalization folded into the convolution before it, in a graph that is being traced.

    BN(conv(x, W) + b) = conv(x, s W) + s (b - mean) + beta        s = gamma / sqrt(var + eps)

A normalization that gets what a convolution gave runs the convolution anew, with folded weights; if
nothing else reads what it gave at first, that is no part of the graph. The weights are read, and
folded, whenever the graph runs.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import tensorflow as tf

from campare.models._keras_layers import Change, replaced

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


@contextmanager
def folded(model: keras.Model) -> Iterator[None]:
    """Within the block normalizations run as one with the convolutions before them."""
    given: dict[int, tuple[Any, Any, Any]] = {}  # id of an output -> it, its layer, what entered
    with ExitStack() as patches:
        for layer in model._flatten_layers():
            if "call" in vars(layer) or layer.quantization_mode is not None:
                continue  # tapped, or computing something else
            if type(layer) in _CONVOLUTIONS and _is_plain(layer):
                patches.enter_context(replaced(layer, "call", _remembered(layer, given)))
            elif type(layer) is keras.layers.BatchNormalization:
                patches.enter_context(replaced(layer, "call", _fold(layer, given)))
        yield


def _is_plain(conv: Any) -> bool:
    linear = conv.activation is keras.activations.linear
    return linear and conv.data_format == "channels_last" and conv.compute_dtype == "float32"


def _remembered(conv: Any, given: dict[int, tuple[Any, Any, Any]]) -> Change:
    def change(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(x: Any) -> Any:
            output = call(x)
            given[id(output)] = (output, conv, x)
            return output

        return run

    return change


def _fold(norm: Any, given: dict[int, tuple[Any, Any, Any]]) -> Change:
    def change(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(x: Any, training: Any = None, mask: Any = None) -> Any:
            of_batch = training and norm.trainable  # then it takes the statistics of its images
            if of_batch or id(x) not in given or norm.axis not in (-1, 3) or mask is not None:
                return call(x, training=training, mask=mask)
            return _convolved(*given[id(x)][1:], norm)

        return run

    return change


def _convolved(conv: Any, x: Any, norm: Any) -> Any:
    """The normalization of the convolution of x, as one convolution."""
    s = tf.math.rsqrt(norm.moving_variance + norm.epsilon) * (norm.gamma if norm.scale else 1)
    b = conv.bias if conv.use_bias else 0
    b = s * (b - norm.moving_mean) + (norm.beta if norm.center else 0)
    if isinstance(conv, keras.layers.DepthwiseConv2D):
        W = conv.kernel * tf.reshape(s, (-1, conv.depth_multiplier))
        how = (conv.strides, conv.padding, conv.data_format, conv.dilation_rate)
        y = keras.ops.depthwise_conv(x, W, *how)
    else:
        y = conv.convolution_op(x, conv.kernel * s)
    return tf.nn.bias_add(y, b)
