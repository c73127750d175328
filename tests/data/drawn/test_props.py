import numpy as np
import pytest
from sketch import SIDE, assert_things_in_their_unit_box

from campare.data.drawn.canvas import BACKGROUND, Canvas
from campare.data.drawn.geometry import box
from campare.data.drawn.props import PROPS, put


def test_every_prop_fills_its_unit_box_and_follows_its_seed():
    assert_things_in_their_unit_box(PROPS, margin=0.06)


@pytest.mark.parametrize("seed", range(4))
def test_a_prop_belongs_to_the_background_wherever_it_stands(seed):
    canvas = Canvas(SIDE, (0.0, -1.0))
    canvas.flat(canvas.frame(box(0, 0, 1, 1)), (90, 90, 90), 1)  # an object all over
    put(canvas, np.random.default_rng(seed), 0.5, 0.6, 0.3)
    hidden = np.asarray(canvas.labels) == BACKGROUND
    changed = (np.asarray(canvas.paint) != 90).any(-1)
    assert hidden.any()
    assert not (hidden & ~changed).any()
    rows, columns = np.flatnonzero(hidden.any(1)), np.flatnonzero(hidden.any(0))
    for first, last, middle in ((columns[0], columns[-1], 0.5), (rows[0], rows[-1], 0.6)):
        assert first / SIDE > middle - 0.2  # half of 0.3, turned a little, and an outline
        assert last / SIDE < middle + 0.2
