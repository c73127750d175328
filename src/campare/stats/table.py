"""The table as an object: rows of measurements that can be compared, shown and taken elsewhere.

It lies with the statistics, not with the run directory, since it needs no directory: an audit in a
notebook gives one, and any frame of the columns becomes one.
"""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from campare.errors import MissingExtraError
from campare.runs.manifest import CellRecord
from campare.stats.nulls import is_null
from campare.stats.source import checked_columns
from campare.types import SCORE_COLUMNS

if TYPE_CHECKING:
    from campare.stats.comparison import Comparison

_SHOWN = 8  # rows in a notebook


@dataclass(frozen=True, eq=False, repr=False)
class Scores:
    """Measurements, one a row, in the columns of `campare.types.SCORE_COLUMNS`.

    `campare.compare` takes it, and so do polars and pandas by `to_polars` and `to_pandas`.

    Attributes:
        frame: the rows.
        path: the run directory that holds them, too; None: there is none.
        arms: what is known of each arm, as a manifest lists it.
        mosaics: of each mosaic the images that it shows, as numbers; {}: not known.
        cells: what is known of each model, as a manifest lists it; (): no models were measured
            here, only rows are known.

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

    frame: pl.DataFrame
    path: Path | None = None
    arms: tuple[Mapping[str, Any], ...] = ()
    mosaics: Mapping[str, Sequence[int]] = field(default_factory=dict)
    cells: tuple[CellRecord, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "frame", checked_columns(self.frame).select(SCORE_COLUMNS))

    def __len__(self) -> int:
        return self.frame.height

    def __repr__(self) -> str:
        return f"Scores({self._what()})"

    def _repr_html_(self) -> str:
        head = self.frame.head(_SHOWN)._repr_html_()
        return f"<p>{escape(self._what())}; the first {min(_SHOWN, len(self))}:</p>{head}"

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
        """Counts in words: rows, models, images, methods, metrics."""
        methods = self.frame["method"].unique(maintain_order=True).to_list()
        explained = [name for name in methods if name != "-" and not is_null(name)]
        metrics = self.frame["metric"].n_unique()
        parts = [
            _plural(self.frame["recipe"].n_unique(), "model"),
            _plural(self._images(), "image"),
            *([", ".join(explained)] if explained else []),
            _plural(metrics, "metric"),
        ]
        return f"{_plural(len(self), 'row')}: {', '.join(parts)}"

    def _images(self) -> int:
        """How many images, mosaics aside: those that the classifier was judged on, if any."""
        judged = self.frame.filter(pl.col("metric") == "correct")
        return (judged if judged.height else self.frame)["image"].n_unique()


def _plural(n: int, word: str) -> str:
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"
