"""NIfTI volumes of a folder, whole, with their masks: what `Images.from_nifti` reads.

    scans/<class>/case.nii.gz, masks/<class>/case.nii.gz -> (N, D, H, W, 1), (N, D, H, W)

Slices come first, the rest is upright as one views it. Values stay as they are stored.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.ndimage import zoom

from campare.data.formats.pictures import read_mask_slices, read_volume
from campare.data.masks import Value
from campare.data.stored import zeros
from campare.data.vocabulary import NIFTI
from campare.errors import DataError
from campare.types import Array, Bools, Floats


def volume_files(folder: str | Path) -> list[Path]:
    """The NIfTI files of a folder, of its classes where it has folders for them, in order.

    Raises:
        DataError: no such folder, or none in it.
    """
    root = Path(folder)
    found = sorted(path for path in root.rglob("*") if path.name.lower().endswith(NIFTI))
    if not found:
        got = "none" if root.is_dir() else "no such folder"
        raise DataError(
            f"Expected NIfTI files (.nii, .nii.gz) in {root}, got {got}. "
            "Try: a folder of scans, with a folder for each class"
        )
    return found


def read_volumes(files: Sequence[Path], size: tuple[int, int, int] | None = None) -> Floats:
    """Volumes (N, D, H, W, 1), float32, as they are stored or resized linearly to `size`.

    Raises:
        DataError: a file is broken, or of another shape than the first where no size is given.
    """
    found: Array | None = None
    for at, file in enumerate(files):
        volume = np.moveaxis(read_volume(file), -1, 0)
        volume = _sized(volume, size, file, None if found is None else found.shape[1:4])
        if found is None:
            found = zeros((len(files), *volume.shape, 1), np.float32)
        found[at, ..., 0] = volume
    assert found is not None  # there is a file
    return found


def read_volume_masks(
    files: Sequence[Path],
    folder: str | Path,
    masks: str | Path,
    shape: tuple[int, ...],
    values: Sequence[Value] | None = None,
) -> Bools:
    """Masks (N, D, H, W) at the same path below `masks`; all False where a file has none.

    Raises:
        DataError: a mask of another shape than its volume, or no file has any.
    """
    inside = np.zeros(shape, np.bool_)
    known = 0
    for at, file in enumerate(files):
        path = Path(masks) / file.relative_to(folder)
        if not path.is_file():
            continue
        known += 1
        mask = np.stack(read_mask_slices(path, values))
        stored = np.moveaxis(read_volume(file), -1, 0).shape
        if mask.shape != stored:
            raise DataError(
                f"Expected a mask of shape {stored}, as its volume has, in {path}, got "
                f"{mask.shape}. Try to save it on the grid of the volume"
            )
        if mask.shape != shape[1:]:
            mask = _resized(mask.astype(np.float32), shape[1:]) >= 0.5
        inside[at] = mask
    if not known:
        raise DataError(
            f"Expected masks in {masks} at the paths of the volumes, got none. "
            f"Try: {Path(masks) / files[0].relative_to(folder)}"
        )
    return inside


def _sized(
    volume: Array, size: tuple[int, int, int] | None, file: Path, first: tuple[int, ...] | None
) -> Array:
    if size is not None:
        return _resized(np.asarray(volume, np.float32), size)
    if first is not None and volume.shape != first:
        raise DataError(
            f"Expected volumes of one shape, {first} as the first, got {volume.shape} in {file}. "
            f"Try: size={first}, to which all are resized"
        )
    return volume


def _resized(volume: Array, size: tuple[int, ...]) -> Array:
    """Linearly, with half-pixel centers and clamped edges, as maps are enlarged."""
    if volume.shape == tuple(size):
        return volume
    factors = [new / old for new, old in zip(size, volume.shape, strict=True)]
    resized: Array = zoom(volume, factors, order=1, mode="nearest", grid_mode=True)
    return resized
