"""What an engine is: it takes cells and work, and yields the facts of each as it is done."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any

#: The fact of a cell that failed: its cause in one line.
FAILED = "failed"
#: (cell, report) -> facts of the cell
Work = Callable[[Any, Callable[[Any], None]], dict[str, Any]]
#: (cells, work, on_event) -> (cell, facts) as they finish; on_event(cell, event) reports progress
Engine = Callable[
    [Sequence[Any], Work, Callable[[Any, Any], None]], Iterator[tuple[Any, dict[str, Any]]]
]


def portable(error: Exception) -> Exception:
    """An error as another process can raise it.

    Example:
        >>> portable(ValueError("no"))
        ValueError('no')
    """
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever a user's class does when it is pickled
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
