"""Targets as values: what is explained of an output of any shape, as one number for each image.

    Class        one class of logits (N, K)                         S = z_c
    Box          a class of a detector's boxes (N, M, K)            S = max_m z_mc
    Region       a class over a mask of a segmentation (N, h, w, K) S = sum_p M_p z_pc
    Regression   a value (N,) or (N, K)                             S = z_k, -z_k or |z_k|
    Embedding    the likeness of an embedding (N, E) to a vector    S = z.v / (|z| |v|)

Each is a function of the model's raw output, so that it is a `target` as any function is. What it
holds for each image (masks, vectors) is handed to the compiled graph, not compiled into it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self

import numpy as np

from campare.errors import TargetError
from campare.models.arrays import cast, namespace, sizes, structure
from campare.types import Array

__all__ = ["Box", "Class", "Embedding", "Region", "Regression"]


@dataclass(frozen=True)
class Class:
    """One class of a classifier, by index or name: the same as `target=name`.

    Example:
        >>> Class(1)(np.array([[1.0, 3.0]])).tolist()
        [3.0]
    """

    name: int | str

    def __call__(self, logits: Any) -> Any:
        """Logits (N, K) -> (N,); the class must be an index by now.

        Raises:
            TargetError: the output is no logits (N, K), or has no such class.
        """
        return _matrix(logits, "logits (N, K)", "campare.targets.Region for a segmentation")[
            :, _index(self.name, logits.shape[-1])
        ]


class _Given:
    """A target that hands something over for each image; two of the same values are equal."""

    @property
    def _key(self) -> tuple[Any, ...]:
        values = (getattr(self, each.name) for each in fields(self))  # type: ignore[arg-type]
        return tuple((x.shape, x.tobytes()) if isinstance(x, np.ndarray) else x for x in values)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._key == self._key

    def __hash__(self) -> int:
        return hash(self._key)


@dataclass(frozen=True, eq=False)
class Region(_Given):
    """A class of a segmentation, summed over a mask: why is this, here, of that class?

    `name` is the index of the class, or its name where the model has names. `mask` (h, w), or
    `masks` (N, h, w), one for each image, have the resolution of the output, and may weigh; of
    signals and volumes they have their sides. The mask 'predicted' is where the class has the
    largest logit of all (of a single class: a positive one), 'all' everywhere. `classes` is the
    axis of the classes in the output, -1 or 1; None: as the model's framework has it, or, by
    itself, where the mask fits.

    Behind a softmax the numbers are probabilities, which saturate: give the logits, if there are.

    Vinogradova et al. 2020, Towards interpretable semantic segmentation via Grad-CAM, eq. 2.

    Example:
        >>> logits = np.arange(8.0).reshape(1, 2, 2, 2)
        >>> Region(1, mask=[[1, 0], [0, 1]])(logits).tolist()
        [8.0]
        >>> Region(0, mask="all")(logits).tolist()
        [12.0]
    """

    name: int | str
    mask: Any = "predicted"
    masks: Any = None
    classes: Literal[-1, 1] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.mask, str) and self.mask not in ("predicted", "all"):
            raise TargetError(
                f"Expected a mask as an array, 'predicted' or 'all', got {self.mask!r}. "
                "Try: mask='predicted'"
            )
        if self.masks is None and isinstance(self.mask, str):
            return
        masks = _array(self.mask)[None] if self.masks is None else _array(self.masks)
        if masks.ndim < 2 or not len(masks) or not np.isfinite(masks).all():
            raise TargetError(
                f"Expected a mask (h, w), or masks (N, h, w), of finite numbers, got shape "
                f"{masks.shape}. Try: mask=labels == 1"
            )
        object.__setattr__(self, "mask", "all")
        object.__setattr__(self, "masks", masks)

    @property
    def rows(self) -> Array | None:
        """What is handed over for each image, (N, ...) or (1, ...); None: nothing is."""
        return self.masks  # type: ignore[no-any-return]

    @property
    def program(self) -> Self:
        """The same without what is handed over."""
        return replace(self, masks=None)

    def with_rows(self, rows: Array) -> Self:
        """The same of other masks."""
        return replace(self, masks=rows)

    def fitted(self, name: int, classes: Literal[-1, 1]) -> Self:
        """The same of a class by its index, where classes lie along that axis."""
        return replace(self, name=name, classes=self.classes or classes)

    def __call__(self, output: Any, rows: Any = None) -> Any:
        """Output (N, *sides, K), or (N, K, *sides), and masks (N, *sides) -> (N,).

        Raises:
            TargetError: the output is no segmentation, or the mask has another size.
        """
        shape = tuple(getattr(output, "shape", ()))
        if len(shape) < 3:
            raise TargetError(
                f"Expected a segmentation (N, h, w, K) for a Region, got {structure(output)}. "
                "Try: campare.targets.Class, or wrap(model, output=...) that names the output"
            )
        masks = self.rows if rows is None else rows
        xp, axis = namespace(output), self._axis(shape, masks)
        logits = cast(xp.moveaxis(output, axis, -1), "float32")
        index = _index(self.name, logits.shape[-1])
        chosen = logits[..., index]
        if masks is not None:
            if None not in shape[1:] and tuple(masks.shape[1:]) != tuple(chosen.shape[1:]):
                raise TargetError(
                    f"Expected a mask of the sides of the output {tuple(chosen.shape[1:])}, got "
                    f"{tuple(masks.shape[1:])}. Try: the mask at the resolution of the output"
                )
            weights = masks if rows is not None else _alike(masks, chosen)
        elif self.mask == "all":
            weights = xp.ones_like(chosen)
        elif logits.shape[-1] == 1:
            weights = cast(chosen > 0, "float32")
        else:
            weights = cast(cast(xp.argmax(logits, axis=-1), "int32") == index, "float32")
        return xp.sum(chosen * weights, axis=tuple(range(1, len(chosen.shape))))

    def _axis(self, shape: tuple[int | None, ...], masks: Any) -> int:
        if self.classes is not None or masks is None:
            return self.classes or -1
        sides = tuple(masks.shape[1:])
        return 1 if sides == shape[2:] and sides != shape[1:-1] else -1


#: What detectors call the scores of classes in a dict.
_SCORES = ("classes", "class_logits", "logits", "scores", "cls")


@dataclass(frozen=True)
class Box:
    """A class of a one-stage detector: the score of the box that speaks most for it.

    The output is the logits of classes of all boxes or cells, (N, M, K) or (N, h, w, K), by itself
    or in a dict beside the boxes, by the name 'classes', 'class_logits', 'logits', 'scores' or
    'cls'. `classes` is the axis of the classes of an output with sides, -1 or 1; None: as the
    model's framework has it.

    Example:
        >>> logits = np.array([[[0.0, 3.0], [1.0, 2.0]]])
        >>> Box(1)(logits).tolist(), Box(0)({"boxes": np.zeros((1, 2, 4)), "logits": logits})
        ([3.0], array([1.], dtype=float32))
    """

    name: int | str
    classes: Literal[-1, 1] | None = None

    def fitted(self, name: int, classes: Literal[-1, 1]) -> Self:
        """The same of a class by its index, where classes lie along that axis."""
        return replace(self, name=name, classes=self.classes or classes)

    def __call__(self, output: Any) -> Any:
        """Output (N, M, K), (N, *sides, K) or (N, K, *sides), or a dict with it -> (N,).

        Raises:
            TargetError: there are no scores of boxes in the output.
        """
        found = output
        if isinstance(output, Mapping):
            found = next((output[name] for name in _SCORES if name in output), None)
        shape = tuple(getattr(found, "shape", ()))
        if len(shape) < 3:
            raise TargetError(
                f"Expected scores of boxes (N, M, K) for a Box, got {structure(output)}. "
                "Try: wrap(model, output=...) that names them, or docs/wrappers.md for a list of "
                "boxes"
            )
        xp, axis = namespace(found), -1 if len(shape) == 3 else self.classes or -1
        logits = cast(xp.moveaxis(found, axis, -1), "float32")
        chosen = logits[..., _index(self.name, logits.shape[-1])]
        return xp.max(xp.reshape(chosen, (sizes(chosen)[0], -1)), axis=-1)


@dataclass(frozen=True)
class Regression:
    """A value that the model gives: what raises it, or with `sign` -1 what lowers it.

    `unit` is which of several values. `sign` 'own' explains each value away from zero, |z|: what
    makes a negative one so negative.

    Example:
        >>> Regression()(np.array([[-2.0], [3.0]])).tolist()
        [-2.0, 3.0]
        >>> Regression(sign="own")(np.array([-2.0, 3.0])).tolist()
        [2.0, 3.0]
    """

    unit: int = 0
    sign: Literal[1, -1, "own"] = 1

    def __post_init__(self) -> None:
        if self.sign not in (1, -1, "own"):
            raise TargetError(f"Expected the sign 1, -1 or 'own', got {self.sign!r}. Try: sign=-1")

    def __call__(self, output: Any) -> Any:
        """Values (N,) or (N, K) -> (N,).

        Raises:
            TargetError: the output has no such value.
        """
        if len(getattr(output, "shape", ())) != 1:
            output = _matrix(output, "values (N,) or (N, K)", "a function of the raw output")
            output = output[:, _index(self.unit, output.shape[-1])]
        if self.sign == "own":
            return namespace(output).abs(output)
        return output * self.sign


@dataclass(frozen=True, eq=False)
class Embedding(_Given):
    """The likeness of an embedding to a vector: of an image to a text, or to another image.

    `vector` (E,), or one for each image (N, E). `likeness` is 'cosine', the cosine of the angle
    between them, or 'dot', their product.

    Example:
        >>> Embedding([1.0, 0.0])(np.array([[0.0, 4.0], [2.0, 0.0]])).tolist()
        [0.0, 1.0]
        >>> Embedding([1.0, 0.0], "dot")(np.array([[3.0, 4.0]])).tolist()
        [3.0]
    """

    vector: Any
    likeness: Literal["cosine", "dot"] = "cosine"

    def __post_init__(self) -> None:
        if self.likeness not in ("cosine", "dot"):
            raise TargetError(
                f"Expected the likeness 'cosine' or 'dot', got {self.likeness!r}. Try: 'cosine'"
            )
        vector = _array(self.vector)
        if vector.ndim not in (1, 2) or not np.isfinite(vector).all() or not vector.any(-1).all():
            raise TargetError(
                "Expected a vector (E,), or one for each image (N, E), of finite numbers that are "
                f"not all zero, got shape {vector.shape}. Try: the output of the encoder for a text"
            )
        object.__setattr__(self, "vector", vector if vector.ndim == 2 else vector[None])

    @property
    def rows(self) -> Array:
        """The vectors (N, E) or (1, E), which are handed over for each image."""
        return self.vector  # type: ignore[no-any-return]

    @property
    def program(self) -> Self:
        """The same without what is handed over."""
        return replace(self, vector=np.ones(1, np.float32))

    def with_rows(self, rows: Array) -> Self:
        """The same of other vectors."""
        return replace(self, vector=rows)

    def __call__(self, output: Any, rows: Any = None) -> Any:
        """Embeddings (N, E) and vectors (N, E) -> (N,).

        Raises:
            TargetError: the output is no embedding, or of another length.
        """
        z = cast(_matrix(output, "embeddings (N, E)", "wrap(model, output=...)"), "float32")
        v = _alike(self.rows, z) if rows is None else rows
        if z.shape[-1] != v.shape[-1]:
            raise TargetError(
                f"Expected a vector of the {z.shape[-1]} numbers of the embedding, got "
                f"{v.shape[-1]}. Try: a vector of the same encoder's space"
            )
        xp = namespace(z)
        product = xp.sum(z * v, axis=-1)
        if self.likeness == "dot":
            return product
        return product / xp.sqrt(xp.sum(z * z, axis=-1) * xp.sum(v * v, axis=-1))


def rows_of(target: Any) -> Array | None:
    """What a target hands over for each image, (N, ...) or (1, ...) for all alike; else None.

    Example:
        >>> rows_of(Embedding([1.0, 0.0])).shape, rows_of(Region(1)), rows_of(3)
        ((1, 2), None, None)
    """
    return getattr(target, "rows", None) if callable(target) else None


def part_of(target: Any, part: Any) -> Any:
    """The target of some of the images; the same where all have one.

    Example:
        >>> part_of(Embedding(np.eye(3)), slice(1, 3)).rows.tolist()
        [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
        >>> part_of(np.array([4, 5, 6]), slice(1, 3)).tolist()
        [5, 6]
    """
    rows = rows_of(target)
    if rows is not None and len(rows) > 1:
        return target.with_rows(rows[part])
    return target if callable(target) else target[part]


def named(target: str) -> Callable[[Any], Any] | None:
    """The target that a text stands for: 'value', '-value', 'region:CLASS', 'box:CLASS'; else None.

    Example:
        >>> named("value"), named("-value").sign, named("region:cat").name, named("cat")
        (Regression(unit=0, sign=1), -1, 'cat', None)
    """
    kind, _, name = target.partition(":")
    if kind == "region" and name:
        return Region(name)
    if kind == "box" and name:
        return Box(name)
    return {"value": Regression(), "-value": Regression(sign=-1)}.get(target)


def _array(x: Any) -> Array:
    """Any array or tensor as float32 NumPy."""
    x = x.detach().cpu() if hasattr(x, "detach") else x
    return np.asarray(x, np.float32)


def _alike(x: Array, other: Any) -> Any:
    """A NumPy array as `other` is."""
    if isinstance(other, np.ndarray):
        return x
    xp = namespace(other)
    if xp.__name__.endswith("torch"):
        return xp.asarray(x, device=other.device)
    return xp.asarray(x)


def _matrix(output: Any, expected: str, advice: str) -> Any:
    """An output that has two axes."""
    if len(getattr(output, "shape", ())) != 2:
        raise TargetError(f"Expected {expected}, got {structure(output)}. Try: {advice}")
    return output


def _index(name: Any, classes: int) -> int:
    """The index of a class of so many."""
    if isinstance(name, str) and not name.isdigit():
        raise TargetError(
            f"Expected the index of a class, got the name {name!r}. "
            "Try: campare.explain(model, images, target=...), which knows names"
        )
    if not 0 <= int(name) < classes:
        raise TargetError(
            f"Expected a class index from 0 to {classes - 1}, got {name}. "
            f"Try: one of the {classes} outputs"
        )
    return int(name)
