"""Boxes around what a map marks, and the same as annotations of COCO.

    map -> scaled to [0, 1] -> at or above a threshold -> connected parts -> boxes

The thresholded boxes of Zhou et al. 2016 ("Learning deep features for discriminative
localization"), section 3.2, who take 0.2.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from campare.errors import CampareError
from campare.types import Array, Bools, Ints

#: Share of a map's range from which on a pixel is marked.
THRESHOLD = 0.2


class Part(NamedTuple):
    """A connected part of what a map marks.

    Attributes:
        box: top, left, bottom, right; the last two are the first row and column outside.
        mask: (H, W) bool.
        share: of the energy of the map that lies in it, in [0, 1].
    """

    box: tuple[int, int, int, int]
    mask: Bools
    share: float


def parts_of(heatmap: Array, threshold: float = THRESHOLD) -> list[Part]:
    """The connected parts (8 neighbors) of what a map (H, W) marks, the one of most energy first.

    Args:
        heatmap: values, of which those below 0 count as 0.
        threshold: share of the range of these, lowest to highest, in (0, 1].

    Returns:
        None of a map that is the same everywhere, or not finite.

    Raises:
        CampareError: a threshold that marks everything or nothing.

    Example:
        >>> one = np.zeros((4, 6))
        >>> one[1:3, 0:2] = 1
        >>> one[0, 5] = 0.5
        >>> [(part.box, part.share) for part in parts_of(one)]
        [((1, 0, 3, 2), 0.8888888888888888), ((0, 5, 1, 6), 0.1111111111111111)]
    """
    from skimage.measure import label, regionprops

    if not 0.0 < threshold <= 1.0:
        raise CampareError(
            f"Expected a threshold above 0 and up to 1, got {threshold}. Try: {THRESHOLD}"
        )
    positive = np.maximum(np.asarray(heatmap, np.float64), 0.0)
    low, high = positive.min(), positive.max()
    if not np.isfinite(high) or low == high:
        return []
    marked = label((positive - low) / (high - low) >= threshold, connectivity=2)
    total = positive.sum()
    found = []
    for region in regionprops(marked):
        top, left, bottom, right = map(int, region.bbox)
        mask = marked == region.label
        found.append(Part((top, left, bottom, right), mask, float(positive[mask].sum() / total)))
    return sorted(found, key=lambda part: -part.share)


def boxes_of(heatmap: Array, threshold: float = THRESHOLD) -> Ints:
    """The boxes (B, 4) of :func:`parts_of`, in its order.

    Example:
        >>> boxes_of(np.eye(3)).tolist()
        [[0, 0, 3, 3]]
    """
    return np.array([part.box for part in parts_of(heatmap, threshold)], np.int64).reshape(-1, 4)


def coco(
    maps: Array,
    *,
    names: Sequence[str],
    categories: Sequence[int],
    category_names: Sequence[str],
    usable: Bools,
    threshold: float = THRESHOLD,
) -> dict[str, list[dict[str, Any]]]:
    """Images, annotations and categories as COCO has them, ready for `json.dump`.

    Args:
        maps: (N, H, W).
        names: N file names.
        categories: (N,) the category that each map is of, an index of `category_names`.
        category_names: of all categories.
        usable: (N,) the maps that mark something; others get no annotation.
        threshold: as in :func:`parts_of`.

    Returns:
        An annotation for each part: `bbox` (left, top, width, height), `area`, `segmentation` as
        run lengths down the columns, and `score`, its share of the map's energy.

    Example:
        >>> found = coco(np.eye(3)[None], names=["a.png"], categories=[0], category_names=["cat"],
        ...              usable=np.array([True]))
        >>> found["annotations"][0]["bbox"], found["annotations"][0]["segmentation"]["counts"]
        ([0, 0, 3, 3], [0, 1, 3, 1, 3, 1])
    """
    height, width = maps.shape[1:]
    annotations: list[dict[str, Any]] = []
    for image, (heatmap, category) in enumerate(zip(maps, categories, strict=True), start=1):
        for part in parts_of(heatmap, threshold) if usable[image - 1] else []:
            top, left, bottom, right = part.box
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": int(category) + 1,
                    "bbox": [left, top, right - left, bottom - top],
                    "area": int(part.mask.sum()),
                    "iscrowd": 0,
                    "segmentation": {"size": [height, width], "counts": run_lengths(part.mask)},
                    "score": part.share,
                }
            )
    return {
        "images": [
            {"id": number, "file_name": name, "height": height, "width": width}
            for number, name in enumerate(names, start=1)
        ],
        "annotations": annotations,
        "categories": [
            {"id": number, "name": name} for number, name in enumerate(category_names, start=1)
        ],
    }


def run_lengths(mask: Bools) -> list[int]:
    """How many pixels outside, inside, outside and so on follow one another down the columns.

    Example:
        >>> run_lengths(np.array([[True, False], [True, False]]))
        [0, 2, 2]
    """
    flat = np.asarray(mask, bool).ravel(order="F")
    starts = np.flatnonzero(np.diff(flat, prepend=~flat[:1])) if flat.size else np.array([], int)
    lengths = np.diff(np.append(starts, flat.size))
    return [*([0] if flat.size and flat[0] else []), *map(int, lengths)]
