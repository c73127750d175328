"""What a reader must know before believing a number: faults and limits of the run, as sentences."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from campare.report.facts import Arm, coarsest
from campare.report.words import called, grid, listed, number
from campare.runs.manifest import Manifest
from campare.stats.power import power, too_small


class Warned(NamedTuple):
    """A fault of the run; `loud` ones stand above the answer."""

    loud: bool
    text: str


def warnings(manifest: Manifest, arms: Sequence[Arm]) -> list[Warned]:
    """The faults of a run, the loudest first."""
    audit = manifest.is_audit
    found = [_guessing(manifest, arm, audit) for arm in arms if arm.unlearned]
    done = len(manifest.cells)
    wanted = len(manifest.recipes) * len(manifest.seeds)
    if done < wanted:
        what = "models are not measured" if audit else "cells are not finished"
        found.append(Warned(True, f"{wanted - done} of {wanted} {what}."))
    found += [Warned(False, text) for text in _limits(manifest, arms, audit) if text]
    return found


def weak(
    scores: pl.DataFrame,
    manifest: Manifest,
    metrics: Sequence[str],
    contrasts: Sequence[tuple[str, str]],
) -> list[Warned]:
    """What a study is too small to find, of a few metrics, in the contrast where that is worst."""
    if manifest.is_audit or not metrics or not contrasts:
        return []
    found = power(scores.filter(pl.col("metric").is_in(metrics)), contrasts=contrasts)
    return [Warned(False, line) for line in too_small(found, tuple(metrics))]


def _limits(manifest: Manifest, arms: Sequence[Arm], audit: bool) -> list[str]:
    size = coarsest(arms)
    grids = listed([f"{arm.name} {grid(arm.grid)}" for arm in arms])
    return [
        _single(arms) if audit else _seeds(len(manifest.seeds)),
        "" if audit else _backbones(manifest.recipe_fields),
        _skipped(len(manifest.data.skipped)),
        ""
        if size is None
        else f"The {arms[0].noun}s' maps differ in resolution ({grids}), and resolution alone "
        f"moves most metrics. “Matched” results pool every map to {grid(size)} first.",
    ]


def _single(arms: Sequence[Arm]) -> str:
    return (
        "Each model is one training: a difference speaks of these models, not of the ways in which "
        "they were trained."
        if len(arms) > 1
        else ""
    )


def _seeds(seeds: int) -> str:
    return (
        f"Only {seeds} {'seed' if seeds == 1 else 'seeds'}: the intervals know little of how much "
        "another training run would differ. Take 5 or more for a claim."
        if seeds < 5
        else ""
    )


def _backbones(recipes: Sequence[Mapping[str, Any]]) -> str:
    """Pre-training that comes with another network cannot be told from it."""
    used: dict[bool, set[str]] = {}
    for recipe in recipes:
        if "backbone" in recipe and "weights" in recipe:
            scratch = recipe["weights"] in ("random", None)
            used.setdefault(scratch, set()).add(str(recipe["backbone"]))
    if len(used) < 2 or used[True] & used[False]:
        return ""
    return (
        f"The arms with pre-trained weights have another network ({listed(sorted(used[False]))}) "
        f"than those from scratch ({listed(sorted(used[True]))}): a difference between them is not "
        "one of pre-training alone. The factorial set of recipes takes the two apart."
    )


def _skipped(files: int) -> str:
    were = "file was" if files == 1 else "files were"
    return f"{files} {were} skipped, as listed below." if files else ""


def _guessing(manifest: Manifest, arm: Arm, audit: bool) -> Warned:
    """An arm whose predictions are no better than the commonest class."""
    counts = list(manifest.data.counts.get(manifest.config.split, {}).values())
    chance = max(counts) / sum(counts) if sum(counts) else 1 / len(manifest.data.classes)
    accuracy = (
        f"accuracy {number(arm.mean_accuracy)}, the commonest class alone gives {number(chance)}"
    )
    if audit:
        return Warned(
            True,
            f"{called(arm)} may be guessing on these images: {accuracy}. Do the pixels and the "
            "classes fit what the model takes? The maps of a guess say little.",
        )
    trained = len(arm.accuracy) or len(manifest.seeds)
    return Warned(
        True,
        f"{called(arm)} did not learn in {len(arm.unlearned)} of {trained} seeds: mean {accuracy}. "
        "Its maps explain a guess; do not read a comparison with it as an effect of the recipe.",
    )
