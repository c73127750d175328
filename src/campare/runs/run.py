"""The run directory: one folder that holds everything a study did, as a database of files.

    run.json                       manifest: settings, versions, seeds, data, what cells gave
    cells/<recipe>-<seed>.json     of a finished cell: what it gave, and the seals of its files
    models/<recipe>-<seed>.keras   and .json beside it: classes, learning curves, accuracy (.pt or
                                   .model where the user's own code trains)
    maps/<recipe>-<seed>.npz       raw float32 maps (N, h, w), one array a method
    images.npz                     the test images with their masks, and the part that a model sees;
                                   of many images a sample (`kept`), as of the maps
    scores/<recipe>-<seed>.parquet the rows of a cell
    comparison.json, report.html, figures/, tables/     and outputs.json, their seals

Every file is written under another name and then renamed, and the record of a cell comes last, so a
study that is stopped at any moment leaves finished cells and others. Records are sealed and name
files with their seals: what is not as it was written does not count, and is said in `Run.faults`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from campare.errors import CampareError, RunError, last_words
from campare.files import atomic, is_file, plain, read_sealed, write_sealed
from campare.metrics import remember
from campare.runs.arrays import packed, write_arrays
from campare.runs.conditions import conditions
from campare.runs.failures import failure_path, read_failures
from campare.runs.manifest import CellRecord, Manifest, read_manifest
from campare.runs.records import read_records, record_path
from campare.runs.seals import Fault, Seal
from campare.runs.tables import BATCH, NO_ROWS, TableError, scan_file, scan_table
from campare.types import Array, Bools, Floats

if TYPE_CHECKING:
    import polars as pl

    from campare.data import Images

MANIFEST = "run.json"
IMAGES = "images.npz"
#: Of the files of models, by who trained them: Keras, torch, or the user's own code.
SUFFIXES = (".keras", ".pt", ".model")


@dataclass(frozen=True)
class Cell:
    """One recipe trained with one seed."""

    recipe: str
    seed: int

    @property
    def name(self) -> str:
        """`<recipe>-<seed>`: the stem of the cell's files."""
        return f"{self.recipe}-{self.seed}"


