"""What guidance needs of the data: masks of training images, or a line that says so."""

from dataclasses import replace

import numpy as np
import pytest

from campare.data import Images
from campare.errors import RecipeError
from campare.training import masks
from campare.training.recipe import Recipe

RECIPE = Recipe("guided", guidance="rrr")
INSIDE = np.zeros((2, 4, 4), bool)
INSIDE[0, 1:3, 1:3] = True
IMAGES = Images(
    np.zeros((2, 4, 4, 3), np.uint8), np.array([0, 1]), ("a", "b"), {"object": INSIDE}, ("x", "y")
)


def test_masks_are_those_of_the_object():
    assert masks.masks_of(IMAGES, RECIPE) is INSIDE


@pytest.mark.parametrize("regions", [{}, {"cue": INSIDE}, {"object": np.zeros_like(INSIDE)}])
def test_no_masks_are_refused_or_all_empty(regions):
    images = replace(IMAGES, regions=regions)
    assert not masks.masks_or_none(images).any()
    with pytest.raises(
        RecipeError,
        match=r"^Expected masks or boxes of training images for guidance in recipe 'guided', got "
        r"none\. Try guidance: null, or masks for train/ as well as for test/\.$",
    ):
        masks.masks_of(images, RECIPE)


def test_strength_is_that_of_the_recipe_or_of_the_kind():
    assert masks.strength(RECIPE) == masks.STRENGTH["rrr"]
    assert masks.strength(replace(RECIPE, guidance_strength=0.5)) == 0.5
    assert masks.strength(replace(RECIPE, guidance=None)) == 0
