"""Which files of a folder are masks, and of which region of which image.

They lie in the folders that README names, in others whose names mean masks, or beside their images.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath
from shlex import quote

from campare.data.names import Names
from campare.data.tree import REGION_FOLDERS, MaskFolder, Tree, is_image
from campare.data.vocabulary import without_mask_word
from campare.errors import DataError

#: image -> region -> its mask files.
Masks = dict[str, dict[str, tuple[str, ...]]]


def masks_beside(tree: Tree, images: Collection[str]) -> dict[str, str]:
    """Masks among the images: file -> its image.

    `1_mask.png` is the mask of `1.jpg` beside it, and so is `1.png`, if all such files are masks.
    """
    by_stem: dict[str, list[str]] = defaultdict(list)
    for image in images:
        by_stem[PurePosixPath(image).with_suffix("").as_posix()].append(image)
    named: dict[str, str] = {}
    for image in images:
        path = PurePosixPath(image)
        stem = without_mask_word(path.stem)
        of = by_stem.get(path.with_name(stem).as_posix(), []) if stem else []
        if len(of) == 1:
            named[image] = of[0]
    pairs = [found for found in by_stem.values() if len(found) == 2]
    by_suffix = {tuple(PurePosixPath(file).suffix for file in sorted(pair)) for pair in pairs}
    twins: dict[str, str] = {}
    if len(by_suffix) == 1:
        for at in (0, 1):
            masks = [sorted(pair)[at] for pair in pairs]
            others = [sorted(pair)[1 - at] for pair in pairs]
            if tree.holds_masks(masks) and not tree.holds_masks(others):
                twins = dict(zip(masks, others, strict=True))
    return (named if tree.holds_masks(sorted(named)) else {}) | twins


def find_masks(
    tree: Tree,
    names: Names,
    elsewhere: Sequence[MaskFolder],
    beside: Mapping[str, str],
) -> Masks:
    """Mask files of each image.

    Raises:
        DataError: a mask of no image, or two masks of one region for one image.
    """
    masks: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)

    def add(image: str, region: str, path: str) -> None:
        earlier = masks[image].get(region, ())
        if earlier and not _is_numbered(path, earlier[0]):
            raise DataError(
                f"Expected one {region} mask for image {image}, got {earlier[0]} and {path}. "
                "Try to remove one."
            )
        masks[image][region] = (*earlier, path)

    for region, folder_name in REGION_FOLDERS.items():
        inside = list(filter(is_image, tree.inside(folder_name)))
        if inside and not names.fits(*_mask_names(inside[0].partition("/")[2])):
            _require_masks(tree, folder_name, inside)
        for path in inside:
            add(names.find(_mask_names(path.partition("/")[2]), where=path), region, path)
    for folder in elsewhere:
        near = names.under(folder.above)
        of_class = without_mask_word(folder.name)
        if of_class:  # cat_masks/1.png is of cat/1.jpg
            near = near.under(f"{folder.above}/{of_class}".removeprefix("/"))
        for path in folder.files:
            parts = PurePosixPath(path.removeprefix(f"{folder.path}/")).parts
            endings = ("/".join(parts[start:]) for start in range(len(parts)))
            candidates = tuple(name for below in endings for name in _mask_names(below))
            add(near.find(candidates, where=path), "object", path)
    for path, image in beside.items():
        add(image, "object", path)
    return dict(masks)


def _require_masks(tree: Tree, folder: str, files: Sequence[str]) -> None:
    """Refuse a folder called masks or parts that is a class."""
    if not tree.holds_masks(files):
        old, new = (quote(f"{tree.root / folder}{end}") for end in ("", "-class"))
        raise DataError(
            f"Expected masks in {tree.root / folder}, got photographs, such as {files[0]}. "
            f"Try another name, if it is a class: mv {old} {new}"
        )


def _mask_names(below: str) -> tuple[str, ...]:
    """What a mask may call its image: its own name, and that without `_mask`."""
    path = PurePosixPath(below).with_suffix("")
    stem = without_mask_word(path.name)
    return (str(path), str(path.with_name(stem))) if stem else (str(path),)


def _is_numbered(path: str, earlier: str) -> bool:
    """Whether two masks are parts of one: `1_mask.png` and `1_mask_1.png` in one folder."""
    a, b = PurePosixPath(path), PurePosixPath(earlier)
    stem = without_mask_word(a.stem)
    return a.parent == b.parent and stem is not None and stem == without_mask_word(b.stem)
