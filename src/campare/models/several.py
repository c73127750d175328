"""Several inputs of which one is explained, the others held as given: cut and repeated together.

    Several(explained=left, others={"right": right})        one row of each for each image

It stands where images stand: it has the shape of what is explained, a length, and rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from campare.errors import ModelError
from campare.types import Array

#: A name or a position of an input.
Key = str | int


@dataclass(frozen=True, eq=False)
class Several:
    """The input that is explained (N, *sides, C), and the others (N, ...) by their keys, in NumPy.

    Those with as many axes as it have their channels last, too.

    Example:
        >>> pair = Several(np.zeros((5, 8, 8, 3)), {1: np.arange(5)})
        >>> pair.shape, len(pair), pair[np.array([4, 4])].others[1].tolist()
        ((5, 8, 8, 3), 5, [4, 4])
    """

    explained: Array
    others: Mapping[Key, Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what is explained."""
        return self.explained.shape

    @property
    def ndim(self) -> int:
        """Of what is explained."""
        return self.explained.ndim

    def __len__(self) -> int:
        return len(self.explained)

    def __getitem__(self, rows: Any) -> Self:
        others = {key: other[rows] for key, other in self.others.items()}
        return replace(self, explained=self.explained[rows], others=others)


def several(inputs: Any, explained: Key, name: str, names: Sequence[Key] = ()) -> Several:
    """Inputs of the model `name`, a tuple or a dict, of which the one called so is explained.

    `names` are those of the model, in their order, where it has any; else a tuple has positions.
    Channels are last in NumPy arrays and first in torch tensors, as everywhere.

    Raises:
        ModelError: there is no such input, one has another number of rows, or is missing.

    Example:
        >>> several((np.zeros((2, 4, 4, 3)), np.ones((2, 5))), 0, "net").others[1].shape
        (2, 5)
    """
    named: dict[Key, Any] = {}
    if isinstance(inputs, Mapping):
        named = dict(inputs)
    elif isinstance(inputs, (tuple, list)):
        keys = names if len(names) == len(inputs) else range(len(inputs))
        named = dict(zip(keys, inputs, strict=True))
    elif len(names) == 1:  # as it is
        named = {names[0]: inputs}
    if names and named and set(named) != set(names):
        raise ModelError(
            f"Expected {len(names)} inputs of {name!r}, {', '.join(map(str, names))}, got "
            f"{', '.join(map(str, named))}. Try: a tuple in that order, or a dict of these names"
        )
    if explained not in named:
        known = ", ".join(map(repr, named)) or "no tuple or dict"
        raise ModelError(
            f"Expected inputs of {name!r} with {explained!r}, which is explained, got {known}. "
            f"Try: {f'input={next(iter(named))!r}' if named else 'a tuple of its inputs'}"
        )
    arrays = {key: x if hasattr(x, "shape") else np.asarray(x) for key, x in named.items()}
    lengths = {key: len(x) if x.shape else 0 for key, x in arrays.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{n} of {key!r}" for key, n in lengths.items())
        raise ModelError(
            f"Expected as many rows of each input of {name!r}, got {said}. "
            "Try: np.repeat(x, n, axis=0) for one that is the same for all"
        )
    shown = _channels_last(arrays.pop(explained), None)
    arrays = {key: arrays[key] for key in names or arrays if key in arrays}
    return Several(shown, {key: _channels_last(x, shown.ndim) for key, x in arrays.items()})


def _channels_last(x: Any, axes: int | None) -> Array:
    """An array in NumPy; of a tensor that has `axes` (None: in any case) the channels moved."""
    if not hasattr(x, "detach"):
        return np.asarray(x)
    moves = x.ndim > 2 and axes in (None, x.ndim)
    x = np.asarray(x.detach().cpu())
    return np.moveaxis(x, 1, -1) if moves else x


def explained(images: Any) -> Any:
    """The images that are explained, of several inputs or by themselves.

    Example:
        >>> explained(Several(np.ones((1, 2, 2, 3)), {})).shape, explained(np.ones(2)).shape
        ((1, 2, 2, 3), (2,))
    """
    return images.explained if isinstance(images, Several) else images


def exchanged(images: Any, new: Array) -> Any:
    """The same with others in the place of what is explained.

    Example:
        >>> exchanged(np.zeros(2), np.ones(2)).tolist()
        [1.0, 1.0]
    """
    return replace(images, explained=new) if isinstance(images, Several) else new


def in_order(images: Any) -> Any:
    """What a backend is given: an array, or a tuple of what is explained and the others."""
    return (images.explained, *images.others.values()) if isinstance(images, Several) else images


def is_several(shape: Sequence[Any]) -> bool:
    """Whether a shape is that of several inputs: a tuple of (shape, dtype) each.

    Example:
        >>> is_several((2, 8, 8, 3)), is_several((((2, 8, 8, 3), "float32"), ((2, 5), "int32")))
        (False, True)
    """
    return len(shape) > 0 and isinstance(shape[0], tuple)
