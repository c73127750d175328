"""The run directory: one folder that holds everything a study did.

    run.json                       manifest: settings, versions, seeds, data, finished cells
    models/<recipe>-<seed>.keras   and .json beside it: classes, learning curves, accuracy (.pt or
                                   .model where the user's own code trains)
    maps/<recipe>-<seed>.npz       raw float32 maps (N, h, w), one array a method
    images.npz                     the test images with their masks, and the part that a model sees
    scores/<recipe>-<seed>.parquet the rows of a finished cell
    comparison.json, report.html, figures/, tables/

Every file is written under another name and then renamed, so a stopped study leaves none half
done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from campare.errors import RunError
from campare.files import atomic, write_json
from campare.metrics import remember
from campare.runs.manifest import CellRecord, Manifest, read_manifest
from campare.types import SCORE_COLUMNS, Bools, Floats

if TYPE_CHECKING:
    import polars as pl

    from campare.data import Images

MANIFEST = "run.json"


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
    """A run directory that exists: its manifest, and its files as tables and arrays."""

    path: Path
    manifest: Manifest = field(repr=False)

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """Open the run directory at `path`.

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
        return run

    @classmethod
    def create(cls, path: str | Path, manifest: Manifest) -> "Run":
        """Make the run directory with its manifest."""
        run = cls(Path(path), manifest)
        run.write_manifest()
        return run

    def write_manifest(self) -> None:
        """Write the manifest as it is now."""
        write_json(self.path / MANIFEST, self.manifest.model_dump())

    def record(self, cell: Cell, **facts: Any) -> None:
        """Note facts of a cell (timings, accuracy, learning curves) in the manifest."""
        self.manifest.cells[cell.name] = CellRecord(recipe=cell.recipe, seed=cell.seed, **facts)
        # First, so that a stop between the two leaves no comparison that lacks a recorded cell.
        (self.path / "comparison.json").unlink(missing_ok=True)
        self.write_manifest()

    def model_path(self, cell: Cell, suffix: str = ".keras") -> Path:
        """Where the cell's trained model lies; with ".json" what is known of its training."""
        return self.path / "models" / f"{cell.name}{suffix}"

    def scores_path(self, cell: Cell) -> Path:
        """Where the cell's rows lie, once they are written."""
        return self.path / "scores" / f"{cell.name}.parquet"

    def finished(self, cell: Cell) -> bool:
        """Whether the cell counts: the manifest names it and its rows are there."""
        return self.scores_path(cell).is_file() and cell.name in self.manifest.cells

    def scores(self) -> "pl.DataFrame":
        """The table: the rows of all finished cells that the manifest names, in its order.

        Raises:
            RunError: no cell is finished.
        """
        import polars as pl

        cells = [Cell(one.recipe, one.seed) for one in self.manifest.cells.values()]
        order = {name: i for i, name in enumerate(self.recipes)}
        cells.sort(key=lambda cell: (order.get(cell.recipe, len(order)), cell.seed))
        paths = [self.scores_path(cell) for cell in cells if self.finished(cell)]
        if not paths:
            raise RunError(
                f"Expected finished cells in {self.path}, got none. Try: the study's command again"
            )
        tables = [pl.read_parquet(path) for path in paths]
        none = pl.lit(None, pl.String).alias("group")  # runs of 0.1.0 had no such column
        return pl.concat(
            (t if "group" in t.columns else t.with_columns(none)).select(SCORE_COLUMNS)
            for t in tables
        )

    @property
    def recipes(self) -> tuple[str, ...]:
        """The names of the recipes, in the order of the study."""
        return tuple(recipe.name for recipe in self.manifest.recipes)

    def maps(self, recipe: str, seed: int) -> dict[str, Floats]:
        """Raw maps of a cell by method, each (N, h, w), in the order of `images()`."""
        path = self.path / "maps" / f"{Cell(recipe, seed).name}.npz"
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}

    def write_maps(self, cell: Cell, arrays: Mapping[str, Floats]) -> None:
        """Write the raw maps of a cell."""
        with atomic(self.path / "maps" / f"{cell.name}.npz") as part, part.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    def write_scores(self, cell: Cell, rows: "pl.DataFrame") -> None:
        """Write the rows of a cell; they count once the cell is recorded, too."""
        with atomic(self.scores_path(cell)) as part:
            rows.write_parquet(part)

    def images(self) -> "Images":
        """The test images with labels, names and masks."""
        from campare.data import Images

        with np.load(self.path / "images.npz", allow_pickle=False) as arrays:
            images = arrays["images"]
            shape = images.shape[:3]
            regions = {
                name.removeprefix("region:"): np.unpackbits(
                    arrays[name], count=int(np.prod(shape))
                ).reshape(shape).astype(bool)
                for name in arrays.files
                if name.startswith("region:")
            }  # fmt: skip
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
        """Of each mosaic the test images that it shows, as they are drawn from those kept here.

        {} where images have groups, which are the units then, or where no images are kept.
        """
        from campare.data import Images
        from campare.metrics.mosaic import shown_on

        path = self.path / "images.npz"
        if not path.is_file():
            return {}
        with np.load(path, allow_pickle=False) as arrays:
            if "groups" in arrays:
                return {}
            labels, names = arrays["labels"], tuple(map(str, arrays["names"]))
            classes = tuple(map(str, arrays["classes"]))
            several: Bools = np.zeros(len(labels), np.bool_)
            if "region:other" in arrays:
                shape = np.shape(arrays["images"])[:3]
                bits = np.unpackbits(arrays["region:other"], count=int(np.prod(shape)))
                several = np.asarray(bits.reshape(len(labels), -1).any(axis=1))
        blank = np.zeros((len(labels), 2, 2, 3), np.uint8)
        return shown_on(Images(blank, labels, names, {}, classes), several)

    def windows(self) -> dict[str, NDArray[np.float64]]:
        """Arm -> the part of each of `images()` that its models see, where that is not all of it.

        Shapes: (N, 4), top, left, bottom and right in shares of the picture, as
        `Framing.rectangle` has them; `campare.attribution.maps.within` puts a map there.
        """
        with np.load(self.path / "images.npz", allow_pickle=False) as arrays:
            return {
                name.removeprefix("window:"): arrays[name]
                for name in arrays.files
                if name.startswith("window:")
            }

    def write_images(
        self, images: "Images", windows: Mapping[str, NDArray[np.float64]] | None = None
    ) -> None:
        """Keep the test images, masks as bits, and the parts of them that models see."""
        arrays = {
            "images": images.images,
            "labels": images.labels,
            "names": np.array(images.names),
            "classes": np.array(images.class_names),
        }
        if images.groups:
            arrays["groups"] = np.array([group or "" for group in images.groups])
        arrays |= {f"region:{name}": np.packbits(mask) for name, mask in images.regions.items()}
        arrays |= {f"window:{arm}": parts for arm, parts in (windows or {}).items()}
        with atomic(self.path / "images.npz") as part, part.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
