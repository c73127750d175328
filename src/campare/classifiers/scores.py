"""Scores: the one number an image that is differentiated, from its logits and a class index.

A score is a function (logits (N, K), index (N,)) -> (N,) written for the arrays of any framework;
it runs inside the compiled graph, so that 'the predicted class' costs no second forward pass.
"""

from dataclasses import dataclass
from typing import Any

from campare.classifiers.arrays import cast, namespace, positions

#: Stand for 'the class that the model predicts' and 'the next one' where an index is expected.
PREDICTED = -1
SECOND = -2


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
        """Logits (N, K) -> (N,); the classes must be indices by now."""
        return logits[:, self.this] - logits[:, self.that]


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
