"""The arms of a run: names with replicates, each one trained model, whoever trained it.

recipes, seeds                        -> arms to train
{"scratch": [m0, m1], "transfer": m}  -> arms that somebody trained
["scratch=runs/scratch-*.pt", ...]       the same as words, and as a file, arms.yaml
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field

from campare.data.mirror import mirrored
from campare.data.urls import is_url
from campare.errors import CampareError
from campare.files import clashing, unportable
from campare.models.loaders.spec import own_name, parse
from campare.runs.run import Cell
from campare.stats.design import levels_from
from campare.yamlfile import load_yaml

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

    Attributes:
        name: names files, too.
        replicates: its models, each of another seed.
        recipe: how they are trained.
        options: how they are loaded and read, where that is said of this arm alone.
        factors: how it differs from other arms: factor -> level.

    Example:
        >>> [cell.name for cell in Arm("scratch", (Replicate(0), Replicate(1))).cells]
        ['scratch-0', 'scratch-1']
    """

    name: str
    replicates: tuple[Replicate, ...]
    recipe: "Recipe | None" = None
    options: Mapping[str, Any] = field(default_factory=dict)
    factors: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of the arm, one for each replicate."""
        return tuple(Cell(self.name, replicate.seed) for replicate in self.replicates)

    @property
    def models(self) -> tuple[Any, ...]:
        """The models of the replicates."""
        return tuple(replicate.model for replicate in self.replicates)


def to_train(recipes: "tuple[Recipe, ...]", seeds: tuple[int, ...]) -> tuple[Arm, ...]:
    """Recipes as arms with a replicate to train for each seed.

    Raises:
        RunError: factors of a recipe that no arm can have.
    """
    for recipe in recipes:
        levels_from(recipe.factors)
    return tuple(
        Arm(recipe.name, tuple(Replicate(seed) for seed in seeds), recipe) for recipe in recipes
    )


def trained(models: Any) -> tuple[Arm, ...]:
    """Models as arms, named by a mapping, their files or themselves.

    Args:
        models: {"name": model}, or with replicates {"name": [model, ...]}; one or several models,
            each an arm by itself; or the path of a YAML file of arms. A model is a file, or one
            in memory; "runs/scratch-*.keras" are all files of such names, in the order of their
            numbers.

    Raises:
        CampareError: no model, two arms of one name, a name that cannot name a file, or files that
            are not there.

    Example:
        >>> [arm.name for arm in trained(["runs/a.keras", "runs/b.keras"])]
        ['a', 'b']
        >>> trained({"scratch": ["a.keras", "b.keras"]})[0].models
        ('a.keras', 'b.keras')
    """
    if _is_yaml(models):
        return _checked(from_yaml(models))
    if isinstance(models, Mapping):
        found = [(str(name), model) for name, model in models.items()]
    else:
        several = models if isinstance(models, (list, tuple)) else [models]
        found = [(_own_name(model), model) for model in several]
    return _checked([_arm(name, model) for name, model in found])


def named(models: Sequence[str]) -> Any:
    """Models as a command line has them, as `trained` takes them.

    NAME=FILE is a replicate of the arm NAME, as often as it is named; FILE is an arm of its own.

    Raises:
        CampareError: two files of one name.

    Example:
        >>> named(["runs/a.keras", "before=old/a.keras"])
        {'a': 'runs/a.keras', 'before': 'old/a.keras'}
        >>> named(["before=old/1.keras", "before=old/2.keras"])
        {'before': ['old/1.keras', 'old/2.keras']}
    """
    if len(models) == 1 and _is_yaml(models[0]):
        return models[0]
    found: dict[str, list[str]] = {}
    by_file = set()
    for text in models:
        name, _, path = text.partition("=")
        if not re.fullmatch(r"[\w+.-]+", name) or not path or Path(text).exists():
            name, path = own_name(text), text
            by_file.add(name)
        if name in found and name in by_file:
            raise CampareError(
                f"Expected models with different names, got {name!r} twice. "
                f"Try: before={found[name][0]} after={path}"
            )
        found.setdefault(name, []).append(path)
    return {name: paths[0] if len(paths) == 1 else paths for name, paths in found.items()}


@dataclass
class _ArmInFile:
    """An arm in a YAML file."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    files: Annotated[str | list[str], Field(examples=["runs/scratch-*.keras"])]
    layer: str | None = None
    layer_grid: list[int] | None = None
    output: str | int | None = None
    task: str | None = None
    target: str | None = None
    pixels: str | dict[str, Any] | None = None
    loader: str | None = None
    classes: dict[str, int | str | list[int | str]] | None = None
    factors: dict[str, bool | int | float | str] = field(default_factory=dict)


