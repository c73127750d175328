"""Names of files that a store or an archive says: each must become a file below one folder.

:func:`require_part` checks a name in its folder, :func:`require_apart` all of them together.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator

from campare.errors import DataError
from campare.files import clashing

_LONGEST = 255  # bytes of a name
_BAD = re.compile(r"[/\\\x00-\x1f\x7f]|^[A-Za-z]:")


def require_part(name: str, path: str, where: str) -> None:
    """Refuse a name that is none of a file in its folder; `path` is what messages show.

    Raises:
        DataError: it is empty, leads elsewhere, too long, or has characters that no file should.

    Example:
        >>> require_part("..", "cat/../1.png", "s3://bucket/pets")
        Traceback (most recent call last):
        campare.errors.DataError: Expected names of files in s3://bucket/pets, got 'cat/../1.png', \
which leads elsewhere. Try: a copy of it with other names
    """
    why = None
    if name in ("", ".", ".."):
        why = "which leads elsewhere" if name else "with an empty part"
    elif _BAD.search(name):
        why = "with a character that no file should have"
    else:
        try:
            why = "which is too long" if len(name.encode()) > _LONGEST else None
        except UnicodeEncodeError:
            why = "which is not UTF-8"
    if why is not None:
        raise DataError(
            f"Expected names of files in {where}, got {path[:80]!a}, {why}. "
            "Try: a copy of it with other names"
        )


def require_apart(paths: Collection[str], where: str) -> None:
    """Refuse paths of which two are one file, here or on a disk that ignores case or accents.

    Raises:
        DataError: there are such.

    Example:
        >>> require_apart(["cat/1.png", "cat/2.png"], "s3://bucket/pets")
    """
    folders = sorted({above for path in paths for above in _folders(path)})
    both = next(iter(sorted(set(folders).intersection(paths))), None)
    twice = next((path for path, uses in Counter(paths).items() if uses > 1), None)
    if both is not None:
        two: tuple[str, str] | None = both, f"{both}/"
    elif twice is not None:
        two = twice, twice
    else:
        two = clashing([*paths, *folders])
    if two is not None:
        raise DataError(
            f"Expected names in {where} that are files of their own on every disk, got "
            f"{two[0][:80]!a} and {two[1][:80]!a}. Try: a copy of it with other names"
        )


def _folders(path: str) -> Iterator[str]:
    """The folders that a path is in, below the root."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
