"""Recipes for torch: fields of a recipe, said in its `options` or by a backbone that is of torch.

    {backbone: "timm:resnet18", trainable: last-3}      a recipe as any other: `as_code`
    {train: campare.training.torch:fit,
     options: {backbone: "timm:resnet18", trainable: last-3}}      the same in code: `wanted`

`weights` are `pretrained` (or `imagenet`), those that the library of the backbone has for its name;
`random`; or a file. No framework is imported here.
"""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from campare.errors import RecipeError
from campare.optional import require
from campare.training.recipe import Recipe
from campare.yamlfile import fitted

#: The functions of their code.
FIT = "campare.training.torch:fit"
BUILD = "campare.training.torch:build"
LOAD = "campare.training.torch:load"
#: Libraries of backbones, which have weights for them; others are functions of one's own.
LIBRARIES = ("timm", "torchvision")
#: Options that are fields of a recipe.
OPTIONS = (
    "backbone", "weights", "backbone_options", "trainable", "lora_rank", "loss", "focal_gamma",
    "label_smoothing", "augment", "hidden", "schedule", "warmup", "warmup_learning_rate",
    "patience", "keep", "weight_decay", "guidance", "guidance_strength", "batch_norm_momentum",
)  # fmt: skip


def is_of_torch(backbone: str) -> bool:
    """Whether a backbone is one of torch: `timm:NAME`, `torchvision:NAME`, `module:function`.

    Example:
        >>> is_of_torch("timm:resnet18"), is_of_torch("resnet50")
        (True, False)
    """
    return ":" in backbone


def as_code(recipe: Recipe) -> Recipe:
    """A recipe whose backbone is one of torch, as the code that trains it; another as it is.

    Raises:
        MissingExtraError: torch is not installed.

    Example:
        >>> found = as_code(Recipe("a", backbone="timm:resnet18", trainable="last-3"))
        >>> found.train, found.options["trainable"]
        ('campare.training.torch:fit', 'last-3')
    """
    if recipe.train is not None or not is_of_torch(recipe.backbone):
        return recipe
    require("torch", extra="torch")
    usual = {one.name: one.default for one in fields(Recipe)}
    options = {name: getattr(recipe, name) for name in OPTIONS}
    options |= {"augment": recipe.augmentation}
    options = {
        name: value
        for name, value in options.items()
        if name in ("backbone", "weights") or (value != usual[name] and value != {})
    }
    return Recipe(
        recipe.name,
        recipe.title,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        train_size=recipe.train_size,
        train=FIT,
        build=BUILD,
        load=LOAD,
        options=options,
    )


def wanted(recipe: Any) -> Recipe:
    """A recipe whose options are fields, as one that has these fields.

    Raises:
        RecipeError: an option that is no such field or has no such value.

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
