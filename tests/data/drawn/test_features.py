from itertools import combinations

import numpy as np
import pytest
from sketch import SIDE, sketch

from campare.data.drawn.canvas import PART
from campare.data.drawn.features import SPECIES

SPECIES_OF = pytest.mark.parametrize("species", SPECIES.values(), ids=SPECIES)


def muzzle(species, view, seed=0):
    _, labels = sketch(
        lambda pen, rng: species.muzzle(pen.within((0, 0), 0.4), rng, view), seed, PART
    )
    return labels


def tail(species, heading, seed=0):
    _, labels = sketch(lambda pen, rng: species.tail(pen, rng, heading), seed, PART)
    return labels


@SPECIES_OF
def test_every_stroke_tells_the_class(species):
    for labels in (muzzle(species, "front"), muzzle(species, "side"), tail(species, -2.0)):
        assert set(np.unique(labels)) == {0, PART}


@SPECIES_OF
def test_a_muzzle_is_below_the_middle_and_in_profile_to_the_right(species):
    for seed in range(3):
        y, x = (muzzle(species, "front", seed).nonzero() - np.array([[SIDE / 2]] * 2)) / SIDE
        assert y.mean() > 0.03
        assert abs(x.mean()) < 0.01
        y, x = (muzzle(species, "side", seed).nonzero() - np.array([[SIDE / 2]] * 2)) / SIDE
        assert x.mean() > 0.05


@SPECIES_OF
def test_a_tail_starts_at_its_root_and_leaves_it_to_the_side_of_its_heading(species):
    for heading in (-2.6, -0.5):
        aside = []
        for seed in range(8):
            y, x = (tail(species, heading, seed).nonzero() - np.array([[SIDE / 2]] * 2)) / SIDE
            assert np.hypot(x, y).min() < 0.02
            aside.append(x.mean())
        assert np.mean(aside) * np.cos(heading) > 0  # a dog may curl its tail back


def test_no_two_species_are_alike_and_one_seed_is_one_drawing():
    for view in ("front", "side"):
        drawn = {name: muzzle(species, view) for name, species in SPECIES.items()}
        assert all(not np.array_equal(drawn[a], drawn[b]) for a, b in combinations(drawn, 2))
    for name, species in SPECIES.items():
        assert np.array_equal(tail(species, -2.0, 4), tail(species, -2.0, 4)), name
        assert len({tail(species, -2.0, seed).tobytes() for seed in range(8)}) > 1, name
