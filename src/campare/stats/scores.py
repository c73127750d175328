"""The table as statistics read it: rows of measurements in, matrices out.

    a Run, a path, or a frame  ->  Rows  ->  {(recipe, method, metric): Y[seed, image]}

Undefined rows (status not 'ok', or no finite value) become NaN and are counted. Rows are read a
batch at a time (`source`) and gathered as matrices (`gathered`): a table need not fit into memory.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from campare.runs.tables import batches
from campare.stats.gathered import TEST, Gathered, Matrices, Survey, gather, survey
from campare.stats.source import Source, source_of


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table: where they are, with what its run says, and what there is among them."""

    source: Source
    known: Survey

    @cached_property
    def gathered(self) -> Gathered:
        """All matrices of the table, which is read for them once."""
        return gather(self.source, self.known)

    def matrices(self) -> Matrices:
        """(recipe, method, metric) -> Measured, in the order in which the table names them."""
        return self.gathered.measured

    def classified(self) -> Iterator[pl.DataFrame]:
        """What each model said of each image, a part of the table at a time.

        Columns recipe, seed, group, label, prediction, right (null where undefined). A part of a
        run has all rows of its models; files may each have some, and are one table here.
        """
        right = pl.when(pl.col("status") == "ok").then(pl.col("prediction") == pl.col("label"))
        tables = (
            (part if self.known.split is None else part.filter(split=self.known.split))
            .filter(pl.col("metric") == "correct", pl.col("label").is_not_null())
            .select("recipe", "seed", "group", "label", "prediction", right.alias("right"))
            .collect()
            for part in self.source.parts
        )
        if self.source.cells:
            yield from tables
        else:
            yield pl.concat(tables)

    @property
    def grids(self) -> dict[str, dict[str, tuple[int, ...]]]:
        """Recipe -> method -> resolution of its maps."""
        return {cell.recipe: cell.grids for cell in self.source.cells if cell.grids}

    @property
    def fits(self) -> dict[str, Mapping[str, Any]]:
        """Recipe -> the pixels that would fit its models better, as `CellRecord` has it."""
        return {cell.recipe: cell.fits for cell in reversed(self.source.cells) if cell.fits}

    @property
    def curves(self) -> tuple[tuple[str, int, int, str, float | None], ...]:
        """Recipe, seed, epoch, measure, value, of what was measured while recipes were trained."""
        return tuple(
            (cell.recipe, cell.seed, epoch, measure, value)
            for cell in self.source.cells
            for epoch, point in cell.curve.items()
            for measure, value in point.items()
        )


def read(table: Any) -> Rows:
    """The rows of a run, a run directory, files, Scores or a frame, and what the run says.

    Files are .parquet or .csv with the columns of SCORE_COLUMNS, or a folder of the former.

    Raises:
        RunError: no such directory, no finished cell, missing columns, no defined row.
    """
    source = source_of(table)
    return Rows(source, survey(source))


def tested(table: pl.LazyFrame) -> pl.LazyFrame:
    """The rows of the test split, where there are any; else all.

    Example:
        >>> tested(pl.LazyFrame({"split": ["train", "test"]})).collect().height
        1
    """
    test = pl.col("split") == TEST
    splits = set[str]()
    for rows in batches(table.select("split")):
        splits.update(rows["split"].unique())
    return table.filter(test) if TEST in splits and len(splits) > 1 else table
