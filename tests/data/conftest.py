"""Painted folders of images."""

import pytest
from painting import paint


@pytest.fixture
def split_folder(tmp_path):
    """Two images of cat and dog in train, one in test."""
    root = tmp_path / "pets"
    for name in ("cat", "dog"):
        paint(root / "train" / name / "1.png")
        paint(root / "train" / name / "2.jpg")
        paint(root / "test" / name / "3.png")
    return root


@pytest.fixture
def flat_folder(tmp_path):
    """Eight images a class, no split."""
    root = tmp_path / "flat"
    for name in ("cat", "dog"):
        for index in range(8):
            paint(root / name / f"{index}.png")
    return root
