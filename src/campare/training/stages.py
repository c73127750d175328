"""In which epochs how much of a backbone is trained: what `trainable` says, in layers.

    trainable     what is trained with the head
    head          nothing
    last-block    the layers with a kernel whose output has the resolution of the last one's
    last-N        the last N layers with a kernel
    all           everything
    gradual       in equal shares of the epochs nothing, the last third, two thirds, everything, as
                  in ULMFiT (Howard and Ruder 2018, section 3.3), by thirds and not by layers
    lora          low-rank updates of its kernels, all else of it as it was

No framework is imported here; `campare.training.depth` does it to Keras models.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from campare.errors import RecipeError
from campare.training.recipe import Recipe

#: Parts of the epochs of gradual unfreezing: the head, then so much more of the backbone in each.
STAGES = 4

#: Counts layers of a backbone, where they are asked for.
Count = Callable[[], int]


class Stage(NamedTuple):
    """So many epochs in which the last `layers` with a kernel are trained; None: everything."""

    epochs: int
    layers: int | None


def stages(recipe: Recipe, kernels: Count, block: Count) -> tuple[Stage, ...]:
    """The stages of a recipe's epochs, one for all but gradual unfreezing.

    `kernels` counts the layers with a kernel, `block` those of the last block.

    Raises:
        RecipeError: more layers than the backbone has.

    Example:
        >>> stages(Recipe("tuned", trainable="last-3", epochs=12), lambda: 13, lambda: 9)
        (Stage(epochs=12, layers=3),)
    """
    if recipe.trainable == "gradual":
        return _gradual(kernels(), recipe.epochs)
    return (Stage(recipe.epochs, trained(recipe, kernels, block)),)


def trained(recipe: Recipe, kernels: Count, block: Count) -> int | None:
    """How many of the last layers with a kernel are trained in the end; None: everything.

    Raises:
        RecipeError: more layers than the backbone has.

    Example:
        >>> trained(Recipe("frozen", trainable="head"), lambda: 13, lambda: 9)
        0
    """
    match recipe.trainable:
        case "all" | "gradual":
            return None
        case "head" | "lora":
            return 0
        case "last-block":
            return block()
    wanted, there = int(recipe.trainable.removeprefix("last-")), kernels()
    if wanted > there:
        raise RecipeError(
            f"Expected at most the {there} layers with a kernel of backbone {recipe.backbone!r} in "
            f"recipe {recipe.name!r}, got {recipe.trainable!r}. Try last-{there}, or all."
        )
    return wanted


def _gradual(layers: int, epochs: int) -> tuple[Stage, ...]:
    """Equal shares of the epochs, in each of which a third more is trained."""
    n = min(STAGES, epochs)
    ends = [epochs * (i + 1) // n for i in range(n)]
    lengths = [end - start for start, end in zip((0, *ends), ends, strict=False)]
    parts = [math.ceil(layers * i / (n - 1)) if n > 1 else layers for i in range(n)]
    return tuple(
        Stage(length, None if part == layers else part)
        for length, part in zip(lengths, parts, strict=True)
    )
