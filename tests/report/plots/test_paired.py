"""Differences image by image: who is better where, and on how many images."""

import numpy as np
import pytest

from campare.report.plots import spread
from campare.report.plots.paired import Tally, paired, tally
from campare.report.view import Arm

ARMS = tuple(Arm(name, name, index, (12, 12), (0.9,), 0) for index, name in enumerate("AB"))


@pytest.mark.parametrize(
    ("metric", "found"),
    [("energy", Tally(2, 1, 3)), ("cue-energy", Tally(1, 2, 3)), ("mine", Tally(2, 1, 3))],
)
def test_images_are_counted_by_who_is_better(metric, found):
    assert tally(np.array([0.2, 0.0, -0.1, 0.3, 0.0, 0.0]), metric) == found


def test_dots_have_the_color_of_the_better_arm_and_lie_on_its_side():
    values = np.concatenate([np.linspace(0.1, 0.4, 300), np.linspace(-0.2, -0.01, 100), [0.0]])
    for metric, right in (("energy", 1), ("cue-energy", 0)):
        panel = paired({("B", "A"): values, ("A", "B"): np.array([])}, metric, ARMS)
        (row,) = panel.rows
        assert len(row.dots) == spread.DOTS
        assert {dot.color for dot in row.dots if dot.x > panel.zero} == {right}
        assert {dot.color for dot in row.dots if dot.x < panel.zero} == {1 - right}
        assert sum(dot.x > panel.zero for dot in row.dots) == pytest.approx(0.75 * spread.DOTS, 1)
    assert row.number == "100 : 300"
    assert row.spoken.startswith("B is better on 100 images, A on 300, alike on 1; mean difference")


def test_arms_that_are_alike_on_all_images_have_no_dots():
    (row,) = paired({("B", "A"): np.zeros(9)}, "energy", ARMS).rows
    assert (row.dots, row.number) == ((), "0 : 0")
