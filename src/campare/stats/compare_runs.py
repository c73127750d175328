"""The same recipes in two runs: other data, another backbone or version, otherwise the same study.

Recipe X of the second run minus recipe X of the first, for every X that both have, paired over the
test images that both have by name. Seeds of the two runs share nothing but the number.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from campare.errors import RunError
from campare.runs.manifest import Manifest
from campare.stats.compare import compare
from campare.stats.comparison import Comparison
from campare.stats.gathered import survey
from campare.stats.source import Source, missing, rows_of, source_of

#: Fields of a recipe that are only for people.
_WORDS = ("name", "title")


class Run(Protocol):
    """What is needed of a run; `campare.Run` has it."""

    @property
    def path(self) -> Path:
        """The run directory."""

    @property
    def manifest(self) -> Manifest:
        """What was run, and on what."""

    def scores(self) -> pl.DataFrame:
        """Its table."""


def compare_runs(first: Run, second: Run, **settings: Any) -> Comparison:
    """Each recipe that both runs have: the second run minus the first, on the same test images.

    `settings` as in `compare` (confidence, method, resamples, seed). `.notes` say what
    was compared, and in what else the runs differ.

    Raises:
        RunError: no recipe, test image or measure in common, or as `compare`.

    Example:
        >>> from campare import Run  # doctest: +SKIP
        >>> compare_runs(Run.open("runs/x"), Run.open("runs/y"))  # doctest: +SKIP
    """
    runs = (first, second)
    names = _names(runs)
    sources = [source_of(run) for run in runs]
    known = [survey(source) for source in sources]
    finished = [one.units["recipe"].unique(maintain_order=True).to_list() for one in known]
    shared = [recipe for recipe in finished[0] if recipe in finished[1]]
    if not shared:
        raise RunError(
            f"Expected recipes that both runs have, got {', '.join(finished[0])} in {names[0]} and "
            f"{', '.join(finished[1])} in {names[1]}. Try campare compare on each run by itself."
        )
    first_images, images = (one.images.select("image").unique() for one in known)
    images = images.join(first_images, on="image", how="semi")
    if not images.height:
        raise RunError(
            f"Expected two runs on the same test images, got none in common between {names[0]} "
            f"and {names[1]}. Try two studies of one folder of images."
        )
    pairs = [(recipe + _tag(names[1]), recipe + _tag(names[0])) for recipe in shared]
    both = Source(
        tuple(
            part.with_columns(pl.col("recipe") + pl.lit(_tag(name)))
            for source, name in zip(sources, names, strict=True)
            for part in _of_recipes(source, shared)
        ),
        tuple(
            cell.model_copy(update={"recipe": cell.recipe + _tag(name)})
            for source, name in zip(sources, names, strict=True)
            for cell in source.cells
        ),
        contrasts=tuple(pairs),
        kind=first.manifest.kind,
    )
    found = compare(both, claims=(), design={}, **settings)
    if not found.effects.height:
        raise RunError(
            f"Expected a method and a metric that both {names[0]} and {names[1]} measured, got "
            "none in common. Try the same --method for both studies."
        )
    notes = _notes(runs, names, finished, shared, images.height)
    for run, name in zip(runs, names, strict=True):
        notes += tuple(f"{name}: {line}" for line in missing(run))
    return replace(found, notes=(*notes, *found.notes))


def _of_recipes(source: Source, recipes: Sequence[str]) -> Iterator[pl.LazyFrame]:
    """The rows of these recipes: most parts are of one."""
    wanted = set(recipes)
    for part in source.parts:
        there = set[str]()
        for rows in rows_of(part.select("recipe")):
            there.update(rows["recipe"].unique())
        if there <= wanted:
            yield part
        elif there & wanted:
            yield part.filter(pl.col("recipe").is_in(recipes))


def _names(runs: Sequence[Run]) -> tuple[str, str]:
    """How to call the runs: by their folders, by their paths where those are the same."""
    first, second = (Path(run.path) for run in runs)
    if first.resolve() == second.resolve():
        raise RunError(f"Expected two different runs, got {first} twice. Try: campare compare RUN")
    same = first.name == second.name
    return (str(first), str(second)) if same else (first.name, second.name)


def _tag(name: str) -> str:
    return f" [{name}]"


def _notes(
    runs: Sequence[Run],
    names: tuple[str, str],
    finished: Sequence[Sequence[str]],
    shared: Sequence[str],
    images: int,
) -> tuple[str, ...]:
    notes = [
        f"Recipes {', '.join(shared)}: {names[1]} minus {names[0]}, on {images} test images and "
        "mosaics that both have by name."
    ]
    for name, recipes in zip(names, finished, strict=True):
        rest = [recipe for recipe in recipes if recipe not in shared]
        if rest:
            notes.append(f"Only in {name}, not compared: {', '.join(rest)}.")
    one, other = (run.manifest for run in runs)
    if one.data.fingerprint != other.data.fingerprint:
        notes.append("The runs were made with different data: images of one name may differ.")
    if one.config.size != other.config.size:
        notes.append(
            f"Models see {one.config.size} pixels a side in {names[0]}, "
            f"{other.config.size} in {names[1]}."
        )
    for name in shared:
        changed = _changed(_recipe(one, name), _recipe(other, name))
        if changed:
            notes.append(f"Recipe {name} differs in {', '.join(changed)}.")
    return tuple(notes)


def _recipe(manifest: Manifest, name: str) -> Mapping[str, Any]:
    return {recipe.name: recipe.fields for recipe in manifest.recipes}.get(name, {})


def _changed(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    keys = [key for key in {**one, **other} if key not in _WORDS]
    return [key for key in keys if one.get(key) != other.get(key)]
