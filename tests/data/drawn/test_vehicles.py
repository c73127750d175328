import numpy as np
from sketch import SIDE, SKINS, assert_things_in_their_unit_box, asymmetry, sketch

from campare.data.drawn import vehicles as v

ALL = (v.car, v.truck, v.bus, v.boat, v.plane, v.rocket, v.bicycle, v.balloon, v.house)


def test_everything_fills_the_unit_box_and_follows_its_seed():
    assert_things_in_their_unit_box(ALL, margin=0.06)


def test_cars_stand_on_as_many_dark_wheels_as_they_have():
    tyre = np.array(SKINS["dark"].line)
    for vehicle, wheels in ((v.car, 2), (v.truck, 3), (v.bus, 2), (v.bicycle, 2)):
        paint, labels = sketch(vehicle)
        lowest = np.flatnonzero(labels.any(1))[-1]
        dark = (np.abs(paint[lowest - 1].astype(int) - tyre) < 30).all(-1) & (
            labels[lowest - 1] > 0
        )
        assert (dark & ~np.roll(dark, 1)).sum() == wheels, vehicle.__name__
        assert dark.sum() < SIDE / 4


def test_what_flies_upright_is_symmetric():
    for vehicle in (v.rocket, v.balloon):
        assert asymmetry(sketch(vehicle)[1]) < 0.01, vehicle.__name__
