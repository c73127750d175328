"""Pictures that were decoded, kept in memory up to a limit, so that no file is decoded twice.

A folder is indexed by decoding every file, and its images are loaded at the size of a model later.
"""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from campare.data.decode import Picture

#: Bytes that the pictures of a folder may take; those that come later are decoded again.
LIMIT = 2**29


class Kept:
    """Pictures by name, of at most `limit` bytes in all; the first that come stay.

    Copies for other processes are empty. The arrays cannot be written to.

    Example:
        >>> import numpy as np
        >>> kept = Kept(limit=100)
        >>> for name, side in (("small", 4), ("large", 40)):
        ...     kept.add(name, Picture(np.zeros((side, side, 3), np.uint8), {}))
        >>> kept.get("small").image.shape, kept.get("large")
        ((4, 4, 3), None)
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit, self.size = limit, 0
        self._pictures: dict[str, Picture] = {}
        self._lock = Lock()

    def add(self, name: str, picture: Picture) -> None:
        """Keep a picture, if there is room for it."""
        arrays = (picture.image, *picture.regions.values())
        size = sum(array.nbytes for array in arrays)
        with self._lock:
            if self.size + size > self.limit:
                return
            self.size += size
            self._pictures[name] = picture
        for array in arrays:
            array.flags.writeable = False

    def get(self, name: str) -> Picture | None:
        """The picture of that name; None where it is not kept."""
        return self._pictures.get(name)

    def __getstate__(self) -> Mapping[str, Any]:
        return {"limit": self.limit}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]
