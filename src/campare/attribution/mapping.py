"""A batch through every method at once: what runs on the device in one tap, and what needs more.

    batch -> tap -> every method asked for, on the device -> maps, scores, logits

One batch is on its way while the one before is fetched; the last, smaller one is filled up where a
new size would be compiled anew.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from campare.attribution.batches import Batch, channels_last, image_shape, is_tensor, to_host
from campare.attribution.connection import (
    Dependence,
    connected_layer,
    dependence,
    warn_of_another_input,
    without_gradients,
)
from campare.attribution.gradient import fuse
from campare.attribution.method import Method
from campare.attribution.passes import fixed_target, told_by
from campare.attribution.perturbation import smoothed
from campare.attribution.targets import Wanted, is_one_an_image, resolve_target
from campare.errors import LayerError, ModelError, TargetError
from campare.models.several import explained
from campare.models.targets import is_logits
from campare.targets import part_of, rows_of
from campare.types import Array, Classifier, Floats, Read, Score, Tap, Target

#: One layer, by path or as the framework's object, or several to be fused.
Layers = Any

_IN_GRAPH = ("gradient", "activation")


class Observed(NamedTuple):
    """What a batch gave: maps of each method, and what they were made from."""

    maps: dict[str, Floats]  # method -> (n, h, w)
    scores: Floats  # (n,) of the first method
    logits: Floats  # (n, K); the scores (n, 1) of a model whose output is no logits
    dependence: Dependence  # (n,) how the scores depend on the layer


def unchanged(classifier: Classifier) -> AbstractContextManager[None]:
    """Within the block a classifier of campare's takes its model to stay as it is.

    Example:
        >>> with unchanged(object()):
        ...     pass
    """
    held = getattr(classifier, "assume_unchanged", None)
    return held() if held else nullcontext()


def map_batches(
    classifier: Classifier,
    given: Iterator[Batch],
    target: Wanted,
    methods: tuple[Method, ...],
    layer: Layers,
    batch_size: int,
    seed: int,
    *,
    smooth: bool = False,
) -> Iterator[tuple[Batch, Target, str, Observed]]:
    """Each batch with its target, the layer and what came out, one batch ahead of the fetching."""
    rng = np.random.default_rng(seed)
    start, full, waiting = 0, 0, None
    for batch in given:
        with unchanged(classifier):  # which is looked at once a batch
            batch = batch._replace(images=_taken(classifier, batch.images))
            n, first = len(batch.images), not start
            resolved = resolve_target(classifier, _part(target, start, n), batch.labels)
            if first and not callable(resolved):
                _warn_of_one_unit(classifier)
            start += n
            full = full or n
            filled = full if classifier.fixed_batch and n < full else max(n, 1)
            images, several = _fill(batch.images, filled), _fill_target(resolved, filled)
            start_at = partial(
                _start, classifier, images, several, methods, batch_size=batch_size, rng=rng
            )
            if layer is None:
                layer, fetch = _started_by_default(classifier, images, several, n, start_at)
                paths = layer
            else:
                paths, fetch = start_at(layer)
                if first:
                    warn_of_another_input(classifier, images, layer)
        if smooth:
            fetch = _smoothed(classifier, images, several, methods, layer, batch_size, rng, fetch)
        if waiting is not None:
            yield waiting()
        waiting = _fetcher(batch, resolved, paths, fetch)
    if waiting is not None:
        yield waiting()


def _taken(classifier: Classifier, images: Any) -> Any:
    """The images as the classifier takes them, or a line that says why it does not.

    A torch tensor has its channels first, unless it fits a model of another framework as it is.
    """
    if is_tensor(images) and not getattr(classifier, "takes_tensors", False):
        fits = zip(images.shape[1:], classifier.input_shape, strict=False)
        last = all(wanted in (None, n) for n, wanted in fits)
        images = to_host(images) if last else channels_last(images)
    if hasattr(classifier, "check"):  # before anything else goes wrong
        classifier.check(images)
    elif len(images.shape) != len(classifier.input_shape) + 1:
        raise ModelError(
            f"Expected images (N, H, W, C), got shape {tuple(images.shape)}. Try: images[None]"
        )
    return images


def _warn_of_one_unit(classifier: Classifier) -> None:
    """A single unit may be the logit of a class or a value: say what it is taken for."""
    doubtful = getattr(classifier, "doubtful_task", "")
    if doubtful:
        warnings.warn(doubtful, stacklevel=2)


def _started_by_default(
    classifier: Classifier,
    images: Any,
    target: Target,
    n: int,
    start_at: Callable[[Layers], tuple[str, Callable[[], Observed]]],
) -> tuple[str, Callable[[], Observed]]:
    """The first n images at the default layer, or at one on which some of their scores depend."""
    path, fetch = start_at(None)
    observed = fetch()
    if not n or observed.dependence.moving[:n].any():
        return path, lambda: observed
    return start_at(connected_layer(classifier, images, target, but=path))


def _part(target: Any, start: int, n: int) -> Wanted:
    """The targets of a batch, where there is one an image."""
    rows = rows_of(target)
    if rows is not None and len(rows) > 1:
        if len(rows) < start + n:
            raise TargetError(
                f"Expected one target an image, got {len(rows)} for {start + n} images or more. "
                "Try: one of the same length"
            )
        return part_of(target, slice(start, start + n))  # type: ignore[no-any-return]
    if not is_one_an_image(target):
        return target  # type: ignore[no-any-return]
    if len(target) < start + n:
        raise TargetError(
            f"Expected one target an image, got {len(target)} for {start + n} images or more. "
            "Try: target=labels of the same length"
        )
    return target[start : start + n]  # type: ignore[no-any-return]


def _fetcher(
    batch: Batch, target: Target, path: str, fetch: Callable[[], Observed]
) -> Callable[[], tuple[Batch, Target, str, Observed]]:
    def finish() -> tuple[Batch, Target, str, Observed]:
        n, observed = len(batch.images), fetch()
        maps = {name: each[:n] for name, each in observed.maps.items()}
        depending = Dependence(*(each[:n] for each in observed.dependence))
        rest = (observed.scores[:n], observed.logits[:n], depending)
        return batch, target, path, Observed(maps, *rest)

    return finish


def _start(
    classifier: Classifier,
    images: Any,
    target: Target,
    methods: tuple[Method, ...],
    layer: Layers,
    batch_size: int,
    rng: np.random.Generator,
) -> tuple[str, Callable[[], Observed]]:
    """Start all methods on one batch, at one layer or at several that are fused."""
    shape = image_shape(images)
    layers = layer if isinstance(layer, (list, tuple)) else [layer]
    if not layers:
        raise LayerError("Expected one or more layers, got none. Try: layer=None for the last one")
    paths = [classifier.layer(each, shape).path for each in layers]
    fetches = [
        _start_at(classifier, images, target, methods, path, batch_size, rng) for path in paths
    ]

    def fused() -> Observed:
        parts = [fetch() for fetch in fetches]
        _require_scores(parts[-1].scores, len(images))
        if len(parts) == 1:
            return parts[0]
        maps = {each.name: fuse([part.maps[each.name] for part in parts]) for each in methods}
        return parts[-1]._replace(maps=maps, dependence=_any([part.dependence for part in parts]))

    return "+".join(paths), fused


def _require_scores(scores: Floats, n: int) -> None:
    """Refuse scores of a target of the user's own that are not one for each image.

    A graph of TensorFlow does not know how many images there are, so that it cannot tell.
    """
    if len(scores) != n:
        raise TargetError(
            f"Expected one score an image (N,) from the target, got {len(scores)} for a batch of "
            f"{n}. Try: a function of all images, output[:, 0] and not output[0]"
        )


def _smoothed(
    classifier: Classifier,
    images: Any,
    target: Target,
    methods: tuple[Method, ...],
    layer: Layers,
    batch_size: int,
    rng: np.random.Generator,
    fetch: Callable[[], Observed],
) -> Callable[[], Observed]:
    """Scores and logits of the images as they are, maps averaged over changed copies of them."""
    images = channels_last(images)

    def maps_of(copies: Array, method: Method, fixed: Any) -> Floats:
        return _start(classifier, copies, fixed, (method,), layer, batch_size, rng)[1]().maps[
            method.name
        ]

    def finish() -> Observed:
        observed = fetch()
        index = told_by(observed.logits, target)
        fixed = fixed_target(classifier, images, index, batch_size)
        own = {each: partial(maps_of, method=each, fixed=fixed) for each in methods}
        return observed._replace(
            maps={each.name: smoothed(one, images) for each, one in own.items()}
        )

    return finish


def _start_at(
    classifier: Classifier,
    images: Any,
    target: Target,
    methods: tuple[Method, ...],
    path: str,
    batch_size: int,
    rng: np.random.Generator,
) -> Callable[[], Observed]:
    """Start the taps: one for all methods of the same score, or one for scores and logits alone."""
    in_graph = [each for each in methods if each.kind in _IN_GRAPH]
    if callable(target) and any(each.score for each in in_graph):
        name = next(each.name for each in in_graph if each.score)
        raise TargetError(
            f"Expected a class as the target of {name}, got a function of the logits. "
            "Try: target=0, or another method"
        )
    groups: dict[Score | None, list[Method]] = {}
    for each in in_graph:
        groups.setdefault(each.score, []).append(each)
    started = {}
    for score, alike in (groups or {None: []}).items():
        started[tuple(each.name for each in alike)] = classifier.start(
            images,
            target,
            read=_reader(tuple(alike)),
            layer=path,
            curvature=any(each.needs_curvature for each in alike),
            gradients=any(each.kind == "gradient" for each in alike),
            score=score,
        )

    def finish() -> Observed:
        maps: dict[str, Floats] = {}
        last: tuple[Array, ...] = ()
        depending: list[Dependence] = []
        for names, fetch in started.items():
            found = fetch()
            last = last or found[:2]
            if len(found) > 2 + len(names):
                depending.append(Dependence(*(np.asarray(x, bool) for x in found[-2:])))
            maps.update(zip(names, found[2:], strict=False))
        index = told_by(last[1], target)
        for each in methods:
            if each.kind == "perturbation":
                maps[each.name] = each.run(
                    classifier,
                    channels_last(images),
                    index,
                    layer=path,
                    batch_size=batch_size,
                    rng=rng,
                )
            elif each.kind == "baseline":
                grid = classifier.layer(path, image_shape(images)).grid
                assert grid is not None
                shown = _as_rgb(explained(images))
                maps[each.name] = each.run(shown, grid.shape, rng)
        scores, logits = last
        how = depending or [without_gradients(classifier, images, target, path, methods)]
        return Observed(maps, scores, logits, _any(how))

    return finish


def _any(parts: list[Dependence]) -> Dependence:
    """What holds in some part."""
    return Dependence(*(np.logical_or.reduce(each) for each in zip(*parts, strict=True)))


@lru_cache(maxsize=64)
def _reader(methods: tuple[Method, ...]) -> Read:
    """What the device computes from a tap: scores, logits, the maps of these methods, and, where
    there are gradients, how the scores depend on the layer.

    The same function object for the same methods, so that it is compiled once.
    """

    with_gradients = any(each.kind == "gradient" for each in methods)

    def read(tap: Tap) -> tuple[Any, ...]:
        logits = tap.logits if is_logits(tap.logits) else tap.scores[:, None]
        maps = (_map(each, tap) for each in methods)
        return (tap.scores, logits, *maps, *(dependence(tap) if with_gradients else ()))

    return read


def _map(method: Method, tap: Tap) -> Any:
    if method.needs_curvature:
        return method.run(tap.activations, tap.gradients, tap.curvature)
    return method.run(tap.activations, tap.gradients)


def _as_rgb(images: Any) -> Array:
    """NumPy images with three channels, for the baselines that look at them."""
    images = channels_last(images)
    if images.shape[-1] == 3:
        return np.asarray(images)
    return np.repeat(images.mean(axis=-1, keepdims=True), 3, axis=-1)


def _fill(images: Any, n: int) -> Any:
    """The batch with its first image repeated until there are n; of none, a black one."""
    if not len(images):
        black = np.zeros((1, *images.shape[1:]), np.float32)
        images = images.new_tensor(black) if is_tensor(images) else black
    index = np.arange(n)
    return images[np.where(index < len(images), index, 0)] if len(images) < n else images


def _fill_target(target: Target, n: int) -> Target:
    rows = rows_of(target)
    if rows is not None and 1 < len(rows) < n:
        index = np.arange(n)
        return part_of(target, np.where(index < len(rows), index, 0))  # type: ignore[no-any-return]
    if not isinstance(target, np.ndarray) or target.ndim == 0 or len(target) == n:
        return target
    first = target[:1] if len(target) else np.zeros(1, target.dtype)
    return np.concatenate([target, np.repeat(first, n - len(target))])
