"""The rows of a table as matrices, gathered in two readings of it, a batch of rows at a time.

    survey    which recipe, seed, method, layer, metric there are, and which images     -> Survey
    gather    each value at its cell of (seed, image)                                   -> Gathered

Matrices of many images lie in a file of the cache folder (`data.stored`), one of which is in memory
while it is used. Rows of another layer than the run's, and of the predicted class where the true
one was explained too, are apart, for the sensitivity analyses.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from campare.data.stored import release, zeros
from campare.errors import RunError
from campare.stats.nulls import is_null
from campare.stats.source import Source, rows_of
from campare.types import Array, Ints

Doubles = NDArray[np.float64]
Key = tuple[str, str, str]  # recipe, method, metric
Shown = Mapping[str, Sequence[int]]

TEST = "test"
PREDICTED = "predicted class"
#: A value beyond it counts as infinite: of those below, the fourth powers that statistics take of
#: values are numbers.
LARGEST = 1e60
#: Of a map on which nothing can be seen.
BLANK = ("flat", "all-negative", "non-finite", "unconnected")

_UNIT = ("recipe", "seed", "method", "layer", "metric")  # rows that have these in common
_RELEASED = 16  # batches until what they wrote leaves the memory
_SMALL = 2**26  # bytes of a table that may stay in memory between looks at it
_COMPARED = 2**16  # rows whose images are compared together with those that are known


@dataclass(frozen=True)
class Measured:
    """One metric of one method in one arm; `values[s, i]` is NaN where undefined.

    The seeds and images of all `Measured` of a table are the same, in sorted order, so that rows
    and columns of two of them belong together. Several rows of a seed and an image are averaged.
    `groups` says which images belong together, or which ones each mosaic shows, as `crossed.split`
    takes it; None: all are by themselves.
    """

    values: Doubles  # (seeds, images)
    rows: int
    undefined: int
    groups: Ints | None = None  # (images,) or (images, 4)


class Survey(NamedTuple):
    """What there is in a table, of the test split alone where it has one.

    units: a row for each recipe, seed, method, layer and metric, in the order of the table: how
    many `rows`, whether wrong predictions have rows `of_label` and `of_prediction`.
    images: image, group (null: none) and judged (whether a classifier's prediction has a row), each
    combination once. split: the one that counts; None: all do.
    """

    units: pl.DataFrame
    images: pl.DataFrame
    split: str | None

    @property
    def height(self) -> int:
        """How many rows count."""
        return int(self.units["rows"].sum())


def survey(source: Source) -> Survey:
    """Read what there is in a table.

    Raises:
        RunError: no row with a value, or one without an image or a seed.
    """
    units: list[pl.DataFrame] = []
    judged, others = _Images(judged=True), _Images(judged=False)
    for part in source.parts:
        for batch in rows_of(part):
            _require_named(batch)
            known = batch.with_columns(_names(), **_facts())
            wrong = ~pl.col("right") & (pl.col("layer") != "-")
            units.append(
                known.group_by("split", *_UNIT, maintain_order=True).agg(
                    pl.len().cast(pl.Int64).alias("rows"),
                    pl.col("defined").sum().cast(pl.Int64),
                    (wrong & pl.col("of_label")).any().alias("of_label"),
                    (wrong & pl.col("of_prediction")).any().alias("of_prediction"),
                )
            )
            correct = (pl.col("metric") == "correct").fill_null(value=False)
            judged.add(known.filter(correct))
            others.add(known.filter(~correct))
            if len(units) > _RELEASED:
                units = [_joined(units)]
    if not units:
        raise _nothing(0)
    found = _joined(units)
    split = TEST if TEST in found["split"] else None
    if split is not None:
        found = found.filter(pl.col("split") == split)
    images = pl.concat(each.of(split) for each in (judged, others))
    found = found.group_by(_UNIT, maintain_order=True).agg(
        pl.col("rows", "defined").sum(), pl.col("of_label", "of_prediction").any()
    )
    if not found["defined"].sum():
        raise _nothing(int(found["rows"].sum()))
    return Survey(found, images, split)


class _Images:
    """The images of rows with their groups and splits, each combination once.

    Rows are compared with what is known of them, some batches together, and not kept.
    """

    def __init__(self, *, judged: bool) -> None:
        self.judged = judged
        texts = dict.fromkeys(("image", "group", "split"), pl.String)
        self._known = pl.DataFrame(schema={**texts, "alone": pl.Boolean})
        self._waiting: list[pl.DataFrame] = []

    def add(self, rows: pl.DataFrame) -> None:
        """Take the images of a batch; those of no group are `alone`, since no null equals one."""
        own = rows.select(
            "image", *(pl.col(name).fill_null("") for name in ("group", "split")),
            pl.col("group").is_null().alias("alone"),
        )  # fmt: skip
        if own.height:
            self._waiting.append(own)
        if sum(each.height for each in self._waiting) > _COMPARED:
            self._compare()

    def _compare(self) -> None:
        own = pl.concat([self._known[:0], *self._waiting])
        fresh = own.join(self._known, on=own.columns, how="anti").unique()
        if fresh.height:
            self._known = pl.concat([self._known, fresh])
        self._waiting = []

    def of(self, split: str | None) -> pl.DataFrame:
        """Image, group (null: none) and judged, each combination once; of one split, or of all."""
        self._compare()
        own = self._known if split is None else self._known.filter(pl.col("split") == split)
        group = pl.when("alone").then(None).otherwise("group").alias("group")
        return own.select("image", group, pl.lit(self.judged).alias("judged")).unique()


def _require_named(batch: pl.DataFrame) -> None:
    """Check that every row says of which image and model it is."""
    for column in ("image", "seed"):
        if lacking := batch[column].null_count():
            raise RunError(
                f"Expected the {column} of every row, got {lacking:,} rows without one. "
                f"Try: the table without these rows, or with their {column}"
            )


def _joined(units: list[pl.DataFrame]) -> pl.DataFrame:
    """Units of several batches as one table, in the order of their first rows."""
    return (
        pl.concat(units)
        .group_by("split", *_UNIT, maintain_order=True)
        .agg(pl.col("rows", "defined").sum(), pl.col("of_label", "of_prediction").any())
    )


def _nothing(rows: int) -> RunError:
    return RunError(
        f"Expected rows with status 'ok' and a finite value, got none in {rows}. "
        "Try campare study again with another layer or method."
    )


def _names() -> list[pl.Expr]:
    """Names that are lacking, as text."""
    return [pl.col(name).fill_null("None") for name in _UNIT if name != "seed"]


def _facts() -> dict[str, pl.Expr]:
    """What counts of a row: whether it has a value, and which class is predicted and explained."""
    ok, value = pl.col("status") == "ok", pl.col("value")
    return {
        "defined": (ok & (value.abs() < LARGEST)).fill_null(value=False),
        "right": pl.col("prediction") == pl.col("label"),
        "of_label": (pl.col("target") == pl.col("label")).fill_null(value=False),
        "of_prediction": (pl.col("target") == pl.col("prediction")).fill_null(value=False),
    }


class _Rows(NamedTuple):
    """A batch of rows, (R,) of each: the unit and image as numbers, and what counts of a row."""

    unit: Ints
    image: Ints
    number: Ints  # in the table
    value: Doubles
    defined: NDArray[np.bool_]
    right: NDArray[np.int8]  # -1: not known
    of_label: NDArray[np.bool_]
    of_prediction: NDArray[np.bool_]
    blank: NDArray[np.bool_]

    def where(self, which: NDArray[np.bool_]) -> "_Rows":
        """Those of them that are wanted."""
        columns: Any = (column[which] for column in self)
        return self if which.all() else _Rows(*columns)


def _batches(source: Source, known: Survey, names: pl.Series) -> Iterator[_Rows]:
    """The rows that count, a batch at a time; `names` are those of the images, sorted."""
    numbered = known.units.select(*_UNIT).with_row_index("unit")
    place, start = pl.col("image").cast(pl.Enum(names)).to_physical().cast(pl.Int64), 0
    for part in source.parts:
        for batch in rows_of(part):
            counting = batch if known.split is None else batch.filter(split=known.split)
            rows = counting.with_columns(_names(), **_facts()).join(
                numbered, on=_UNIT, how="left", maintain_order="left"
            )
            facts = rows.select(
                pl.col("unit").cast(pl.Int64),
                place,
                pl.int_range(start, start + pl.len()).alias("number"),
                pl.when("defined").then("value").otherwise(math.nan),
                "defined",
                pl.col("right").cast(pl.Int8).fill_null(-1),
                "of_label",
                "of_prediction",
                pl.col("status").is_in(BLANK).fill_null(value=False).alias("blank"),
            )
            start += rows.height
            yield _Rows(*(column.to_numpy() for column in facts))


class _Table:
    """The values of those rows that an analysis is of, in slots: one for each key and seed.

    `counts` (units,) says of which units it has rows, `late` which of them are named after others.
    """

    def __init__(
        self, units: pl.DataFrame, counts: NDArray[np.bool_], images: int, late: Any = False
    ) -> None:
        named = units.select("recipe", "method", "metric", "seed").rows()
        slots: dict[Any, int] = {}
        self.counts = counts
        self.slot = np.full(len(named), -1, np.int64)
        for unit in np.flatnonzero(counts):
            self.slot[unit] = slots.setdefault(named[unit], len(slots))
        self.names = [((recipe, method, metric), seed) for recipe, method, metric, seed in slots]
        self.late = np.zeros(len(slots), np.bool_)
        self.late[self.slot[counts]] = np.broadcast_to(late, counts.shape)[counts]
        self.values = _undefined(len(slots), images)
        self.rows, self.defined = np.zeros((2, len(slots)), np.int64)
        self.first = np.full(len(slots), np.iinfo(np.int64).max)
        self.has = np.zeros(images, np.bool_)

    def put(self, rows: _Rows) -> None:
        """Take rows of units that count; the last one of a cell stays."""
        slot = self.slot[rows.unit]
        self.has[rows.image] = True
        self.rows += np.bincount(slot, minlength=len(self.rows))
        self.defined += np.bincount(slot[rows.defined], minlength=len(self.rows))
        np.minimum.at(self.first, slot, rows.number)
        at = slot[rows.defined], rows.image[rows.defined]
        self.values[at] = rows.value[rows.defined] + 0.0  # no -0

    def repeated(self) -> Ints:
        """The slots of which some cell has several values."""
        found = np.zeros(len(self.rows), np.int64)
        for slot, row in enumerate(self.values):
            found[slot] = np.isfinite(row).sum()
            release(self.values)
        return np.flatnonzero(found < self.defined)


class _Sums:
    """Cells with several values, which are averaged: their slots are read once more."""

    def __init__(self, table: _Table, slots: Ints) -> None:
        self.table, self.slots = table, slots
        self.row = np.full(len(table.rows), -1, np.int64)
        self.row[slots] = np.arange(len(slots))
        self.total, self.count = (zeros((len(slots), len(table.has)), np.float64) for _ in "ab")

    def put(self, rows: _Rows) -> None:
        """Add rows of units that count."""
        row = self.row[self.table.slot[rows.unit]]
        wanted = rows.defined & (row >= 0)
        at = row[wanted], rows.image[wanted]
        np.add.at(self.total, at, rows.value[wanted])
        np.add.at(self.count, at, 1)

    def finish(self) -> None:
        """Write the means to the table."""
        for slot, total, count in zip(self.slots, self.total, self.count, strict=True):
            known = count > 0
            self.table.values[slot][known] = total[known] / count[known]


class _Rights:
    """How many rows there are of each arm, seed and image, and how many of a right prediction."""

    def __init__(self, units: pl.DataFrame, images: int) -> None:
        models = units.select("recipe", "seed").rows()
        self.models = {model: number for number, model in enumerate(dict.fromkeys(models))}
        trained = [not is_null(method) for method in units["method"]]
        self.trained = np.array(trained, np.bool_)
        self.model = np.array([self.models[model] for model in models], np.int64)
        self.known, self.hits = (zeros((len(self.models), images), np.int32) for _ in "ab")

    def put(self, rows: _Rows) -> None:
        """Take rows, of which those of nulls do not count."""
        counting = self.trained[rows.unit] & (rows.right >= 0)
        model, image = self.model[rows.unit[counting]], rows.image[counting]
        np.add.at(self.known, (model, image), 1)
        np.add.at(self.hits, (model, image), rows.right[counting])

    def of(self, measured: "Matrices") -> dict[str, Doubles]:
        """Recipe -> the share of right predictions, (seeds, images), NaN where none is known."""
        found: dict[str, Doubles] = {}
        for (recipe, seed), model in self.models.items():
            known, hits = (each[model][measured.has] for each in (self.known, self.hits))
            if seed in measured.seeds and known.any():
                shape = len(measured.seeds), len(known)
                own = found.setdefault(str(recipe), np.full(shape, np.nan))
                share = np.divide(hits, known, out=np.full(len(known), np.nan), where=known > 0)
                own[measured.seeds.index(seed)] = share
            release(self.known, self.hits)
        return found


class _Maps:
    """Which models have a map of which image (1), and whether nothing can be seen on it (2)."""

    def __init__(self, units: pl.DataFrame, images: int) -> None:
        names = units.select("recipe", "seed", "method", "metric").rows()
        self.maps: dict[Any, int] = {}
        self.map = np.full(len(names), -1, np.int64)
        for unit, (recipe, seed, method, metric) in enumerate(names):
            if "@" not in metric and method != "-" and not is_null(method):
                key = recipe, method, seed
                self.map[unit] = self.maps.setdefault(key, len(self.maps))
        self.state = zeros((len(self.maps), images), np.uint8)

    def put(self, rows: _Rows) -> None:
        """Take rows, of which those count that are of maps as they are."""
        found = self.map[rows.unit]
        for bit, which in ((1, found >= 0), (2, (found >= 0) & rows.blank)):
            self.state[found[which], rows.image[which]] |= bit

    def counts(self) -> dict[tuple[str, str], tuple[int, int]]:
        """(recipe, method) -> how many maps there are, and how many of them have nothing on them.

        An image counts once for each seed.
        """
        found: dict[tuple[str, str], tuple[int, int]] = {}
        for (recipe, method, _), state in zip(self.maps, self.state, strict=True):
            maps, flat = found.get((recipe, method), (0, 0))
            own = int((state > 0).sum()), int((state > 1).sum())
            found[recipe, method] = maps + own[0], flat + own[1]
        release(self.state)
        return found


class Matrices(Mapping[Key, Measured]):
    """(recipe, method, metric) -> Measured, in the order in which the table names them.

    One is read when it is looked up, and belongs to whoever did so.
    """

    def __init__(self, table: _Table, known: Survey, shown: Shown) -> None:
        self._table = table
        there = np.flatnonzero(table.rows)
        order = sorted(there, key=lambda slot: (bool(table.late[slot]), int(table.first[slot])))
        self._slots: dict[Key, dict[Any, int]] = {}
        for slot in order:
            key, seed = table.names[slot]
            self._slots.setdefault(key, {})[seed] = int(slot)
        self.seeds = sorted({seed for own in self._slots.values() for seed in own})
        self.has = table.has  # of the images of the table those that a row is of
        names = known.images["image"].unique().sort().filter(pl.Series(table.has))
        own = known.images.join(names.to_frame(), on="image", how="semi")
        self._groups = groups_of(own)
        self._mosaics = _mosaics_of(names, shown) if self._groups is None else None

    def __getitem__(self, key: Key) -> Measured:
        table, slots = self._table, self._slots[key]
        stored = np.asarray(table.values)  # without what a mapped array does at every slice
        values = np.full((len(self.seeds), int(self.has.sum())), np.nan)
        for row, seed in zip(values, self.seeds, strict=True):
            if seed in slots:
                row[:] = stored[slots[seed]][self.has]
        if stored.nbytes > _SMALL:
            release(table.values)
        own, groups = list(slots.values()), self._groups
        if self._mosaics is not None:
            of_mosaics = (self._mosaics[np.isfinite(values).any(axis=0)] >= 0).all()
            groups = self._mosaics if of_mosaics else None
        rows = int(table.rows[own].sum())
        return Measured(values, rows, rows - int(table.defined[own].sum()), groups)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._slots)

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, key: object) -> bool:
        return key in self._slots


class Gathered(NamedTuple):
    """The matrices of a table.

    measured: of its rows. others: name of another analysis -> of the rows that it is of.
    right: recipe -> (seeds, images), 1 where the prediction is the label, 0 where not, NaN unknown;
    on the grid of `measured`, rows of nulls, which tell of other models, apart.
    maps: (recipe, method) -> how many maps there are, and how many of them have nothing on them.
    """

    measured: Matrices
    others: dict[str, Matrices]
    right: dict[str, Doubles]
    maps: dict[tuple[str, str], tuple[int, int]]


def gather(source: Source, known: Survey) -> Gathered:
    """Read the values of a table that was surveyed.

    Raises:
        RunError: several layers of one method of which none is the recipe's own, or an image of
            two groups.
    """
    units, names = known.units, known.images["image"].unique().sort()
    main = {cell.recipe: cell.layer for cell in source.cells if cell.layer}
    own, layers = _by_layer(units, main)
    twice = own & _explained_twice(units, own)
    tables = {"": _Table(units, own, len(names), late=twice)}
    if twice.any():
        tables[PREDICTED] = _Table(units, twice, len(names))
    tables |= {name: _Table(units, each, len(names)) for name, each in layers.items()}

    def of(name: str, rows: _Rows) -> _Rows:
        """The rows of an analysis; of units that were explained twice one of the two."""
        counting = tables[name].counts[rows.unit]
        if not name:
            counting = counting & (rows.of_label | ~twice[rows.unit])
        return rows.where(counting & rows.of_prediction if name == PREDICTED else counting)

    rights, maps = _Rights(units, len(names)), _Maps(units, len(names))
    written = [*(table.values for table in tables.values()), rights.known, rights.hits, maps.state]
    for number, rows in enumerate(_batches(source, known, names)):
        for name, table in tables.items():
            table.put(of(name, rows))
        rights.put(of("", rows))
        maps.put(rows)
        if number % _RELEASED == 0:
            release(*written)
    sums = {
        name: _Sums(table, slots)
        for name, table in tables.items()
        if (slots := table.repeated()).size
    }
    for rows in _batches(source, known, names) if sums else ():
        for name, each in sums.items():
            each.put(of(name, rows))
    for each in sums.values():
        each.finish()
    matrices = {name: Matrices(table, known, source.shown) for name, table in tables.items()}
    measured = matrices.pop("")
    return Gathered(measured, matrices, rights.of(measured), maps.counts())


def _undefined(slots: int, images: int) -> Array:
    """(slots, images) without a value."""
    values = zeros((slots, images), np.float64)
    for slot in range(slots):
        values[slot] = np.nan
        release(values)
    return values


def _by_layer(
    units: pl.DataFrame, main: Mapping[str, str]
) -> tuple[NDArray[np.bool_], dict[str, NDArray[np.bool_]]]:
    """Which units are of each recipe's own layer, and of every other one by its name."""
    layers = units.group_by("recipe", "seed", "method").agg(pl.col("layer").unique().sort())
    several = layers.filter(pl.col("layer").list.len() > 1).sort("recipe", "seed", "method")
    for row in several.iter_rows(named=True):
        if main.get(row["recipe"]) not in row["layer"]:
            raise RunError(
                f"Expected one layer for {row['method']} of recipe {row['recipe']}, "
                f"got {', '.join(row['layer'])}. Try filtering the table by layer."
            )
    recipes = set(several["recipe"])
    away = [
        layer if recipe in recipes and layer not in (main[recipe], "-") else ""
        for recipe, layer in units.select("recipe", "layer").iter_rows()
    ]
    names = np.array(away, object)
    return names == "", {f"layer {name}": names == name for name in dict.fromkeys(away) if name}


def _explained_twice(units: pl.DataFrame, own: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which units are of a method and metric with rows of the true and of the predicted class.

    Only wrong predictions tell the two apart.
    """
    both = (
        units.filter(pl.Series(own))
        .group_by("method", "metric")
        .agg(pl.col("of_label", "of_prediction").any())
        .filter(pl.col("of_label") & pl.col("of_prediction"))
    )
    wanted = set(both.select("method", "metric").iter_rows())
    return np.array([row in wanted for row in units.select("method", "metric").iter_rows()])


def _mosaics_of(names: pl.Series, shown: Shown) -> Ints | None:
    """(images, 4): what each image of a table shows, -1: itself; None: nothing is known."""
    found = [shown.get(name) for name in names] if shown else []
    if not any(found):
        return None
    alone = [-1] * len(next(iter(shown.values())))
    return np.array([each or alone for each in found], np.int64)


def groups_of(images: pl.DataFrame) -> Ints | None:
    """The group of each image, in the order of their names, as numbers; None: no groups.

    `images` has columns image and group, one row or more of each image. An image of no group is one
    by itself. Raises RunError for an image of two groups.

    Example:
        >>> table = pl.DataFrame({"image": ["c", "a", "b"], "group": ["p", None, "p"]})
        >>> groups_of(table).tolist()
        [1, 2, 2]
    """
    if images["group"].null_count() == images.height:
        return None
    known = pl.col("group").drop_nulls()
    each = images.group_by("image").agg(known.first(), known.n_unique().alias("number"))
    several = each.filter(pl.col("number") > 1).sort("image")
    if several.height:
        image = several["image"][0]
        own = images.filter(pl.col("image") == image)["group"].drop_nulls().unique().sort()
        raise RunError(
            f"Expected one group for each image, got {', '.join(own)} for {image}. "
            "Try one name in the column group in all rows of an image."
        )
    unit = pl.struct(pl.col("group"), pl.when(pl.col("group").is_null()).then("image"))
    codes = each.sort("image").select(unit.rank("dense"))
    return codes.to_series().to_numpy().astype(np.int64)
