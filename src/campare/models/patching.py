"""The lock around models whose layers are patched.

Nested models may share layers, and a patched layer must not run for anybody else of campare
meanwhile: one lock for all models. Other threads that call the model itself are not affected.
"""

import threading
from collections.abc import Callable
from typing import Any


class _Lock:
    """A lock that its thread may take again, and that knows how often it did."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.depth = 0

    def __enter__(self) -> None:
        self._lock.acquire()
        self.depth += 1

    def __exit__(self, *error: object) -> None:
        self.depth -= 1
        self._lock.release()


#: The one of all models.
PATCHING = _Lock()


def at_run(wanted: int, edit: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """An edit of one run of a layer that runs several times in a forward pass: 1 is the first.

    Example:
        >>> second = at_run(2, lambda output: output + 0.5)
        >>> second(1), second(1), second(1)
        (1, 1.5, 1)
    """
    runs = 0

    def edited(output: Any) -> Any:
        nonlocal runs
        runs += 1
        return edit(output) if runs == wanted else output

    return edited
