"""Self-attention as a pass had it: one block after the other, among all tokens of a known grid.

A backend finds each softmax over the last axis, A (N, heads, T, T), with G = dS/dA. Those are the
attention of a transformer if each is over all tokens of a known grid, and computed from the one
before; windows, latents, and what is no transformer are told from it by that.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

from campare.errors import ModelError
from campare.models.grids import read_grid
from campare.types import Grid

#: (A, G): what each head attends to, and the gradient of the score in it.
Attention = tuple[Any, Any]

_TRY = "Try: method='grad-cam'"


def over_tokens(attentions: Sequence[Attention], n: int, grids: Sequence[tuple[int, Grid]]) -> Grid:
    """The grid of the tokens that all attention of n images is over; `grids` by their tokens.

    Raises:
        ModelError: there is no attention, or it is over something else.

    Example:
        >>> import numpy as np
        >>> A = np.full((1, 2, 5, 5), 0.2)
        >>> over_tokens([(A, A)], 1, [(5, Grid((2, 2), "tokens", 1))]).shape
        (2, 2)
    """
    shapes = [tuple(A.shape) for A, _ in attentions]
    if not shapes:
        raise ModelError(
            "Expected self-attention between the image and the score, got none that can be "
            "followed; what is written out can, as by attn_implementation='eager' of transformers. "
            f"{_TRY}"
        )
    known = dict(reversed(grids))  # of several grids of as many tokens, the first
    for shape in shapes:
        tokens = shape[-1]
        whole = len(shape) == 4 and shape[0] == n and shape[2] == tokens
        if not whole or tokens not in known or tokens != shapes[0][-1]:
            numbers = " or ".join(str(each) for each in known)
            wanted = f"all {numbers} tokens of the grid" if known else "tokens that lie on a grid"
            raise ModelError(
                f"Expected self-attention (N, heads, T, T) among {wanted} in every block, got "
                f"shape {shape} for {n} images. {_TRY}"
            )
    return known[shapes[0][-1]]


def on_grid(tokens: Any, grid: Grid) -> Any:
    """Values of tokens (N, T) as maps (N, *grid).

    Example:
        >>> import numpy as np
        >>> on_grid(np.arange(5.0)[None], Grid((2, 2), "tokens", 1)).tolist()
        [[[1.0, 2.0], [3.0, 4.0]]]
    """
    return read_grid(tokens[..., None], grid._replace(layout="tokens"))[..., 0]


def require_a_line(steps: Sequence[Any], sources: Callable[[Any], Iterable[Any]]) -> None:
    """Refuse attention that is not computed from the one before it, as in branches.

    Example:
        >>> require_a_line(["a", "c"], {"c": ["b"], "b": ["a"], "a": []}.__getitem__)
    """
    for earlier, later in pairwise(steps):
        known, waiting = set(), [later]
        while waiting and earlier not in known:
            fresh = [one for one in sources(waiting.pop()) if one not in known]
            known.update(fresh)
            waiting.extend(fresh)
        if earlier not in known:
            raise in_branches()


def in_branches() -> ModelError:
    """What is said of attention in branches beside each other."""
    return ModelError(
        "Expected blocks of attention one after the other, got some beside each other, so that "
        f"their maps are no product. {_TRY}"
    )
