"""Of which test images a run keeps pictures and maps: of all while they are few, else of a sample.

    `--keep-maps N`  ->  N images, drawn at random, the same in images.npz and in each file of maps

The table has a row of every image either way.
"""

import numpy as np

from campare.errors import RunError
from campare.types import Ints

#: Of how many test images, unless it is said.
KEPT = 1000

#: What can be said: a number, 'all' or 'none'.
Keep = int | str


def number_of(keep: Keep) -> int | None:
    """Of how many images pictures and maps are kept; None: of all.

    Raises:
        RunError: anything else.

    Example:
        >>> number_of("all"), number_of("none"), number_of("500")
        (None, 0, 500)
    """
    if keep in ("all", "none"):
        return None if keep == "all" else 0
    text = str(keep)
    if isinstance(keep, bool) or not (text.isascii() and text.isdigit() and len(text) < 10):
        raise RunError(
            f"Expected a number of images to keep maps of, all or none, got {text[:80]!r}. "
            f"Try: {KEPT}"
        )
    return int(text)


def kept(total: int, most: int | None) -> Ints:
    """Which of `total` images are kept, in their order: at most `most`, drawn at random.

    The same numbers give the same images. None: all.

    Example:
        >>> kept(3, None).tolist(), kept(3, 5).tolist(), kept(3, 0).tolist()
        ([0, 1, 2], [0, 1, 2], [])
    """
    if most is None or total <= most:
        return np.arange(total)
    return np.sort(np.random.default_rng(0).permutation(total)[:most])
