"""Many items, one function: in threads, in order, with progress."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_WAITING = 1024  # items that wait for a thread at a time

Progress = Callable[[int, int], None]  # (done, of)
T = TypeVar("T")
R = TypeVar("R")


def in_threads(
    function: Callable[[T], R],
    items: Sequence[T],
    progress: Progress | None = None,
    *,
    threads: int | None = None,
) -> list[R]:
    """Results of `function` over `items`, in order, computed in threads; the first error is raised.

    `threads`: so many at a time; None: as many as there are cores, 8 at most.

    Example:
        >>> in_threads(abs, [-1, 2])
        [1, 2]
    """
    results: list[R] = []
    with ThreadPoolExecutor(threads or min(8, os.cpu_count() or 1)) as pool:
        try:
            for start in range(0, len(items), _WAITING):
                for result in pool.map(function, items[start : start + _WAITING]):
                    results.append(result)
                    if progress is not None:
                        progress(len(results), len(items))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return results
