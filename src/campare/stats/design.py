"""The factors behind recipes, and contrasts as weights over arms.

A recipe is a place in a design: pre-trained or not, augmented or not, how many training images, how
strong an augmentation. A contrast is a set of weights over recipes:

    pre-training                 mean over strata of (pre-trained - from scratch)
    augmentation                 mean over strata of (augmented - plain)
    pre-training x augmentation  what augmentation adds to a pre-trained arm, more than to another
    train size, strength         slope over an ordered factor, within a stratum

A stratum holds arms that agree in every other factor; one that lacks a side is left out.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

PRETRAINING, AUGMENTATION = "pre-training", "augmentation"
INTERACTION = "pre-training x augmentation"
SIZE, STRENGTH = "train size", "strength"

#: Factors that change together: a plain arm has no strength.
_TOGETHER = {
    "pretrained": ("pretrained", "recipe", "kin"),
    "augmented": ("augmented", "strength", "recipe", "kin"),
    "strength": ("augmented", "strength", "recipe"),
    "train_size": ("train_size", "recipe"),
}

Weights = dict[str, float]


@dataclass(frozen=True)
class Place:
    """Where a recipe stands in the design.

    `train_size` and `strength` are None where the study did not vary them. `recipe` is the one that
    this is a dose of; `kin` is the same for all that differ in their doses, or in being augmented,
    alone. Both may be empty: then all that agree in the other factors make one trend.
    """

    pretrained: bool
    augmented: bool
    train_size: float | None = None
    strength: float | None = None
    recipe: str = ""
    kin: str = ""


Design = Mapping[str, Place]


class Ladder(NamedTuple):
    """A recipe in growing doses of a factor: (arm, dose), smallest first."""

    factor: str  # SIZE or STRENGTH
    recipe: str  # in words
    doses: tuple[tuple[str, float], ...]


def design_of(recipes: Iterable[Mapping[str, Any]], names: Iterable[str] = ()) -> dict[str, Place]:
    """The places of recipes as a manifest lists them; else of `names` that a built-in set has.

    Example:
        >>> design_of([], ["A", "C"])["C"].augmented
        True
    """
    from campare.training.recipes import RECIPES
    from campare.training.sweep import alike

    listed = list(recipes)
    builtin = [asdict(arm) for make in RECIPES.values() for arm in make()]
    # Models trained elsewhere say nothing of their weights: no place.
    known = [recipe for recipe in listed or builtin if "weights" in recipe]
    kin: dict[str, str] = {}
    for recipe in known:
        kin.setdefault(alike(recipe), str(recipe["name"]))
    places = {str(r["name"]): replace(place_of(r), kin=kin[alike(r)]) for r in known}
    return places if listed else {name: places[name] for name in names if name in places}


def place_of(recipe: Mapping[str, Any]) -> Place:
    """The place of one recipe of a manifest.

    Example:
        >>> place_of({"name": "x", "weights": "random", "augment": {"zoom": 0.1, "flip": "none"}})
        Place(pretrained=False, augmented=True, train_size=None, strength=None, recipe='x', kin='')
    """
    from campare.training.sweep import base_of

    changes = recipe.get("augment") or {}
    strength = recipe.get("augment_strength")
    changed = any(value not in (0, "none", None, False) for value in changes.values())
    augmented = changed and strength != 0
    return Place(
        pretrained=recipe.get("weights", "random") != "random",
        augmented=augmented,
        train_size=recipe.get("train_size"),
        strength=strength if augmented else None,
        recipe=base_of(recipe),
    )


def factorial(design: Design) -> dict[str, Weights]:
    """Main effects and interaction that the arms allow, by name.

    Example:
        >>> square = design_of([], "ABCD")
        >>> dict(sorted(factorial(square)["augmentation"].items()))
        {'A': -0.5, 'B': -0.5, 'C': 0.5, 'D': 0.5}
        >>> list(factorial(design_of([], "ABC")))
        ['pre-training', 'augmentation']
    """
    found = {
        PRETRAINING: main_effect(design, "pretrained"),
        AUGMENTATION: main_effect(design, "augmented"),
        INTERACTION: interaction(design),
    }
    return {name: weights for name, weights in found.items() if weights}


def main_effect(design: Design, factor: str) -> Weights:
    """Mean over strata of (arms with the factor - arms without); empty where no stratum has both.

    Example:
        >>> main_effect(design_of([], "AB"), "pretrained")
        {'B': 1.0, 'A': -1.0}
    """
    sides = [_sides(arms, design, factor) for arms in _strata(design, factor)]
    both = [(with_, without) for with_, without in sides if with_ and without]
    return _total(
        (name, sign / len(arms) / len(both))
        for pair in both
        for sign, arms in zip((1.0, -1.0), pair, strict=True)
        for name in arms
    )


def interaction(design: Design) -> Weights:
    """What augmentation adds to the pre-trained arms, minus what it adds to those from scratch.

    Example:
        >>> interaction(design_of([], "ABCD"))
        {'C': 1.0, 'B': -1.0, 'D': -1.0, 'A': 1.0}
    """
    gains = [
        main_effect({n: p for n, p in design.items() if p.pretrained == side}, "augmented")
        for side in (True, False)
    ]
    if not all(gains):
        return {}
    return gains[0] | {name: -weight for name, weight in gains[1].items()}


def trends(design: Design) -> dict[str, Weights]:
    """Slopes over the ordered factors, one a recipe: by doubling of size, by unit of strength.

    An augmented recipe of strength 0 is its plain kin.

    Example:
        >>> sizes = {f"A-{n}": Place(False, False, train_size=n) for n in (50, 100, 200)}
        >>> trends(sizes)
        {'train size: scratch, plain': {'A-50': -0.5, 'A-100': 0.0, 'A-200': 0.5}}
    """
    scales: dict[str, Callable[[float], float]] = {SIZE: math.log2, STRENGTH: float}
    return {
        f"{one.factor}: {one.recipe}": _slope({n: scales[one.factor](x) for n, x in one.doses})
        for one in ladders(design)
    }


def ladders(design: Design) -> list["Ladder"]:
    """The arms of each recipe that differ in one ordered factor alone, in its order.

    Example:
        >>> sizes = {f"A-{n}": Place(False, False, train_size=n) for n in (100, 50)}
        >>> ladders(sizes)
        [Ladder(factor='train size', recipe='scratch, plain', doses=(('A-50', 50), ('A-100', 100)))]
    """
    found = []
    for factor, name in ((SIZE, "train_size"), (STRENGTH, "strength")):
        for arms in _strata(design, name):
            doses = [(n, x) for n in arms if (x := _level(design[n], name)) is not None]
            if len({x for _, x in doses}) >= 2:
                words = _words([design[n] for n, _ in doses], name)
                found.append(Ladder(factor, words, tuple(sorted(doses, key=lambda dose: dose[1]))))
    return found


def gain_over_size(design: Design) -> Weights:
    """How the effect of pre-training changes with each doubling of the training set.

    Example:
        >>> sizes = {f"{p:d}-{n}": Place(p, False, n) for p in (True, False) for n in (50, 100)}
        >>> gain_over_size(sizes)
        {'1-50': -1.0, '1-100': 1.0, '0-50': 1.0, '0-100': -1.0}
    """
    slopes: dict[tuple[Any, ...], list[Weights]] = {}
    for title, weights in trends(design).items():
        if title.startswith(SIZE):
            place = design[next(iter(weights))]
            slopes.setdefault((place.pretrained, place.augmented, place.strength), []).append(
                weights
            )
    pairs = [
        (slopes[True, *other], slopes[False, *other])
        for pretrained, *other in slopes
        if pretrained and (False, *other) in slopes
    ]
    return _total(
        (name, sign * weight / len(side) / len(pairs))
        for pair in pairs
        for sign, side in zip((1.0, -1.0), pair, strict=True)
        for weights in side
        for name, weight in weights.items()
    )


def written(weights: Weights) -> tuple[str, str]:
    """The arms of a contrast in words: those that count for it, those against.

    Example:
        >>> written({"C": 0.5, "B": -0.5, "D": 0.5, "A": -0.5})
        ('C + D', 'B + A')
    """
    sides = ([n for n, w in weights.items() if s * w > 1e-12] for s in (1, -1))
    plus, minus = (" + ".join(names) for names in sides)
    return plus, minus


def _strata(design: Design, factor: str) -> list[list[str]]:
    """Names of arms that agree in all factors but this."""
    blank: Any = dict.fromkeys(_TOGETHER[factor])
    strata: dict[Place, list[str]] = {}
    for name, place in design.items():
        strata.setdefault(replace(place, **blank), []).append(name)
    return list(strata.values())


def _sides(arms: list[str], design: Design, factor: str) -> tuple[list[str], list[str]]:
    with_ = [name for name in arms if getattr(design[name], factor)]
    return with_, [name for name in arms if name not in with_]


def _slope(x: Mapping[str, float]) -> Weights:
    """Weights of the least squares slope of arms' means over x."""
    middle = sum(x.values()) / len(x)
    square = sum((v - middle) ** 2 for v in x.values())
    return {name: (v - middle) / square for name, v in x.items()}


def _level(place: Place, factor: str) -> float | None:
    """Where a place stands on an ordered factor; a plain arm has an augmentation of strength 0."""
    if factor == "strength" and not place.augmented:
        return 0.0
    value: float | None = getattr(place, factor)
    return value


def _words(places: Sequence[Place], factor: str) -> str:
    """What arms have in common: the recipe and the other dose, else the other factors."""
    sizes = factor == "train_size"
    named = [place for place in places if sizes or place.augmented] or places
    place = named[0]
    said = [name for name in dict.fromkeys(place.recipe for place in named) if name]
    if not said:
        said = ["pre-trained" if place.pretrained else "scratch"]
        said += ["augmented" if place.augmented else "plain"] if sizes else []
    if sizes and place.strength is not None:
        said.append(f"strength {place.strength:g}")
    if not sizes and place.train_size is not None:
        said.append(f"{place.train_size:g} images")
    return ", ".join(said)


def _total(terms: Iterable[tuple[str, float]]) -> Weights:
    """Weights by arm, in the order of the first mention."""
    total: Weights = {}
    for name, weight in terms:
        total[name] = total.get(name, 0.0) + weight
    return total