@dataclass(frozen=True)
class Run:
    """A run directory that exists: its manifest, and its files as tables and arrays.

    Attributes:
        path: the directory.
        manifest: with the cells that count alone.
        faults: what is not as it was written; rows of such cells are left out.
    """

    path: Path
    manifest: Manifest = field(repr=False)
    faults: list[Fault] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def open(cls, path: str | Path, *, deep: bool = False) -> "Run":
        """Open the run directory at `path`.

        The rows of every cell are compared with their seals; of maps, models and images only the
        sizes, unless `deep`.

        Raises:
            RunError: there is none, or its manifest cannot be read or is a newer version's.
        """
        path = Path(path)
        manifest = path / MANIFEST
        if not manifest.is_file():
            raise RunError(
                f"Expected a run directory with {MANIFEST}, got {path}. "
                "Try: campare study DATA --out RUN"
            )
        run = cls(path, read_manifest(manifest))
        for facts in run.manifest.config.own_metrics.values():
            remember(facts)
        run._count_cells(deep=deep)
        return run

    def _count_cells(self, *, deep: bool) -> None:
        """Bring the records of cells together, and leave out the cells that are not as written."""
        found, faults = read_records(self.path, self.manifest)
        self.faults.extend(faults)
        self.manifest.cells.update(found)
        self.manifest.failures = read_failures(self.path)
        for name, record in list(self.manifest.cells.items()):
            faults = list(self._faults_of(record, deep=deep))
            self.faults.extend(faults)
            if any(fault.file == _scores(name) for fault in faults) or (deep and faults):
                del self.manifest.cells[name]
        for name, seal in self.manifest.files.items():
            if text := seal.broken(self.path / name, deep=deep):
                self.faults.append(Fault(name, text))

    def _faults_of(self, record: CellRecord, *, deep: bool) -> Iterator[Fault]:
        """What is wrong with the files of a cell."""
        scores = _scores(record.name)
        for name, seal in record.files.items():
            if text := seal.broken(self.path / name, deep=deep or name == scores):
                yield Fault(name, text, record.name)

    @classmethod
    def create(cls, path: str | Path, manifest: Manifest) -> "Run":
        """Make the run directory with its manifest."""
        run = cls(Path(path), manifest)
        run.write_manifest()
        return run

    def write_manifest(self) -> None:
        """Write the manifest as it is now."""
        write_sealed(self.path / MANIFEST, self.manifest.model_dump())

    def record(self, cell: Cell, **facts: Any) -> CellRecord:
        """Note that a cell is finished, with facts of it (timings, accuracy, learning curves).

        Any process may do so: the record is a file of its own. The manifest has it once it is
        written again.
        """
        record = CellRecord(
            recipe=cell.recipe,
            seed=cell.seed,
            **facts,
            rows=self._height(cell),
            kept=self.manifest.config.kept,
            files={name: Seal.of(self.path / name) for name in self._files_of(cell)},
            terms=self.manifest.terms_of(cell.recipe, cell.seed),
            conditions=conditions(),
        )
        # First, so that a stop between the two leaves no comparison that lacks a recorded cell.
        (self.path / "comparison.json").unlink(missing_ok=True)
        write_sealed(record_path(self.path, cell.name), record.model_dump())
        self.manifest.cells[cell.name] = record
        self.forget_failure(cell)
        return record

    def forget_failure(self, cell: Cell) -> None:
        """Note that a cell, which is finished, did not fail when it was last tried."""
        failure_path(self.path, cell.name).unlink(missing_ok=True)
        self.manifest.failures.pop(cell.name, None)

    def read_record(self, cell: Cell) -> None:
        """Take over the record of a cell that another process may have finished.

        Raises:
            RunError: it is not there: the workers write elsewhere.
        """
        path = record_path(self.path, cell.name)
        try:
            record = CellRecord.model_validate(read_sealed(path))
        except (OSError, ValueError) as error:
            raise RunError(
                f"Expected the record of {cell.name} in {path}, got {last_words(error)}. "
                "Try: --out on storage that all workers share"
            ) from error
        self.manifest.cells[cell.name] = record
        self.forget_failure(cell)

    def _height(self, cell: Cell) -> int | None:
        import polars as pl

        path = self.scores_path(cell)
        if not path.is_file():
            return None
        return int(scan_file(path).select(pl.len()).collect().item())

    def _files_of(self, cell: Cell) -> list[str]:
        """The files of a cell that are there: rows, maps, its model and what is known of it."""
        names = [_scores(cell.name), f"maps/{cell.name}.npz", f"models/{cell.name}.json"]
        paths = [self.path / name for name in names]
        for model in (self.model_path(cell, suffix) for suffix in SUFFIXES):
            paths += sorted(model.rglob("*")) if model.is_dir() else [model]
        return [path.relative_to(self.path).as_posix() for path in paths if path.is_file()]

    def model_path(self, cell: Cell, suffix: str = ".keras") -> Path:
        """Where the cell's trained model lies; with ".json" what is known of its training."""
        return self.path / "models" / f"{cell.name}{suffix}"

    def scores_path(self, cell: Cell) -> Path:
        """Where the cell's rows lie, once they are written."""
        return self.path / _scores(cell.name)

    def finished(self, cell: Cell) -> bool:
        """Whether the cell counts: it is recorded, and all its files are there in their sizes."""
        record = self.manifest.cells.get(cell.name)
        if record is None or not is_file(self.scores_path(cell)):
            return False
        return not any(s.broken(self.path / n, deep=False) for n, s in record.files.items())

    def is_whole(self, cell: Cell) -> bool:
        """Whether the cell is recorded by now, by any process, and all its files are as written."""
        try:
            record = CellRecord.model_validate(read_sealed(record_path(self.path, cell.name)))
        except (OSError, ValueError):
            return False
        fits = record.terms == self.manifest.terms_of(cell.recipe, cell.seed)
        return fits and not any(self._faults_of(record, deep=True))

    def scores(self) -> "pl.DataFrame":
        """The table: the rows of all finished cells that the manifest names, in its order.

        Cells whose rows are not as they were written are left out; `faults` names them.

        Raises:
            RunError: no cell is finished, or a file that is as it was written holds no such rows.
        """
        import polars as pl

        try:
            return pl.concat(table.collect() for table in self.tables())
        except NO_ROWS as error:
            raise RunError(
                f"Expected rows of cells in {self.path}, got: {last_words(error)}. "
                "Try: the command of this run again with another --out"
            ) from error

    def tables(self) -> "list[pl.LazyFrame]":
        """The rows of `scores`, of each cell by themselves, checked and still to be read.

        Raises:
            RunError: no cell is finished.
        """
        cells = [Cell(one.recipe, one.seed) for one in self.manifest.cells.values()]
        order = {name: i for i, name in enumerate(self.recipes)}
        cells.sort(key=lambda cell: (order.get(cell.recipe, len(order)), cell.seed))
        tables = [table for cell in cells if (table := self._table(cell)) is not None]
        if not tables:
            raise RunError(
                f"Expected finished cells in {self.path}, got none. "
                "Try: the command of this run again"
            )
        return tables

    def _table(self, cell: Cell) -> "pl.LazyFrame | None":
        """The rows of a cell; None where they are not those that were recorded."""
        try:
            return scan_table(self.scores_path(cell), self.manifest.cells[cell.name])
        except TableError as error:
            fault = Fault(_scores(cell.name), str(error), cell.name)
        if fault not in self.faults:
            self.faults.append(fault)
        return None

    @property
    def source(self) -> str:
        """A digest of what a comparison is computed from: rows, settings, and this campare."""
        told = self.manifest.model_dump(exclude={"created", "command", "machine", "versions"})
        for part in (told["config"], *told["cells"].values()):
            del part["kept"]  # pictures are no rows
        facts = plain({**told, "by": version("campare"), "faults": [str(f) for f in self.faults]})
        return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @property
    def recipes(self) -> tuple[str, ...]:
        """The names of the recipes, in the order of the study."""
        return tuple(recipe.name for recipe in self.manifest.recipes)

    def _repr_html_(self) -> str:
        """For notebooks: each arm with its cells, and what is not as it was written."""
        columns = ("arm", "what it is", "replicates", "accuracy")
        rows = [self._arm(recipe.name, recipe.title) for recipe in self.manifest.recipes]
        lines = "".join(
            f"<tr>{''.join(f'<{tag}>{escape(text)}</{tag}>' for text in row)}</tr>"
            for tag, row in (("th", columns), *(("td", row) for row in rows))
        )
        faults = "".join(f"<p>Not as it was written: {escape(str(one))}</p>" for one in self.faults)
        return f"<p>Run of {escape(str(self.path))}</p><table>{lines}</table>{faults}"

    def _arm(self, name: str, title: str) -> tuple[str, ...]:
        """A row of the table of arms."""
        cells = [cell for cell in self.manifest.cells.values() if cell.recipe == name]
        known = [cell.accuracy for cell in cells if cell.accuracy is not None]
        accuracy = ", ".join(f"{value:.3f}" for value in known)
        return name, title, str(len(cells)), accuracy

    def maps(self, recipe: str, seed: int) -> dict[str, Floats]:
        """Raw maps of a cell by method, each (N, h, w), in the order of `images()`.

        Raises:
            RunError: they are missing, or not as they were written.
        """
        name = Cell(recipe, seed).name
        record = self.manifest.cells.get(name)
        with self._reading(f"maps/{name}.npz", record.files if record else {}) as arrays:
            return {method: arrays[method] for method in arrays}

    @contextmanager
    def _reading(self, name: str, seals: Mapping[str, Seal]) -> "Iterator[Mapping[str, Any]]":
        """A file of arrays, read one by one, if it is as it was written."""
        path = self.path / name
        wrong = seals[name].broken(path) if name in seals else None
        if wrong is None:
            try:
                with np.load(path, allow_pickle=False) as arrays:
                    yield arrays
                return
            except CampareError:
                raise
            except Exception as error:  # zipfile, zlib and NumPy's header raise many kinds
                wrong = "missing" if isinstance(error, FileNotFoundError) else last_words(error)
        raise RunError(
            f"Expected arrays as they were written in {path}, got: {wrong}. "
            "Try: the command of this run again, which mends it"
        )

    def write_maps(self, cell: Cell, arrays: Mapping[str, Floats]) -> None:
        """Write the raw maps of a cell."""
        with atomic(self.path / "maps" / f"{cell.name}.npz") as part, part.open("wb") as file:
            write_arrays(file, arrays, compressed=False)

    def write_scores(self, cell: Cell, rows: "pl.DataFrame | pl.LazyFrame") -> None:
        """Write the rows of a cell; they count once the cell is recorded, too."""
        with atomic(self.scores_path(cell)) as part:
            rows.lazy().sink_parquet(part, row_group_size=BATCH)

    def images(self) -> "Images":
        """The test images that are kept, with labels, names and masks: of many a sample."""
        from campare.data import Images

        with self._reading(IMAGES, self.manifest.files) as arrays:
            images = arrays["images"]
            _require_images(images, arrays["labels"], arrays["names"], arrays["classes"])
            regions = {
                name.removeprefix("region:"): _masks(arrays[name], images.shape[:-1])
                for name in arrays
                if name.startswith("region:")
            }
            return Images(
                images=images,
                labels=arrays["labels"],
                names=tuple(str(name) for name in arrays["names"]),
                regions=regions,
                class_names=tuple(str(name) for name in arrays["classes"]),
                groups=tuple(str(name) or None for name in arrays["groups"])
                if "groups" in arrays
                else (),
            )

    def mosaics(self) -> dict[str, tuple[int, ...]]:
        """Of each mosaic the test images that it shows.

        They are drawn from the images that are kept, or are kept themselves where these are a
        sample. {} where images have groups, which are the units then, or where nothing is kept.
        """
        from campare.data import Images
        from campare.metrics.mosaic import shown_on

        if IMAGES not in self.manifest.files and not (self.path / IMAGES).is_file():
            return {}
        with self._reading(IMAGES, self.manifest.files) as arrays:
            if "mosaics" in arrays:
                shown = zip(arrays["mosaic-names"], arrays["mosaics"].tolist(), strict=True)
                return {str(name): tuple(four) for name, four in shown}
            if "groups" in arrays:
                return {}
            _require_images(arrays["images"], arrays["labels"], arrays["names"], arrays["classes"])
            if arrays["images"].dtype != np.uint8:  # mosaics are of pictures
                return {}
            labels, names = arrays["labels"], tuple(map(str, arrays["names"]))
            classes = tuple(map(str, arrays["classes"]))
            several: Bools = np.zeros(len(labels), np.bool_)
            if "region:other" in arrays:
                masks = _masks(arrays["region:other"], np.shape(arrays["images"])[:3])
                several = np.asarray(masks.any(axis=(1, 2)))
        blank = np.zeros((len(labels), 2, 2, 3), np.uint8)
        return shown_on(Images(blank, labels, names, {}, classes), several)

    def windows(self) -> dict[str, NDArray[np.float64]]:
        """Arm -> the part of each of `images()` that its models see, where that is not all of it.

        Shapes: (N, 4), top, left, bottom and right in shares of the picture, as
        `Framing.rectangle` has them; `campare.attribution.maps.within` puts a map there.
        """
        with self._reading(IMAGES, self.manifest.files) as arrays:
            return {
                name.removeprefix("window:"): arrays[name]
                for name in arrays
                if name.startswith("window:")
            }

    def write_images(
        self,
        images: "Images",
        windows: Mapping[str, NDArray[np.float64]] | None = None,
        mosaics: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        """Keep test images, masks as bits, what of them models see, and their seal.

        Where they are a sample, `mosaics` are what `Run.mosaics` says.
        """
        arrays: dict[str, Array] = {
            "images": images.images,
            "labels": images.labels,
            "names": np.array(images.names, np.str_),
            "classes": np.array(images.class_names),
        }
        if images.groups:
            arrays["groups"] = np.array([group or "" for group in images.groups])
        arrays |= {f"region:{name}": packed(mask) for name, mask in images.regions.items()}
        arrays |= {f"window:{arm}": parts for arm, parts in (windows or {}).items()}
        if mosaics is not None:
            arrays["mosaic-names"] = np.array([*mosaics], np.str_)
            arrays["mosaics"] = np.array([*mosaics.values()], np.int64).reshape(-1, 4)
        with atomic(self.path / IMAGES) as part, part.open("wb") as file:
            write_arrays(file, arrays, compressed=True)
        self.manifest.files[IMAGES] = Seal.of(self.path / IMAGES)
        self.write_manifest()


def _require_images(images: Array, labels: Array, names: Array, classes: Array) -> None:
    """Raise ValueError where arrays are none of pictures with a label and a name each.

    Shapes: (N, H, W, 3) uint8, or (N, *grid, C) float32 of at least one axis, (N,) integers below
    K, (N,) and (K,) texts.
    """
    fits = (labels.ndim, names.ndim, classes.ndim) == (1, 1, 1)
    known = (images.dtype == np.uint8 and images.ndim == 4) or (
        images.dtype == np.float32 and images.ndim >= 3
    )
    if not fits or not known or not len(images) == len(labels) == len(names):
        raise ValueError(f"arrays of shapes {images.shape}, {labels.shape} and {names.shape}")
    if labels.dtype.kind not in "iu" or not ((labels >= 0) & (labels < len(classes))).all():
        raise ValueError(f"labels that are none of {len(classes)} classes")


def _masks(bits: Array, shape: tuple[int, ...]) -> Bools:
    """Masks (N, H, W) that were written as bits."""
    count = int(np.prod(shape))
    if bits.shape != (-(-count // 8),):
        raise ValueError(f"{bits.size:,} bytes of masks for {count:,} pixels")
    return np.unpackbits(bits, count=count).reshape(shape).astype(bool)


def _scores(name: str) -> str:
    return f"scores/{name}.parquet"
