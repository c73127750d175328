"""MVTec AD and data sets of its layout (BTAD, MPDD): a class for each kind of defect, and good.

[PRODUCT/]train/good/000.png      [PRODUCT/]test/scratch/000.png
[PRODUCT/]ground_truth/scratch/000_mask.png
"""

from collections import defaultdict
from pathlib import PurePosixPath

from campare.data.annotations import Annotation
from campare.data.formats.items import Contents, Files, Item, LeftOut, Reading
from campare.data.formats.pictures import read_mask_slices
from campare.data.masks import values_by_class
from campare.data.shapes import rle_of
from campare.data.vocabulary import split_of

TRUTH = "ground_truth"


def read(files: Files, reading: Reading) -> Contents:
    """The images of all products with their masks; an image of a defect without one has none."""
    left_out = LeftOut()
    masks = defaultdict(list)
    for path in files.images:
        parts = PurePosixPath(path).parts
        if TRUTH in parts[:-2]:
            product = parts[: parts.index(TRUTH)]
            stem = PurePosixPath(path).stem.removesuffix("_mask")
            masks[(*product, parts[-2], stem)].append(path)
    values = values_by_class(reading.mask_values, sorted({key[-2] for key in masks}))
    items, used = [], []
    for path in files.images:
        parts = PurePosixPath(path).parts
        at = next((i for i, part in enumerate(parts[:-2]) if split_of(part)), None)
        if TRUTH in parts:
            continue
        if at is None or len(parts) != at + 3:
            left_out.images["not in PRODUCT/train or test/KIND"].append(path)
            continue
        label, key = parts[-2], (*parts[:at], parts[-2], PurePosixPath(path).stem)
        annotations = []
        for mask in masks.pop(key, []):
            (inside,) = read_mask_slices(files.root / mask, values.get(label))
            annotations.append(Annotation((path,), rle_of(inside), mask, label, inside.shape))
            used.append(mask)
        items.append(
            Item(path, files.root / path, (label,), tuple(annotations), split_of(parts[at]))
        )
    for rest in masks.values():
        left_out.annotations["of an image that is not there"] += rest
    return Contents("MVTec", tuple(items), left_out, tuple(used))