def from_yaml(path: str | Path) -> list[Arm]:
    """Arms of a YAML file: a mapping of names to files, options and factors.

    Files are relative to the folder of the YAML file.

    Raises:
        CampareError: no such file, no YAML, an unknown field or a wrong type.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "a.keras").write_bytes(b"")
        >>> _ = (folder / "arms.yaml").write_text("{a: {files: a.keras, factors: {rate: 0.1}}}")
        >>> from_yaml(folder / "arms.yaml")[0].factors
        {'rate': 0.1}
    """
    arms = load_yaml(
        path,
        dict[str, _ArmInFile],
        of="arms",
        like="'scratch: {files: runs/scratch-*.keras}' on a line of its own for each arm",
        advice="scratch=FILE transfer=FILE",
    )
    folder = Path(path).parent
    found = []
    for name, arm in arms.items():
        options = {key: value for key, value in vars(arm).items() if value is not None}
        files, factors = options.pop("files"), options.pop("factors")
        files = [files] if isinstance(files, str) else files
        levels_from(factors)  # a mistake is told before anything is measured
        own = _arm(name, [_beside(folder, file) for file in files])
        found.append(Arm(own.name, own.replicates, options=options, factors=factors))
    return found


def _beside(folder: Path, file: str) -> str:
    """A file relative to a folder; URLs and lines that name a library's model as they are."""
    return file if is_url(file) or parse(file).kind else str(folder / file)


def _arm(name: str, models: Any) -> Arm:
    """An arm of one model or several; patterns become the files that they match."""
    several = models if isinstance(models, (list, tuple)) else [models]
    every = [one for model in several for one in _matching(model)]
    if not every:
        raise CampareError(
            f"Expected at least one model of {name!r}, got none. Try: {{{name!r}: [model, ...]}}"
        )
    return Arm(name, tuple(Replicate(seed, model) for seed, model in enumerate(every)))


def _matching(model: Any) -> list[Any]:
    """The files that a pattern matches, by the numbers in their names; else the model itself.

    Of a URL, its copy.
    """
    if is_url(model):
        return [str(mirrored(model).path)]
    if not isinstance(model, str) or Path(model).exists() or not re.search(r"[*?\[]", model):
        return [model]
    if parse(model).kind:  # timm:resnet50?checkpoint=FILE
        return [model]
    files = sorted(glob(model), key=_natural)  # noqa: PTH207 a path may be absolute or not
    if not files:
        raise CampareError(
            f"Expected files like {model}, got none. Try: ls {Path(model).parent}, or the path of "
            "a file"
        )
    return files


def _natural(path: str) -> list[Any]:
    """A key by which `run-10` stands after `run-9`.

    Example:
        >>> sorted(["a-10.pt", "a-9.pt"], key=_natural)
        ['a-9.pt', 'a-10.pt']
    """
    return [
        (int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path)
    ]


def _checked(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """The arms, if there are any, of different names that can name files."""
    if not arms:
        raise CampareError("Expected at least one model, got none. Try: {'mine': model}")
    names = [arm.name for arm in arms]
    for name in names:
        if not name or not all(c.isalnum() or c in "+-_." for c in name):
            raise CampareError(
                f"Expected names of models of letters, digits and + - _ . only, got {name!r}. "
                "Try: {'mine': model}"
            )
        if why := unportable(name):
            raise CampareError(
                f"Expected names of models that can name files, got {name[:40]!r}, {why}. "
                "Try: {'mine': model}"
            )
        if names.count(name) > 1:
            raise CampareError(
                f"Expected models with different names, got {name!r} twice. "
                "Try: {'before': model, 'after': other}, or before=MODEL on the command line"
            )
    if two := clashing(names):
        raise CampareError(
            f"Expected models whose names differ in more than case, got {two[0]!r} and {two[1]!r}. "
            f"Try: {two[1]}-2=MODEL for the second"
        )
    return tuple(arms)


def _is_yaml(models: Any) -> bool:
    return isinstance(models, (str, Path)) and Path(models).suffix in (".yaml", ".yml")


def _own_name(model: Any) -> str:
    """What a model is called when nobody names it: the file's stem, or the name that it carries."""
    if isinstance(model, (str, Path)):
        return own_name(str(model))
    name = getattr(model, "name", None)
    return name if isinstance(name, str) else type(model).__name__
