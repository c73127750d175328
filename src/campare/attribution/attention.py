"""Attributions of vision transformers: what flows from token to token through all of its attention.

    rollout     R <- (A/2 + I/2) R        A: attention averaged over the heads
    relevance   R <- R + relu(A * G) R    averaged over the heads, G = dS/dA

From the first block to the last, R = I before it; a map is the mean of the rows of R that the score
reads behind the last block, on the grid of the tokens: the row of the class token where that alone
is read, those of all patches where they are pooled. Functions as in `perturbation`:
(classifier, images, target, *, layer, batch_size, rng) -> maps; `layer` says which grid.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from campare.attribution.gradient import relu
from campare.attribution.passes import chunks, fixed_target
from campare.models.arrays import cast, namespace, positions
from campare.models.attention import on_grid, over_tokens
from campare.targets import part_of
from campare.types import Array, Floats, Grid, Read, Tap, Target

#: Images at a time: each has all heads' attention in memory, and its gradients.
AT_ONCE = 8

#: A block: R before it, its A and G -> R behind it.
Block = Callable[[Any, Any, Any], Any]


def attention_rollout(
    classifier: Any,
    images: Array,
    target: Target = None,
    *,
    layer: str | None = None,
    batch_size: int = 32,
    rng: np.random.Generator | None = None,  # noqa: ARG001
) -> Floats:
    """Attention rollout: the product of (A + I) / 2 over the blocks, A averaged over the heads.

    The target decides only which tokens are read. Shapes (N, H, W, C) -> (N, h, w), >= 0, on the
    grid of the tokens. Abnar and Zuidema 2020, Quantifying attention flow, section 3. Cost: a pass
    forward and backward.

    Raises:
        ModelError: no attention among all tokens of the grid, as in a CNN or with windows.

    Example:
        >>> import keras
        >>> from campare import wrap
        >>> x = image = keras.Input((8, 8, 3))
        >>> x = keras.layers.Reshape((16, 8))(keras.layers.Conv2D(8, 2, strides=2)(x))
        >>> x = keras.layers.Add()([x, keras.layers.MultiHeadAttention(2, 4)(x, x)])
        >>> x = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling1D()(x))
        >>> attention_rollout(wrap(keras.Model(image, x)), np.ones((1, 8, 8, 3)), 1).shape
        (1, 4, 4)
    """
    return _maps(_rolled, classifier, images, target, layer, batch_size)


def attention_relevance(
    classifier: Any,
    images: Array,
    target: Target = None,
    *,
    layer: str | None = None,
    batch_size: int = 32,
    rng: np.random.Generator | None = None,  # noqa: ARG001
) -> Floats:
    """Attention weighed by its gradients: R + relu(A * dS/dA) R over the blocks.

    Shapes (N, H, W, C) -> (N, h, w), >= 0, on the grid of the tokens. Chefer et al. 2021, Generic
    attention-model explainability, eq. 5 and 6. Cost: a pass forward and backward.

    Raises:
        ModelError: no attention among all tokens of the grid, as in a CNN or with windows.

    Example:
        >>> import keras
        >>> from campare import wrap
        >>> x = image = keras.Input((8, 8, 3))
        >>> x = keras.layers.Reshape((16, 8))(keras.layers.Conv2D(8, 2, strides=2)(x))
        >>> x = keras.layers.Add()([x, keras.layers.MultiHeadAttention(2, 4)(x, x)])
        >>> x = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling1D()(x))
        >>> attention_relevance(wrap(keras.Model(image, x)), np.ones((1, 8, 8, 3)), 1).shape
        (1, 4, 4)
    """
    return _maps(_relevant, classifier, images, target, layer, batch_size)


def _rolled(R: Any, A: Any, _: Any) -> Any:
    """(A/2 + I/2) R, A averaged over the heads."""
    return (_product(namespace(A).mean(A, axis=1), R) + R) / 2


def _relevant(R: Any, A: Any, G: Any) -> Any:
    """R + mean over the heads of relu(A * G), times R."""
    return R + _product(namespace(A).mean(relu(A * G), axis=1), R)


def _product(one: Any, other: Any) -> Any:
    return namespace(one).einsum("nij,njk->nik", one, other)


def _maps(
    block: Block, classifier: Any, images: Any, target: Target, layer: Any, batch_size: int
) -> Floats:
    """R over all blocks, its rows that are read, on the grid of the tokens."""
    index = fixed_target(classifier, images, target, batch_size)
    read = _reader(block, classifier.token_grids(layer, tuple(images.shape[1:])))
    found = []
    for rows, n in chunks(len(images), min(batch_size, AT_ONCE)):
        (maps,) = classifier.attended(images[rows], part_of(index, rows), read=read)
        found.append(maps[:n])
    return np.concatenate(found)


@lru_cache(maxsize=64)
def _reader(block: Block, grids: tuple[tuple[int, Grid], ...]) -> Read:
    """What the device computes from a tap; the same object for the same block and grids."""

    def read(tap: Tap) -> tuple[Any, ...]:
        n = tap.activations.shape[0]
        grid = over_tokens(tap.attentions, n, grids)
        pairs = [(cast(A, "float32"), cast(G, "float32")) for A, G in tap.attentions]
        last, G = pairs[-1]
        xp = namespace(last)
        token = positions(last)
        R = cast(token[:, None] == token[None], "float32") + 0 * last[:, 0]  # I, for each image
        for A, dA in pairs:
            R = block(R, A, dA)
        reads = cast(xp.sum(xp.abs(G), axis=(1, 3)) > 0, "float32")  # (N, T), tokens that are read
        share = reads / xp.maximum(xp.sum(reads, axis=1, keepdims=True), 1)
        return (on_grid(xp.einsum("nt,ntk->nk", share, R), grid),)

    return read
