"""A run in FiftyOne: a data set of its images, with every cell's heatmaps, answers and scores.

The pictures that the run keeps are written as PNG files, which FiftyOne shows; maps are of these.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from PIL import Image

from campare.attribution.fiftyone import add, field_name, heatmap, library
from campare.attribution.method import find
from campare.data.samples import Images
from campare.errors import CampareError
from campare.files import atomic
from campare.runs.run import Run
from campare.trackers.logged import Logged

#: Of a data set, the run that it was written from.
_OF = "campare"

#: (image, method) -> metric -> value.
Scores = Mapping[tuple[str, str], Mapping[str, float]]


class FiftyOne:
    """Writes a data set into FiftyOne's database; that of an earlier log of the run is replaced.

    Args:
        name: of the data set; None: that of the run's folder.

    Raises:
        MissingExtraError: FiftyOne is not installed.
        CampareError: its database cannot be reached.
    """

    def __init__(self, name: str | None = None) -> None:
        self._fiftyone: Any = library()
        self.name = name

    def log(self, found: Logged) -> str:
        """Write a run; returns the data set's name and how it is looked at."""
        run = Run.open(found.path)
        images = run.images()
        if not len(images.names) or not images.pictures:
            held = "arrays" if len(images.names) else "none"
            raise CampareError(
                f"Expected a run that keeps pictures, got {held} in {found.path}. "
                "Try: --keep-maps all, of pictures"
            )
        name = self.name or found.name
        where = str(found.path.resolve())
        self._free(name, where)
        files = _pictures(images, found.path / "fiftyone")
        dataset = self._fiftyone.Dataset(name, persistent=True)
        dataset.info = {**found.params, _OF: where}
        dataset.description = found.answers.partition("\n")[0].lstrip("# ")
        dataset.add_samples(self._samples(images, files, run.manifest.config.split), progress=False)
        windows = run.windows()
        heatmaps: list[str] = []
        for field, labels in self._fields(run, images, windows):
            while dataset.has_sample_field(field):  # `A+` and `A-` are both A
                field += "_"
            add(self._fiftyone, dataset, field, dict(zip(files, labels, strict=True)))
            heatmaps += [field] if isinstance(labels[0], self._fiftyone.Heatmap) else []
        # What is ticked when the app opens: the answers of all cells would hide the pictures.
        shown = [one for one in ("ground_truth", *heatmaps[:1]) if dataset.has_sample_field(one)]
        dataset.app_config.active_fields = self._fiftyone.ActiveFields(paths=shown)
        dataset.save()
        return f"{name}, {len(files)} images; see them by: fiftyone app launch {name}"

    def _free(self, name: str, where: str) -> None:
        """Remove what an earlier log of this run wrote; any other data set is left and refused."""
        if not self._fiftyone.dataset_exists(name):
            return
        if self._fiftyone.load_dataset(name).info.get(_OF) != where:
            raise CampareError(
                f"Expected a name for a new data set of FiftyOne, got {name!r}, which there is. "
                "Try: --to fiftyone:NAME with another one"
            )
        self._fiftyone.delete_dataset(name)

    def _samples(self, images: Images, files: list[str], split: str) -> list[Any]:
        """A sample for each picture: its name, its class, its group and its masks."""
        fiftyone, classes = self._fiftyone, images.class_names
        groups = images.groups or (None,) * len(files)
        found = []
        for i, (file, name, group) in enumerate(zip(files, images.names, groups, strict=True)):
            label = int(images.labels[i])
            sample = fiftyone.Sample(filepath=file, tags=[split], image=name)
            if label >= 0:
                sample["ground_truth"] = fiftyone.Classification(label=classes[label])
            if group is not None:
                sample["group"] = group
            for region, masks in images.regions.items():
                mask = np.asarray(masks[i], np.uint8)
                sample[field_name(region)] = fiftyone.Segmentation(mask=mask)
            found.append(sample)
        return found

    def _fields(
        self, run: Run, images: Images, windows: Mapping[str, Any]
    ) -> Iterator[tuple[str, list[Any]]]:
        """A field for each cell, and one for each of its methods, with a label for each image."""
        table = pl.concat(run.tables()).filter(pl.col("image").is_in(images.names))
        for record in run.manifest.cells.values():
            cell = (record.recipe, record.seed)
            scores, predicted = _scores(table.filter(recipe=cell[0], seed=cell[1]).collect())
            answers = [
                self._fiftyone.Classification(label=predicted.get(name), **_own(scores, name, "-"))
                for name in images.names
            ]
            yield field_name(*cell), answers
            seen = windows.get(record.recipe)
            for method, maps in run.maps(*cell).items():
                signed = find(method).signed
                heatmaps = [
                    heatmap(
                        self._fiftyone,
                        maps[i],
                        signed=signed,
                        window=() if seen is None else seen[i],
                        **_own(scores, name, method),
                    )
                    for i, name in enumerate(images.names)
                ]
                yield field_name(*cell, method), heatmaps


def _own(scores: Scores, image: str, method: str) -> dict[str, float]:
    """What was measured of an image by a method, by names of fields."""
    own = scores.get((image, method), {})
    return {field_name(metric): value for metric, value in own.items()}


def _scores(rows: pl.DataFrame) -> tuple[Scores, dict[str, str]]:
    """The values that rows of a cell have for each image, and the class that it predicts."""
    answers = rows.filter(pl.col("prediction").is_not_null()).select("image", "prediction")
    values = rows.filter(pl.col("status") == "ok", pl.col("value").is_not_null())
    found: dict[tuple[str, str], dict[str, float]] = {}
    for image, method, metric, value in values.select(
        "image", "method", "metric", "value"
    ).iter_rows():
        found.setdefault((image, method), {})[metric] = value
    return found, dict(answers.iter_rows())


def _pictures(images: Images, folder: Path) -> list[str]:
    """The pictures as files in a folder; returns their absolute paths."""
    paths = []
    for i, picture in enumerate(images.images):
        path = folder.absolute() / f"{i:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as part:
            Image.fromarray(picture).save(part, "PNG")
        paths.append(str(path))
    return paths
