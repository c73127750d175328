"""Small painted folders, and what the tests of folders ask of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from campare.data import ImageSet, Picture
from campare.errors import DataError

#: Four photos, and the pixels inside their masks.
FLAT = ("cat/1", "cat/2", "dog/1", "dog/2")
AREAS = {f"{name}.jpg": 8 * (4 + index) for index, name in enumerate(FLAT)}


def paint(path: Path, width: int = 12, height: int = 8, seed: int = 0, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng([seed, *str(path.name).encode()])
    Image.fromarray(noise.integers(0, 255, (height, width, 3), np.uint8)).save(path, **options)


def paint_mask(path: Path, box: tuple[int, int, int, int], width: int = 12, height: int = 8):
    mask = np.zeros((height, width), np.uint8)
    mask[box[1] : box[3], box[0] : box[2]] = 1
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


def picture(images: ImageSet, image: str) -> Picture:
    return images.read(next(s for s in images.samples if s.image == image))


def error_of(root: Path, **options) -> str:
    with pytest.raises(DataError) as caught:
        ImageSet.from_folder(root, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("Expected ")
    assert ", got" in text
    assert ". Try " in text
    return text.replace(f"{root}", "ROOT")


def ellipse(index: int) -> np.ndarray:
    """An object of 4 + index columns on 20 x 30 pixels."""
    mask = np.zeros((20, 30), np.bool_)
    mask[4:12, 3 : 7 + index] = True
    return mask


def photos(root, *names: str, suffix: str = ".jpg") -> None:
    """Photographs `<name><suffix>`, each with an index that tells its mask."""
    for index, name in enumerate(names):
        paint(root / f"{name}{suffix}", 30, 20, seed=index)


def masks(root, *names: str) -> None:
    for index, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((ellipse(index) * 255).astype(np.uint8)).save(root / f"{name}.png")


def found_masks(root, **options) -> dict[str, int]:
    """Pixels inside the mask of each image that has one."""
    images = ImageSet.from_folder(root, training=False, **options)
    return {
        sample.image: int(mask.sum())
        for sample in images.samples
        if (mask := images.read(sample).regions.get("object")) is not None
    }
