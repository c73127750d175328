"""The lock around models whose layers are patched.

Nested models may share layers, and a patched layer must not run for anybody else of campare
meanwhile: one lock for all models. Other threads that call the model itself are not affected.
"""

import threading


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
