"""What differs besides is said once for all contrasts of which it is true."""

import polars as pl
import pytest

from campare.stats.answer import Arm
from campare.stats.besides import besides
from campare.stats.factors import DESIGN

NAN = float("nan")


def design(*rows):
    lines = [
        (contrast, kind, factor, "", "", together) for contrast, kind, factor, together in rows
    ]
    return pl.DataFrame(lines, schema=DESIGN, orient="row")


def arms(*grids):
    return [
        Arm(name, name, grid, 1, 0, NAN, NAN) for name, grid in zip("ABCD", grids, strict=False)
    ]


def test_contrasts_that_differ_in_the_same_are_named_together():
    rows = design(
        ("B - A", "contrast", "pre-training", ["backbone"]),
        ("C - B", "contrast", "augmentation", []),
        ("C - A", "contrast", "pre-training", ["augmentation", "backbone"]),
        ("C - D", "contrast", "pre-training", ["backbone"]),
    )
    assert [one.text for one in besides(rows, (), "arm")] == [
        "B - A, C - D: pre-training and backbone differ.",
        "C - A: pre-training, augmentation and backbone differ.",
    ]


def test_of_factors_it_is_what_always_comes_with_each():
    rows = design(
        ("pre-training", "factor", "pre-training", ["backbone", "trainable part"]),
        ("augmentation", "factor", "augmentation", []),
        ("B - A", "contrast", "pre-training", ["backbone", "trainable part"]),
    )
    (found,) = besides(rows, (), "arm")
    assert found.text == "Pre-training always comes with another backbone and trainable part."


@pytest.mark.parametrize("grids", [("12 × 12", "12 × 12"), (None, "12 × 12"), ()])
def test_maps_of_one_resolution_are_not_spoken_of(grids):
    assert list(besides(design(), arms(*grids), "arm")) == []


def test_the_coarsest_grid_is_the_one_that_maps_are_pooled_to():
    (found,) = besides(design(), arms("48 × 48", "12 × 12", "9 × 20", "12 × 12"), "model")
    assert found.text == (
        "The maps of these models differ in resolution (A 48 × 48, B and D 12 × 12 and C 9 × 20), "
        "and resolution alone moves most metrics. “Matched” results pool every map to 12 × 12 "
        "first."
    )
