"""What a study is going to do, checked before anything is trained or written.

    data, recipes, settings -> images, cells, metrics, networks as they begin -> Plan

Nothing of it needs the pictures; it is what a dry run prints the cost of.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from campare.attribution.method import Method
from campare.data import ImageSet
from campare.data.groups import By
from campare.data.samples import VALIDATION
from campare.errors import RecipeError
from campare.experiments.arms import Arm, to_train
from campare.experiments.evaluated import Evaluated
from campare.experiments.inputs import image_set, regions_of_test, say_inventory
from campare.experiments.manifest import settings_of
from campare.experiments.numbers import require_whole
from campare.experiments.progress import Live
from campare.experiments.selection import (
    Selection,
    Wanted,
    is_default,
    methods_of,
    select,
    usual_metrics,
    without_mosaics,
)
from campare.experiments.session import out_of
from campare.experiments.sharing import Share, numbered
from campare.files import shortened
from campare.runs.manifest import Settings
from campare.runs.resume import earlier
from campare.runs.run import Cell, Run
from campare.training import own_code
from campare.training.recipe import Recipe, from_yaml, require_unique
from campare.training.recipes import RECIPES
from campare.training.sweep import check_sizes, dosed
from campare.training.torch_options import LIBRARIES, as_code, is_of_torch

#: Pixels a side for images that name no size of their own: the article's.
SIZE = 128


@dataclass(frozen=True, eq=False)
class Plan:
    """What a study is going to do.

    Attributes:
        images: all of them, unread.
        recipes: as the run records them; code: recipe -> as it is trained, which may be by code.
        seeds: of each recipe. cells: all, in turn; mine: those of this call, where it shares them.
        methods: of maps. selection: metrics, and what is left out. settings: for the manifest.
        path: the run's folder. before: the run that is there and goes on.
        size: pixels a side.
    """

    images: ImageSet
    recipes: tuple[Recipe, ...]
    code: Mapping[str, Recipe]
    seeds: tuple[int, ...]
    cells: Sequence[Cell]
    mine: Sequence[Cell] | None
    methods: tuple[Method, ...]
    selection: Selection
    settings: Settings
    path: Path
    before: Run | None
    size: int

    @property
    def own(self) -> list[Recipe]:
        """Recipes that are code."""
        return [recipe for recipe in self.code.values() if recipe.train is not None]

    @property
    def ours(self) -> list[Recipe]:
        """Recipes that campare trains."""
        return [recipe for recipe in self.code.values() if recipe.train is None]

    @property
    def todo(self) -> list[Cell]:
        """The cells of this call that are not finished."""
        done = self.before.manifest.cells if self.before else {}
        return [cell for cell in self.mine or self.cells if cell.name not in done]


def planned(
    data: Any,
    live: Live,
    *,
    recipes: str | Sequence[Recipe] = "article",
    seeds: int | Sequence[int] = 5,
    out: str | Path | None = None,
    backbone: str | None = None,
    weights: str | None = None,
    backbone_options: Mapping[str, Any] | None = None,
    size: int | None = None,
    epochs: int | None = None,
    only: str | Sequence[str] | None = None,
    train_sizes: Sequence[int] | None = None,
    augment_strengths: Sequence[float] | None = None,
    methods: str | Method | Sequence[str | Method] = ("grad-cam",),
    metrics: Wanted = None,
    group: By | None = None,
    curve: int | None = None,
    cells: Share | None = None,
) -> Plan:
    """The plan of `campare.study` with these arguments; what it finds is said.

    Raises:
        CampareError: a setting that cannot work.
    """
    if size is not None:
        require_whole("size", size, 1, 128)
    images = image_set(data, live, group=group)
    chosen = _recipes(recipes, images.name, backbone, weights, backbone_options, epochs, only)
    chosen = dosed(chosen, train_sizes, augment_strengths)
    require_unique(chosen)
    labels = np.array([sample.label for sample in images.of("train")], np.int64)
    check_sizes([recipe.train_size for recipe in chosen if recipe.train_size], labels)
    _check_curve(curve, chosen)
    trainable = [as_code(recipe) for recipe in chosen]
    for recipe in trainable:
        if recipe.train is not None:
            own_code.check(recipe)
    arms = to_train(chosen, _seeds(seeds))
    every = _in_turn(arms)
    mine = None if cells is None else numbered(every, cells)
    found = methods_of(methods)
    label = recipes if isinstance(recipes, str) else "recipes"
    usual = shortened(_slug(f"{images.name}-{Path(label).stem}"))
    path = out_of(out or Path("runs") / usual, images, joined=mine is not None)
    seed_list = tuple(replicate.seed for replicate in arms[0].replicates)
    counts = {split: sum(n.values()) for split, n in images.counts().items()}
    live.say(
        f"campare: {_plural(len(arms), 'recipe')} ({', '.join(arm.name for arm in arms)}) x "
        f"{_plural(len(seed_list), 'seed')} on {images.name}: "
        f"{counts['train']} training{_validation(counts)} and {counts['test']} test images"
    )
    say_inventory(images, live)
    side = size or images.default_size or SIZE
    wanted = usual_metrics(recipes) if metrics is None else metrics
    selection = _select(wanted, images, side, live, say=metrics is not None)
    measured = None if is_default(wanted) else selection.names
    settings = settings_of(images, chosen, side, [each.name for each in found], measured)
    before = earlier(path, settings)
    return Plan(
        images=images,
        recipes=tuple(chosen),
        code={recipe.name: recipe for recipe in trainable},
        seeds=seed_list,
        cells=every,
        mine=mine,
        methods=found,
        selection=selection,
        settings=settings,
        path=path,
        before=before,
        size=side,
    )


def networks(plan: Plan) -> dict[str, Evaluated]:
    """A network of each recipe of campare's as it begins; recipes alike have the same one."""
    from campare.experiments.train import built

    found: dict[Any, Evaluated] = {}
    by_name = {}
    for recipe in plan.ours:
        options = tuple(sorted(recipe.backbone_options.items()))
        last = recipe.trainable.startswith("last-")  # whether there are so many layers
        alike = (recipe.backbone, recipe.weights, options, last and recipe.trainable)
        if alike not in found:
            found[alike], _ = built(recipe, plan.images.class_names, size=plan.size, seed=0)
        by_name[recipe.name] = found[alike]
    return by_name


