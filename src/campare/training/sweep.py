"""Ordered factors: the same recipe on more and more images, or more and more strongly augmented.

    recipes, sizes, strengths -> recipes, one a dose      dosed
    labels, a size, a seed    -> rows to train on         nested

A dose of recipe D is called D-n100, D-x0.5 or D-n100-x0.5 and says so in `train_size`,
`augment_strength` and `dose_of`. The smaller sets are parts of the larger ones, the same for all
recipes of a seed. A plain recipe has no strength; where it is what an augmented one is at strength
0, it stands for that dose, so that nothing is trained, or counted, twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from numbers import Integral
from typing import Any

import numpy as np

from campare.errors import RecipeError
from campare.training.recipe import Augment, Recipe
from campare.training.recipes import Contrasts, contrasts
from campare.types import Ints

#: Fields of a recipe that make no other training.
_WORDS = ("name", "title", "dose_of")
#: Fields in which the doses of a recipe differ, with what is augmented at all.
_DOSES = ("augment", "train_size", "augment_strength")
#: Images of each class that every size has.
FEWEST = 2


def dosed(
    recipes: Sequence[Recipe],
    sizes: Sequence[int] | None = None,
    strengths: Sequence[float] | None = None,
) -> tuple[Recipe, ...]:
    """Each recipe in each size of the training set and each strength of its augmentation.

    Raises:
        RecipeError: sizes or strengths that no recipe can have, or strengths where none augments.

    Example:
        >>> from campare.training.recipes import article
        >>> [recipe.name for recipe in dosed(article()[2:], strengths=[0.5, 1])]
        ['C-x0.5', 'C-x1', 'D-x0.5', 'D-x1']
        >>> [recipe.name for recipe in dosed(article()[:2], sizes=[50, 100])]
        ['A-n50', 'A-n100', 'B-n50', 'B-n100']
    """
    levels = _strengths(recipes, strengths)
    arms = [arm for recipe in recipes for arm in _doses(recipe, _sizes(sizes), levels)]
    plain = {_training(arm) for arm in arms if not arm.augment}
    return tuple(arm for arm in arms if not arm.augment or _training(arm) not in plain)


def nested(labels: Ints, size: int | None, seed: int) -> Ints:
    """Rows of `size` images, drawn from the seed: two of each class, then classes in proportion.

    Those of a smaller size are among those of a larger one. Shapes: (N,) -> (size,), ascending;
    size None: all.

    Raises:
        RecipeError: fewer than two images a class, or more than there are.

    Example:
        >>> labels = np.array([0, 1] * 10)
        >>> rows = nested(labels, 8, seed=0)
        >>> np.bincount(labels[rows]).tolist(), set(nested(labels, 4, seed=0)) <= set(rows)
        ([4, 4], True)
    """
    if size is None:
        return np.arange(len(labels))
    check_sizes([size], labels)
    rng = np.random.default_rng([seed, 20])
    turn = np.empty(len(labels))
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        rank = np.arange(len(members))
        turn[members] = np.where(rank < FEWEST, rank - FEWEST, (rank + 0.5) / len(members))
    order = np.lexsort((rng.permutation(len(labels)), turn))  # among equal turns by lot
    return np.sort(order[:size])


def check_sizes(sizes: Iterable[int], labels: Ints) -> None:
    """Make sure that there are so many images, and two of each class among them.

    Raises:
        RecipeError: a size that there is not.
    """
    fewest, most = FEWEST * len(np.unique(labels)), len(labels)
    for size in sizes:
        if not fewest <= size <= most:
            if most < fewest:
                advice = "more images to train on"
            else:
                advice = ",".join(map(str, sorted({max(fewest, most // 2), most})))
            raise RecipeError(
                f"Expected sizes of the training set from {fewest}, two images of each class, to "
                f"{most}, all of them, got {size}. Try {advice}"
            )


def base_of(recipe: Mapping[str, Any]) -> str:
    """The recipe that one of a manifest is a dose of: its own name where it is none.

    Example:
        >>> base_of({"name": "A-n50", "dose_of": "A"}), base_of({"name": "A"})
        ('A', 'A')
    """
    return str(recipe.get("dose_of") or recipe["name"])


def alike(recipe: Mapping[str, Any]) -> str:
    """What recipes of a manifest share that differ in their doses, or in being augmented, alone.

    Example:
        >>> a = {"name": "A", "weights": "random", "augment": None}
        >>> alike(a) == alike({**a, "name": "D-x2", "augment": {"zoom": 0.1}, "dose_of": "D"})
        True
    """
    left_out = (*_WORDS, *_DOSES)
    return repr(sorted((k, v) for k, v in recipe.items() if k not in left_out))


def contrasts_of(recipes: Iterable[Mapping[str, Any]]) -> Contrasts:
    """Pairs (treatment, control) of a manifest's recipes, at the same dose: `recipes.contrasts`.

    A plain recipe is compared with every strength of an augmented one.

    Example:
        >>> from campare.training.recipes import article
        >>> arms = dosed(article()[:2], sizes=[50, 100])
        >>> contrasts_of([asdict(arm) for arm in arms])
        (('B-n50', 'A-n50'), ('B-n100', 'A-n100'))
    """
    arms = list(recipes)
    pairs = [
        (str(treatment["name"]), str(control["name"]))
        for one, other in contrasts(dict.fromkeys(map(base_of, arms)))
        for treatment in (arm for arm in arms if base_of(arm) == one)
        for control in (arm for arm in arms if base_of(arm) == other)
        if _same_dose(treatment, control)
    ]
    return tuple(pairs) or contrasts(str(arm["name"]) for arm in arms)


def _same_dose(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    plain = not one.get("augment") or not other.get("augment")
    strengths = (arm.get("augment_strength") for arm in (one, other))
    return one.get("train_size") == other.get("train_size") and (plain or len({*strengths}) == 1)


def _doses(
    recipe: Recipe, sizes: Sequence[int | None], strengths: Sequence[float | None]
) -> Iterable[Recipe]:
    for size in sizes:
        for strength in strengths if recipe.augment else (None,):
            if size is None and strength is None:
                yield recipe
                continue
            marks = [("n{}", "{} images", size), ("x{:g}", "strength {:g}", strength)]
            given = [(mark, words, value) for mark, words, value in marks if value is not None]
            yield replace(
                recipe,
                name="-".join([recipe.name, *(mark.format(v) for mark, _, v in given)]),
                title=", ".join([recipe.title or recipe.name, *(w.format(v) for _, w, v in given)]),
                train_size=recipe.train_size if size is None else size,
                augment_strength=recipe.augment_strength if strength is None else strength,
                dose_of=recipe.name,
            )


def _training(recipe: Recipe) -> str:
    """What makes a training what it is; the same for recipes that only differ in their words."""
    facts = {name: value for name, value in asdict(recipe).items() if name not in _WORDS}
    return repr(facts | {"augment": recipe.augmentation, "augment_strength": None})


def _sizes(sizes: Sequence[int] | None) -> list[int | None]:
    if sizes is None:
        return [None]
    sizes = sizes if isinstance(sizes, Iterable) else [sizes]
    wrong = [n for n in sizes if not _is_count(n)]
    if wrong or not sizes:
        raise RecipeError(
            "Expected sizes of the training set as whole numbers of images, "
            f"got {wrong[0] if wrong else 'none'!r}. Try 50,100,200,400"
        )
    return [int(n) for n in sorted(set(sizes))]


def _is_count(n: Any) -> bool:
    return not isinstance(n, bool) and isinstance(n, Integral) and int(n) >= 1


def _strengths(recipes: Sequence[Recipe], strengths: Sequence[float] | None) -> list[float | None]:
    if strengths is None:
        return [None]
    strengths = strengths if isinstance(strengths, Iterable) else [strengths]
    wrong = [x for x in strengths if not (isinstance(x, int | float) and 0 <= x < np.inf)]
    if wrong or not strengths:
        raise RecipeError(
            "Expected strengths of the augmentation as numbers from 0, "
            f"got {wrong[0] if wrong else 'none'!r}. Try 0,0.5,1,2"
        )
    if not any(recipe.augment for recipe in recipes):
        raise RecipeError(
            "Expected a recipe that augments with --augment-strengths, got "
            f"{', '.join(recipe.name for recipe in recipes)}, which do not. Try --only C,D"
        )
    for recipe in recipes:
        if recipe.augment:
            _check_reach(recipe, recipe.augment, max(strengths))
    return [float(x) for x in sorted(set(strengths))]


def _reachable(most: float) -> str:
    """Strengths up to the largest with which no amount leaves 0..1; it is 1 or more.

    Example:
        >>> _reachable(10), _reachable(1.5)
        ('0,0.5,1,2', '0,0.5,1')
    """
    return ",".join(f"{strength:g}" for strength in (0, 0.5, 1, 2) if strength <= most)


def _check_reach(recipe: Recipe, augment: Augment, strongest: float) -> None:
    """Make sure that no amount of a recipe's augmentation leaves 0..1."""
    amounts = {name: value for name, value in asdict(augment).items() if name != "flip"}
    name = max(amounts, key=lambda name: amounts[name])
    if amounts[name] * strongest > 1:
        raise RecipeError(
            f"Expected strengths up to {1 / amounts[name]:g} for {name} {amounts[name]:g} of "
            f"recipe {recipe.name!r}, got {strongest:g}. Try {_reachable(1 / amounts[name])}"
        )
