"""What of a run is logged, the same for every tracker: plain values and files.

run directory -> parameters, each cell's scores and curves, effects, answers, figures, files
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from campare.errors import RunError
from campare.report.words import verdict_of
from campare.runs.manifest import CellRecord, Manifest
from campare.runs.outputs import COMPARISON
from campare.runs.run import Run
from campare.stats.comparison import Comparison
from campare.stats.stored import comparison_of

#: A parameter.
Value = str | int | float | bool

_LONGEST = 500  # characters of a parameter's text, which MLflow keeps


@dataclass(frozen=True)
class LoggedCell:
    """One trained model.

    Attributes:
        name: `<recipe>-<seed>`.
        params: of its recipe or arm, its seed and its layer.
        scores: "METHOD/METRIC", or "METRIC" of the network itself, -> its mean over images.
        curves: learning curve -> one value for each epoch.
    """

    name: str
    params: Mapping[str, Value]
    scores: Mapping[str, float]
    curves: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Logged:
    """A run as trackers take it.

    Attributes:
        name: of its folder.
        path: its folder.
        experiment: name of the data.
        params: its settings.
        cells: the finished ones.
        effects: "CONTRAST/METHOD/METRIC" -> the difference.
        answers: all that the comparison says, as Markdown.
        figures: name -> PNG.
        files: the report, its tables and run.json, as they lie in the folder.
    """

    name: str
    path: Path
    experiment: str
    params: Mapping[str, Value]
    cells: tuple[LoggedCell, ...]
    effects: Mapping[str, float]
    answers: str
    figures: Mapping[str, Path]
    files: tuple[Path, ...]


def logged(run: Run) -> Logged:
    """What is logged of a run.

    Raises:
        RunError: no cell of it is finished.

    Example:
        >>> logged(Run.open("runs/demo")).name  # doctest: +SKIP
        'demo'
    """
    if not run.manifest.cells:
        raise RunError(
            f"Expected a run with a finished cell in {run.path}, got none. "
            "Try: campare log RUN when the study has finished one"
        )
    comparison = comparison_of(run)
    scores = _scores(run)
    records = run.manifest.cells
    path = run.path
    figures = sorted((path / "figures").glob("*.png"))
    tables = sorted((path / "tables").glob("*.csv"))
    others = [path / name for name in ("report.html", COMPARISON, "run.json")]
    return Logged(
        name=path.resolve().name,
        path=path,
        experiment=run.manifest.data.name,
        params=_params(run.manifest),
        cells=tuple(_cell(run.manifest, one, scores.get(one.name, {})) for one in records.values()),
        effects={
            f"{row['contrast']}/{row['method']}/{row['metric']}": row["estimate"]
            for row in comparison.effects.iter_rows(named=True)
            if math.isfinite(row["estimate"])
        },
        answers=_answers(comparison),
        figures={each.stem: each for each in figures},
        files=(*(each for each in others if each.is_file()), *tables),
    )


def _scores(run: Run) -> dict[str, dict[str, float]]:
    """Cell -> measure -> mean over the images where it is defined."""
    found: dict[str, dict[str, float]] = {}
    for table in run.tables():
        means = (
            table.filter(pl.col("status") == "ok")
            .group_by("recipe", "seed", "method", "metric", maintain_order=True)
            .agg(pl.col("value").mean())
            .collect()
        )
        for recipe, seed, method, metric, value in means.iter_rows():
            if value is not None and math.isfinite(value):
                key = metric if method in ("", "-") else f"{method}/{metric}"
                found.setdefault(f"{recipe}-{seed}", {})[key] = value
    return found


def _cell(manifest: Manifest, record: CellRecord, scores: Mapping[str, float]) -> LoggedCell:
    recipe = next((one for one in manifest.recipe_fields if one["name"] == record.recipe), {})
    params = {key: value for key, value in _flat(recipe).items() if key != "name"}
    facts = {"recipe": record.recipe, "seed": record.seed, "layer": record.layer}
    times = {
        "train_seconds": record.train_seconds,
        "measure_seconds": record.measure_seconds,
        "accuracy": record.accuracy,
    }
    return LoggedCell(
        name=record.name,
        params={**params, **{key: _value(one) for key, one in facts.items() if one is not None}},
        scores={**scores, **{key: one for key, one in times.items() if one is not None}},
        curves={
            name: tuple(math.nan if value is None else value for value in values)
            for name, values in record.history.items()
        },
    )


def _params(manifest: Manifest) -> dict[str, Value]:
    """The settings of a run."""
    config, data = manifest.config, manifest.data
    found = {
        "campare": manifest.campare,
        "kind": manifest.kind,
        "data": data.name,
        "fingerprint": data.fingerprint,
        "classes": ", ".join(data.classes),
        "images": manifest.images,
        "recipes": ", ".join(recipe.name for recipe in manifest.recipes),
        "seeds": ", ".join(map(str, manifest.seeds)),
        "size": config.size,
        "methods": ", ".join(config.methods),
        "metrics": ", ".join(config.metrics or ["default"]),
        "target": config.target,
        "split": config.split,
        "command": " ".join(manifest.command),
        "created": manifest.created,
        **{f"version of {name}": one for name, one in manifest.versions.items()},
    }
    return {key: _value(value) for key, value in found.items() if value not in (None, "")}


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Value]:
    """Nested values by names with dots; what is not set is left out."""
    found: dict[str, Value] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{before}{key}.")
        elif value is not None and value != "":
            found[f"{before}{key}"] = _value(value)
    return found


def _value(value: Any) -> Value:
    """A number or truth as it is, other values as text that is not too long."""
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _answers(comparison: Comparison) -> str:
    """The headline and every answer, a line each."""
    lines = [f"- **{verdict_of(one)}**: {one}" for one in comparison.answers]
    return "\n".join([f"# {comparison.headline}", "", *lines, ""])
