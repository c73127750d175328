"""ImageSet: a labeled set of images, from a folder, drawn from a seed, or from memory."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from campare.data.dataset import read_dataset
from campare.data.drawn import drawn_set
from campare.data.folder import Grid, read_folder
from campare.data.given import read_given
from campare.data.groups import By
from campare.data.labels import Labels
from campare.data.masks import MaskValues
from campare.data.mirror import Mirror, local
from campare.data.samples import SampleSet
from campare.data.threads import Progress


@dataclass(frozen=True, repr=False)
class ImageSet(SampleSet):
    """A labeled set of images with a train and a test split, read on demand.

    Example:
        >>> ImageSet.drawn(train=4, test=4, size=32)
        ImageSet('drawn cat and dog', cat/dog, 4 train, 4 test)
    """

    @classmethod
    def from_folder(
        cls,
        path: str | os.PathLike[str],
        *,
        seed: int = 0,
        test_fraction: float = 0.25,
        training: bool = True,
        mask_values: MaskValues | None = None,
        labels: Labels | None = None,
        annotations_as: Grid | None = None,
        group: By | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """A folder of images, one folder a class: see :func:`campare.data.folder.read_folder`.

        The path may be a URL (s3://, gs://, hf://, https://), which is copied: see `mirror.py`.
        """
        with local(path, progress) as root:
            images = read_folder(
                Path(root),
                into=cls,
                seed=seed,
                test_fraction=test_fraction,
                training=training,
                mask_values=mask_values,
                labels=labels,
                annotations_as=annotations_as,
                group=group,
                progress=progress,
            )
        return images._from(root)

    @classmethod
    def from_dataset(
        cls, path: str | os.PathLike[str], format: str | None = None, **reading: Any
    ) -> Self:
        """A data set in the format of an annotation tool: see `data.dataset.read_dataset`.

        The path may be a URL, as in `from_folder`.
        """
        with local(path, reading.get("progress")) as root:
            images = read_dataset(Path(root), format, into=cls, **reading)
        return images._from(root)

    @classmethod
    def from_data(cls, data: Any, **reading: Any) -> Self:
        """What a program holds: arrays, or a data set of torch, tf.data or Hugging Face.

        See :func:`campare.data.given.read_given` and docs/data.md.

        Example:
            >>> import numpy as np
            >>> pixels = np.zeros((4, 8, 8, 3), np.uint8)
            >>> ImageSet.from_data((pixels, ["cat", "dog", "cat", "dog"]), training=False)
            ImageSet('images', cat/dog, 0 train, 4 test)
        """
        return read_given(data, into=cls, **reading)

    def _from(self, root: Mirror | Path) -> Self:
        """The set with the URL that it was copied from, where it was."""
        if not isinstance(root, Mirror):
            return self
        notes = (f"Copied from {root.url}", *self.inventory.notes)
        return replace(self, source=root.url, inventory=replace(self.inventory, notes=notes))

    @classmethod
    def drawn(
        cls,
        classes: Sequence[str] = ("cat", "dog"),
        *,
        train: int = 600,
        test: int = 200,
        size: int = 96,
        seed: int = 0,
        shortcut: float | None = None,
    ) -> Self:
        """Animals drawn from a seed, with exact masks: see :func:`campare.data.drawn.drawn_set`."""
        return drawn_set(
            classes=classes,
            train=train,
            test=test,
            size=size,
            seed=seed,
            shortcut=shortcut,
            into=cls,
        )