def pooled_channels(network: Evaluated) -> int | None:
    """Channels that a network of `fit.build` pools; None: it is another, which keeps nothing."""
    model: Any = getattr(network.classifier, "model", None)
    names = [layer.name for layer in getattr(model, "layers", ())]
    return int(model.get_layer("pool").output.shape[-1]) if "pool" in names else None


def sharing_views(plan: Plan, networks: Mapping[str, Evaluated]) -> list[str]:
    """The recipes of which several seeds see the same augmented images: see `training.views`."""
    splits = [split for split in ("train", VALIDATION) if split in plan.images.splits]
    images = sum(len(plan.images.of(split)) for split in splits)
    return [
        recipe.name
        for recipe in plan.ours
        if (channels := pooled_channels(networks[recipe.name])) is not None
        and recipe.shares_views(channels, images)
        and len(plan.seeds) > 1
    ]


def numbered_cells(
    data: ImageSet | str | Path,
    *,
    recipes: str | Sequence[Recipe] = "article",
    seeds: int | Sequence[int] = 5,
    only: str | Sequence[str] | None = None,
    train_sizes: Sequence[int] | None = None,
    augment_strengths: Sequence[float] | None = None,
) -> list[Cell]:
    """The cells of a study in their order, by whose numbers processes share them.

    Example:
        >>> [cell.name for cell in numbered_cells("drawn", seeds=2, only=["A", "B"])]
        ['A-0', 'B-0', 'A-1', 'B-1']
    """
    name = data.name if isinstance(data, ImageSet) else Path(data).name
    chosen = dosed(
        _recipes(recipes, name, None, None, None, None, only), train_sizes, augment_strengths
    )
    require_unique(chosen)
    return _in_turn(to_train(chosen, _seeds(seeds)))


def _in_turn(arms: Sequence[Arm]) -> list[Cell]:
    """Cells of arms of as many seeds: all of the first seed, then all of the next.

    Within a seed those that take longest come first, so that processes that share cells end at
    about the same time: frozen backbones are last, and what is augmented comes before what is not.
    """
    longest_first = sorted(arms, key=_by_duration)
    turns = zip(*(arm.cells for arm in longest_first), strict=True)
    return [cell for cells in turns for cell in cells]


def _by_duration(arm: Arm) -> tuple[bool, bool]:
    """What sorts arms by how long they train, the longest first."""
    recipe = arm.recipe
    if recipe is None:
        return False, False
    return recipe.trainable == "head", recipe.augmentation is None


