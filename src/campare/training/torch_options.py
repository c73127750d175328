"""What recipes for torch say in their `options`: fields of a recipe, checked as those of one.

`weights` are `pretrained` (or `imagenet`), those that the library of the backbone has for its name;
`random`; or a file. No framework is imported here.
"""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from campare.errors import RecipeError
from campare.training.recipe import Augment, Recipe
from campare.yamlfile import fitted

#: The function that trains them.
FIT = "campare.training.torch:fit"
#: Options that are fields of a recipe.
OPTIONS = (
    "backbone", "weights", "trainable", "lora_rank", "loss", "focal_gamma", "label_smoothing",
    "augment", "hidden", "schedule", "warmup", "warmup_learning_rate", "weight_decay", "guidance",
    "guidance_strength", "batch_norm_momentum",
)  # fmt: skip
#: Changes of the images that are made.
CHANGES = ("flip", "noise", "mixup", "cutmix")


def wanted(recipe: Any) -> Recipe:
    """A recipe whose options are fields, as one that has these fields.

    Raises:
        RecipeError: an option that is no such field or has no such value, or a change of the images
            that is not made.

    Example:
        >>> options = {"backbone": "timm:resnet18", "trainable": "last-3"}
        >>> from types import SimpleNamespace as Given
        >>> given = Given(name="a", epochs=3, batch_size=8, learning_rate=0.1, options=options)
        >>> wanted(given).trainable
        'last-3'
    """
    options = {"weights": "pretrained", **recipe.options}
    unknown = [name for name in options if name not in OPTIONS]
    if unknown:
        raise RecipeError(
            f"Expected options of recipe {recipe.name!r} among {', '.join(OPTIONS)}, got "
            f"{unknown[0]!r}. Try without it."
        )
    plain = TypeAdapter(dict[str, Any]).dump_python({"name": recipe.name, **options}, mode="json")
    given = fitted(
        plain, Recipe, of="options",
        name=f"options of recipe {recipe.name!r}", like="'trainable: last-3'", error=RecipeError,
    )  # fmt: skip
    for one in fields(Augment) if given.augment else ():
        if one.name not in CHANGES and getattr(given.augment, one.name) != one.default:
            raise RecipeError(
                f"Expected augment of recipe {recipe.name!r} among {', '.join(CHANGES)}, got "
                f"{one.name}. Try a training function of your own, with transforms of torchvision."
            )
    return replace(
        given,
        weights="pretrained" if given.weights == "imagenet" else given.weights,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
    )


def startable(recipe: Any) -> Recipe:
    """The same as `wanted`, of a recipe whose weights are there: what a training starts from.

    Raises:
        RecipeError: weights that are neither `pretrained` nor `random` nor a file.
    """
    given = wanted(recipe)
    if given.weights not in ("pretrained", "random") and not Path(given.weights).is_file():
        raise RecipeError(
            f"Expected weights of recipe {given.name!r}, of backbone {given.backbone!r}, to be "
            f"pretrained, random or a file, got no file {given.weights!r}. Try weights: "
            "pretrained, those that the backbone's library has for its name."
        )
    return given
