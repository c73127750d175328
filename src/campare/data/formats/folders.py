"""Class folders whose files campare's own folder does not take: DICOM, NIfTI, HEIC, 16-bit PNG.

    PATH/[train|val|test/]<class>/[<group>/]<name>.<dcm|nii.gz|heic|png|...>
    PATH/masks/[train|val|test/]<class>/[<group>/]<name>.<nii.gz|dcm|png>

A volume gives an image for each slice; all slices of a volume are a group.
"""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from campare.data.annotations import Annotation
from campare.data.formats.items import Contents, Files, Item, LeftOut, Reading
from campare.data.formats.pictures import read_mask_slices, slices_of
from campare.data.masks import Value, values_by_class
from campare.data.shapes import rle_of
from campare.data.vocabulary import split_of
from campare.errors import DataError
from campare.types import Bools

MASKS = "masks"


def read(files: Files, reading: Reading) -> Contents:
    """Every image or slice of a volume below a class folder, with its mask."""
    left_out, items, used = LeftOut(), [], []
    masks = {_stem(p.partition("/")[2]): p for p in files.images if p.startswith(f"{MASKS}/")}
    located = _located(files, left_out)
    names = sorted({label for _, label in located.values()})
    values = values_by_class(reading.mask_values, names)
    for path, (split, label) in located.items():
        mask = masks.pop(_stem(path), None)
        used += [mask] if mask else []
        items += _items(files, path, mask, label, split, values, reading, left_out)
    for rest in masks.values():
        left_out.annotations["mask of an image that is not there"].append(rest)
    return Contents("class folders", tuple(items), left_out, tuple(used))


def _located(files: Files, left_out: LeftOut) -> dict[str, tuple[str | None, str]]:
    """Image -> (split, class) by its folders."""
    found = {}
    for path in files.images:
        parts = PurePosixPath(path).parts
        if parts[0] == MASKS:
            continue
        split = split_of(parts[0]) if len(parts) > 2 else None
        if len(parts) < (3 if split else 2):
            left_out.images["in no class folder"].append(path)
        else:
            found[path] = split, parts[1] if split else parts[0]
    return found


def _stem(path: str) -> str:
    """A path without its suffix, both of them for .nii.gz, and without `_mask`."""
    pure = PurePosixPath(path)
    pure = pure.with_suffix("") if path.lower().endswith(".gz") else pure
    return pure.with_suffix("").as_posix().removesuffix("_mask")


def _items(
    files: Files,
    path: str,
    mask: str | None,
    label: str,
    split: str | None,
    values: Mapping[str, Sequence[Value]],
    reading: Reading,
    left_out: LeftOut,
) -> list[Item]:
    """The image, or the slices of the volume, that are wanted."""
    count = slices_of(files.root / path)
    inside = read_mask_slices(files.root / mask, values.get(label)) if mask else []
    if inside and len(inside) != (count or 1):
        raise DataError(
            f"Expected a mask of {count or 1} slices for {path}, got {len(inside)} in {mask}. "
            "Try to make the mask anew from that volume."
        )
    shown = {label: inside} if inside else {}
    if mask and len(set(map(tuple, values.values()))) > 1:
        shown |= {n: read_mask_slices(files.root / mask, values[n]) for n in values if n != label}

    def annotations(at: int) -> tuple[Annotation, ...]:
        """The image's own area, and those of other classes where `values` tell them apart."""
        areas = {n: of[at] if n == label else of[at] & ~inside[at] for n, of in shown.items()}
        return tuple(
            Annotation((path,), rle_of(area), str(mask), name, area.shape)
            for name, area in areas.items()
            if name == label or area.any()
        )

    if count is None:
        return [Item(path, files.root / path, (label,), annotations(0), split)]
    wanted = _wanted(count, inside, reading)
    if reading.slices != "middle":
        reason = "slice without a mask" if inside else "slice"
        left_out.images[reason] += [f"{path}#{at}" for at in range(count) if at not in wanted]
    else:
        left_out.images["slice that is not the middle one"] += [
            f"{path}#{at}" for at in range(count) if at not in wanted
        ]
    return [
        Item(
            f"{path}#{at:03d}", files.root / path, (label,), annotations(at), split, _stem(path), at
        )
        for at in wanted
    ]


def _wanted(count: int, inside: list[Bools], reading: Reading) -> list[int]:
    if reading.slices == "middle":
        return [count // 2]
    if reading.slices == "all" or not inside:
        return list(range(count))
    return [at for at in range(count) if inside[at].any()]
