import numpy as np
from sketch import assert_things_in_their_unit_box, asymmetry, sketch

from campare.data.drawn import household as h

ALL = (
    h.cup, h.teapot, h.chair, h.guitar, h.umbrella, h.hat, h.shoe, h.sock, h.clock, h.key, h.bell,
    h.glasses, h.hammer, h.bottle, h.kite,
)  # fmt: skip


def test_every_thing_fills_the_unit_box_and_follows_its_seed():
    assert_things_in_their_unit_box(ALL, margin=0.07)


def test_what_has_two_equal_halves_is_drawn_with_them():
    for thing in (h.guitar, h.hat, h.clock, h.bell, h.glasses, h.bottle):
        assert asymmetry(sketch(thing)[1]) < 0.01, thing.__name__
    for thing in (h.cup, h.chair, h.shoe, h.sock):  # a handle, a back, a toe
        assert asymmetry(sketch(thing)[1]) > 0.05, thing.__name__


def test_a_key_has_a_hole():
    _, labels = sketch(h.key)
    middle = labels.shape[0] // 2
    across = labels[middle] > 0
    assert (across & ~np.roll(across, 1)).sum() == 2  # ring, hole, ring and shaft
