"""Which softmaxes are the attention of a transformer, and where its tokens lie."""

import numpy as np
import pytest

from campare.errors import ModelError
from campare.models.attention import on_grid, over_tokens, require_a_line
from campare.types import Grid

FIRST, SECOND = Grid((2, 2), "tokens", 1), Grid((2, 2), "tokens", 0)


def pair(*shape):
    return (np.ones(shape), np.ones(shape))


def test_the_grid_is_that_of_as_many_tokens():
    grids = [(5, FIRST), (4, SECOND), (5, SECOND)]
    assert over_tokens([pair(3, 2, 5, 5)] * 2, 3, grids) == FIRST
    assert over_tokens([pair(3, 2, 4, 4)], 3, grids) == SECOND


@pytest.mark.parametrize(
    "shapes",
    [
        [], [(3, 2, 9, 9)], [(6, 2, 5, 5)], [(3, 2, 5, 5), (3, 2, 4, 4)], [(3, 2, 1, 5)],
        [(6, 5, 5)],
    ],
)  # fmt: skip
def test_what_is_over_something_else_is_refused(shapes):
    with pytest.raises(ModelError, match=r"^Expected self-attention .*Try: method='grad-cam'"):
        over_tokens([pair(*shape) for shape in shapes], 3, [(5, FIRST), (4, SECOND)])
    with pytest.raises(ModelError, match="tokens that lie on a grid"):
        over_tokens([pair(3, 2, 5, 5)], 3, [])


def test_tokens_in_another_order_lie_where_their_grid_says():
    grid = Grid((2, 2), "tokens-first", order=(4, 3, 2, 1))
    assert on_grid(np.arange(5.0)[None], grid).tolist() == [[[4, 3], [2, 1]]]


def test_of_steps_each_has_to_be_computed_from_the_one_before():
    before = {"d": ["c", "a"], "c": ["b"], "b": ["a"], "a": [], "other": ["a"]}
    require_a_line(["a", "b", "d"], before.__getitem__)
    require_a_line([], before.__getitem__)
    with pytest.raises(ModelError, match="beside each other"):
        require_a_line(["a", "b", "other"], before.__getitem__)