def _check_curve(curve: int | None, recipes: Sequence[Recipe]) -> None:
    """Check that every recipe is trained long enough for a point of its curve."""
    if curve is None:
        return
    shortest = min(recipes, key=lambda recipe: recipe.warmup + recipe.epochs)
    epochs = shortest.warmup + shortest.epochs
    if not 1 <= curve <= epochs:
        raise RecipeError(
            f"Expected a curve of every 1 to {epochs} epochs, as many as recipe {shortest.name!r} "
            f"has, got {curve}. Try: curve={max(1, epochs // 5)} (--curve)"
        )


def _validation(counts: Mapping[str, int]) -> str:
    return f", {counts[VALIDATION]} validation" if VALIDATION in counts else ""


def _recipes(
    recipes: str | Sequence[Recipe],
    data: str,
    backbone: str | None,
    weights: str | None,
    options: Mapping[str, Any] | None,
    epochs: int | None,
    only: str | Sequence[str] | None,
) -> tuple[Recipe, ...]:
    """The recipes asked for, with what overrides them."""
    if isinstance(recipes, str) and recipes in RECIPES:
        default = "embedded" if data.startswith("drawn") else "resnet50"
        arms = RECIPES[recipes](backbone=backbone or default, weights=weights, options=options)
        _check_backbone(recipes, backbone or default)
    elif isinstance(recipes, str) and Path(recipes).suffix not in (".yaml", ".yml"):
        raise RecipeError(
            f"Expected a set of recipes or a YAML file, got {recipes!r}. "
            f"Try: {', '.join(RECIPES)}, or mine.yaml"
        )
    else:
        if not isinstance(recipes, Iterable):
            raise RecipeError(
                f"Expected a set of recipes, a YAML file or Recipe objects, got {recipes!r}. "
                "Try: recipes='article'"
            )
        arms = from_yaml(recipes) if isinstance(recipes, str) else tuple(recipes)
        if backbone or weights or options:
            raise RecipeError(
                "Expected a built-in set of recipes with --backbone, --weights or "
                "--backbone-option, got recipes that name their own. Try: the YAML file's fields"
            )
    for arm in arms:
        if not isinstance(arm, Recipe):
            raise RecipeError(
                f"Expected Recipe objects, got {arm!r}. Try: recipes='article', only=['A']"
            )
    require_unique(arms)
    if only is not None:
        only = (only,) if isinstance(only, str) else only
        known = [arm.name for arm in arms]
        wrong = [name for name in only if name not in known]
        if wrong:
            raise RecipeError(
                f"Expected names of recipes with --only, got {wrong[0]!r}. Try: {', '.join(known)}"
            )
        arms = tuple(arm for arm in arms if arm.name in only)
    if not arms:
        raise RecipeError("Expected at least one recipe, got none. Try: recipes='article'")
    return tuple(replace(arm, epochs=epochs) for arm in arms) if epochs else arms


def _check_backbone(recipes: str, backbone: str) -> None:
    """Check that a set whose arms differ in weights has a backbone that can be had with either."""
    own = is_of_torch(backbone) and backbone.partition(":")[0] not in LIBRARIES
    if recipes == "factorial" and own:
        raise RecipeError(
            "Expected a backbone with and without weights for the set factorial, such as "
            f"timm:resnet18, got {backbone!r}, a function that gives one of them. Try: --recipes "
            "depth"
        )


def _plural(n: int, word: str) -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def _slug(text: str) -> str:
    """Text as the name of a folder: letters, digits, dots and single hyphens."""
    return "-".join("".join(c if c.isalnum() or c == "." else " " for c in text).split())


def _seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    given: Any = range(int(seeds)) if isinstance(seeds, Integral) else seeds
    several = isinstance(given, Iterable) and not isinstance(given, str)
    chosen = tuple(given) if several else ()
    whole = all(isinstance(seed, Integral) and 0 <= int(seed) < 2**32 for seed in chosen)
    if not chosen or not whole or len(set(chosen)) != len(chosen):
        raise RecipeError(
            "Expected a number of seeds of at least 1, or different seeds, got "
            f"{str(seeds)[:80]}. Try: 5"
        )
    return tuple(map(int, chosen))


def _select(metrics: Wanted, images: ImageSet, size: int, live: Live, *, say: bool) -> Selection:
    """The metrics that can be measured; what is left out of a set that was wanted is said."""
    selection = select(
        metrics,
        regions_of_test(images),
        without_mosaics(images, [(size, size)], "label"),
        known=True,
    )
    if say and not is_default(metrics):
        for line in selection.words():
            live.say(line)
    return selection
