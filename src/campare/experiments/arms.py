"""The arms of a run: names with replicates, each one trained model, whoever trained it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campare.errors import CampareError
from campare.runs.run import Cell

if TYPE_CHECKING:
    from campare.training.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Replicate:
    """One trained model of an arm.

    Attributes:
        seed: tells the replicates of an arm apart.
        model: what `campare.wrap` takes, a file or a model in memory; None: still to be trained.
    """

    seed: int
    model: Any = None


@dataclass(frozen=True, eq=False)
class Arm:
    """A name with replicates, and the recipe by which they are trained, if campare trains them.

    Example:
        >>> [cell.name for cell in Arm("scratch", (Replicate(0), Replicate(1))).cells]
        ['scratch-0', 'scratch-1']
    """

    name: str
    replicates: tuple[Replicate, ...]
    recipe: "Recipe | None" = None

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of the arm, one for each replicate."""
        return tuple(Cell(self.name, replicate.seed) for replicate in self.replicates)


def to_train(recipes: "tuple[Recipe, ...]", seeds: tuple[int, ...]) -> tuple[Arm, ...]:
    """Recipes as arms with a replicate to train for each seed."""
    return tuple(
        Arm(recipe.name, tuple(Replicate(seed) for seed in seeds), recipe) for recipe in recipes
    )


def trained(models: Any) -> tuple[Arm, ...]:
    """Models as arms of one replicate each, named by a mapping, their files or themselves.

    Args:
        models: {"name": model}, or one or several models: files, or models in memory.

    Raises:
        CampareError: no model, two of one name, or a name that cannot name a file.

    Example:
        >>> [arm.name for arm in trained(["runs/a.keras", "runs/b.keras"])]
        ['a', 'b']
    """
    if isinstance(models, Mapping):
        found = [(str(name), model) for name, model in models.items()]
    else:
        several = models if isinstance(models, (list, tuple)) else [models]
        found = [(_own_name(model), model) for model in several]
    if not found:
        raise CampareError("Expected at least one model, got none. Try: {'mine': model}")
    for name, _ in found:
        if not name or not all(c.isalnum() or c in "+-_." for c in name):
            raise CampareError(
                f"Expected names of models of letters, digits and + - _ . only, got {name!r}. "
                "Try: {'mine': model}"
            )
        if [other for other, _ in found].count(name) > 1:
            raise CampareError(
                f"Expected models with different names, got {name!r} twice. "
                "Try: {'before': model, 'after': other}, or before=MODEL on the command line"
            )
    return tuple(Arm(name, (Replicate(0, model),)) for name, model in found)


def _own_name(model: Any) -> str:
    """What a model is called when nobody names it: the file's stem, or the name that it carries."""
    if isinstance(model, (str, Path)):
        return Path(model).stem
    name = getattr(model, "name", None)
    return name if isinstance(name, str) else type(model).__name__
