"""explain(): maps of a model's decision on images, and the Explanation that holds them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from campare.cams import drawing, maps
from campare.cams.methods import method as find_method
from campare.classifiers import wrap
from campare.errors import TargetError
from campare.types import Array, Classifier, Floats, Ints, Target


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """The maps of N images, with what they explain.

    `maps` (N, h, w) are raw float32 at the layer's resolution; `scores` (N,) the values that were
    differentiated; `target` (N,) class indices (None for a function); `logits` (N, K); `status`
    (N,) is `ok`, `flat`, `all-negative` or `non-finite`; `images` (N, H, W, C) as given.
    """

    maps: Floats
    scores: Floats
    target: Ints | None
    logits: Floats
    layer: str
    method: str
    status: Array
    images: Array
    class_names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.maps)

    def __repr__(self) -> str:
        n, h, w = self.maps.shape
        return f"Explanation({n} maps of {h} x {w}, {self.method} at {self.layer!r})"

    @property
    def prediction(self) -> Ints:
        """(N,) index of the largest logit."""
        return np.asarray(self.logits.argmax(axis=1), np.int64)

    def resized(self, size: tuple[int, int] | None = None) -> Floats:
        """Maps (N, H, W), bilinear with half-pixel centres; default: the size of the images."""
        return maps.resize(self.maps, size or self.images.shape[1:3])

    def overlay(self, *, alpha: float = 0.5) -> Array:
        """The images with their heatmaps blended in: uint8 (N, H, W, 3)."""
        return drawing.overlay(_displayed(self.images), self.resized(), alpha=alpha)

    def save(self, out: str | Path, *, names: Sequence[str] | None = None) -> list[Path]:
        """Write an overlay `NAME-<method>.png` and a raw map `NAME-<method>.npy` an image.

        Names that occur twice get a number; returns the paths of the PNG files below `out`.
        """
        from PIL import Image

        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        names = names or [f"{i:04d}" for i in range(len(self))]
        paths = []
        for stem, picture, raw in zip(_distinct(names), self.overlay(), self.maps, strict=True):
            path = folder / f"{stem}-{self.method}.png"
            Image.fromarray(picture).save(path)
            np.save(folder / f"{stem}-{self.method}.npy", raw)
            paths.append(path)
        return paths

    def class_name(self, index: int) -> str:
        """The name of class `index`, or its number where the model has no names."""
        return self.class_names[index] if self.class_names else str(index)

    def _repr_html_(self) -> str:
        """A row of overlays, for notebooks."""
        cells = []
        for i, picture in enumerate(self.overlay()[:24]):
            caption = f"{self.class_name(int(self.prediction[i]))} {self.status[i]}"
            uri = drawing.png_data_uri(picture)
            cells.append(
                f'<figure style="margin:4px"><img src="{uri}" width="160" alt="">'
                f"<figcaption>{_escaped(caption)}</figcaption></figure>"
            )
        more = f"<p>and {len(self) - 24} more</p>" if len(self) > 24 else ""
        return f'<div style="display:flex;flex-wrap:wrap">{"".join(cells)}</div>{more}'


def explain(
    model: Any,
    images: Array,
    *,
    target: Target | str | Sequence[str] = None,
    method: str = "grad-cam",
    layer: str | None = None,
    batch_size: int = 32,
) -> Explanation:
    """Explain a model's decision on images (N, H, W, C) with a class activation map each.

    `model` is a Keras 3 model, the path of a saved one, or a Classifier; `images` are what the
    model takes (pixel values 0..255 for models that campare trained). `target` is a class index
    or name, one an image, a function of the logits, or None: each image's predicted class.
    `layer` is a path as `campare list layers` shows it; default: the last spatial layer.

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
    function = find_method(method).function
    classifier = wrap(model)
    images = np.asarray(images)
    wanted = class_target(classifier, target)
    path = classifier.layer(layer).path
    batches = [
        (function(tap.activations, tap.gradients), tap.scores, tap.logits)
        for tap in taps(classifier, images, wanted, layer=path, batch_size=batch_size)
    ]
    raw, scores, logits = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    _warn_of_probabilities(classifier, logits)
    return Explanation(
        maps=raw,
        scores=scores,
        target=_indices(wanted, logits),
        logits=logits,
        layer=path,
        method=method,
        status=maps.status(raw),
        images=images,
        class_names=classifier.class_names,
    )


def _warn_of_probabilities(classifier: Classifier, logits: Floats) -> None:
    """A softmax that is no layer cannot be bypassed: say that its output was explained."""
    sums = logits.sum(axis=1)
    if classifier.bypassed is None and (logits >= 0).all() and np.allclose(sums, 1, atol=1e-4):
        import warnings

        warnings.warn(
            f"Expected logits from {classifier.name!r}, got rows that sum to 1: probabilities are "
            "explained, which saturate. Try: end the model in Dense(K, activation='softmax') or "
            "without a softmax",
            stacklevel=3,
        )


def taps(
    classifier: Classifier,
    images: Array,
    target: Target,
    *,
    layer: str | None = None,
    batch_size: int = 32,
) -> Iterator[Any]:
    """Tap a classifier batch by batch: an iterator of Tap, in the order of the images."""
    for start in range(0, max(len(images), 1), batch_size):
        part = slice(start, start + batch_size)
        chosen = target[part] if isinstance(target, np.ndarray) and target.ndim else target
        yield classifier.tap(images[part], chosen, layer=layer)


def class_target(classifier: Classifier, target: Target | str | Sequence[str]) -> Target:
    """Class names as indices; everything else as it is.

    Raises:
        TargetError: a name that is not one of the classifier's classes.
    """
    if isinstance(target, str):
        return None if target == "prediction" else _index(classifier, target)
    if target is None or callable(target) or isinstance(target, int):
        return target
    array = np.asarray(target)
    if array.dtype.kind in "US":
        array = np.array([_index(classifier, str(name)) for name in array.ravel()])
    return array


def _index(classifier: Classifier, name: str) -> int:
    names = classifier.class_names
    if names and name in names:
        return names.index(name)
    if name.lstrip("-").isdigit():
        return int(name)
    known = ", ".join(names) if names else "an index; the model carries no class names"
    raise TargetError(f"Expected a class of {classifier.name!r}, got {name!r}. Try: {known}")


def _indices(target: Target, logits: Floats) -> Ints | None:
    if callable(target):
        return None
    if target is None:
        return np.asarray(logits.argmax(axis=1), np.int64)
    return np.broadcast_to(np.asarray(target, np.int64), (len(logits),))


def _displayed(images: Array) -> Array:
    """Images as uint8 RGB for display: 0..255 as it is, any other range stretched to it."""
    shown = np.asarray(images, np.float32)
    low, high = float(shown.min()), float(shown.max())
    if low < 0 or high <= 1:
        shown = (shown - low) * (255 / (high - low if high > low else 1))
    if shown.shape[-1] == 1:
        shown = np.repeat(shown, 3, axis=-1)
    return np.clip(np.rint(shown[..., :3]), 0, 255).astype(np.uint8)


def _distinct(names: Sequence[str]) -> list[str]:
    """Stems of the names, the second of its kind with -2: also where upper case is lower case."""
    used: set[str] = set()
    result = []
    for stem in (Path(name).stem or "image" for name in names):
        new, n = stem, 1
        while new.casefold() in used:
            n += 1
            new = f"{stem}-{n}"
        used.add(new.casefold())
        result.append(new)
    return result


def _escaped(text: str) -> str:
    from html import escape

    return escape(text)
