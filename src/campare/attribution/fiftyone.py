"""Maps as heatmaps of FiftyOne: raw values, with what is known of each as its attributes.

Heatmaps lie in FiftyOne's database at their own resolution; it enlarges them over the image.
"""

import math
import os.path
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from campare.attribution.maps import within
from campare.errors import CampareError
from campare.optional import require
from campare.types import Array, Floats

#: Cells a side up to which a map of a part of a picture is made finer, so that its border is.
_FINE = 256


def library() -> Any:
    """FiftyOne, connected to its database.

    Raises:
        MissingExtraError: FiftyOne is not installed.
        CampareError: its database cannot be reached.

    Example:
        >>> library().Heatmap.__name__  # doctest: +SKIP
        'Heatmap'
    """
    fiftyone = require("fiftyone", extra="fiftyone")
    try:
        fiftyone.list_datasets()
    except Exception as error:  # of pymongo, of FiftyOne's services or of its configuration
        said = " ".join(str(error).split()) or type(error).__name__
        raise CampareError(
            f"Expected FiftyOne with its database, got {type(error).__name__}: {said:.200}. "
            "Try: FIFTYONE_DATABASE_URI=mongodb://127.0.0.1:27017 with a MongoDB of your own"
        ) from error
    return fiftyone


def heatmap(
    fiftyone: Any, one: Array, *, signed: bool = False, window: Sequence[float] = (), **known: Any
) -> Any:
    """A map (h, w) as a Heatmap whose range is 0 to its maximum, with `known` as its attributes.

    Of a signed map the range is symmetric about 0. A map of a `window` of the picture, as
    `Framing.rectangle` has it, becomes one of the whole, with 0 around it. Of a map that is not
    finite there is no heatmap, only its attributes.

    Example:
        >>> from types import SimpleNamespace as Label
        >>> heatmap(Label(Heatmap=Label), np.array([[0.0, 2.0]]), energy=0.5)
        namespace(map=array([[0., 2.]], dtype=float32), range=[0.0, 2.0], energy=0.5)
    """
    attributes = {field_name(name): value for name, value in known.items()}
    if not np.isfinite(one).all():
        return fiftyone.Heatmap(**attributes)
    values: Floats = np.asarray(one, np.float32)
    if len(window) and tuple(window) != (0.0, 0.0, 1.0, 1.0):
        values = np.nan_to_num(within(values, window, _sides(values.shape, window)))
    most = float(np.abs(values).max()) or 1.0
    return fiftyone.Heatmap(map=values, range=[-most if signed else 0.0, most], **attributes)


def _sides(grid: tuple[int, ...], window: Sequence[float]) -> tuple[int, int]:
    """Rows and columns of a map of the whole picture, of whose `window` there is a `grid`."""
    top, left, bottom, right = window
    rows, columns = (max(cells, min(4 * cells, _FINE)) for cells in grid)
    return math.ceil(rows / (bottom - top)), math.ceil(columns / (right - left))


def add(fiftyone: Any, dataset: Any, field: str, labels: Mapping[str, Any]) -> None:
    """Put labels into a field of the samples of some files; samples that lack are added.

    `labels` is absolute path -> label. Their attributes become fields to filter and sort by.
    """
    known = set(dataset.values("filepath"))
    new = [fiftyone.Sample(filepath=path) for path in labels if path not in known]
    if new:
        dataset.add_samples(new, progress=False)
    dataset.set_values(field, labels, key_field="filepath")
    dataset.add_dynamic_sample_fields(fields=field)  # once, not of each value


def dataset_of(fiftyone: Any, name: Any) -> Any:
    """The data set of a name, made where there is none, which stays; a data set as it is."""
    if not isinstance(name, str):
        return name
    if fiftyone.dataset_exists(name):
        return fiftyone.load_dataset(name)
    return fiftyone.Dataset(name, persistent=True)


def absolute(files: Sequence[str | Path], number: int) -> list[str]:
    """The absolute paths of image files, one for each of `number` maps.

    Example:
        >>> absolute(["/tmp/a.png", "/tmp/b/../c.png"], 2)
        ['/tmp/a.png', '/tmp/c.png']
    """
    paths = [os.path.abspath(file) for file in files]  # noqa: PTH100  FiftyOne follows no links
    if len(set(paths)) != number or len(paths) != number:
        raise CampareError(
            f"Expected {number} different files, one for each map, got {len(set(paths))}. "
            "Try: the files of the images in the same order"
        )
    return paths


def field_name(*parts: object) -> str:
    """The name of a field, of letters, digits and underscores.

    Example:
        >>> field_name("scratch", 0, "grad-cam"), field_name("energy@matched")
        ('scratch_0_grad_cam', 'energy_matched')
    """
    return re.sub(r"\W+", "_", "_".join(map(str, parts))).strip("_") or "field"
