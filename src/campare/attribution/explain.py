"""explain(): maps of a model's decision on images; stream() the same a batch at a time."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from campare.arguments import checked
from campare.attribution.batches import (
    Batch,
    batches,
    in_memory,
    is_tensor,
    one_batch,
    several_batches,
    to_host,
)
from campare.attribution.explanation import Explanation, join
from campare.attribution.mapping import Layers, map_batches
from campare.attribution.method import Method, find, reads_layer
from campare.attribution.targets import Wanted, is_one_an_image, target_indices
from campare.errors import ModelError, TargetError
from campare.models import LayerGrid, recent
from campare.models.several import Key, explained
from campare.targets import rows_of
from campare.types import Classifier, Floats

__all__ = ["Explanation", "explain", "observe", "stream"]


@checked("precision", "task")
def explain(
    model: Any,
    images: Any,
    *,
    target: Wanted = None,
    method: Method | str = "grad-cam",
    layer: Layers = None,
    batch_size: int = 32,
    labels: Any = None,
    smooth: bool = False,
    seed: int = 0,
    precision: Literal["float32", "bfloat16"] = "float32",
    compile: bool = False,
    layer_grid: LayerGrid = None,
    task: Literal["binary", "regression"] | None = None,
    input: Key | None = None,
) -> Explanation:
    """Explain a model's decision on images with a class activation map each.

    `model` is a Keras 3 model, a torch module, the path of a saved Keras model, or a Classifier.
    `images` are what the model takes (pixel values 0..255 for models that campare trained): an
    array (N, H, W, C), a torch tensor (N, C, H, W), an `Images`, or any iterable of batches, with
    labels or without; signals (N, T, C) and volumes or videos (N, D, H, W, C) likewise.
    `method` is a name, 'score-cam(channels=64)' or `my_module:my_method`, or a `Method`. `target`
    is a class index or name, one an image, 'label', 'prediction' (default), 'second-best', a
    `Contrast` of two classes, one of `campare.targets` ('value', 'region:CLASS'), or a function of
    the logits (N, K), or of whatever else the raw output is (a segmentation (N, h, w, K), a dict),
    -> (N,). `layer` is a
    path as `campare list layers` shows it, or the layer itself; default: the last spatial layer
    that everything passes through, else the last on which the score depends. Several layers are
    fused as in LayerCAM. `smooth` averages the maps over mirrored, brighter and darker copies.
    Of a model with several inputs, `images` is a tuple or dict of them, and `input` the position or
    name of the one that is explained; the others are held as given. A layer that runs several times
    is explained a run at a time, 'encoder/conv@2'.
    `seed` is for methods that draw. `precision`, `compile`, `layer_grid`, which says how the tokens
    of a sequence lie, and `task`, which says what a single output is, are those of `campare.wrap`.

    Raises:
        ModelError, LayerError, TargetError: what came does not fit; the text says what would.

    Example:
        >>> import keras
        >>> network = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> explain(network, np.ones((5, 8, 8, 3)), target=1).maps.shape
        (5, 6, 6)
    """
    options: dict[str, Any] = {"layer_grid": layer_grid, "task": task, "input": input}
    classifier = recent(model, precision=precision, compile=compile, **options)
    kept = None
    if getattr(classifier, "input", None) is None:
        images, labels = one_batch(images, labels)
        kept = getattr(images, "images", images) if in_memory(images) else None
    parts = list(
        stream(
            model,
            images,
            target=target,
            method=method,
            layer=layer,
            batch_size=batch_size,
            labels=labels,
            smooth=smooth,
            seed=seed,
            precision=precision,
            compile=compile,
            layer_grid=layer_grid,
            task=task,
            input=input,
        )
    )
    if not parts:
        raise TargetError("Expected images, got none. Try: at least one batch")
    if kept is None and isinstance(images, (Mapping, tuple)):  # several inputs
        kept = np.concatenate([part.images for part in parts])
    if is_tensor(kept) and not is_tensor(parts[0].images):  # of a model that takes no tensors
        kept = np.concatenate([part.images for part in parts])
    explanation = join(parts, kept)
    _check_count(target, len(explanation))
    return explanation


@checked("precision", "task")
def stream(
    model: Any,
    images: Any,
    *,
    target: Wanted = None,
    method: Method | str = "grad-cam",
    layer: Layers = None,
    batch_size: int = 32,
    labels: Any = None,
    smooth: bool = False,
    seed: int = 0,
    precision: Literal["float32", "bfloat16"] = "float32",
    compile: bool = False,
    layer_grid: LayerGrid = None,
    task: Literal["binary", "regression"] | None = None,
    input: Key | None = None,
) -> Iterator[Explanation]:
    """Explain a batch at a time, in flat memory: an iterator of one Explanation a batch.

    Takes what `explain` takes; each Explanation holds its own batch of images.

    Example:
        >>> import keras
        >>> network = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> [len(part) for part in stream(network, (np.ones((n, 8, 8, 3)) for n in (4, 4, 2)))]
        [4, 4, 2]
    """
    chosen = find(method)
    options = {"layer_grid": layer_grid, "task": task, "input": input}
    classifier = recent(model, precision=precision, compile=compile, **options)
    given = _batches(classifier, images, batch_size, labels)
    return _explanations(classifier, given, target, chosen, layer, batch_size, seed, smooth)


def observe(
    model: Any,
    images: Any,
    *,
    target: Wanted = None,
    methods: Sequence[Method | str] = ("grad-cam",),
    layer: Layers = None,
    batch_size: int = 32,
    seed: int = 0,
) -> tuple[Floats, dict[str, Floats]]:
    """Logits (N, K) and the maps of several methods (N, h, w) from the same taps.

    Example:
        >>> import keras
        >>> network = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> logits, maps = observe(network, np.ones((5, 8, 8, 3)), methods=["grad-cam", "fem"])
        >>> logits.shape, maps["fem"].shape
        ((5, 2), (5, 6, 6))
    """
    parts = list(
        observations(
            model,
            _batches(recent(model), images, batch_size),
            target=target,
            methods=methods,
            layer=layer,
            batch_size=batch_size,
            seed=seed,
        )
    )
    names = parts[0][1]
    maps = {name: np.concatenate([maps[name] for _, maps in parts]) for name in names}
    return np.concatenate([logits for logits, _ in parts]), maps


def observations(
    model: Any,
    given: Iterator[Batch],
    *,
    target: Wanted,
    methods: Sequence[Method | str],
    layer: Layers,
    batch_size: int,
    seed: int,
) -> Iterator[tuple[Floats, dict[str, Floats]]]:
    """What `observe` gives, batch by batch."""
    chosen = tuple(find(each) for each in methods)
    steps = map_batches(recent(model), given, target, chosen, layer, batch_size, seed)
    for _, _, _, observed in steps:
        yield observed.logits, {each.name: observed.maps[each.name] for each in chosen}


def _explanations(
    classifier: Classifier,
    given: Iterator[Batch],
    target: Wanted,
    method: Method,
    layer: Layers,
    batch_size: int,
    seed: int,
    smooth: bool,
) -> Iterator[Explanation]:
    looked_at = False
    if layer is not None and not reads_layer(method):
        warnings.warn(
            f"Expected no layer for {method.name!r}, whose maps are of the input, got "
            f"layer={layer!r}, which changes nothing. Try: no layer=, or method='grad-cam'",
            stacklevel=4,
        )
    steps = map_batches(
        classifier, given, target, (method,), layer, batch_size, seed, smooth=smooth
    )
    for batch, resolved, path, observed in steps:
        if not looked_at:
            looked_at = _warn_of_probabilities(classifier, observed.logits)
        raw = observed.maps[method.name]
        yield Explanation(
            maps=raw,
            scores=observed.scores,
            target=target_indices(resolved, observed.logits),
            logits=observed.logits,
            layer=path,
            method=method.name,
            status=observed.dependence.status(raw, method),
            images=explained(batch.images),
            class_names=classifier.class_names,
            signed=method.signed,
        )


def _batches(
    classifier: Classifier, images: Any, batch_size: int, labels: Any = None
) -> Iterator[Batch]:
    """Batches of images, or of several inputs, with their labels."""
    if batch_size < 1:
        raise ModelError(
            f"Expected batch_size as a whole number from 1, got {batch_size!r}. Try: batch_size=32"
        )
    key = getattr(classifier, "input", None)
    if key is None:
        axes = len(classifier.input_shape) + 1
        yield from batches(images, batch_size, labels=labels, axes=axes)
        return
    labels = None if labels is None else to_host(labels)
    names = getattr(classifier, "input_names", ())
    start = 0
    for batch in several_batches(images, batch_size, key, classifier.name, names):
        own = None if labels is None else labels[start : start + len(batch.images)]
        start += len(batch.images)
        yield batch._replace(labels=own)


def _check_count(target: Wanted, n: int) -> None:
    rows = rows_of(target)
    each = len(target) if is_one_an_image(target) else n  # type: ignore[arg-type]
    each = each if rows is None or len(rows) == 1 else len(rows)
    if each != n:
        raise TargetError(
            f"Expected one target an image ({n}), got {each}. Try: target=labels of the same length"
        )


def _warn_of_probabilities(classifier: Classifier, logits: Floats) -> bool:
    """A softmax that is no layer cannot be bypassed: say that its output was explained."""
    if not len(logits):
        return False
    if logits.shape[1] == 1:  # the score of some other output
        return True
    sums, rounded = logits.sum(axis=1), 1e-2 if _is_half(logits) else 1e-4
    if classifier.bypassed is None and (logits >= 0).all() and np.allclose(sums, 1, atol=rounded):
        warnings.warn(
            f"Expected logits from {classifier.name!r}, got rows that sum to 1: probabilities are "
            "explained, which saturate. Try: end the model in Dense(K, activation='softmax') or "
            "without a softmax",
            stacklevel=5,
        )
        return True
    return False


def _is_half(values: Floats) -> bool:
    """Whether float32 values were computed in 16 bits, of either kind."""
    bits = np.asarray(values, np.float32)
    as_bfloat16 = not (bits.view(np.uint32) & 0xFFFF).any()
    return as_bfloat16 or bool((bits == bits.astype(np.float16)).all())
