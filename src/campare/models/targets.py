"""Scores: the one number an image that is differentiated, from the model's raw output.

Of logits and a class index a score is a function (logits (N, K), index (N,)) -> (N,), written for
the arrays of any framework; it runs inside the compiled graph, so that 'the predicted class' costs
no second forward pass. A target of the user's own is a function of whatever the raw output is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from campare.errors import CampareError, TargetError
from campare.models.arrays import cast, columns, flat, namespace, positions, structure
from campare.types import Array

#: Stand for 'the class that the model predicts' and 'the next one' where an index is expected.
PREDICTED = -1
SECOND = -2

#: Targets that only the logits decide.
RANKS = {None: PREDICTED, "prediction": PREDICTED, "second-best": SECOND}


def is_logits(output: Any) -> bool:
    """Whether a raw output is logits (N, K).

    Example:
        >>> import numpy as np
        >>> is_logits(np.ones((2, 5))), is_logits(np.ones((2, 8, 8, 5))), is_logits({})
        (True, False, False)
    """
    return len(getattr(output, "shape", ())) == 2


def total(output: Any) -> Any:
    """S_n, the sum of all numbers of an image in a raw output of any structure.

    Example:
        >>> import numpy as np
        >>> total({"mask": np.ones((2, 3, 3)), "value": np.ones((2, 1))}).tolist()
        [10.0, 10.0]
    """
    return namespace(rows := flat(output)).sum(rows, axis=-1)


def own_score(target: Callable[..., Any], output: Any, *rows: Any) -> Any:
    """S_n of a target that is a function of the raw output, and of `rows` it holds, -> (N,).

    Raises:
        TargetError: it fails, or returns something else than a score for each image.

    Example:
        >>> import numpy as np
        >>> own_score(lambda masks: masks.sum((1, 2)), np.ones((2, 3, 3))).tolist()
        [9.0, 9.0]
    """
    try:
        scores = target(output, *rows)
    except CampareError:
        raise
    except Exception as error:  # whatever the user's code and the framework have
        reason = "".join(f": {line}" for line in str(error).splitlines()[:1])
        raise TargetError(
            f"Expected a target that takes the raw output, {structure(output)}, got "
            f"{type(error).__name__}{reason}. Try: a function of that -> one score an image "
            "(N,), or a module around the model that gives the scores of classes, as in "
            "docs/wrappers.md"
        ) from error
    shape = getattr(scores, "shape", ())
    if len(shape) != 1:
        raise TargetError(
            f"Expected one score an image (N,) from the target, got {structure(scores)}. "
            "Try: a function that sums over all axes but the first, or stacks the scores of a list"
        )
    return cast(scores, "float32")


def class_score(logits: Any, index: Any) -> Any:
    """S_n = logits[n, index[n]].

    Example:
        >>> import numpy as np
        >>> class_score(np.array([[1.0, 3.0]]), np.array([PREDICTED])).tolist()
        [3.0]
    """
    return pick(logits, resolve(logits, index))


def binary_score(logits: Any, index: Any) -> Any:
    """S_n of two classes that share one logit z, as (0, z): +z for class 1, -z for class 0.

    Example:
        >>> import numpy as np
        >>> binary_score(np.array([[0.0, 3.0]]), np.array([0])).tolist()
        [-3.0]
    """
    index = resolve(logits, index)
    return pick(logits, index) - pick(logits, 1 - index)


def merge(logits: Any, classes: Sequence[Sequence[int]]) -> Any:
    """Logits (N, K) -> (N, classes): of each the log of the sum of exp over its outputs.

    The softmax of these is the sum of the outputs' own probabilities, if `classes` has each output
    once.

    Example:
        >>> import numpy as np
        >>> probabilities = np.array([[0.5, 0.25, 0.25]])
        >>> np.exp(merge(np.log(probabilities), [(0, 2), (1,)])).round(6).tolist()
        [[0.75, 0.25]]
    """
    xp = namespace(logits)
    ordered = columns(logits, [index for outputs in classes for index in outputs])
    parts, start = [], 0
    for size, alike in groupby(map(len, classes)):
        for width in [sum(alike)] if size == 1 else alike:
            part = ordered[:, start : start + width]
            parts.append(part if size == 1 else _log_sum_exp(xp, part))
            start += width
    return xp.concatenate(parts, axis=-1)


def _log_sum_exp(xp: Any, logits: Any) -> Any:
    """(N, K) -> (N, 1)."""
    top = xp.max(logits, axis=-1)[:, None]
    return top + xp.log(xp.sum(xp.exp(logits - top), axis=-1))[:, None]


@dataclass(frozen=True)
class Contrast:
    """The target 'why this class rather than that one': the difference of two logits.

    Classes by index, or by name where the model has names.

    Example:
        >>> import numpy as np
        >>> Contrast(1, 0)(np.array([[1.0, 3.0]])).tolist()
        [2.0]
    """

    this: int | str
    that: int | str

    def __call__(self, logits: Any) -> Any:
        """Logits (N, K) -> (N,); the classes must be indices by now.

        Raises:
            TargetError: an index outside of the K classes.
        """
        this, that = class_index([self.this, self.that], 2, logits.shape[-1], "the model")
        return logits[:, int(this)] - logits[:, int(that)]


def pick(logits: Any, index: Any) -> Any:
    """logits[n, index[n]], differentiable in every framework.

    Example:
        >>> import numpy as np
        >>> pick(np.array([[1.0, 3.0]]), np.array([1])).tolist()
        [3.0]
    """
    return namespace(logits).sum(logits * one_hot(index, logits), axis=-1)


def one_hot(index: Any, logits: Any) -> Any:
    """(N,) -> (N, K) in the dtype of the logits.

    Example:
        >>> import numpy as np
        >>> one_hot(np.array([1]), np.zeros((1, 3))).tolist()
        [[0.0, 1.0, 0.0]]
    """
    return cast(positions(logits)[None, :] == cast(index, "int32")[:, None], logits.dtype)


def resolve(logits: Any, index: Any) -> Any:
    """Class indices with PREDICTED and SECOND replaced by the classes of highest logits.

    Example:
        >>> import numpy as np
        >>> resolve(np.array([[1.0, 3.0]] * 2), np.array([PREDICTED, SECOND])).tolist()
        [1, 0]
    """
    xp = namespace(logits)
    first = cast(xp.argmax(logits, axis=-1), "int32")
    rest = xp.where(one_hot(first, logits) > 0, -float("inf"), logits)
    second = cast(xp.argmax(rest, axis=-1), "int32")
    index = cast(index, "int32")
    return xp.where(index == PREDICTED, first, xp.where(index == SECOND, second, index))


def class_index(target: Any, n: int, classes: int, name: str) -> Array:
    """Class indices (n,) for the compiled graph, of the model `name`; ranks as they stand for.

    Raises:
        TargetError: not one index, or one an image, of the model's classes.

    Example:
        >>> class_index("second-best", 2, 10, "net").tolist()
        [-2, -2]
    """
    if target is None or isinstance(target, str):
        if target not in RANKS:
            raise TargetError(
                f"Expected a class index, 'prediction' or 'second-best', got {target!r}. "
                "Try: campare.explain, which knows class names"
            )
        return np.full(n, RANKS[target], np.int32)
    index = np.asarray(target)
    index = np.broadcast_to(index, (n,)) if index.ndim == 0 else index
    if index.shape != (n,) or not np.issubdtype(index.dtype, np.integer):
        raise TargetError(
            f"Expected one class index, or one an image ({n}), got shape {index.shape} of "
            f"{index.dtype}. Try: target=0 or an integer array of length {n}"
        )
    wrong = index[(index < 0) | (index >= classes)]
    if wrong.size:
        raise TargetError(
            f"Expected a class index from 0 to {classes - 1}, got {wrong[0]}. "
            f"Try: one of the {classes} outputs of {name!r}"
        )
    return index.astype(np.int32)
