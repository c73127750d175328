"""The table as an object: rows of measurements that can be compared, shown and taken elsewhere.

It lies with the statistics, not with the run directory, since it needs no directory: an audit in a
notebook gives one, and any frame of the columns becomes one.
"""

import importlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from campare.errors import MissingExtraError
from campare.runs.manifest import CellRecord
from campare.stats.nulls import is_null
from campare.stats.source import checked_columns, rows_of
from campare.types import SCORE_COLUMNS

if TYPE_CHECKING:
    from campare.stats.comparison import Comparison

_SHOWN = 8  # rows in a notebook


class Scores:
    """Measurements, one a row, in the columns of `campare.types.SCORE_COLUMNS`.

    `campare.compare` takes it, and so do polars and pandas by `to_polars` and `to_pandas`.

    Attributes:
        parts: the rows, in memory or to be read from the run directory that holds them.
        path: that run directory; None: there is none.
        arms: what is known of each arm, as a manifest lists it.
        mosaics: of each mosaic the images that it shows, as numbers; {}: not known.
        cells: what is known of each model, as a manifest lists it; (): no models were measured
            here, only rows are known.

    Args:
        frame: the rows, or several tables of them one after the other.

    Raises:
        RunError: a frame without the columns.

    Example:
        >>> from campare.types import NEEDED_COLUMNS
        >>> rows = [("a", 0, "test", "1.png", "cat", "cat", "cat", "grad-cam", "top", "gini", 0.5,
        ...     "ok")]
        >>> scores = Scores(pl.DataFrame(rows, schema=NEEDED_COLUMNS, orient="row"))
        >>> scores
        Scores(1 row: 1 model, 1 image, grad-cam, 1 metric)
    """

    def __init__(
        self,
        frame: pl.DataFrame | Sequence[pl.LazyFrame],
        path: Path | None = None,
        arms: Sequence[Mapping[str, Any]] = (),
        mosaics: Mapping[str, Sequence[int]] = MappingProxyType({}),
        cells: Sequence[CellRecord] = (),
    ) -> None:
        tables = [*frame] if isinstance(frame, list | tuple) else [checked_columns(frame).lazy()]
        self.parts: tuple[pl.LazyFrame, ...] = tuple(one.select(SCORE_COLUMNS) for one in tables)
        self.path, self.arms, self.mosaics, self.cells = path, tuple(arms), mosaics, tuple(cells)

    @cached_property
    def frame(self) -> pl.DataFrame:
        """The rows; those of a run directory are read into memory now."""
        return pl.concat(part.collect() for part in self.parts)

    def __len__(self) -> int:
        return sum(int(part.select(pl.len()).collect().item()) for part in self.parts)

    def __repr__(self) -> str:
        return f"Scores({self._what()})"

    def _repr_html_(self) -> str:
        head = pl.concat(part.head(_SHOWN) for part in self.parts).head(_SHOWN).collect()
        shown = min(_SHOWN, head.height)
        return f"<p>{escape(self._what())}; the first {shown}:</p>{head._repr_html_()}"

    def compare(self, **settings: Any) -> "Comparison":
        """Differences between models with their intervals: see :func:`campare.compare`."""
        from campare.stats.compare import compare

        return compare(self, **settings)

    def agreement(self) -> pl.DataFrame:
        """Rank correlations of metrics: see :func:`campare.stats.reliability.agreement`."""
        from campare.stats.reliability import agreement

        return agreement(self.frame)

    def reliability(self, *, splits: int = 100, seed: int = 0) -> pl.DataFrame:
        """Split-half reliabilities: see :func:`campare.stats.reliability.reliability`."""
        from campare.stats.reliability import reliability

        return reliability(self.frame, splits=splits, seed=seed)

    def to_polars(self) -> pl.DataFrame:
        """The rows as a polars frame."""
        return self.frame

    def to_pandas(self) -> Any:
        """The rows as a pandas frame; an undefined value is NaN there.

        Raises:
            MissingExtraError: pandas is not installed; campare does without.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ModuleNotFoundError as error:
            if error.name != "pandas":
                raise
            raise MissingExtraError(
                "Expected 'pandas' to be installed, got no such module. Try: pip install pandas, "
                "or to_polars()"
            ) from error
        frame = self.frame.with_columns(pl.col("value").fill_null(float("nan")))
        return pandas.DataFrame(frame.to_dict(as_series=False))  # needs no pyarrow

    def to_csv(self, path: str | Path) -> None:
        """Write the rows to a CSV file with a header; an undefined value is empty.

        Example:
            >>> Scores(pl.DataFrame(schema=NEEDED_COLUMNS)).to_csv("rows.csv")  # doctest: +SKIP
        """
        self.frame.write_csv(path)

    def _what(self) -> str:
        """Counts in words: rows, models, images, methods, metrics.

        Images are, mosaics aside, those that the classifier was judged on, if any.
        """
        columns = ("method", "metric", "image")
        known = {name: dict[str, None]() for name in columns}
        images, models = set[str](), set[tuple[Any, ...]]()
        for part in self.parts:
            for rows in rows_of(part.select("recipe", "seed", *columns)):
                models.update(rows.select("recipe", "seed").unique().rows())
                for name in columns:
                    known[name] |= dict.fromkeys(rows[name].unique(maintain_order=True))
                images.update(rows.filter(pl.col("metric") == "correct")["image"].unique())
        explained = [name for name in known["method"] if name != "-" and not is_null(name)]
        parts = [
            _plural(len(models), "model"),
            _plural(len(images or known["image"]), "image"),
            *([", ".join(explained)] if explained else []),
            _plural(len(known["metric"]), "metric"),
        ]
        return f"{_plural(len(self), 'row')}: {', '.join(parts)}"


def _plural(n: int, word: str) -> str:
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"
