"""The files below a folder, whatever lies there: links that lead in circles, pipes, odd names.

Hidden files are left out (`vocabulary.py`), links to folders are not followed.
"""

import os
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from campare.data.vocabulary import is_hidden
from campare.errors import DataError
from campare.untrusted import read_bytes

#: What `Found.closed` and such are called where unused files are counted.
OTHERS = "entries that are no files"


class Found(NamedTuple):
    """Sorted paths below a root with "/".

    Attributes:
        files: all that are no folders.
        pipes: those of them that are no ordinary files: pipes, devices, sockets, broken links.
        closed: links to folders, and folders that cannot be opened.
    """

    files: tuple[str, ...]
    pipes: tuple[str, ...]
    closed: tuple[str, ...]


def files_below(root: Path) -> Found:
    """Every file below a root that is not hidden, in it or in a folder of it.

    Raises:
        DataError: a name that is not UTF-8, which no report or table could hold.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> _ = (root / "b.png").write_bytes(b""), os.mkfifo(root / "a.png")
        >>> files_below(root)
        Found(files=('a.png', 'b.png'), pipes=('a.png',), closed=())
    """
    files: list[str] = []
    pipes: list[str] = []
    closed: list[str] = []
    todo = [""]
    while todo:
        above = todo.pop()
        try:
            entries = list(os.scandir(root / above))
        except OSError:  # not ours to read, or deeper than the system has names for
            closed.append(above)
            continue
        for entry in entries:
            if is_hidden(entry.name):
                continue
            path = f"{above}/{entry.name}" if above else entry.name
            _require_name(root, path)
            if entry.is_dir(follow_symlinks=False):
                todo.append(path)
            elif _is(entry.is_dir):
                closed.append(path)
            else:
                files.append(path)
                pipes += [] if _is(entry.is_file) else [path]
    return Found(tuple(sorted(files)), tuple(sorted(pipes)), tuple(sorted(closed)))


def content_of(path: Path) -> bytes:
    """The bytes of a file that is needed.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return read_bytes(path)
    except OSError as error:
        raise DataError(
            f"Expected to read {path}, got {error.strerror}. Try to replace it, or to remove it."
        ) from error


def _is(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except OSError:  # a link in a circle
        return False


def _require_name(root: Path, path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise DataError(
            f"Expected names in UTF-8 in {root}, got {os.fsencode(path)!r}. "
            f"Try convmv -r --notest -f latin1 -t utf8 {quote(str(root))}"
        ) from None
