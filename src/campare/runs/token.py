"""A token in the folder of a run, by which workers know that they see this folder and no other.

    command    writes cells/.<token>.lock before the first cell, and removes it after the last
    worker     looks for it before each cell

A folder of the same name on a disk of its own, or a copy from before, does not have it. It is a
lock, of no cell, so that one that a killed command left is known to be stale.
"""

import platform
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from campare.errors import RunError
from campare.runs.lock import cell_lock, doing

#: Seconds that storage has to show a worker what another machine has written.
PATIENCE = 5.0


@contextmanager
def token(run: Path) -> Iterator[str]:
    """Put a new token into the folder of a run within the block; gives its name.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with token(folder) as name:
        ...     require_token(folder, name)
    """
    name = f"token-{secrets.token_hex(8)}"
    with doing(run, name):
        yield name


def require_token(run: Path, name: str) -> None:
    """Check that this process sees the folder into which the token was put.

    Raises:
        RunError: it does not, as on a machine that does not share the storage.
    """
    last = time.monotonic() + PATIENCE
    while not cell_lock(run, name).is_file():
        if time.monotonic() >= last:
            raise RunError(
                f"Expected the run in {run} on {platform.node()}, where a cell is to be done, got "
                "none or another one. Try: --out on storage that all workers share"
            )
        time.sleep(0.1)
