"""Which image of a folder a name means that stands in another file, or is that of a mask.

`train/cat/1.png`, `cat/1.png` and `1.png` are the same image as long as no other one fits; the
suffix may be missing.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from campare.errors import DataError


class Names:
    """Finds the image that a name in some other file means.

    Example:
        >>> names = Names(["train/cat/1.png", "train/dog/1.png"])
        >>> names.find(("cat/1",), where="boxes.csv line 2")
        'train/cat/1.png'
    """

    def __init__(self, images: Iterable[str]) -> None:
        self._images = {_composed(image): image for image in images}
        self._fitting: dict[str, list[str]] = defaultdict(list)
        for image in sorted(self._images):
            for name in _short_names(image):
                self._fitting[name].append(self._images[image])

    def under(self, folder: str) -> "Names":
        """Those of the images in a folder and below, or all where none is."""
        if folder in ("", "."):
            return self
        inside = [image for image in self._images.values() if image.startswith(f"{folder}/")]
        return Names(inside) if inside else self

    def fits(self, *names: str) -> bool:
        """Whether a name means some image."""
        return any(_composed(name) in self._fitting for name in names)

    def find(self, candidates: tuple[str, ...], *, where: str) -> str:
        """The id of the image that the first fitting candidate means.

        Raises:
            DataError: no candidate fits an image, or one fits several and no other decides.
        """
        several: list[str] = []
        for candidate in candidates:
            name = _composed(PurePosixPath(candidate.replace("\\", "/")).as_posix())
            if name in self._images:
                return self._images[name]
            fitting = self._fitting.get(name, [])
            if len(fitting) == 1:
                return fitting[0]
            several = several or fitting
        if several:
            raise DataError(
                f"Expected {where} to name one image, got {candidates[0]!r}, which fits "
                f"{several[0]} and {several[1]}. Try the path below the data folder."
            )
        raise DataError(
            f"Expected {where} to belong to an image of the data folder, got "
            f"{' or '.join(map(repr, candidates))}, which fits none. Try the path below the "
            "data folder, such as 'train/cat/1.png'."
        )


def _composed(name: str) -> str:
    """Letters with their accents as one character, as not all systems write them."""
    return unicodedata.normalize("NFC", name)


def _short_names(image: str) -> Iterator[str]:
    """Every ending of a path, with and without the suffix."""
    path = PurePosixPath(image)
    for start in range(len(path.parts)):
        ending = PurePosixPath(*path.parts[start:])
        yield ending.as_posix()
        yield ending.with_suffix("").as_posix()
