"""Small painted folders, and what the tests of folders ask of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from campare.data import ImageSet, Picture
from campare.errors import DataError


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
