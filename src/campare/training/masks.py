"""What guidance needs of the training images, their masks, and how much it weighs.

No framework is imported here; `campare.training.guidance` is the term of the loss.
"""

from typing import TYPE_CHECKING

import numpy as np

from campare.errors import RecipeError
from campare.training.recipe import Recipe
from campare.types import Bools

if TYPE_CHECKING:
    from campare.data import Images

#: The region of the data that guidance wants the maps in.
REGION = "object"
#: Strength of each kind where the recipe names none.
STRENGTH = {"energy": 1.0, "rrr": 0.001}
#: How much of what is negative in a map counts.
LEAK = 0.1
#: Maps that sum to less are divided by this.
FLAT = 1e-7


def strength(recipe: Recipe) -> float:
    """How much the guidance of a recipe weighs beside its loss; 0 where it has none.

    Example:
        >>> strength(Recipe("guided", guidance="energy")), strength(Recipe("plain"))
        (1.0, 0.0)
    """
    if recipe.guidance is None:
        return 0.0
    given = recipe.guidance_strength
    return STRENGTH[recipe.guidance] if given is None else given


def masks_of(images: "Images", recipe: Recipe) -> Bools:
    """The masks (N, S, S) that a recipe's guidance needs; all False: that image has none.

    Raises:
        RecipeError: no image has a mask.

    Example:
        >>> from campare.data import ImageSet
        >>> images = ImageSet.drawn(train=2, test=2, size=16).load("train", 16)
        >>> masks_of(images, Recipe("guided", guidance="energy")).shape
        (2, 16, 16)
    """
    masks = masks_or_none(images)
    if not masks.any():
        raise RecipeError(
            f"Expected masks or boxes of training images for guidance in recipe {recipe.name!r}, "
            "got none. Try guidance: null, or masks for train/ as well as for test/."
        )
    return masks


def masks_or_none(images: "Images") -> Bools:
    """The masks (N, S, S) of images; all False where there are none."""
    found: Bools | None = getattr(images, "regions", {}).get(REGION)
    return np.zeros(images.images.shape[:3], np.bool_) if found is None else found
