"""Keep TensorFlow's greeting off the terminal: the command line's own lines stand alone there.

TF_CPP_MIN_LOG_LEVEL silences its C++ core only once that has started; what it says while it loads
goes straight to file descriptor 2. So that is silenced too, for the time of the import.
"""

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
STDERR = 2


def quiet_tensorflow() -> None:
    """Make TensorFlow load without a word and log errors only, unless the user chose a level.

    Example:
        >>> quiet_tensorflow()  # before anything imports TensorFlow
        >>> LEVEL in os.environ or "tensorflow" in sys.modules
        True
    """
    if LEVEL not in os.environ and "tensorflow" not in sys.modules:
        os.environ[LEVEL] = "2"
        logging.getLogger("tensorflow").setLevel(logging.ERROR)  # advice on retracing
        sys.meta_path.insert(0, _QuietStart())


@contextmanager
def silenced(descriptor: int = STDERR) -> Iterator[None]:
    """Within the block, what any code writes to the file descriptor is dropped.

    Example:
        >>> with silenced():
        ...     _ = os.write(STDERR, b"chatter")
    """
    kept = os.dup(descriptor)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)


class _QuietStart(MetaPathFinder):
    """Finds TensorFlow as usual, once, and runs its import silenced."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if fullname != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_silenced(module: ModuleType) -> None:
                with silenced():
                    execute(module)

            spec.loader.exec_module = execute_silenced  # type: ignore[method-assign]
        return spec
