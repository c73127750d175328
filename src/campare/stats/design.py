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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

PRETRAINING, AUGMENTATION = "pre-training", "augmentation"
INTERACTION = "pre-training x augmentation"
SIZE, STRENGTH = "train size", "strength"

#: Factors that change together: a plain arm has no strength.
_TOGETHER = {"augmented": ("augmented", "strength"), "strength": ("augmented", "strength")}

Weights = dict[str, float]


@dataclass(frozen=True)
class Place:
    """Where a recipe stands in the design.

    `train_size` and `strength` are None where the study did not vary them.
    """

    pretrained: bool
    augmented: bool
    train_size: float | None = None
    strength: float | None = None


Design = Mapping[str, Place]


def design_of(recipes: Iterable[Mapping[str, Any]], names: Iterable[str] = ()) -> dict[str, Place]:
    """The places of recipes as a manifest lists them; else of `names` that a built-in set has.

    Example:
        >>> design_of([], ["A", "C"])["C"]
        Place(pretrained=True, augmented=True, train_size=None, strength=None)
    """
    from campare.training.recipes import RECIPES

    listed = list(recipes)
    if listed:  # models trained elsewhere say nothing of their weights: no place
        return {str(r["name"]): place_of(r) for r in listed if "weights" in r}
    builtin = {arm.name: place_of(asdict(arm)) for make in RECIPES.values() for arm in make()}
    return {name: builtin[name] for name in names if name in builtin}


def place_of(recipe: Mapping[str, Any]) -> Place:
    """The place of one recipe of a manifest.

    Example:
        >>> place_of({"name": "x", "weights": "random", "augment": {"zoom": 0.1, "flip": "none"}})
        Place(pretrained=False, augmented=True, train_size=None, strength=None)
    """
    changes = recipe.get("augment") or {}
    return Place(
        pretrained=recipe.get("weights", "random") != "random",
        augmented=any(value not in (0, "none", None, False) for value in changes.values()),
        train_size=recipe.get("train_size"),
        strength=recipe.get("augment_strength"),
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
    """Slopes over the ordered factors, one a stratum: by doubling of size, by unit of strength.

    Example:
        >>> sizes = {f"A-{n}": Place(False, False, train_size=n) for n in (50, 100, 200)}
        >>> trends(sizes)
        {'train size: scratch, plain': {'A-50': -0.5, 'A-100': 0.0, 'A-200': 0.5}}
    """
    found = {}
    for title, factor, scale in _ordered():
        for arms in _strata(design, factor):
            x = {n: scale(v) for n in arms if (v := _level(design[n], factor)) is not None}
            if len(set(x.values())) >= 2 and len({len(arms), len(x)}) == 1:
                found[f"{title}: {_words(design[arms[0]], factor)}"] = _slope(x)
    return found


def gain_over_size(design: Design) -> Weights:
    """How the effect of pre-training changes with each doubling of the training set.

    Example:
        >>> sizes = {f"{p:d}-{n}": Place(p, False, n) for p in (True, False) for n in (50, 100)}
        >>> gain_over_size(sizes)
        {'1-50': -1.0, '1-100': 1.0, '0-50': 1.0, '0-100': -1.0}
    """
    total: Weights = {}
    pairs = 0
    slopes = {
        (design[next(iter(w))].pretrained, design[next(iter(w))].augmented): w
        for title, w in trends(design).items()
        if title.startswith(SIZE)
    }
    for augmented in (False, True):
        with_, without = slopes.get((True, augmented)), slopes.get((False, augmented))
        if with_ and without:
            pairs += 1
            total |= with_ | {name: -weight for name, weight in without.items()}
    return {name: weight / pairs for name, weight in total.items()}


def written(weights: Weights) -> tuple[str, str]:
    """The arms of a contrast in words: those that count for it, those against.

    Example:
        >>> written({"C": 0.5, "B": -0.5, "D": 0.5, "A": -0.5})
        ('C + D', 'B + A')
    """
    sides = ([n for n, w in weights.items() if s * w > 1e-12] for s in (1, -1))
    plus, minus = (" + ".join(names) for names in sides)
    return plus, minus


def _ordered() -> list[tuple[str, str, Callable[[float], float]]]:
    return [(SIZE, "train_size", math.log2), (STRENGTH, "strength", float)]


def _strata(design: Design, factor: str) -> list[list[str]]:
    """Names of arms that agree in all factors but this."""
    blank: Any = dict.fromkeys(_TOGETHER.get(factor, (factor,)))
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


def _words(place: Place, factor: str) -> str:
    start = "pre-trained" if place.pretrained else "scratch"
    if factor == "strength":
        return start
    return f"{start}, {'augmented' if place.augmented else 'plain'}"


def _total(terms: Iterable[tuple[str, float]]) -> Weights:
    """Weights by arm, in the order of the first mention."""
    total: Weights = {}
    for name, weight in terms:
        total[name] = total.get(name, 0.0) + weight
    return total
